"""Models and formats of /v1/audio/speech: early refusals, and the replies of other servers."""

import traceback
from collections.abc import Iterator
from typing import Any

import pytest

from russo import (
    BackendConfigError,
    NoAudioError,
    RequestRejectedError,
    ServiceError,
    cache_key,
    load_synthesizer,
)
from russo._backends.model_ends import announced_end
from russo.testing import LoopbackServer, Reply, json_reply, speech_pcm, wav
from russo_openai import OpenAISpeechSynthesizer, _speech
from russo_openai._formats import read_audio
from support.containers import FILES, LOOKALIKES, ODD_WAVS, SIZES, WHOLE, header
from support.first_party import PLANTED_KEY, SAMPLES, failed, samples_of, speak


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with LoopbackServer(Reply(body=SAMPLES)) as server:
        yield server


def at(server: LoopbackServer, **options: Any) -> OpenAISpeechSynthesizer:
    usual = {
        "base_url": f"{server.url}/v1",
        "api_key": PLANTED_KEY,
        "model": "tts-1",
        "response_format": "pcm",
    }
    return OpenAISpeechSynthesizer(**{**usual, **options})


# Models.


def test_default_model_is_used_only_for_openai(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = OpenAISpeechSynthesizer()
    assert plain.cache_key_extra["model"] == "gpt-4o-mini-tts"
    assert OpenAISpeechSynthesizer(base_url="https://eu.api.openai.com/v1").model == "gpt-4o-mini-tts"
    with pytest.raises(
        BackendConfigError, match=r"http://speech\.example/v1 is not OpenAI.*option model must be set"
    ):
        OpenAISpeechSynthesizer(base_url="http://speech.example/v1")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://speech.example/v1")
    with pytest.raises(BackendConfigError, match="option model must be set"):
        _ = plain.cache_key_extra
    with pytest.raises(BackendConfigError, match="option model must be set"):
        speak(plain)


@pytest.mark.parametrize("model", ["gpt-realtime", "gpt-realtime-2.1-mini", "gpt-realtime-mini-2025-12-15"])
def test_realtime_model_is_refused_early_and_the_error_names_its_backend(model: str) -> None:
    with pytest.raises(BackendConfigError, match=r"Realtime API.*backend openai \(OpenAISynthesizer\)"):
        load_synthesizer("openai-speech", model=model)


def not_found(message: str = "The model does not exist") -> Reply:
    return json_reply({"error": {"message": message, "type": "x", "code": "model_not_found"}}, 404)


def test_ended_model_of_openai_is_reported_with_its_successor(
    server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.replies = not_found()
    monkeypatch.setattr(_speech, "is_vendor", lambda _: True)  # that is, the loopback server
    said = str(failed(at(server)))
    assert "HTTP 404 (model_not_found)" in said
    assert "OpenAI ended tts-1 on 2027-01-06; use the backend openai" in said
    said = str(failed(at(server, model="tts-9")))
    assert "ended" not in said
    assert "use the backend openai" in said


def test_missing_model_of_another_server_does_not_mention_openai(server: LoopbackServer) -> None:
    server.replies = not_found()
    error = failed(at(server))
    assert isinstance(error, RequestRejectedError)
    assert "OpenAI ended" not in str(error)
    assert "check voice, model and options" in str(error)


@pytest.mark.parametrize("path", ["v1x", "v1beta", "v1/proxy"])
def test_another_path_on_the_vendors_host_is_in_the_key(path: str) -> None:
    synthesizer = OpenAISpeechSynthesizer(model="tts-1", base_url=f"https://api.openai.com/{path}")
    assert synthesizer.cache_key_extra["base_url"] == f"https://api.openai.com/{path}"


def test_blank_variable_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", " ")
    assert "base_url" not in OpenAISpeechSynthesizer(model="tts-1").cache_key_extra


@pytest.mark.parametrize("base_url", [None, "https://eu.api.openai.com/v1/"])
def test_end_of_a_model_is_announced_for_openai(base_url: str | None) -> None:
    said = announced_end(OpenAISpeechSynthesizer(model="tts-1", base_url=base_url))
    assert said is not None
    assert "the model tts-1 end" in said
    assert "2027-01-06" in said


def test_end_of_an_openai_model_is_not_announced_for_another_server(monkeypatch: pytest.MonkeyPatch) -> None:
    assert announced_end(OpenAISpeechSynthesizer(model="tts-1", base_url="http://speech.example/v1")) is None
    plain = OpenAISpeechSynthesizer(model="tts-1")
    assert announced_end(plain)
    monkeypatch.setenv("OPENAI_BASE_URL", "http://speech.example/v1")
    assert announced_end(plain) is None
    assert announced_end(OpenAISpeechSynthesizer(model="tts-1", base_url="https://api.openai.com/v1"))
    monkeypatch.setenv("OPENAI_BASE_URL", "no URL")
    assert announced_end(plain) is None
    assert "tts-1" in OpenAISpeechSynthesizer.model_ends  # `russo backends` lists the ends in any environment


# The format.


def test_wav_is_the_default_and_not_in_the_key() -> None:
    assert OpenAISpeechSynthesizer().cache_key_extra == {
        "backend": "openai-speech",
        "model": "gpt-4o-mini-tts",
        "voice": "alloy",
        "instructions": None,
        "speed": 1.0,
    }
    assert OpenAISpeechSynthesizer(response_format="pcm").cache_key_extra["response_format"] == "pcm"


@pytest.mark.parametrize("name", ["mp3", "", "WAV"])
def test_other_format_is_refused(name: str) -> None:
    with pytest.raises(BackendConfigError, match=r"response_format is .* must be wav or pcm"):
        load_synthesizer("openai-speech", response_format=name)


@pytest.mark.parametrize(
    ("content_type", "rate", "channels"),
    [
        ("audio/pcm;rate=24000;channels=1", 24000, 1),
        ("audio/pcm; rate=16000", 16000, 1),
        ("audio/L16; Rate=44100 ; Channels=2", 44100, 2),
        ('audio/pcm; rate="8000"', 8000, 1),
        ("audio/pcm", 24000, 1),
        ("application/octet-stream; rate=fast; bitrate=9", 24000, 1),
    ],
)
def test_bare_samples_have_the_rate_of_the_content_type(
    server: LoopbackServer, content_type: str, rate: int, channels: int
) -> None:
    server.replies = Reply(body=SAMPLES, headers={"Content-Type": content_type})
    audio = speak(at(server))
    assert server.requests[0].json["response_format"] == "pcm"
    assert (audio.sample_rate, audio.channels) == (rate, channels)
    assert samples_of(audio) == SAMPLES


@pytest.mark.parametrize(
    ("start", "name"),
    [
        (wav(b"")[:44], "WAV"),
        (b"ID3\x04\x00\x00", "MP3"),
        (b"\xff\xfb\x90\x64".ljust(417) * 3, "MP3"),
        (b"\xff\xf3\x84\xc4".ljust(192) * 3, "MP3"),
        (b"\xff\xe3\x18\xc4".ljust(72) * 3, "MP3"),
        (b"OggS\x00\x02", "Ogg"),
        (b"fLaC\x00\x00", "FLAC"),
        (b"\xff\xf1\x50\x80\x0c\x9f\xfc".ljust(100) * 3, "AAC"),
        (b"\x1aE\xdf\xa3", "WebM"),
        (b"\x00\x00\x00\x20ftypM4A ", "MP4"),
        (b"\x00\x00\x00\x18ftypisom", "MP4"),
        (b"FORM\x00\x00\x10\x00AIFF", "AIFF"),
        (b"caff\x00\x01\x00\x00", "CAF"),
    ],
)
def test_container_instead_of_samples_is_refused(server: LoopbackServer, start: bytes, name: str) -> None:
    server.replies = Reply(body=start + SAMPLES)
    error = failed(at(server, max_attempts=1))
    assert type(error) is NoAudioError
    assert f"{name} instead of bare samples" in str(error)
    assert not error.retryable


@pytest.mark.parametrize("asked", ["wav", "pcm"])
@pytest.mark.parametrize("name", FILES)
def test_file_of_another_format_is_not_audio(server: LoopbackServer, name: str, asked: str) -> None:
    body, expected = FILES[name]
    server.replies = Reply(body=body, headers={"Content-Type": "application/octet-stream"})
    error = failed(at(server, max_attempts=1, response_format=asked))
    assert type(error) is NoAudioError
    seen = f"{expected} instead of bare samples" if asked == "pcm" else f"({expected})"
    assert seen in str(error)


@pytest.mark.parametrize("name", FILES)
def test_file_inside_a_wav_file_is_not_audio(server: LoopbackServer, name: str) -> None:
    body, expected = FILES[name]
    server.replies = Reply(body=wav(body), headers={"Content-Type": "audio/wav"})
    error = failed(at(server, max_attempts=1, response_format="wav"))
    assert type(error) is NoAudioError
    assert f"{expected} instead of bare samples" in str(error)


@pytest.mark.parametrize("name", ODD_WAVS)
def test_malformed_wav_is_not_audio(server: LoopbackServer, name: str) -> None:
    server.replies = Reply(body=ODD_WAVS[name], headers={"Content-Type": "audio/wav"})
    assert type(failed(at(server, max_attempts=1, response_format="wav"))) is NoAudioError


@pytest.mark.parametrize("name", SIZES)
def test_all_samples_are_kept_for_any_sizes_in_the_header(server: LoopbackServer, name: str) -> None:
    riff, size = SIZES[name]
    server.replies = Reply(body=header(riff=riff, size=size) + WHOLE, headers={"Content-Type": "audio/wav"})
    assert samples_of(speak(at(server, response_format="wav"))) == WHOLE


@pytest.mark.parametrize("name", LOOKALIKES)
@pytest.mark.parametrize("asked", ["wav", "pcm"])
def test_samples_that_begin_like_a_file_are_audio(server: LoopbackServer, name: str, asked: str) -> None:
    samples = LOOKALIKES[name] + SAMPLES
    server.replies = Reply(
        body=wav(samples) if asked == "wav" else samples, headers={"Content-Type": "application/octet-stream"}
    )
    assert samples_of(speak(at(server, response_format=asked))) == samples


@pytest.mark.parametrize(
    "start",
    [
        b"\xff\xff\xff\xff",
        b"\xff\xff\x00\x00",
        b"\xff\xfb\xf0\xff",
        b"\xff\xea\x90\x00",
        b"\xff\xfb\x90\x64",
        b"\xff\xf1\x50\x80",
    ],
)
def test_samples_that_begin_with_set_bits_are_not_taken_for_mp3(server: LoopbackServer, start: bytes) -> None:
    server.replies = Reply(body=start + SAMPLES)
    assert samples_of(speak(at(server))) == start + SAMPLES


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "no samples"),
        (SAMPLES[:-1], "not whole 16-bit samples"),
        (bytes(4800), "silence"),
        (b'{"error": "no"}', "is an error instead of audio: 'no'"),
    ],
)
def test_bare_samples_that_are_not_speech_are_refused(server: LoopbackServer, body: bytes, said: str) -> None:
    server.replies = Reply(body=body)
    error = failed(at(server, max_attempts=1))
    assert type(error) is NoAudioError
    assert said in str(error)


@pytest.mark.parametrize(
    "content_type",
    [
        "audio/mpeg",
        "Audio/MP4; codecs=aac",
        "audio/aac",
        "audio/ogg",
        "audio/flac",
        "audio/wav",
        "audio/x-wav",
        "audio/pcmu",
        "audio/PCMA;rate=8000",
        "audio/basic",
        "audio/L24",
        "video/mp4",
        "application/ogg",
        "application/json; charset=utf-8",
        "text/html",
        "text/plain",
    ],
)
def test_content_type_of_another_format_is_refused(server: LoopbackServer, content_type: str) -> None:
    server.replies = Reply(body=SAMPLES, headers={"Content-Type": content_type})
    error = failed(at(server, max_attempts=1))
    assert type(error) is NoAudioError
    assert f"the content type is {content_type.partition(';')[0]!r}, not that of bare" in str(error)
    assert not error.retryable


@pytest.mark.parametrize(
    "content_type",
    ["", "audio/pcm", "AUDIO/X-PCM", "audio/raw", "audio/pcm_s16le", "binary/octet-stream", ";rate=24000"],
)
def test_content_type_of_bare_samples_or_of_any_bytes_is_accepted(content_type: str) -> None:
    audio = read_audio(SAMPLES, "pcm", content_type)
    assert (samples_of(audio), audio.sample_rate, audio.channels) == (SAMPLES, 24000, 1)


@pytest.mark.parametrize(
    ("parameter", "said"),
    [
        ("rate=0", "a rate of 0 Hz"),
        ("rate=7999", "a rate of 7999 Hz"),
        ("rate=192001", "a rate of 192001 Hz"),
        ("rate=999999999999", "a rate of 999999999999 Hz"),
        ("channels=0", "0 channels"),
        ("channels=3", "3 channels"),
        ("channels=70000", "70000 channels"),
    ],
)
def test_impossible_rate_or_channels_are_refused(server: LoopbackServer, parameter: str, said: str) -> None:
    server.replies = Reply(body=speech_pcm(), headers={"Content-Type": f"audio/pcm; {parameter}"})
    error = failed(at(server, max_attempts=1))
    assert type(error) is NoAudioError
    assert f"holds no audio: {said}" in str(error)


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (192000, 2)])
def test_rate_and_channels_at_the_bounds_are_accepted(rate: int, channels: int) -> None:
    audio = read_audio(SAMPLES, "pcm", f"audio/pcm;rate={rate};channels={channels}")
    assert (audio.sample_rate, audio.channels) == (rate, channels)


def test_reply_of_another_content_type_is_quoted(server: LoopbackServer) -> None:
    server.replies = json_reply({"error": "no such voice"})
    assert "(application/json, 26 bytes) is an error instead of audio: 'no such voice'" in str(
        failed(at(server))
    )
    assert len(server.requests) == 1


# The key.


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({}, "52a6789bc9a84f605658e8613e87ea606d97b0a12326b08032858246ee182f1d"),
        ({"response_format": "pcm"}, "9ccced4cf6c1ff0a8e259cda553e9cc53f91fbf95272ee2bd4218c980a950985"),
        (
            {"base_url": "http://127.0.0.1:8880/v1", "model": "kokoro"},
            "35113e9cd93615c73eaa114bed0cca8623e21fca046fe4a79d9f7c86b7fb041e",
        ),
    ],
)
def test_key_never_changes(options: dict[str, Any], key: str) -> None:
    # Recordings are in users' repositories: if the key changes, russo no longer finds them.
    assert cache_key("Hello", OpenAISpeechSynthesizer(**options).cache_key_extra, None) == key


# Proxies.


def test_proxy_with_an_impossible_port_is_reported_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://me:pr0xypass@127.0.0.1:99999")
    error = failed(
        OpenAISpeechSynthesizer(base_url="https://speech.invalid/v1", model="tts-1", api_key=PLANTED_KEY)
    )
    assert type(error) is ServiceError
    assert (error.retryable, error.reached) == (False, False)
    assert "port must be 0-65535; check base_url, and the variables for proxies and cert" in str(error)
    shown = "".join(traceback.format_exception(error))
    assert "pr0xypass" not in shown
    assert PLANTED_KEY not in shown
