"""What counts as the reading of a prompt: every transcript must match, and only its own audio is used."""

import asyncio
import time
from typing import Any

import pytest

from russo import AudioCache, AuthenticationError, CachedSynthesizer, NoAudioError, ServiceError
from russo._backends.refusals import cause_of
from russo._backends.service_words import read_words
from russo.testing import Frames, LoopbackServer, frames, json_reply, speech_pcm
from russo_openai import OpenAISynthesizer
from russo_openai._check import words_of
from russo_openai._failures import wait_said_in
from support import openai_realtime as service
from support.first_party import PLANTED_KEY, PROMPT, failed, samples_of, speak

SAMPLES = speech_pcm(2.0)
CREATED = {"type": "response.created", "response": {"id": service.RESPONSE, "status": "in_progress"}}


def said(text: str) -> dict[str, Any]:
    return {
        "type": "response.output_audio_transcript.done",
        "response_id": service.RESPONSE,
        "transcript": text,
    }


def synthesizer(server: Any, **options: Any) -> OpenAISynthesizer:
    return OpenAISynthesizer(
        base_url=f"{server.url}/v1", api_key=PLANTED_KEY, **{"max_attempts": 1, **options}
    )


def answer(*events: dict[str, Any]) -> Frames:
    return frames([CREATED, *events])


def item(identity: str, transcript: str | None) -> dict[str, Any]:
    content = [{"type": "output_audio", "transcript": transcript}]
    return {"id": identity, "type": "message", "content": content}


def ended(*items: dict[str, Any]) -> dict[str, Any]:
    response = {"id": service.RESPONSE, "status": "completed", "output": list(items)}
    return {"type": "response.done", "response": response}


def piece(identity: str) -> dict[str, Any]:
    return service.delta(SAMPLES) | {"item_id": identity}


@pytest.mark.parametrize(
    "events",
    [
        (service.delta(SAMPLES), said("Sure, here it is."), said(PROMPT), service.done(items=[PROMPT])),
        (service.delta(SAMPLES), said("Hello there"), service.done(items=[PROMPT])),
        (service.delta(SAMPLES), said(PROMPT), service.done(items=["Hello there"])),
        (piece("a"), piece("b"), ended(item("a", None), item("b", PROMPT))),
        (piece("a"), piece("b"), said(PROMPT), ended(item("b", PROMPT))),
        (piece("a"), ended(item("a", ""))),
    ],
    ids=[
        "a preamble in events",
        "another text in events",
        "another at the end",
        "no text",
        "no item",
        "empty",
    ],
)
def test_reading_with_another_transcript_is_never_stored(tmp_path: Any, events: Any) -> None:
    cache = AudioCache(tmp_path)
    with service.serve(answer(*events)) as server:
        error = failed(CachedSynthesizer(synthesizer(server), cache=cache))
    assert type(error) is NoAudioError
    assert cache.size() == 0


def test_reading_in_two_items_is_joined() -> None:
    first, second = PROMPT[:10], PROMPT[10:]
    events = (piece("a"), piece("b"), said(first), said(second), ended(item("a", first), item("b", second)))
    with service.serve(answer(*events)) as server:
        assert samples_of(speak(synthesizer(server))) == SAMPLES * 2


@pytest.mark.parametrize("wrong", [None, 3, [], {"a": 1}])
def test_delta_that_is_not_text_is_not_audio(wrong: Any) -> None:
    piece = service.delta(SAMPLES) | {"delta": wrong}
    with service.serve(answer(piece, said(PROMPT), service.done(items=[PROMPT]))) as server:
        error = failed(synthesizer(server))
    assert type(error) is ServiceError
    assert "a piece of the audio is not text" in str(error)


@pytest.mark.parametrize("output", [5, "text", {"a": 1}, [3], [{"content": 3}]])
def test_malformed_end_event_has_no_transcript(output: Any) -> None:
    response = {"id": service.RESPONSE, "status": "completed", "output": output}
    ending = {"type": "response.done", "response": response}
    with service.serve(answer(service.delta(SAMPLES), ending)) as server:
        assert type(failed(synthesizer(server))) is NoAudioError
    with service.serve(answer(service.delta(SAMPLES), said(PROMPT), ending)) as server:
        assert samples_of(speak(synthesizer(server))) == SAMPLES


@pytest.mark.parametrize("first", [True, False])
def test_audio_of_another_response_is_ignored(first: bool) -> None:
    other = service.delta(SAMPLES, "resp_9")
    own = (service.delta(SAMPLES), said(PROMPT), service.done(items=[PROMPT]))
    events = [other, CREATED, *own] if first else [CREATED, other, *own]
    with service.serve(frames(events)) as server:
        assert samples_of(speak(synthesizer(server))) == SAMPLES


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("It is -5 degrees", "It is 5 degrees"),
        ("1.5", "15"),
        ("3 + 4", "3 - 4"),
        ("a < b", "a > b"),
        ("5/6", "56"),
        ("$5", "5"),
        ("50%", "50"),
        ("Dial 1 25", "Dial 12 5"),
        ("20-30", "2030"),
        ("C++", "C"),
        ("a@b.com", "ab com"),
    ],
)
def test_spoken_signs_are_compared(one: str, other: str) -> None:
    assert words_of(one) != words_of(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1,000 people", "1000 people"),
        ("555-1234", "555 1234"),
        ("at 10:30", "At 10 30."),
        ("1,5 Liter", "1.5 liter"),
        ("\u22125 degrees", "-5 degrees"),
        ("well-known", "well known"),
        ("5 - a number", "5, a number"),
    ],
)
def test_spellings_of_the_same_words_are_equal(one: str, other: str) -> None:
    assert words_of(one) == words_of(other)


@pytest.mark.parametrize("status", [None, 400, 403, 404, 429, 500])
@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("invalid_api_key", "AuthenticationError"),
        ("rate_limit_exceeded", "RateLimitError"),
        ("server_error", "ServiceError"),
        ("insufficient_quota", "QuotaExceededError"),
        ("model_not_found", "RequestRejectedError"),
        ("invalid_value", "RequestRejectedError"),
    ],
)
def test_error_code_decides_the_class_with_any_status(code: str, name: str, status: int | None) -> None:
    words = read_words({"error": {"type": "invalid_request_error", "code": code}})
    assert cause_of(words, status=status, prompt=PROMPT).kind.__name__ == name


@pytest.mark.parametrize(
    ("message", "seconds"),
    [
        ("Please try again in 1.2s.", 1.2),
        ("Try again in 1h2m3s", 3723.0),
        ("try again in 20ms", 0.02),
        ("later", None),
    ],
)
def test_delay_in_a_message_is_read(message: str, seconds: float | None) -> None:
    assert wait_said_in(message) == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (1008, "RequestRejectedError"),
        (1009, "RequestRejectedError"),
        (3000, "AuthenticationError"),
        (1011, "ServiceError"),
    ],
)
def test_close_code_decides_the_class(code: int, name: str) -> None:
    with service.serve(frames([CREATED], close=(code, ""))) as server:
        assert type(failed(synthesizer(server))).__name__ == name


def test_cancelling_during_an_unanswered_close_leaves_no_socket() -> None:
    reply = Frames(body=service.spoken(SAMPLES, PROMPT).body, answer_close=False)

    async def cancel(server: Any) -> tuple[float, int]:
        watched = asyncio.get_running_loop()._selector.get_map()  # type: ignore[attr-defined]
        before = len(watched)
        call = asyncio.ensure_future(synthesizer(server).synthesize(PROMPT))
        await asyncio.sleep(0.4)
        assert not call.done()
        call.cancel()
        start = time.monotonic()
        with pytest.raises(asyncio.CancelledError):
            await call
        await asyncio.sleep(0.05)
        return time.monotonic() - start, len(watched) - before

    with service.serve(reply) as server:
        took, sockets = asyncio.run(cancel(server))
    assert sockets == 0
    assert took < 0.5


def test_frames_of_the_caller_keep_their_locals() -> None:
    kept: list[BaseException] = []

    def helper() -> None:
        mine = "my own local"
        raise KeyError(mine)

    async def call(server: Any) -> None:
        try:
            helper()
        except KeyError as error:
            kept.append(error)
            with pytest.raises(AuthenticationError):
                await synthesizer(server).synthesize(PROMPT)

    with LoopbackServer(json_reply({"error": {"message": "no"}}, status=401)) as server:
        asyncio.run(call(server))
    trace = kept[0].__traceback__
    assert trace is not None
    assert trace.tb_next is not None
    assert trace.tb_next.tb_frame.f_locals["mine"] == "my own local"


@pytest.mark.parametrize(
    ("base_url", "model", "ends"),
    [
        (None, "gpt-realtime", True),
        (None, "gpt-realtime-2.1-mini", False),
        ("https://speech.example/v1", "gpt-realtime", False),
    ],
)
def test_end_of_a_model_is_announced_only_for_openai(base_url: str | None, model: str, ends: bool) -> None:
    synthesizer = OpenAISynthesizer(base_url=base_url, model=model)
    assert (model in synthesizer.model_ends) is ends
    assert "gpt-realtime" in OpenAISynthesizer.model_ends
