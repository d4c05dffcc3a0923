import array
import math
import random
import re
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from russo import Audio, authoring
from russo._wav import ALAW, PCM, ULAW, write_wav
from russo.authoring import join_wav, looks_like_text, pcm_audio, wav_audio
from russo.testing import speech_pcm, wav

SAMPLES = speech_pcm(0.1)
MP3 = b"\xff\xfb\x90\x64".ljust(417, b"\0") * 4
NAN = struct.pack("<3f", 0.5, math.nan, -0.5)


def test_correct_wav_is_kept_unchanged():
    assert wav_audio(wav(SAMPLES)) == Audio(wav(SAMPLES))


@pytest.mark.parametrize("sizes", ["streamed", "zero"])
def test_streamed_wav_gets_a_correct_header(sizes):
    assert wav_audio(wav(SAMPLES, sizes=sizes)) == Audio(wav(SAMPLES))


def test_fields_of_wav_audio_come_from_its_header():
    audio = wav_audio(wav(SAMPLES, 8000, channels=2))
    assert (audio.format, audio.sample_rate, audio.channels, audio.sample_width) == ("wav", 8000, 2, 2)


@pytest.mark.parametrize(("tag", "width"), [(1, 1), (1, 3), (1, 4), (3, 4), (3, 8), (7, 1), (6, 1)])
def test_wav_of_another_encoding_is_converted_to_16_bit(tag, width):
    samples = (
        array.array("f" if width == 4 else "d", map(math.sin, range(300))).tobytes()
        if tag == 3
        else SAMPLES[: 300 * width]
    )
    audio = wav_audio(authoring.write_wav(samples, 8000, sample_width=width, tag=tag))
    assert (audio.sample_width, audio.duration) == (2, 300 / 8000)
    assert len(audio.data) == 44 + 600


def test_raw_samples_get_a_header():
    assert pcm_audio(SAMPLES, 24000) == Audio(wav(SAMPLES))
    assert pcm_audio(SAMPLES, 8000, channels=2) == Audio(wav(SAMPLES, 8000, channels=2), "wav", 8000, 2)


def test_parts_are_joined_sample_by_sample():
    cuts = [SAMPLES[:1000], SAMPLES[1000:1002], SAMPLES[1002:]]
    parts = [
        Audio(wav(cut, sizes=sizes)) for cut, sizes in zip(cuts, ("true", "streamed", "zero"), strict=True)
    ]
    assert join_wav(iter(parts)) == Audio(wav(SAMPLES))


def test_silent_or_empty_part_may_be_joined():
    joined = join_wav([pcm_audio(SAMPLES, 24000), Audio(wav(bytes(4800))), Audio(wav(b""))])
    assert joined.pcm() == SAMPLES + bytes(4800)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: wav_audio(b""), "not a WAV file"),
        (lambda: wav_audio(b'{"error": {"code": 500}}'), "not a WAV file"),
        (lambda: wav_audio(b"ID3\x04" + SAMPLES), "not a WAV file"),
        (lambda: wav_audio(wav(SAMPLES)[:-10]), "truncated"),
        (lambda: wav_audio(wav(b"")), "without samples"),
        (lambda: wav_audio(wav(b"", sizes="streamed")), "without samples"),
        (lambda: wav_audio(wav(bytes(4800))), "silence from end to end"),
        (lambda: wav_audio(authoring.write_wav(b"\x80" * 800, 8000, sample_width=1)), "silence"),
        (lambda: wav_audio(authoring.write_wav(b"\xff" * 800, 8000, sample_width=1, tag=7)), "silence"),
        (lambda: wav_audio(authoring.write_wav(SAMPLES, 8000, sample_width=8)), "64-bit samples"),
        (lambda: pcm_audio(b"", 24000), "no samples"),
        (lambda: pcm_audio(bytes(4800), 24000), "silence from end to end"),
        (lambda: pcm_audio(SAMPLES + b"x", 24000), "bytes are not whole 16-bit samples"),
        (lambda: pcm_audio(SAMPLES[:-2], 24000, channels=2), "bytes are not whole 16-bit samples"),
        (lambda: pcm_audio(b'{"error": "no such voice"}', 24000), "text instead of samples"),
        (lambda: pcm_audio(b"<!doctype html><html></html>", 24000), "text instead of samples"),
        (lambda: pcm_audio(b"Too many requests", 24000), "text instead of samples"),
        (
            lambda: pcm_audio(SAMPLES + b'{"error": {"message": "quota \xc3\xbc"}}\n', 24000),
            "samples that end in a text",
        ),
        (
            lambda: pcm_audio(SAMPLES + b"<html><body>502 Bad Gateway</body></html>", 24000),
            "that end in a text",
        ),
        (
            lambda: wav_audio(wav(SAMPLES, sizes="streamed") + b'{"detail": "went away."}'),
            "that end in a text",
        ),
        (
            lambda: pcm_audio(SAMPLES + b"upstream connect error or reset before headers\r\n", 24000),
            "that end in a text: b'upstream",
        ),
        (lambda: pcm_audio(wav(SAMPLES), 24000), "WAV instead of bare samples"),
        (lambda: pcm_audio(SAMPLES + wav(SAMPLES), 24000), f"header of a WAV file at byte {len(SAMPLES)}"),
        (lambda: wav_audio(wav(wav(SAMPLES))), "WAV instead of bare samples"),
        (lambda: wav_audio(wav(SAMPLES + wav(SAMPLES))), "the header of a WAV file at byte"),
        (lambda: wav_audio(wav(MP3)), "MP3 instead of bare samples"),
        (lambda: wav_audio(wav(b"Internal Server Error.")), "text instead of samples"),
        (lambda: wav_audio(MP3), "not a WAV file: it starts with b'\\xff\\xfb\\x90d"),
        (lambda: wav_audio(MP3), "(MP3)"),
        (lambda: join_wav([Audio(wav(MP3))]), "MP3 instead of bare samples"),
        (lambda: pcm_audio(SAMPLES, 2**32 - 1), "cannot have 1 channels, 4294967295 Hz"),
        (lambda: pcm_audio(SAMPLES * 50, 8000, channels=40000), "cannot have 40000 channels"),
        (lambda: pcm_audio(struct.pack("<800h", *[1, -1] * 400), 24000), "silence from end to end"),
        (lambda: wav_audio(authoring.write_wav(b"\xd5" * 800, 8000, sample_width=1, tag=6)), "silence"),
        (lambda: wav_audio(authoring.write_wav(NAN, 8000, sample_width=4, tag=3)), "finite"),
        (lambda: join_wav([]), "cannot join 0 parts"),
        (lambda: join_wav([Audio(wav(SAMPLES)), Audio(wav(SAMPLES, 8000))]), "2 parts of 2 formats"),
        (lambda: join_wav([Audio(wav(SAMPLES)), Audio(wav(SAMPLES, channels=2))]), "2 parts of 2 formats"),
        (lambda: join_wav([Audio(wav(SAMPLES)), Audio(SAMPLES, "pcm")]), "not a WAV file"),
        (lambda: join_wav([Audio(wav(SAMPLES)), Audio(wav(SAMPLES)[:-2])]), "truncated"),
        (lambda: join_wav([Audio(wav(bytes(480)))] * 2), "silence from end to end"),
    ],
)
def test_reply_without_usable_audio_is_refused(make, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make()


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'{"error": 1}', True),
        (b' \r\n[{"a": 1}]', True),
        (b"<?xml version='1.0'?>", True),
        (b"<html>", True),
        (b"", False),
        (SAMPLES, False),
        (wav(SAMPLES), False),
        (b"{" + bytes(300), False),
        (b"<\xff\x7b\x00", False),
        (b"<\xff\x7b\x01" * 9, False),
        (b"ID3\x04", False),
        (array.array("h", [123, 60, 91]).tobytes(), False),
        (b"Internal Server Error", True),
        (b"Rate limit reached; wait 20 s.\r\n", True),
        ("Zu viele Anfragen für dieses Gerät".encode(), True),
        ("请求过于频繁,请稍后再试".encode(), True),
        (("\ufeff" + '{"fehler": "ungültig"}').encode(), True),
        ('{"error": "ungültig"}'.encode(), True),
        (("ü" * 600 + "abcdef").encode()[1:], False),
        (("abcdef" + "ü" * 600).encode(), True),
        (("abcde" + "ü" * 600).encode(), True),
        (b"data: {}\n\nevent: error\n", True),
        (b"UklGRiQAAABXQVZFZm10IBAAAAABAAEA", True),
        (b"ab" * 800, False),
        (b"abcd" * 800, False),
        (b"abcdef\x01", False),
    ],
)
def test_documents_are_distinguished_from_audio(data, expected):
    assert looks_like_text(data) is expected


def bits16(values):
    return array.array("h", values).tobytes()


SOUNDS = {
    "a square wave": bits16([32767] * 50 + [-32768] * 50) * 20,
    "a square wave of printable bytes": b"ab" * 40 + b"}{" * 40,
    "a level of printable bytes": b"ab" * 800,
    "clicks": (bits16([-300]) + bytes(998)) * 10,
    "speech after silence": bytes(48_000) + SAMPLES + bytes(48_000),
    "set bits before speech": b"\xff" * 4800 + SAMPLES,
    "loud noise": bits16(random.Random(1).choices([-32768, -1, 0, 32767], k=4800)),
}


@pytest.mark.parametrize("name", SOUNDS)
def test_audio_of_any_kind_is_accepted(name):
    assert pcm_audio(SOUNDS[name], 24000).pcm() == SOUNDS[name]
    assert wav_audio(wav(SOUNDS[name])).pcm() == SOUNDS[name]


@given(st.integers(0), st.integers(100, 2000), st.integers(2, 400), st.integers(40, 32767))
def test_noise_and_tones_are_accepted(seed, count, period, peak):
    noise = random.Random(seed).randbytes(2 * count)
    tone = bits16(round(peak * math.sin(2 * math.pi * (at + seed % period) / period)) for at in range(count))
    for sound in (noise, tone, tone + noise, noise + tone):
        if max(array.array("h", sound)) - min(array.array("h", sound)) > 16:
            assert pcm_audio(sound, 24000).pcm() == sound


ONE_BYTE = [
    bytes(128 + round(60 * math.sin(2 * math.pi * at / 220)) for at in range(2420)),
    *(bytes([level] * 2000 + [level + 40 * (at % 2) for at in range(2000)]) for level in b"{[<"),
]


@pytest.mark.parametrize("tag", [PCM, ALAW, ULAW])
@pytest.mark.parametrize("samples", ONE_BYTE, ids=["negative end", "level {", "level [", "level <"])
def test_printable_samples_of_one_byte_are_accepted(samples, tag):
    assert len(wav_audio(write_wav(samples, 8000, sample_width=1, tag=tag)).pcm()) == 2 * len(samples)
