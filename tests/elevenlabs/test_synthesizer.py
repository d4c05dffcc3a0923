"""Behaviour of ElevenLabs alone; test_contract.py tests what all backends share."""

import asyncio
import gzip
import json
import logging
import threading
import traceback
from collections.abc import Iterator
from typing import Any

import pytest

from russo import (
    AuthenticationError,
    BackendConfigError,
    NoAudioError,
    ServiceError,
    TextRejectedError,
    cache_key,
    load_synthesizer,
)
from russo.testing import LoopbackServer, Reply, Request, json_reply
from russo_elevenlabs import ElevenLabsSynthesizer
from support.containers import FILES, LOOKALIKES
from support.elevenlabs_api import coded, error_reply, refused_field, spoken
from support.first_party import PLANTED_KEY, PROMPT, SAMPLES, failed, run_python, samples_of, speak

GEORGE = "JBFqnCBsd6RMkjVDRZzb"


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with LoopbackServer(spoken(SAMPLES)) as server:
        yield server


def at(server: LoopbackServer, **options: Any) -> ElevenLabsSynthesizer:
    return ElevenLabsSynthesizer(**{"base_url": server.url, "api_key": PLANTED_KEY, **options})


# The request.


def test_request_contains_the_options_of_the_key(server: LoopbackServer) -> None:
    speak(at(server))
    [request] = server.requests
    assert (request.method, request.path) == ("POST", f"/v1/text-to-speech/{GEORGE}")
    assert request.query == {"output_format": "pcm_24000"}
    assert request.headers["xi-api-key"] == PLANTED_KEY
    assert request.headers["content-type"] == "application/json"
    assert request.json == {
        "text": PROMPT,
        "model_id": "eleven_multilingual_v2",
        "voice_settings": {
            "speed": 1.0,
            "stability": 0.5,
            "similarity_boost": 0.75,
            "style": 0.0,
            "use_speaker_boost": True,
        },
    }


def test_request_contains_every_option(server: LoopbackServer) -> None:
    settings = {
        "speed": 0.7,
        "stability": 1.0,
        "similarity_boost": 0.0,
        "style": 1.0,
        "use_speaker_boost": False,
    }
    speak(at(server, voice="a_B-9", model="eleven_v3", language="de", seed=0, **settings))
    [request] = server.requests
    assert request.path == "/v1/text-to-speech/a_B-9"
    assert request.json == {
        "text": PROMPT,
        "model_id": "eleven_v3",
        "language_code": "de",
        "seed": 0,
        "voice_settings": settings,
    }


def test_text_is_sent_unchanged(server: LoopbackServer) -> None:
    text = ' Grüße, «Zoë» 🚕 - "now"\\ [sighs] <break time="1s"/> \n'
    speak(at(server), text)
    assert server.requests[0].json["text"] == text


@pytest.mark.parametrize("path", ["/gateway", "/gateway/"])
def test_base_url_may_have_a_path(server: LoopbackServer, path: str) -> None:
    speak(at(server, base_url=server.url + path))
    assert server.requests[0].path == f"/gateway/v1/text-to-speech/{GEORGE}"


def test_sdk_does_not_retry(server: LoopbackServer) -> None:
    server.replies = error_reply(500, "no", 0.0)
    failed(at(server, max_attempts=2))
    assert len(server.requests) == 2


def test_each_attempt_opens_its_own_connection(server: LoopbackServer) -> None:
    replies = iter([error_reply(500, "no", 0.0), spoken(SAMPLES), spoken(SAMPLES)])
    connections = []

    def reply(_: Request) -> Reply:
        connections.append(threading.current_thread())  # the server has one thread for each connection
        return next(replies)

    server.replies = reply
    synthesizer = at(server)

    async def twice() -> None:
        await synthesizer.synthesize(PROMPT)
        assert await asyncio.to_thread(server.wait_closed)  # no connection stays open between prompts
        await synthesizer.synthesize(PROMPT)

    asyncio.run(twice())
    assert len(set(connections)) == 3


def test_threads_with_own_event_loops_may_share_one_synthesizer(server: LoopbackServer) -> None:
    synthesizer, spoken_in = at(server), []
    threads = [threading.Thread(target=lambda: spoken_in.append(speak(synthesizer))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [samples_of(audio) for audio in spoken_in] == [SAMPLES] * 8


# The reply.


@pytest.mark.parametrize(
    "kind", ["audio/pcm", "audio/mpeg", "application/octet-stream", "audio/L16;rate=24000"]
)
@pytest.mark.parametrize("chunked", [False, True])
def test_samples_are_read_from_any_kind_of_reply(server: LoopbackServer, kind: str, chunked: bool) -> None:
    server.replies = Reply(body=SAMPLES, chunked=chunked, chunk_size=777, headers={"Content-Type": kind})
    assert samples_of(speak(at(server))) == SAMPLES


def test_compressed_reply_is_decompressed(server: LoopbackServer) -> None:
    server.replies = Reply(body=gzip.compress(SAMPLES), headers={"Content-Encoding": "gzip"})
    assert samples_of(speak(at(server))) == SAMPLES


def test_reply_sent_byte_by_byte_is_whole(server: LoopbackServer) -> None:
    server.replies = Reply(body=SAMPLES[:999] + SAMPLES[999:2000], chunked=True, chunk_size=1)
    assert samples_of(speak(at(server))) == SAMPLES[:2000]


# The key.


def test_key_is_read_at_each_call_and_not_at_the_import_of_the_sdk(server: LoopbackServer) -> None:
    said = run_python(
        """
import asyncio, os, sys
import elevenlabs.base_client
from russo_elevenlabs import ElevenLabsSynthesizer

synthesizer = ElevenLabsSynthesizer(base_url=sys.argv[1])
os.environ["ELEVENLABS_API_KEY"] = "new"
asyncio.run(synthesizer.synthesize("Hi."))
del os.environ["ELEVENLABS_API_KEY"]
try:
    asyncio.run(synthesizer.synthesize("Hi."))
except Exception as error:
    print(error)
print("elevenlabs.client" in sys.modules)
""",
        server.url,
        ELEVENLABS_API_KEY="old",
    )
    assert [each.headers["xi-api-key"] for each in server.requests] == ["new"]
    message, client_imported = said.splitlines()
    assert message == (
        "elevenlabs (eleven_multilingual_v2) could not speak 'Hi.': there is no API key; "
        "set ELEVENLABS_API_KEY (or pass api_key=… to the synthesizer)"
    )
    assert client_imported == "False"  # twice the import for the same call


def test_line_end_of_the_key_is_not_sent(server: LoopbackServer) -> None:
    speak(at(server, api_key=f"{PLANTED_KEY}\n"))
    assert server.requests[0].headers["xi-api-key"] == PLANTED_KEY


def test_key_is_not_in_the_debug_log_of_the_sdk(
    server: LoopbackServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from elevenlabs.core import logging as sdk_logging

    class Bare:  # instead of the SDK's logger, which would write to stderr for the rest of the run
        def debug(self, message: str, **values: Any) -> None:
            logging.getLogger("fern").debug("%s %s", message, values)

    loud = sdk_logging.Logger(level="debug", logger=Bare(), silent=False)  # type: ignore[arg-type]
    monkeypatch.setattr(sdk_logging, "_default_logger", loud)
    with caplog.at_level(logging.DEBUG):
        speak(at(server))
    logged = [f"{record.getMessage()} {vars(record)}" for record in caplog.records]
    assert any("X-Fern-Language" in text for text in logged)  # headers are being logged
    assert not any(PLANTED_KEY in text for text in logged)


def test_key_that_the_service_repeats_in_a_header_is_not_shown(server: LoopbackServer) -> None:
    server.replies = json_reply({"detail": "no"}, 401, {"X-Key": PLANTED_KEY})
    error = failed(at(server))
    assert PLANTED_KEY not in "".join(traceback.format_exception(error))


def test_halves_of_the_key_are_not_shown(server: LoopbackServer) -> None:
    server.replies = coded(401, "invalid_api_key", "." * 190 + PLANTED_KEY)
    shown = "".join(traceback.format_exception(failed(at(server))))
    assert PLANTED_KEY[:8] not in shown


@pytest.mark.parametrize("kind", ["audio/pcm", "application/json"])
def test_key_in_a_reply_without_audio_is_not_shown(server: LoopbackServer, kind: str) -> None:
    body = b'{"you sent this as key": "' + PLANTED_KEY.encode() + b'"}'
    server.replies = Reply(body=body, headers={"Content-Type": kind})
    error = failed(at(server, max_attempts=1))
    assert type(error) is NoAudioError
    assert PLANTED_KEY[:8] not in "".join(traceback.format_exception(error))


# Messages.


def message(server: LoopbackServer, reply: Reply) -> str:
    server.replies = reply
    return str(failed(at(server, max_attempts=1)))


def test_message_has_status_code_and_text_of_the_service(server: LoopbackServer) -> None:
    said = "This request exceeds your quota of 10000.\nYou have 3 credits remaining."
    assert message(server, coded(401, "quota_exceeded", said)) == (
        f"elevenlabs (eleven_multilingual_v2) could not speak {PROMPT!r}: HTTP 401 (quota_exceeded), 'This "
        "request exceeds your quota of 10000. You have 3 credits remaining.'; check the account's plan and "
        "billing; waiting does not help"
    )


def test_message_names_the_refused_field(server: LoopbackServer) -> None:
    reply = refused_field("body", "voice_settings", "speed", message="Input should be less than 1.2")
    assert "HTTP 422, 'body.voice_settings.speed: Input should be less than 1.2'; check voice" in message(
        server, reply
    )


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"detail": "Not Found"}', "HTTP 404, 'Not Found'; "),
        (b'{"message": "no such thing"}', "HTTP 404, 'no such thing'; "),
        (b'{"detail": {"code": "voice_not_found", "status": "x"}}', "HTTP 404 (voice_not_found); "),
        (b"nothing here", "HTTP 404, 'nothing here'; "),
        (b"{}", "HTTP 404; "),
        (b"", "HTTP 404; "),
        (b"x" * 5000, "HTTP 404, '" + "x" * 199 + "…'; "),
    ],
)
def test_message_is_short_and_without_headers(server: LoopbackServer, body: bytes, said: str) -> None:
    text = message(server, Reply(status=404, body=body))
    assert f": {said}check voice, model and options" in text
    assert "content-length" not in text.lower()


def test_reply_without_audio_is_described(server: LoopbackServer) -> None:
    text = message(server, Reply(body=b"Please sign in first", headers={"Content-Type": "text/plain"}))
    assert "the reply (text/plain, 20 bytes) is a document instead of audio: 'Please sign in first'" in text
    assert "the server must return bare 16-bit samples (output_format=pcm_24000)" in text


@pytest.mark.parametrize("kind", ["audio/mpeg", "audio/pcm", "application/octet-stream"])
@pytest.mark.parametrize("name", FILES)
def test_file_instead_of_samples_is_not_audio(server: LoopbackServer, name: str, kind: str) -> None:
    body, expected = FILES[name]
    server.replies = Reply(body=body, headers={"Content-Type": kind})
    error = failed(at(server, max_attempts=1))
    assert type(error) is NoAudioError
    assert f"{expected} instead of bare samples" in str(error)


@pytest.mark.parametrize("name", LOOKALIKES)
def test_samples_that_begin_like_a_file_are_audio(server: LoopbackServer, name: str) -> None:
    server.replies = spoken(LOOKALIKES[name] + SAMPLES)
    assert samples_of(speak(at(server))) == LOOKALIKES[name] + SAMPLES


@pytest.mark.parametrize("kind", ["audio/pcm", "audio/mpeg", ""])
@pytest.mark.parametrize("body", [b"Too many requests.", "Kein Guthaben für diese Stimme".encode()])
def test_text_instead_of_samples_is_not_audio(server: LoopbackServer, body: bytes, kind: str) -> None:
    server.replies = Reply(body=body, headers={"Content-Type": kind})
    error = failed(at(server, max_attempts=1))
    assert type(error) is NoAudioError
    assert "is a document instead of audio" in str(error)
    assert body.decode() in str(error)


def test_samples_that_end_in_an_error_are_not_audio(server: LoopbackServer) -> None:
    server.replies = spoken(SAMPLES + b'{"detail": {"status": "went_away"}}')
    error = failed(at(server, max_attempts=1))
    assert type(error) is NoAudioError
    assert "samples that end in a text" in str(error)


def test_message_names_the_missing_server(server: LoopbackServer) -> None:
    server.close()
    error = failed(at(server, max_attempts=1))
    assert f"no connection to {server.url.removeprefix('http://')}: " in str(error)


# Options.


def test_default_concurrency_fits_the_smallest_plan() -> None:
    assert ElevenLabsSynthesizer()._attempts.max_concurrency == 2


@pytest.mark.parametrize(
    "voice",
    ["../models", "a/b", "a?b=c", "a#b", "a%2Fb", "a b", "a\n", "", ".", "ä", "٣", "http://127.0.0.1"],
)
def test_voice_that_changes_the_path_is_refused(voice: str) -> None:
    with pytest.raises(ValueError, match=r"voice is .*; it may contain letters"):
        ElevenLabsSynthesizer(voice=voice)
    with pytest.raises(BackendConfigError, match="voice is "):
        load_synthesizer("elevenlabs", voice=voice)


@pytest.mark.parametrize(
    ("option", "value", "range_"),
    [
        ("speed", 0.69, "0.7 to 1.2"),
        ("speed", 1.21, "0.7 to 1.2"),
        ("speed", float("nan"), "0.7 to 1.2"),
        ("stability", -0.01, "0 to 1"),
        ("stability", 1.01, "0 to 1"),
        ("similarity_boost", 75, "0 to 1"),
        ("style", float("inf"), "0 to 1"),
        ("seed", -1, "0 to 4294967295"),
        ("seed", 2**32, "0 to 4294967295"),
    ],
)
def test_value_outside_its_range_is_refused(option: str, value: Any, range_: str) -> None:
    with pytest.raises(ValueError, match=f"{option} is {value!r}; it must be from {range_}"):
        ElevenLabsSynthesizer(**{option: value})


@pytest.mark.parametrize(
    "base_url",
    [
        "127.0.0.1:80",
        "ftp://127.0.0.1",
        "https://",
        "http://127.0.0.1:99999",
        "http://user:planted-pass@127.0.0.1",
        "http://127.0.0.1?key=planted-pass",
        "http://127.0.0.1#planted-pass",
        "http://[::1",
        "http://ä..com",
        "http://127.0.0.1/a b",
    ],
)
def test_base_url_that_is_not_a_plain_url_is_refused_and_not_shown(base_url: str) -> None:
    with pytest.raises(BackendConfigError, match=r"^base_url ") as caught:
        ElevenLabsSynthesizer(base_url=base_url)
    assert "planted-pass" not in str(caught.value)


def test_largest_seed_is_sent_as_an_integer(server: LoopbackServer) -> None:
    speak(at(server, seed=4294967295))
    seed = server.requests[0].json["seed"]
    assert (type(seed), seed) == (int, 4294967295)


def test_key_of_the_defaults_never_changes() -> None:
    # Recordings are in users' repositories: if the key changes, russo no longer finds them.
    fields = ElevenLabsSynthesizer().cache_key_extra
    assert json.loads(json.dumps(fields)) == {
        "backend": "elevenlabs",
        "model": "eleven_multilingual_v2",
        "voice": GEORGE,
        "language": None,
        "speed": 1.0,
        "seed": None,
        "stability": 0.5,
        "similarity_boost": 0.75,
        "style": 0.0,
        "use_speaker_boost": True,
    }
    assert (
        cache_key("Hello", fields, None) == "9d9423ee8109746beca0fc2937837748aba81d5fcb5510d085278f178e8d5999"
    )


# Proxies.


def test_proxy_with_an_impossible_port_is_a_service_error(
    server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:99999")
    assert type(failed(at(server, base_url="https://api.invalid", max_attempts=1))) is ServiceError


def test_proxy_that_refuses_does_not_get_the_key(
    server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.replies = Reply(status=407, keep_alive=False)
    monkeypatch.setenv("HTTPS_PROXY", server.url)
    error = failed(at(server, base_url="https://api.invalid", max_attempts=1))
    assert type(error) is ServiceError
    assert (error.retryable, error.reached) == (True, False)
    assert "no connection to api.invalid: 407" in str(error)
    [request] = server.requests
    assert request.method == "CONNECT"
    assert PLANTED_KEY not in str(request.headers)


def test_bad_text_and_missing_key_are_refused_before_any_request(
    server: LoopbackServer,
) -> None:
    assert type(failed(at(server, api_key=None))) is AuthenticationError
    assert type(failed(at(server), "\udc80")) is TextRejectedError
    assert server.requests == []
