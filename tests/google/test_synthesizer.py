import importlib.util
import logging
import time

import pytest

from russo import BackendConfigError, load_synthesizer
from russo.testing import LoopbackServer
from russo_google import GoogleSynthesizer
from support.first_party import PROMPT, SAMPLES, failed, samples_of, speak
from support.gemini import error_reply, reply, sound, spoken

EARLY = ["gemini-2.5-flash-preview-tts", "gemini-2.5-pro-tts", "gemini-3.1-flash-tts-preview"]


@pytest.fixture
def server():
    with LoopbackServer(spoken(SAMPLES)) as server:
        yield server


def request_of(server, text=PROMPT, **options):
    """Speak, and return the last request that the server got."""
    speak(GoogleSynthesizer(**{"api_key": "k", "base_url": server.url, **options}), text)
    return server.requests[-1]


def test_request_contains_only_the_defaults(server):
    request = request_of(server)
    assert (request.method, request.path, request.query) == (
        "POST",
        "/v1/models/gemini-3.8-flash-tts:generateContent",
        {},
    )
    assert request.headers["x-goog-api-key"] == "k"
    assert request.headers["content-type"] == "application/json"
    assert "authorization" not in request.headers
    assert request.json == {
        "contents": [{"parts": [{"text": PROMPT}], "role": "user"}],
        "generationConfig": {
            "responseModalities": ["AUDIO"],
            "speechConfig": {"voice_config": {"voice": "Kore"}},
        },
    }


def test_request_contains_every_option_of_the_key(server):
    request = request_of(
        server,
        "Grüß Gott 🎧",
        voice="voice_abc",
        model="gemini-3.8-flash-lite-tts",
        language="de-DE",
        instructions="cheerful and friendly",
        seed=7,
    )
    assert request.path == "/v1/models/gemini-3.8-flash-lite-tts:generateContent"
    metadata = {"style": "cheerful and friendly"}
    assert request.json == {
        "contents": [{"parts": [{"text": "Grüß Gott 🎧", "speechMetadata": metadata}], "role": "user"}],
        "generationConfig": {
            "seed": 7,
            "responseModalities": ["AUDIO"],
            "speechConfig": {"voice_config": {"voice": "voice_abc"}, "language_code": "de-DE"},
        },
    }


@pytest.mark.parametrize("model", EARLY)
def test_early_models_get_the_instructions_in_the_text(server, model):
    request = request_of(server, "Hello.", model=model, instructions="Say cheerfully: ")
    assert request.json["contents"][0]["parts"] == [{"text": "Say cheerfully: Hello."}]
    config = request.json["generationConfig"]["speechConfig"]["voice_config"]
    assert config == {"prebuilt_voice_config": {"voice_name": "Kore"}}
    assert request_of(server, "Hello.", model=model).json["contents"][0]["parts"] == [{"text": "Hello."}]


def test_seed_zero_is_sent(server):
    assert request_of(server, seed=0).json["generationConfig"]["seed"] == 0


def test_empty_options_are_neither_sent_nor_in_the_key(server):
    empty = {"language": "", "instructions": ""}
    assert request_of(server, **empty).json == request_of(server).json
    assert GoogleSynthesizer(**empty).cache_key_extra == GoogleSynthesizer().cache_key_extra


def test_api_version_and_endpoint_path_are_kept(server):
    request = request_of(server, api_version="v1beta", base_url=server.url + "/gateway/")
    assert request.path == "/gateway/v1beta/models/gemini-3.8-flash-tts:generateContent"


def test_endpoint_may_come_from_the_variable_of_the_sdk(server, monkeypatch):
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", server.url)
    assert request_of(server, base_url=None).headers["x-goog-api-key"] == "k"


def test_cache_key_contains_all_settings_of_the_sound():
    # Recordings are in users' repositories: if the key changes, russo no longer finds them.
    assert GoogleSynthesizer().cache_key_extra == {
        "backend": "google",
        "model": "gemini-3.8-flash-tts",
        "voice": "Kore",
        "language": None,
        "instructions": None,
        "seed": None,
    }


def test_repr_shows_the_service_settings_but_not_the_key():
    shown = repr(GoogleSynthesizer(api_key="secret-key", base_url="https://gateway.example"))
    assert "base_url='https://gateway.example'" in shown
    assert "secret-key" not in shown
    shown = repr(GoogleSynthesizer(vertexai=True, project="my-project", location="eu"))
    assert "vertexai=True, project='my-project', location='eu'" in shown


@pytest.mark.parametrize(
    "options",
    [
        {"model": "../files"},
        {"model": "gemini?key=x"},
        {"model": "gemini#x"},
        {"model": "models//gemini"},
        {"model": "gemini tts"},
        {"model": ""},
        {"api_version": "v1/../.."},
        {"vertexai": True, "project": "p/../q"},
        {"vertexai": True, "location": "eu?"},
        {"vertexai": True, "location": "evil.example/x"},
        {"vertexai": True, "location": "evil.example"},
        {"vertexai": True, "location": "evil.example:443/x"},
        {"vertexai": True, "location": "user@evil.example"},
        {"project": "my-project"},
        {"location": "eu"},
        {"vertexai": True, "api_key": "k"},
        {"base_url": "localhost:8080"},
        {"base_url": "ftp://example.com"},
        {"base_url": "https://user:secret-key@example.com"},
        {"base_url": "https://example.com?key=secret-key"},
        {"timeout": 0},
        {"max_attempts": 0},
        {"max_concurrency": 0},
        {"seed": "seven"},
    ],
    ids=str,
)
def test_invalid_option_is_refused_at_construction(options):
    with pytest.raises(BackendConfigError) as caught:
        load_synthesizer("google", **options)
    assert "secret-key" not in str(caught.value)


@pytest.mark.parametrize("model", ["models/gemini-3.8-flash-tts", "publishers/google/models/x", "tts@001"])
def test_model_may_be_a_resource_path(model):
    assert GoogleSynthesizer(model=model).model == model


def test_installed_aiohttp_changes_nothing(server):
    assert importlib.util.find_spec("aiohttp"), (
        "this test needs aiohttp, which the SDK prefers if it is installed"
    )
    import httpx2

    synthesizer = GoogleSynthesizer(api_key="k", base_url=server.url, max_attempts=1)
    assert samples_of(speak(synthesizer)) == SAMPLES
    server.close()
    start = time.monotonic()
    error = failed(synthesizer)
    assert time.monotonic() - start < 1.0  # with aiohttp the SDK waits 1 to 10 s and retries
    assert isinstance(error.__cause__, httpx2.ConnectError)


@pytest.mark.parametrize(
    ("variable", "options"),
    [("GOOGLE_GEMINI_BASE_URL", {"api_key": "k"}), ("GOOGLE_VERTEX_BASE_URL", {"vertexai": True})],
)
@pytest.mark.parametrize(
    "url", ["ftp://127.0.0.1", "http://me:pw-HIDDEN@127.0.0.1:9", "http://127.0.0.1:9/?a"]
)
def test_endpoint_variable_is_checked_like_the_option(monkeypatch, variable, options, url):
    monkeypatch.setenv(variable, url)
    with pytest.raises(BackendConfigError, match=f"^{variable} ") as caught:
        speak(GoogleSynthesizer(**options))
    assert "HIDDEN" not in str(caught.value)


def test_waits_between_attempts_grow(server, monkeypatch):
    waits = []

    async def note(seconds):
        waits.append(seconds)

    monkeypatch.setattr("russo._backends.attempts.sleep", note)
    server.replies = error_reply(503, "busy", None)
    failed(GoogleSynthesizer(api_key="k", base_url=server.url, max_attempts=4))
    assert len(server.requests) == 4
    assert [least <= wait <= 2 * least for least, wait in zip((0.25, 0.5, 1.0), waits, strict=True)] == [
        True
    ] * 3


def test_interrupted_call_of_several_replies_starts_again(server):
    first = reply(sound(SAMPLES, "audio/L16"), reason="CONTINUATION", continuationToken="dG9rZW4=")
    server.replies = [first, error_reply(503, "busy", 0.0), first, reply(sound(SAMPLES, "audio/L16"))]
    audio = speak(GoogleSynthesizer(api_key="k", base_url=server.url))
    assert samples_of(audio) == SAMPLES * 2


def test_sdk_logs_nothing_at_info(server, caplog):
    with caplog.at_level(logging.INFO, logger="google_genai"):
        request_of(server)
    assert caplog.records == []
