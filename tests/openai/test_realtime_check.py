"""The check of a reading: audio with other words is never returned, and no useless call is made."""

import logging
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from russo import AudioCache, CachedSynthesizer, NoAudioError
from russo.testing import Frames, Request, WebSocketServer, speech_pcm
from russo_openai import OpenAISynthesizer
from russo_openai._check import odd_duration, words_of
from support import openai_realtime as service
from support.first_party import PLANTED_KEY, PROMPT, failed, samples_of, speak

SAMPLES = speech_pcm(2.0)


@pytest.fixture
def server() -> Iterator[WebSocketServer]:
    with service.serve(()) as server:
        yield server


@pytest.fixture(autouse=True)
def _no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("russo._backends.attempts._FIRST_DELAY", 0.001)


def at(server: WebSocketServer, **options: Any) -> OpenAISynthesizer:
    return OpenAISynthesizer(**{"base_url": f"{server.url}/v1", "api_key": PLANTED_KEY, **options})


ACCEPTED = [
    ("Hello, world!", "hello world"),
    ("“Hello”—world…", '"Hello" - world'),
    ("I'm here; it\u2019s late.", "I\u2019m here. It's late."),
    ("Write an e-mail.", "Write an email."),
    ("Die Straße ist groß", "die strasse ist gross"),
    ("At 9 p.m. sharp", "At 9 PM, sharp."),
    ("Turn on the A/C", "turn on the AC"),
    ("東京 へ 行きます。", "東京へ行きます"),
    ("Great 👍🏽 ❤️ thanks", "Great, thanks."),
    ("\uff26\uff55\uff4c\uff4c width", "Full width"),
    ("Cafe\u0301 olé", "Café ole\u0301"),
    ("Press 1️⃣ now", "Press 1 now."),
]
REFUSED = [
    ("I'm here", "I am here"),
    ("What time is it?", "It is half past nine."),
    ("What time is it?", "Sure! What time is it?"),
    ("Stop.", "Okay, I have stopped."),
    ("It costs $5.50", "It costs five dollars fifty"),
    ("OK then", "Okay then"),
    ("Dr. Brown", "Doctor Brown"),
    ("no no no", "no no"),
    ("resume", "résumé"),
    ("Book a flight", "I'm sorry, but I can't help with that."),
    ("Speak French: hello", "Bonjour"),
    ("Bitte wiederholen", "Please repeat"),
]


@pytest.mark.parametrize(("prompt", "transcript"), ACCEPTED)
def test_same_words_in_another_spelling_are_accepted(
    server: WebSocketServer, prompt: str, transcript: str
) -> None:
    server.replies = service.spoken(SAMPLES, transcript)
    assert samples_of(speak(at(server), prompt)) == SAMPLES


@pytest.mark.parametrize(("prompt", "transcript"), REFUSED)
def test_other_words_are_refused_and_quoted(server: WebSocketServer, prompt: str, transcript: str) -> None:
    server.replies = service.spoken(SAMPLES, transcript)
    error = failed(at(server), prompt)
    assert isinstance(error, NoAudioError)
    assert error.said == transcript
    assert f"the voice said {transcript!r}; write the prompt as it is spoken, or set check=off" in str(error)
    assert pickle.loads(pickle.dumps(error)).said == transcript


def test_preamble_in_a_separate_item_is_refused(server: WebSocketServer) -> None:
    server.replies = service.spoken(SAMPLES, "Sure, here it is.", PROMPT)
    error = failed(at(server))
    assert isinstance(error, NoAudioError)
    assert error.said == f"Sure, here it is. {PROMPT}"


def test_two_equal_transcripts_end_the_attempts(server: WebSocketServer) -> None:
    server.replies = [service.spoken(SAMPLES, each) for each in ("One", "Two", "one!", "Three")]
    error = failed(at(server, max_attempts=9))
    assert len(server.requests) == 3
    assert isinstance(error, NoAudioError)
    assert (error.said, error.retryable) == ("one!", False)


def test_different_transcripts_use_up_the_attempts(server: WebSocketServer) -> None:
    server.replies = [service.spoken(SAMPLES, each) for each in ("One", "Two", "Three", "Four")]
    error = failed(at(server, max_attempts=3))
    assert len(server.requests) == 3
    assert isinstance(error, NoAudioError)
    assert (error.said, error.retryable) == ("Three", True)


def test_calls_of_one_synthesizer_do_not_share_transcripts(server: WebSocketServer) -> None:
    synthesizer = at(server, max_attempts=2)
    server.replies = [service.spoken(SAMPLES, "One"), service.spoken(SAMPLES, PROMPT)]
    speak(synthesizer)
    server.replies = [service.spoken(SAMPLES, "One"), service.spoken(SAMPLES, PROMPT)]
    speak(synthesizer)


@pytest.mark.parametrize("transcripts", [(), ("",), (" ", "\n")])
def test_reading_without_a_transcript_is_refused(
    server: WebSocketServer, transcripts: tuple[str, ...]
) -> None:
    server.replies = service.spoken(SAMPLES, *transcripts)
    error = failed(at(server, max_attempts=1))
    assert isinstance(error, NoAudioError)
    assert "no transcript" in str(error)
    assert len(server.requests) == 1


def test_mismatch_is_never_stored_and_each_attempt_is_a_backend_call(
    server: WebSocketServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server.replies = [service.spoken(SAMPLES, "One"), service.spoken(SAMPLES, "Two")]
    cache = AudioCache(tmp_path / "cache")
    with caplog.at_level(logging.DEBUG), pytest.raises(NoAudioError):
        speak(CachedSynthesizer(at(server, max_attempts=2), cache=cache, mode="auto"))
    assert cache.size() == 0
    assert len(server.requests) == 2


def test_long_transcript_is_cut_only_in_the_message(server: WebSocketServer) -> None:
    long = "and so on " * 100
    server.replies = service.spoken(SAMPLES, long)
    error = failed(at(server, max_attempts=1))
    assert isinstance(error, NoAudioError)
    assert len(str(error)) < 500
    assert error.said == long


def test_check_off_accepts_any_reading(server: WebSocketServer) -> None:
    for reply in (
        service.spoken(SAMPLES, "Other"),
        service.spoken(SAMPLES),
        service.spoken(SAMPLES[:480], "x"),
    ):
        server.replies = reply
        speak(at(server, check="off"))


# The duration.


@pytest.mark.parametrize(
    ("prompt", "seconds", "speed", "is_odd"),
    [
        ("Hello", 0.5, 1.0, False),
        ("A", 0.2, 1.0, False),
        ("a" * 100, 2.4, 1.0, True),
        ("a" * 100, 2.6, 1.0, False),
        ("a" * 100, 139, 1.0, False),
        ("a" * 100, 141, 1.0, True),
        ("a" * 100, 500, 0.25, False),
        ("a" * 100, 561, 0.25, True),
        ("Hi", 19, 1.0, False),
        ("Hi", 21, 1.0, True),
        ("...!" * 100 + "Hi", 0.3, 1.0, False),
    ],
)
def test_duration_check_finds_only_obvious_faults(
    prompt: str, seconds: float, speed: float, is_odd: bool
) -> None:
    assert bool(odd_duration(prompt, seconds, speed)) is is_odd


def test_reading_that_is_cut_short_is_refused_and_retried(server: WebSocketServer) -> None:
    def reply(request: Request) -> Frames:
        whole = len(server.requests) > 1
        return service.spoken(SAMPLES if whole else SAMPLES[:4800], service.prompt_of(request))

    server.replies = reply
    assert samples_of(speak(at(server))) == SAMPLES
    server.replies = service.spoken(SAMPLES[:4800], PROMPT)
    said = str(failed(at(server, max_attempts=1)))
    assert "the duration does not fit the text: 0.10 s for 27 letters and digits" in said


def test_words_are_compared_in_order_and_without_spaces() -> None:
    assert words_of("ab c") == words_of("a bc")
    assert words_of("a b") != words_of("b a")
