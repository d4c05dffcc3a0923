import base64
import json
import threading

import pytest

from russo import NoAudioError, ServiceError, TextRejectedError
from russo.testing import LoopbackServer, Reply, json_reply, speech_pcm, wav
from russo_google import GoogleSynthesizer
from support.containers import FILES, LOOKALIKES, ODD_WAVS, SIZES, WHOLE, header
from support.first_party import SAMPLES, failed, samples_of, speak
from support.gemini import reply, sound, spoken

STEREO = b"".join(SAMPLES[at : at + 2] * 2 for at in range(0, len(SAMPLES), 2))


def audio_of(answer, **options):
    with LoopbackServer(answer) as server:
        return speak(GoogleSynthesizer(api_key="k", base_url=server.url, **options))


def refused(answer, attempts=1):
    """Return the error and the number of requests before it."""
    with LoopbackServer(answer) as server:
        error = failed(GoogleSynthesizer(api_key="k", base_url=server.url, max_attempts=attempts))
        return error, len(server.requests)


def test_wav_keeps_its_rate():
    audio = audio_of(spoken(SAMPLES, 16000))
    assert (samples_of(audio), audio.sample_rate) == (SAMPLES, 16000)


@pytest.mark.parametrize(
    ("kind", "rate", "channels"),
    [
        ("audio/L16;codec=pcm;rate=24000", 24000, 1),
        ("audio/l16; rate=24000; channels=1", 24000, 1),
        ("AUDIO/L16;RATE=16000", 16000, 1),
        ('audio/pcm;rate="48000"', 48000, 1),
        ("audio/L16; channels=2; rate=44100", 44100, 2),
        ("audio/L16", 24000, 1),
    ],
)
def test_bare_samples_are_wrapped_with_the_rate_that_the_reply_states(kind, rate, channels):
    samples = SAMPLES if channels == 1 else STEREO
    audio = audio_of(reply(sound(samples, kind)))
    assert samples_of(audio) == samples
    assert (audio.sample_rate, audio.channels) == (rate, channels)


def test_wav_is_recognised_by_its_bytes_and_not_its_content_type():
    assert samples_of(audio_of(reply(sound(wav(SAMPLES), "audio/L16;rate=8000")))) == SAMPLES
    assert samples_of(audio_of(reply(sound(wav(SAMPLES), "application/octet-stream")))) == SAMPLES


@pytest.mark.parametrize("sizes", ["streamed", "zero"])
def test_wav_with_placeholder_sizes_gets_true_ones(sizes):
    assert samples_of(audio_of(reply(sound(wav(SAMPLES, sizes=sizes))))) == SAMPLES


def test_base64_may_be_url_safe_and_unpadded():
    data = b"\xfb\xff" * 500 + SAMPLES + b"\x00\x01"
    text = base64.urlsafe_b64encode(data).decode().rstrip("=")
    assert "-" in text
    part = {"inlineData": {"mimeType": "audio/L16;rate=24000", "data": text}}
    assert samples_of(audio_of(reply(part))) == data


def test_wav_parts_are_joined_sample_by_sample():
    silence = b"\0" * 480
    parts = [sound(wav(piece)) for piece in (SAMPLES, silence, SAMPLES[:200])]
    assert samples_of(audio_of(reply(*parts))) == SAMPLES + silence + SAMPLES[:200]


def test_bare_parts_are_joined_even_if_a_cut_splits_a_sample():
    kind = "audio/L16;rate=24000"
    assert samples_of(audio_of(reply(sound(SAMPLES[:333], kind), sound(SAMPLES[333:], kind)))) == SAMPLES


def test_wav_and_bare_parts_are_joined():
    audio = audio_of(reply(sound(wav(SAMPLES)), sound(SAMPLES, "audio/l16; rate=24000"), sound(wav(SAMPLES))))
    assert samples_of(audio) == SAMPLES * 3


def test_parts_of_different_rates_are_not_audio():
    error, _ = refused(reply(sound(wav(SAMPLES, 24000)), sound(wav(SAMPLES, 16000))))
    assert type(error) is NoAudioError


def test_thoughts_and_empty_texts_beside_the_audio_are_ignored():
    parts = [{"text": "The user wants speech.", "thought": True}, {"text": ""}, sound(wav(SAMPLES))]
    assert samples_of(audio_of(reply(*parts))) == SAMPLES


def test_enum_values_unknown_to_the_sdk_are_ignored():
    # The SDK warns about them, and in these tests warnings are errors.
    audio = audio_of(reply(sound(wav(SAMPLES)), safetyRatings=[{"category": "NEW", "probability": "NEWER"}]))
    assert samples_of(audio) == SAMPLES


def test_speech_in_several_replies_is_requested_and_joined():
    def answer(request):
        token = request.json.get("continuationToken")
        rest = {None: ("CONTINUATION", "dG9r-_8="), "dG9r-_8=": ("STOP", None)}[token]
        return reply(sound(wav(SAMPLES)), reason=rest[0], continuationToken=rest[1])

    with LoopbackServer(answer) as server:
        audio = speak(GoogleSynthesizer(api_key="k", base_url=server.url))
        assert [request.json.get("continuationToken") for request in server.requests] == [None, "dG9r-_8="]
        first, second = (request.json for request in server.requests)
    assert samples_of(audio) == SAMPLES * 2
    assert second == first | {"continuationToken": "dG9r-_8="}


def test_speech_that_does_not_continue_is_not_audio():
    error, requests = refused(reply(sound(wav(SAMPLES)), reason="CONTINUATION", continuationToken="dG9rZW4="))
    assert type(error) is NoAudioError
    assert requests == 2


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(reply(reason="OTHER"), id="no content"),
        pytest.param(reply(sound(wav(SAMPLES)), reason="OTHER"), id="audio that is cut"),
        pytest.param(reply(sound(wav(SAMPLES)), reason=None), id="audio without a reason"),
        pytest.param(reply(sound(wav(SAMPLES)), reason="BRAND_NEW"), id="an unknown reason"),
        pytest.param(reply(sound(wav(SAMPLES)), reason="CONTINUATION"), id="a continuation without a token"),
        pytest.param(reply(), id="no parts"),
        pytest.param(reply({"text": "I am a model."}), id="words"),
        pytest.param(reply({"text": "Sure:"}, sound(wav(SAMPLES))), id="words and audio"),
        pytest.param(reply(sound(SAMPLES, "audio/L16;rate=0")), id="rate 0"),
        pytest.param(reply(sound(SAMPLES, "audio/L16;rate=fast")), id="no rate"),
        pytest.param(reply(sound(SAMPLES, "audio/L16;rate=24000;channels=0")), id="no channels"),
        pytest.param(reply(sound(SAMPLES[:-1], "audio/L16")), id="half a sample"),
        pytest.param(reply(sound(wav(SAMPLES)[:-100])), id="a truncated WAV"),
        pytest.param(reply(sound(wav(SAMPLES)[:30])), id="a truncated WAV header"),
        pytest.param(reply(sound(wav(b""))), id="a WAV without samples"),
        pytest.param(reply({"inlineData": {"mimeType": "audio/wav", "data": "UklG*"}}), id="no base64"),
        pytest.param(reply({"inlineData": {"mimeType": "audio/wav", "data": 7}}), id="a number for base64"),
        pytest.param(reply({"inlineData": []}), id="a list for a mapping"),
        pytest.param(json_reply({"candidates": []}), id="no candidates"),
        pytest.param(json_reply({"candidates": {"0": 1}}), id="a mapping for a list"),
        pytest.param(json_reply({"candidates": [None]}), id="an empty candidate"),
        pytest.param(json_reply({"candidates": [{"finishReason": ["STOP"]}]}), id="a list for a word"),
        pytest.param(json_reply({"error": {"code": 500, "message": "hidden"}}), id="an error"),
        pytest.param(Reply(body=spoken(SAMPLES).body[:-40]), id="JSON that is cut"),
        pytest.param(Reply(body=b"[" * 100_000), id="JSON without an end"),
    ],
)
def test_reply_without_audio_is_refused_although_its_status_is_200(answer):
    error, requests = refused(answer)
    assert type(error) is NoAudioError
    assert (error.retryable, error.reached, requests) == (True, True, 1)
    assert len(str(error)) < 600


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(reply(sound(b"\x89PNG\r\n\x1a\n" + SAMPLES, "image/png")), id="a picture"),
        pytest.param(reply(sound(b"ID3\x04" + SAMPLES, "audio/mp3")), id="another format"),
        pytest.param(reply(sound(b'{"error": "no"}!', "audio/L16")), id="JSON for samples"),
        pytest.param(json_reply({"error": {"code": 404, "message": "no such route"}}), id="an error"),
        pytest.param(json_reply([{"error": {"message": "no such route"}}]), id="an error in a list"),
        pytest.param(json_reply({"detail": "Not Found"}), id="another service"),
        pytest.param(Reply(body=b"<!doctype html><title>Sign in</title>"), id="a page"),
        pytest.param(Reply(body=b"please sign in"), id="text"),
    ],
)
def test_permanent_failure_is_not_retried(answer):
    error, requests = refused(answer, attempts=3)
    assert type(error) is NoAudioError
    assert (error.retryable, error.reached, requests) == (False, True, 1)
    assert "must return" in str(error)


@pytest.mark.parametrize(
    "answer",
    [
        reply(reason="\x1b[2J\n::error::q" * 100),
        reply({"text": "\x1b[2J\n::error::q" * 100}),
        json_reply({"promptFeedback": {"blockReason": "\x1b[2J\n::error::q" * 100}}),
        reply(sound(SAMPLES, "audio/\x1b[2J\n::error::q" * 100)),
    ],
)
def test_foreign_text_is_escaped_for_terminals(answer):
    message = str(refused(answer)[0])
    assert message.isprintable()
    assert "\\x1b[2J" in message
    assert len(message) <= 700


def test_refused_reply_is_retried():
    error, requests = refused(reply(reason="OTHER"), attempts=3)
    assert type(error) is NoAudioError
    assert requests == 3
    assert "OTHER" in str(error)
    assert samples_of(audio_of([reply(reason="OTHER"), spoken(SAMPLES)])) == SAMPLES


@pytest.mark.parametrize(
    "answer",
    [
        json_reply({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}),
        json_reply({"promptFeedback": {"blockReason": "BRAND_NEW"}, "candidates": []}),
        reply(reason="SAFETY"),
        reply(sound(wav(SAMPLES)), reason="PROHIBITED_CONTENT"),
        reply(reason="RECITATION"),
        reply(reason="BLOCKLIST"),
        reply(reason="SPII"),
        reply(reason="LANGUAGE"),
        reply(sound(wav(SAMPLES)), reason="MAX_TOKENS"),
    ],
)
def test_blocked_or_too_long_text_is_refused_and_not_retried(answer):
    error, requests = refused(answer, attempts=3)
    assert type(error) is TextRejectedError
    assert requests == 1
    found = json.loads(answer.body)
    blocked = found.get("promptFeedback", {}).get("blockReason") or found["candidates"][0]["finishReason"]
    assert blocked in str(error)


@pytest.mark.parametrize("status", [201, 204])
def test_only_200_is_a_success(status):
    body = b"" if status == 204 else spoken(SAMPLES).body
    error, _ = refused(Reply(status=status, body=body))
    assert type(error) is ServiceError
    assert f"HTTP {status}" in str(error)


def test_damaged_compressed_reply_is_a_service_error():
    error, _ = refused(Reply(body=b"no gzip", headers={"Content-Encoding": "gzip"}))
    assert type(error) is ServiceError
    assert "cannot be read" in str(error)
    assert error.retryable


def test_ten_seconds_of_speech_are_returned_unchanged():
    samples = speech_pcm(10.0)
    assert samples_of(audio_of(spoken(samples))) == samples


def test_threads_with_own_event_loops_may_share_one_synthesizer():
    found = []
    with LoopbackServer(spoken(SAMPLES)) as server:
        synthesizer = GoogleSynthesizer(api_key="k", base_url=server.url)
        threads = [
            threading.Thread(target=lambda: found.append(samples_of(speak(synthesizer)))) for _ in range(12)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert server.wait_closed()
    assert found == [SAMPLES] * 12


@pytest.mark.parametrize("kind", ["audio/L16;rate=24000", "audio/pcm", "audio/wav"])
@pytest.mark.parametrize("before", [0, 1])
@pytest.mark.parametrize("name", FILES)
def test_part_in_another_file_format_is_not_audio(name, before, kind):
    body, expected = FILES[name]
    error, _ = refused(reply(*[sound(SAMPLES, "audio/L16")] * before, sound(body, kind)))
    assert type(error) is NoAudioError
    assert f"is {expected}: it starts with" in str(error) or "not a WAV file" in str(error)


@pytest.mark.parametrize("name", LOOKALIKES)
def test_samples_that_begin_like_a_file_are_audio(name):
    samples = LOOKALIKES[name] + SAMPLES
    assert samples_of(audio_of(reply(sound(samples, "audio/L16")))) == samples


def test_text_part_is_not_audio():
    error, _ = refused(reply(sound(SAMPLES, "audio/L16"), sound(b"Internal error encountered.", "audio/L16")))
    assert type(error) is NoAudioError
    assert "is text: it starts with" in str(error)


@pytest.mark.parametrize("name", ODD_WAVS)
def test_malformed_wav_is_not_audio(name):
    error, _ = refused(reply(sound(ODD_WAVS[name])))
    assert type(error) is NoAudioError


@pytest.mark.parametrize("name", SIZES)
def test_all_samples_are_kept_for_any_sizes_in_the_header(name):
    riff, size = SIZES[name]
    assert samples_of(audio_of(reply(sound(header(riff=riff, size=size) + WHOLE)))) == WHOLE
