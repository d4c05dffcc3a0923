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


def asked(server, text=PROMPT, **options):
    """Speak, and return what the server was asked."""
    speak(GoogleSynthesizer(**{"api_key": "k", "base_url": server.url, **options}), text)
    return server.requests[-1]


def test_request_holds_the_defaults_and_nothing_else(server):
    request = asked(server)
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


def test_request_holds_every_option_that_shapes_the_sound(server):
    request = asked(
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
def test_early_models_take_the_instructions_in_the_text(server, model):
    request = asked(server, "Hello.", model=model, instructions="Say cheerfully: ")
    assert request.json["contents"][0]["parts"] == [{"text": "Say cheerfully: Hello."}]
    config = request.json["generationConfig"]["speechConfig"]["voice_config"]
    assert config == {"prebuilt_voice_config": {"voice_name": "Kore"}}
    assert asked(server, "Hello.", model=model).json["contents"][0]["parts"] == [{"text": "Hello."}]


def test_seed_of_zero_is_sent(server):
    assert asked(server, seed=0).json["generationConfig"]["seed"] == 0


def test_empty_options_are_neither_sent_nor_declared(server):
    empty = {"language": "", "instructions": ""}
    assert asked(server, **empty).json == asked(server).json
    assert GoogleSynthesizer(**empty).cache_key_extra == GoogleSynthesizer().cache_key_extra


def test_api_version_and_the_path_of_the_endpoint_are_kept(server):
    request = asked(server, api_version="v1beta", base_url=server.url + "/gateway/")
    assert request.path == "/gateway/v1beta/models/gemini-3.8-flash-tts:generateContent"


def test_endpoint_may_come_from_the_sdk_s_variable(server, monkeypatch):
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", server.url)
    assert asked(server, base_url=None).headers["x-goog-api-key"] == "k"


def test_cache_key_holds_what_shapes_the_sound():
    # Recordings live in users' repositories: a change here orphans them.
    assert GoogleSynthesizer().cache_key_extra == {
        "backend": "google",
        "model": "gemini-3.8-flash-tts",
        "voice": "Kore",
        "language": None,
        "instructions": None,
        "seed": None,
    }


def test_repr_shows_the_way_to_the_service_and_no_key():
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
def test_option_that_cannot_be_used_is_refused_at_construction(options):
    with pytest.raises(BackendConfigError) as caught:
        load_synthesizer("google", **options)
    assert "secret-key" not in str(caught.value)


@pytest.mark.parametrize("model", ["models/gemini-3.8-flash-tts", "publishers/google/models/x", "tts@001"])
def test_model_may_be_a_resource_path(model):
    assert GoogleSynthesizer(model=model).model == model


def test_installed_aiohttp_changes_nothing(server):
    assert importlib.util.find_spec("aiohttp"), "this test needs aiohttp, which the SDK prefers where it can"
    import httpx2

    synthesizer = GoogleSynthesizer(api_key="k", base_url=server.url, max_attempts=1)
    assert samples_of(speak(synthesizer)) == SAMPLES
    server.close()
    start = time.monotonic()
    error = failed(synthesizer)
    assert time.monotonic() - start < 1.0  # with aiohttp the SDK waits 1 to 10 s and tries again
    assert isinstance(error.__cause__, httpx2.ConnectError)


@pytest.mark.parametrize(
    ("variable", "options"),
    [("GOOGLE_GEMINI_BASE_URL", {"api_key": "k"}), ("GOOGLE_VERTEX_BASE_URL", {"vertexai": True})],
)
@pytest.mark.parametrize(
    "url", ["ftp://127.0.0.1", "http://me:pw-HIDDEN@127.0.0.1:9", "http://127.0.0.1:9/?a"]
)
def test_endpoint_of_the_variable_is_checked_as_the_option(monkeypatch, variable, options, url):
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


def test_a_call_in_several_replies_that_breaks_off_starts_anew(server):
    first = reply(sound(SAMPLES, "audio/L16"), reason="CONTINUATION", continuationToken="dG9rZW4=")
    server.replies = [first, error_reply(503, "busy", 0.0), first, reply(sound(SAMPLES, "audio/L16"))]
    audio = speak(GoogleSynthesizer(api_key="k", base_url=server.url))
    assert samples_of(audio) == SAMPLES * 2


def test_sdk_says_nothing_to_a_log_at_info(server, caplog):
    with caplog.at_level(logging.INFO, logger="google_genai"):
        asked(server)
    assert caplog.records == []
