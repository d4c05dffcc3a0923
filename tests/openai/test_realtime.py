"""Behaviour of the Realtime API alone: the request, the cache key, and checks before any call."""

import base64
import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from russo import BackendConfigError, RequestRejectedError, TextRejectedError, cache_key, load_synthesizer
from russo.testing import Frames, Request, WebSocketServer, frames, speech_pcm
from russo_openai import OpenAISpeechSynthesizer, OpenAISynthesizer
from support import openai_realtime as service
from support.first_party import PLANTED_KEY, PROMPT, failed, run_python, samples_of, speak

SAMPLES = speech_pcm(2.0)


def reading(request: Request) -> Frames:
    """Return the reply of a model that follows the rules."""
    return service.spoken(SAMPLES, service.prompt_of(request))


@pytest.fixture
def server() -> Iterator[WebSocketServer]:
    with service.serve(reading) as server:
        yield server


def at(server: WebSocketServer, **options: Any) -> OpenAISynthesizer:
    return OpenAISynthesizer(**{"base_url": f"{server.url}/v1", "api_key": PLANTED_KEY, **options})


# The request.


def test_request_contains_the_options_of_the_key(server: WebSocketServer) -> None:
    audio = speak(at(server))
    assert samples_of(audio) == SAMPLES
    assert (audio.sample_rate, audio.channels) == (24000, 1)
    [request] = server.requests
    assert (request.method, request.path) == ("GET", "/v1/realtime")
    assert request.query == {"model": "gpt-realtime-2.1-mini"}
    assert request.headers["authorization"] == f"Bearer {PLANTED_KEY}"
    assert "openai-beta" not in request.headers
    update, create = request.json
    session = update["session"]
    assert (update["type"], session["type"], session["output_modalities"]) == (
        "session.update",
        "realtime",
        ["audio"],
    )
    assert session["audio"] == {
        "input": {"turn_detection": None},
        "output": {"voice": "marin", "speed": 1.0, "format": {"type": "audio/pcm", "rate": 24000}},
    }
    assert (session["tools"], session["tool_choice"]) == ([], "none")
    assert create == {
        "type": "response.create",
        "response": {
            "conversation": "none",
            "output_modalities": ["audio"],
            "instructions": session["instructions"],
            "max_output_tokens": 4096,
            "tool_choice": "none",
            "input": [
                {"type": "message", "role": "user", "content": [{"type": "input_text", "text": PROMPT}]}
            ],
        },
    }


def test_instructions_do_not_contain_the_prompt(server: WebSocketServer) -> None:
    speak(at(server, instructions="Whisper."))
    rules = service.session_of(server.requests[0])["instructions"]
    assert "read the question and do not answer it" in rules
    assert rules.endswith("(it may change tone, pace and accent, and never the words): Whisper.")
    assert PROMPT not in rules
    speak(at(server))
    assert "Delivery" not in service.session_of(server.requests[1])["instructions"]


@pytest.mark.parametrize(("voice", "sent"), [("cedar", "cedar"), ("voice_12ab", {"id": "voice_12ab"})])
def test_custom_voice_is_sent_as_an_object(server: WebSocketServer, voice: str, sent: object) -> None:
    synthesizer = at(server, voice=voice)
    speak(synthesizer)
    assert service.session_of(server.requests[0])["audio"]["output"]["voice"] == sent
    assert synthesizer.cache_key_extra["voice"] == voice


def test_text_is_sent_unchanged(server: WebSocketServer) -> None:
    text = ' Grüße, «Zoë» 🚕 \t "now"\\ \n'
    speak(at(server), text)
    assert service.prompt_of(server.requests[0]) == text


def test_headers_equal_those_of_the_speech_endpoint(
    server: WebSocketServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-1")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-1")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "Gateway-Key: gw-5ecret\nOpenAI-Project: other\nno header")
    speak(at(server, api_key=f"{PLANTED_KEY}\n"))
    headers = server.requests[0].headers
    assert headers["authorization"] == f"Bearer {PLANTED_KEY}"
    assert (headers["openai-organization"], headers["openai-project"]) == ("org-1", "other")
    assert headers["gateway-key"] == "gw-5ecret"


# The cache key.


def test_default_key_equals_its_golden_value(monkeypatch: pytest.MonkeyPatch) -> None:
    golden = {
        "backend": "openai",
        "model": "gpt-realtime-2.1-mini",
        "voice": "marin",
        "instructions": None,
        "speed": 1.0,
        "reading": 1,
    }
    assert OpenAISynthesizer().cache_key_extra == golden
    for url in ("wss://api.openai.com/v1", "https://eu.api.openai.com/v1/", " WSS://API.OpenAI.com:443/v1"):
        assert OpenAISynthesizer(base_url=url).cache_key_extra == golden
        monkeypatch.setenv("OPENAI_BASE_URL", url)
        assert OpenAISynthesizer().cache_key_extra == golden
    assert OpenAISynthesizer(check="off").cache_key_extra == golden | {"check": "off"}


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({}, "dbd8512db050210dd2fa9b9a919562a64434c6e456ab2288f2f19cffa7929b27"),
        ({"check": "off"}, "a0e825112dd9a540f1391864aa845c6281c303a3b673c4947bad302e5680760e"),
        (
            {"base_url": "wss://speech.example/v1"},
            "7a7c922ac2a751c2c3761ac4a1a4038f1a85dfd3a70e73a5c641f875b5bde572",
        ),
    ],
)
def test_key_never_changes(options: dict[str, Any], key: str) -> None:
    # Recordings are in users' repositories: if the key changes, russo no longer finds them.
    assert cache_key("Hello", OpenAISynthesizer(**options).cache_key_extra, None) == key


@pytest.mark.parametrize("scheme", ["http", "ws"])
def test_endpoint_spellings_share_one_key_and_are_called(
    server: WebSocketServer, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"{scheme}{server.url.removeprefix('http')}"
    given = at(server, base_url=f"{url}/late/")
    assert given.cache_key_extra["base_url"] == f"{server.url}/late"
    speak(given)
    monkeypatch.setenv("OPENAI_BASE_URL", f"{url}/v1")
    speak(at(server, base_url=None))
    first, second = server.requests
    assert (first.path, first.query) == ("/late/realtime", {"model": "gpt-realtime-2.1-mini"})
    assert first.headers["authorization"] == f"Bearer {PLANTED_KEY}"
    assert (second.path, second.query) == ("/v1/realtime", {"model": "gpt-realtime-2.1-mini"})


@pytest.mark.parametrize("url", ["speech.example/v1", "ftp://secret@speech.example", "ws://", "wss://a:b/"])
def test_endpoint_that_is_not_a_url_is_refused_and_not_shown(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BackendConfigError, match="base_url") as caught:
        OpenAISynthesizer(base_url=url)
    assert "secret" not in str(caught.value)
    monkeypatch.setenv("OPENAI_BASE_URL", url)
    with pytest.raises(BackendConfigError, match="OPENAI_BASE_URL"):
        speak(OpenAISynthesizer(api_key=PLANTED_KEY))


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ({"voice": "alloy"}, "voice 'alloy' instead of 'marin'"),
        ({"speed": 1.5}, "speed 1.5 instead of 1.0"),
        ({"format": {"type": "audio/pcmu"}}, "format {'type': 'audio/pcmu'} instead of"),
        ({"format": "g711"}, "format 'g711' instead of"),
    ],
)
def test_session_with_other_settings_is_refused(output: dict[str, Any], said: str) -> None:
    updated = {"type": "session.updated", "session": {"audio": {"output": output}}}
    with service.serve(reading, frames([service.CREATED, updated])) as server:
        error = failed(at(server))
    assert isinstance(error, RequestRejectedError)
    assert said in str(error)


@pytest.mark.parametrize(
    "output",
    [
        {"voice": "voice_12ab", "speed": 1, "format": {"type": "audio/pcm"}},
        {"voice": {"id": "voice_12ab", "name": "Ann"}, "format": {"type": "audio/pcm", "rate": 24000}},
        {"voice": None, "speed": None},
    ],
)
def test_session_that_omits_settings_is_accepted(output: dict[str, Any]) -> None:
    updated = {"type": "session.updated", "session": {"audio": {"output": output}}}
    with service.serve(reading, frames([service.CREATED, updated])) as server:
        speak(at(server, voice="voice_12ab"))


# Checks before any call.


@pytest.mark.parametrize(
    "model", ["tts-1", "tts-1-hd", "tts-1-1106", "gpt-4o-mini-tts", "gpt-4o-mini-tts-2025-12-15"]
)
def test_speech_model_is_refused_early_and_the_error_names_its_backend(model: str) -> None:
    with pytest.raises(BackendConfigError, match=r"backend openai-speech \(OpenAISpeechSynthesizer\)"):
        load_synthesizer("openai", model=model)


@pytest.mark.parametrize("voice", ["fable", "onyx", "nova"])
def test_speech_voice_is_refused_only_for_openai(voice: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BackendConfigError, match=f"'{voice}' exists on .* use the backend openai-speech"):
        load_synthesizer("openai", voice=voice)
    with pytest.raises(BackendConfigError, match="openai-speech"):
        load_synthesizer("openai", voice=voice, base_url="wss://eu.api.openai.com/v1")
    assert OpenAISynthesizer(voice=voice, base_url="ws://speech.example/v1").voice == voice
    monkeypatch.setenv("OPENAI_BASE_URL", "ws://speech.example/v1")
    assert OpenAISynthesizer(voice=voice).voice == voice


@pytest.mark.parametrize("speed", [0.0, 1.6, 4.0, float("nan")])
def test_speed_outside_its_range_is_refused(speed: float) -> None:
    with pytest.raises(BackendConfigError, match=r"speed.*from 0\.25 to 1\.5"):
        load_synthesizer("openai", speed=speed)


def test_unknown_check_is_refused() -> None:
    with pytest.raises(BackendConfigError, match="check is 'loose'; it must be words or off"):
        load_synthesizer("openai", check="loose")


@pytest.mark.parametrize("check", ["words", "off"])
@pytest.mark.parametrize("text", ["", " ", "…", "?!", "🚕👍🏽", "\u0301", "— ❤️ —"])
def test_text_without_a_letter_or_digit_is_refused_before_any_call(
    server: WebSocketServer, text: str, check: str
) -> None:
    error = failed(at(server, check=check), text)
    assert type(error) is TextRejectedError
    assert "no letter and no digit" in str(error)
    assert not error.reached
    assert server.connections == 0
    assert server.requests == []


def test_only_the_speech_models_have_an_announced_end() -> None:
    assert OpenAISynthesizer().model not in OpenAISynthesizer.model_ends
    ends = {model: end.date for model, end in OpenAISpeechSynthesizer.model_ends.items()}
    assert ends["gpt-4o-mini-tts"] == ends["tts-1"] == ends["tts-1-hd"] == "2027-01-06"


# Imports.


def test_sdk_is_never_imported_and_websockets_only_at_the_first_miss(server: WebSocketServer) -> None:
    code = """
import asyncio, sys
from russo import load_synthesizer
synthesizer = load_synthesizer("openai", base_url=sys.argv[1], api_key="key-for-tests")
synthesizer.cache_key_extra
print("websockets" in sys.modules, end=" ")
asyncio.run(synthesizer.synthesize("Hello there"))
print("websockets" in sys.modules, "openai" in sys.modules, "httpx2" in sys.modules)
"""
    assert run_python(code, f"{server.url}/v1") == "False True False False\n"


# The reply.


def test_audio_deltas_of_any_size_are_joined(server: WebSocketServer) -> None:
    sizes = (1, 2, 3, 4001, 0, 7)
    cuts = [sum(sizes[:n]) for n in range(len(sizes) + 1)]
    pieces = [SAMPLES[a:b] for a, b in itertools.pairwise(cuts)] + [SAMPLES[cuts[-1] :]]
    whole = [*map(service.delta, pieces), service.done(items=[PROMPT])]
    server.replies = frames(whole)
    assert samples_of(speak(at(server))) == SAMPLES


def test_unknown_events_and_other_responses_are_ignored(server: WebSocketServer) -> None:
    strange = [
        {"type": "some.future.event", "delta": "@@@"},
        {"no type": 1},
        {"type": "response.done", "response": {"id": "resp_other", "status": "failed"}},
        service.delta("@@@", "resp_other"),
    ]
    first, *rest = service.events(SAMPLES, PROMPT)
    server.replies = frames([strange[0], strange[1], first, *strange, *rest])
    assert samples_of(speak(at(server))) == SAMPLES


def test_transcript_event_is_used_if_the_response_has_no_transcript(server: WebSocketServer) -> None:
    server.replies = frames([*service.events(SAMPLES, PROMPT)[:-1], service.done()])
    assert samples_of(speak(at(server))) == SAMPLES


def test_frame_of_several_megabytes_is_read(server: WebSocketServer) -> None:
    long = speech_pcm(30.0)
    server.replies = frames([service.delta(long), service.done(items=[PROMPT])])
    assert samples_of(speak(at(server))) == long


def test_binary_frame_is_read(server: WebSocketServer) -> None:
    encoded = base64.b64encode(SAMPLES).decode()
    line = f'{{"type": "response.output_audio.delta", "delta": "{encoded}"}}'.encode()
    server.replies = frames([line, service.done(items=[PROMPT])])
    assert samples_of(speak(at(server))) == SAMPLES
