"""Behaviour of /v1/audio/speech alone; test_contract.py tests what all backends share."""

import gzip
import json
import traceback
from collections.abc import Iterator
from typing import Any, Literal

import pytest

from russo import (
    AuthenticationError,
    BackendConfigError,
    NoAudioError,
    QuotaExceededError,
    RateLimitError,
    RequestRejectedError,
    ServiceError,
    TextRejectedError,
    load_synthesizer,
)
from russo.testing import LoopbackServer, Reply, json_reply, speech_pcm, wav
from russo_openai import OpenAISpeechSynthesizer
from support.first_party import PLANTED_KEY, PROMPT, SAMPLES, failed, samples_of, speak


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with LoopbackServer(Reply(body=wav(SAMPLES))) as server:
        yield server


def at(server: LoopbackServer, **options: Any) -> OpenAISpeechSynthesizer:
    usual = {"base_url": f"{server.url}/v1", "api_key": PLANTED_KEY, "model": "gpt-4o-mini-tts"}
    return OpenAISpeechSynthesizer(**{**usual, **options})


def refusal(message: str, **details: str | None) -> dict[str, object]:
    return {
        "error": {"message": message, "type": "invalid_request_error", "param": None, "code": None} | details
    }


# The request.


def test_request_contains_the_options_of_the_key(server: LoopbackServer) -> None:
    speak(at(server))
    [request] = server.requests
    assert (request.method, request.path, request.query) == ("POST", "/v1/audio/speech", {})
    assert request.json == {
        "input": PROMPT,
        "model": "gpt-4o-mini-tts",
        "voice": "alloy",
        "speed": 1.0,
        "response_format": "wav",
    }


def test_instructions_are_sent_if_set(server: LoopbackServer) -> None:
    speak(at(server, instructions="Speak slowly.", voice="coral", model="tts-1", speed=0.5))
    sent = server.requests[0].json
    assert (sent["instructions"], sent["voice"], sent["model"]) == ("Speak slowly.", "coral", "tts-1")
    assert sent["speed"] == 0.5


def test_text_is_sent_unchanged(server: LoopbackServer) -> None:
    text = ' Grüße, «Zoë» 🚕 \t "now"\\ \n'
    speak(at(server), text)
    assert server.requests[0].json["input"] == text


def test_sdk_does_not_retry(server: LoopbackServer) -> None:
    server.replies = json_reply({}, 500, {"Retry-After": "0", "x-should-retry": "true"})
    failed(at(server, max_attempts=2))
    assert [each.headers["x-stainless-retry-count"] for each in server.requests] == ["0", "0"]


def test_line_end_of_the_key_is_not_sent(server: LoopbackServer) -> None:
    speak(at(server, api_key=f"{PLANTED_KEY}\n"))
    assert server.requests[0].headers["authorization"] == f"Bearer {PLANTED_KEY}"


def test_admin_key_is_refused(server: LoopbackServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_ADMIN_KEY", PLANTED_KEY)
    assert isinstance(failed(at(server, api_key=None)), AuthenticationError)
    assert server.requests == []


# The reply.


@pytest.mark.parametrize("sizes", ["true", "streamed", "zero"])
@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("keep_alive", [False, True])
def test_wav_reply_of_any_shape_is_read(
    server: LoopbackServer, sizes: Literal["true", "streamed", "zero"], chunked: bool, keep_alive: bool
) -> None:
    server.replies = Reply(body=wav(SAMPLES, sizes=sizes), chunked=chunked, keep_alive=keep_alive)
    assert samples_of(speak(at(server))) == SAMPLES


def test_rate_and_channels_are_those_of_the_reply(server: LoopbackServer) -> None:
    samples = speech_pcm(rate=44100)
    server.replies = Reply(body=wav(samples, 44100, channels=2))
    audio = speak(at(server))
    assert (audio.sample_rate, audio.channels) == (44100, 2)
    assert samples_of(audio) == samples


def test_chunks_around_the_samples_are_dropped(server: LoopbackServer) -> None:
    whole = wav(SAMPLES)
    note = b"LIST" + (4).to_bytes(4, "little") + b"INFO"
    server.replies = Reply(body=whole[:36] + note + whole[36:] + note)
    assert samples_of(speak(at(server))) == SAMPLES


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "0 bytes"),
        (b"ID3\x04\x00" + bytes(range(256)), "not a WAV file: it starts with b'ID3"),
        (SAMPLES, "not a WAV file"),
        (wav(SAMPLES)[:-100], "truncated"),
        (wav(b""), "without samples"),
        (wav(bytes(4800)), "silence"),
        (b'{"error": "overloaded"}', "is an error instead of audio: 'overloaded'"),
    ],
)
def test_reply_without_audio_is_described(server: LoopbackServer, body: bytes, said: str) -> None:
    server.replies = Reply(body=body, headers={"Content-Type": "audio/x-kind"})
    error = failed(at(server, max_attempts=1))
    assert type(error) is NoAudioError
    assert said in str(error)
    assert "audio/x-kind" in str(error)


@pytest.mark.parametrize(
    ("body", "retryable"),
    [
        (b"", True),
        (b"RIFF", True),
        (wav(SAMPLES)[:-100], True),
        (wav(bytes(4800)), True),
        (SAMPLES, False),
        (b"\xff\xfb\x90\x64" + b"U" * 900, False),
        (b"OggS\x00\x02" + bytes(range(256)), False),
    ],
)
def test_reply_in_another_format_is_not_retried(server: LoopbackServer, body: bytes, retryable: bool) -> None:
    server.replies = Reply(body=body, headers={"Content-Type": "audio/mpeg"})
    error = failed(at(server, max_attempts=1))
    assert type(error) is NoAudioError
    assert error.retryable is retryable
    assert ("the server must return WAV (response_format=wav)" in str(error)) is not retryable


def test_key_in_a_reply_without_audio_is_not_shown(server: LoopbackServer) -> None:
    server.replies = Reply(body=b"no", headers={"Content-Type": f"text/plain; key={PLANTED_KEY}"})
    error = failed(at(server, max_attempts=1))
    assert "key=[redacted]" in str(error)
    assert PLANTED_KEY not in "".join(traceback.format_exception(error))


def test_reply_that_cannot_be_decompressed_is_a_service_error(server: LoopbackServer) -> None:
    packed = gzip.compress(wav(SAMPLES))
    server.replies = Reply(body=b"x" + packed, headers={"Content-Encoding": "gzip"})
    assert type(failed(at(server, max_attempts=1))) is ServiceError


def test_compressed_reply_is_decompressed(server: LoopbackServer) -> None:
    server.replies = Reply(body=gzip.compress(wav(SAMPLES)), headers={"Content-Encoding": "gzip"})
    assert samples_of(speak(at(server))) == SAMPLES


# The endpoint and the cache key.


@pytest.mark.parametrize(
    "url",
    [
        "https://api.openai.com/v1",
        "https://api.openai.com/v1/",
        "https://API.OpenAI.com:443/v1",
        " https://api.openai.com/v1",
        "https://eu.api.openai.com/v1",
    ],
)
def test_vendors_own_endpoint_is_not_in_the_key(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = OpenAISpeechSynthesizer().cache_key_extra
    assert "base_url" not in plain
    assert OpenAISpeechSynthesizer(base_url=url).cache_key_extra == plain
    monkeypatch.setenv("OPENAI_BASE_URL", url)
    assert OpenAISpeechSynthesizer().cache_key_extra == plain


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("http://127.0.0.1:8880/v1", "http://127.0.0.1:8880/v1"),
        ("http://localhost:80/v1//", "http://localhost/v1"),
        ("https://Speech.example/api/v1/", "https://speech.example/api/v1"),
        ("http://[::1]:8880/v1", "http://[::1]:8880/v1"),
        ("https://api.openai.com/v2", "https://api.openai.com/v2"),
        ("https://api.openai.com.example/v1", "https://api.openai.com.example/v1"),
    ],
)
def test_other_endpoint_is_in_the_key_in_one_spelling(
    url: str, endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = OpenAISpeechSynthesizer(base_url=url, model="tts-1")
    assert given.cache_key_extra["base_url"] == endpoint
    monkeypatch.setenv("OPENAI_BASE_URL", url)
    found = OpenAISpeechSynthesizer(model="tts-1")
    assert found.cache_key_extra == given.cache_key_extra


def test_base_url_option_overrides_the_variable(
    server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/other")
    synthesizer = at(server)
    assert synthesizer.cache_key_extra["base_url"] == f"{server.url}/v1"
    speak(synthesizer)
    assert len(server.requests) == 1


def test_variable_is_read_at_each_use(server: LoopbackServer, monkeypatch: pytest.MonkeyPatch) -> None:
    synthesizer = at(server, base_url=None)
    monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/late")
    assert synthesizer.cache_key_extra["base_url"] == f"{server.url}/late"
    speak(synthesizer)
    assert server.requests[0].path == "/late/audio/speech"


def test_empty_variable_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "")
    assert "base_url" not in OpenAISpeechSynthesizer().cache_key_extra


@pytest.mark.parametrize(
    "url", ["speech.example/v1", "ftp://secret@speech.example", "http://", "http://[::1", "http://a:b/"]
)
def test_endpoint_that_is_not_a_url_is_refused_and_not_shown(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BackendConfigError, match="base_url") as caught:
        OpenAISpeechSynthesizer(base_url=url)
    assert "secret" not in str(caught.value)
    monkeypatch.setenv("OPENAI_BASE_URL", url)
    with pytest.raises(BackendConfigError, match="OPENAI_BASE_URL"):
        _ = OpenAISpeechSynthesizer(api_key=PLANTED_KEY).cache_key_extra
    with pytest.raises(BackendConfigError, match="OPENAI_BASE_URL"):
        speak(OpenAISpeechSynthesizer(api_key=PLANTED_KEY))


@pytest.mark.parametrize("speed", [0.0, 4.5, float("nan")])
def test_speed_outside_its_range_is_refused(speed: float) -> None:
    with pytest.raises(BackendConfigError, match=r"speed.*from 0\.25 to 4\.0"):
        load_synthesizer("openai-speech", speed=speed)


def test_endpoint_with_an_impossible_host_is_a_service_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://999.999.999.999/v1")
    error = failed(OpenAISpeechSynthesizer(model="tts-1", api_key=PLANTED_KEY))
    assert type(error) is ServiceError
    assert (error.retryable, error.reached) == (False, False)
    assert error.__cause__ is not None
    assert "check base_url" in str(error)


# Failures.


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"\xff\xfe\x00", "application/json"),
        (b"[" * 100_000, "application/json"),
        (b"oops", "text/plain; charset=no-such"),
        (b"null", "application/json"),
        (b'{"error": {"type": ["x"], "param": {"a": 1}}}', "application/json"),
        (b'{"detail": ' + b"[" * 900 + b"]" * 900 + b"}", "application/json"),
        (b'{"error": {"message": {"deep": ["no"]}, "code": 7}}', "application/json"),
    ],
)
def test_unreadable_refusal_is_classified_by_its_status(
    server: LoopbackServer, body: bytes, kind: str
) -> None:
    server.replies = Reply(status=400, body=body, headers={"Content-Type": kind})
    error = failed(at(server))
    assert type(error) is RequestRejectedError
    assert "HTTP 400" in str(error)
    assert len(str(error)) < 400


def test_masked_key_is_not_shown(server: LoopbackServer) -> None:
    said = "Incorrect API key provided: sk-proj-********************c0de. You can find your key online."
    server.replies = json_reply(refusal(said, code="invalid_api_key"), 401)
    error = failed(at(server))
    assert isinstance(error, AuthenticationError)
    shown = "".join(traceback.format_exception(error))
    assert "Incorrect API key provided: [redacted]" in str(error)
    assert "sk-proj" not in shown
    assert "c0de" not in shown


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_not_followed(server: LoopbackServer, status: int) -> None:
    with LoopbackServer(Reply(body=wav(SAMPLES))) as elsewhere:
        server.replies = Reply(status=status, headers={"Location": f"{elsewhere.url}/elsewhere"})
        error = failed(at(server))
        assert elsewhere.requests == []
    assert isinstance(error, RequestRejectedError)
    assert f"HTTP {status}; correct base_url: a redirect is not followed" in str(error)


def test_gateway_key_is_sent_and_not_shown(server: LoopbackServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "Gateway-Key: Bearer gw-5ecret-0f-0ne\nTeam: a")
    server.replies = json_reply(refusal("gw-5ecret-0f-0ne is not known at a"), 401)
    error = failed(at(server))
    assert server.requests[0].headers["gateway-key"] == "Bearer gw-5ecret-0f-0ne"
    assert "'[redacted] is not known at a'" in str(error)
    assert "5ecret" not in "".join(traceback.format_exception(error))


def test_organization_and_project_are_sent(server: LoopbackServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-1")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-1")
    speak(at(server))
    headers = server.requests[0].headers
    assert (headers["openai-organization"], headers["openai-project"]) == ("org-1", "proj-1")


@pytest.mark.parametrize("padding", range(150, 201, 10))
def test_key_is_redacted_before_a_long_message_is_cut(server: LoopbackServer, padding: int) -> None:
    server.replies = json_reply(refusal("x" * padding + f" {PLANTED_KEY} " + "y" * 500), 400)
    message = str(failed(at(server)))
    assert PLANTED_KEY[:4] not in message
    assert len(message) < 400


def test_message_states_the_failure_and_the_advice(server: LoopbackServer) -> None:
    server.replies = json_reply(refusal("Voice 'bob' is unknown", param="voice"), 400)
    error = failed(at(server, voice="bob"))
    assert isinstance(error, RequestRejectedError)
    assert str(error) == (
        f"openai-speech (gpt-4o-mini-tts) could not speak {PROMPT!r}: HTTP 400, \"Voice 'bob' is unknown\"; "
        "check voice, model and options"
    )


def test_too_long_text_is_refused_by_the_server(server: LoopbackServer) -> None:
    def reply(request: Any) -> Reply:
        if len(request.json["input"]) <= 4096:
            return Reply(body=wav(SAMPLES))
        body = refusal(json.dumps([{"type": "string_too_long", "loc": ["body", "input"]}]))
        return json_reply(body, 400)

    server.replies = reply
    speak(at(server), "a" * 4096)
    assert isinstance(failed(at(server), "a" * 4097), TextRejectedError)


def test_exceeded_quota_is_not_a_rate_limit(server: LoopbackServer) -> None:
    server.replies = json_reply(refusal("You exceeded your current quota", code="insufficient_quota"), 429)
    error = failed(at(server))
    assert isinstance(error, QuotaExceededError)
    assert not error.retryable
    assert "plan and billing" in str(error)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "90"}, 90.0),
        ({"Retry-After": "90.5"}, 90.5),
        ({"retry-after-ms": "90500", "Retry-After": "1"}, 90.5),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "-5"}, None),
    ],
)
def test_retry_after_is_read(server: LoopbackServer, headers: dict[str, str], seconds: float | None) -> None:
    server.replies = json_reply({}, 429, headers)
    error = failed(at(server, max_attempts=1))
    assert isinstance(error, RateLimitError)
    assert error.retry_after == seconds
