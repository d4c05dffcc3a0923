import array
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from russo._containers import container_of
from russo._wav import is_wav
from russo.testing import speech_pcm
from support.containers import FILES, LOOKALIKES, NOISE, adts, loas, mpeg

FRAMES = {
    "MPEG-1 III 128 kbit/s 44.1 kHz": (mpeg(b"\xff\xfb\x90\x64", 417), "MP3"),
    "MPEG-1 III with CRC": (mpeg(b"\xff\xfa\x90\x64", 417), "MP3"),
    "MPEG-1 III 320 kbit/s 48 kHz": (mpeg(b"\xff\xfb\xe4\x00", 960), "MP3"),
    "MPEG-2 III 64 kbit/s 24 kHz": (mpeg(b"\xff\xf3\x84\xc4", 192), "MP3"),
    "MPEG-2.5 III 16 kbit/s 8 kHz": (mpeg(b"\xff\xe3\x28\xc4", 144), "MP3"),
    "MPEG-1 II 192 kbit/s 48 kHz": (mpeg(b"\xff\xfd\xa4\x00", 576), "MP3"),
    "MPEG-1 I 32 kbit/s 32 kHz": (mpeg(b"\xff\xff\x18\x00", 48), "MP3"),
    "MPEG-2 II 32 kbit/s 16 kHz": (mpeg(b"\xff\xf5\x48\xc0", 288), "MP3"),
    "padded and unpadded": (mpeg(b"\xff\xfb\x90\x64", 417, 1) + mpeg(b"\xff\xfb\x92\x64", 418, 7), "MP3"),
    "variable bit rate": (mpeg(b"\xff\xfb\x90\x64", 417, 1) + mpeg(b"\xff\xfb\xb0\x64", 626, 7), "MP3"),
    "silent frames": (8 * (b"\xff\xfb\x90\x64" + bytes(413)), "MP3"),
    "ADTS": (adts(), "AAC"),
    "ADTS of MPEG-2": (adts(0xF9), "AAC"),
    "ADTS with CRC": (adts(0xF0, 1200), "AAC"),
    "LOAS": (loas(), "AAC"),
}


@pytest.mark.parametrize("name", FRAMES)
@pytest.mark.parametrize("tag", [b"", b"ID3\x04\0\0\0\0\x01\x02" + bytes(130)], ids=["bare", "ID3"])
def test_consecutive_frames_are_recognised(name, tag):
    frames, expected = FRAMES[name]
    assert container_of(tag + frames) == expected
    assert container_of(tag + frames[:-1]) == expected


@pytest.mark.parametrize("end", [b"", b"TAG" + bytes(125), b"APETAGEX" + bytes(24)])
@pytest.mark.parametrize("frames", [1, 2, 3])
def test_few_frames_are_recognised_if_they_fill_all_bytes(frames, end):
    assert container_of(mpeg(b"\xff\xfb\x90\x64", 417, frames) + end) == "MP3"


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (b"ID3\x02", "MP3"),
        (b"ID3\x03\0\0\0\0\0\x02..", "MP3"),
        (b"ID3\x04\0\0\0\0\0\x02..fLaC", "FLAC"),
        (10_000 * b"ID3\x04\0\0\0\0\0\0", "MP3"),
        (b"RIFF\x24\0\0\0WAVE", "WAV"),
        (b"RIFX\0\0\0\x24WAVE", "WAV"),
        (b"RF64\xff\xff\xff\xffWAVEds64", "WAV"),
        (b"BW64\xff\xff\xff\xffWAVEds64", "WAV"),
        (b"RIFF\x24\0\0\0AVI LIST", "AVI"),
        (b"RIFF\x24\0\0\0WEBPVP8 ", "WebP"),
        (b"RIFF\x24\0\0\0sfbk", "RIFF"),
        (b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb", "WAV"),
        (b"OggS\0\x02", "Ogg"),
        (b"fLaC\0\0", "FLAC"),
        (b"\x1aE\xdf\xa3\x9fB\x86\x81\x01", "WebM"),
        (b"\0\0\0\x20ftypM4A ", "MP4"),
        (b"\0\0\0\x18ftypisom", "MP4"),
        (b"\0\0\0\x14ftyp3gp4", "MP4"),
        (b"\0\0\0\x18stypmsdh", "MP4"),
        (b"\0\0\x10\0moov\0\0\0\x6cmvhd", "MP4"),
        (b"\0\0\0\x08free\0\0\0\0mdat", "MP4"),
        (b"FORM\0\0\x10\0AIFF", "AIFF"),
        (b"FORM\0\0\x10\0AIFCFVER", "AIFF"),
        (b"caff\0\x01\0\0", "CAF"),
        (b".snd\0\0\0\x18", "AU"),
        (b"#!AMR\n", "AMR"),
        (b"#!AMR-WB\n", "AMR"),
        (b"\x02#!SILK_V3", "SILK"),
        (b"#!SILK_V3", "SILK"),
        (b"ADIF", "AAC"),
        (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\0\xaa", "WMA"),
        (b"FLV\x01\x04", "FLV"),
        (b"\x1f\x8b\x08\0\0\0\0\0\0\x03", "gzip"),
        (b"\x28\xb5\x2f\xfd\x24", "zstd"),
        (b"PK\x03\x04\x14\0", "zip"),
    ],
)
def test_signature_is_recognised(start, expected):
    assert container_of(start) == expected
    assert container_of(start + NOISE) == expected


@pytest.mark.parametrize("form", [b"WAVE", b"AVI ", b"WEBP", b"sfbk", b"wave", b"\1\2\1\2", b"\0\0\0\0"])
def test_riff_file_is_wav_only_with_the_wave_form(form):
    data = b"RIFF\x24\0\0\0" + form + NOISE
    assert (container_of(data) == "WAV") is is_wav(data) is (form == b"WAVE")


@pytest.mark.parametrize("magic", [b"RIFF", b"RIFX", b"RF64", b"BW64"])
@pytest.mark.parametrize("length", range(4, 12))
def test_truncated_riff_header_counts_as_wav(magic, length):
    assert container_of((magic + b"\x24\0\0\0WAVE")[:length]) == "WAV"


@pytest.mark.parametrize("name", FILES)
def test_file_from_the_backends_is_recognised(name):
    data, expected = FILES[name]
    assert container_of(data) == expected


@pytest.mark.parametrize("name", LOOKALIKES)
def test_samples_from_the_backends_are_not_a_container(name):
    assert container_of(LOOKALIKES[name] + speech_pcm(0.2)) is None


def samples(values):
    return array.array("h", values).tobytes()


def tone(period, start, peak=20000):
    return samples(round(peak * math.sin(2 * math.pi * (at + start) / period)) for at in range(9600))


@pytest.mark.parametrize("start", [data[:8] for data, _ in FRAMES.values()])
def test_samples_that_start_like_a_frame_are_not_a_container(start):
    for sound in (speech_pcm(0.5), bytes(9600), NOISE, b"\xff" * 9600, samples([-1, 1] * 2400)):
        assert container_of(start + sound) is None
    for period in (4, 6, 8, 12, 24, 36):  # each of these divides the length of some frame
        wave = start + NOISE[: period - len(start)] if period > len(start) else start[:period]
        assert container_of(wave * (9600 // period)) is None


@pytest.mark.parametrize(
    "sound",
    [
        b"",
        b"\0\0",
        bytes(9600),
        speech_pcm(0.5),
        samples([-1] * 4800),
        samples([32767] * 48 + [-32768] * 48) * 50,
        samples([-32768] * 48 + [32767] * 48) * 50,
        samples([-1025, 25744] * 2400),
        b"ID3" + b"\x7f\x01\x02" * 800,
        b"ID4\x04" * 800,
        b"  free" * 100,
    ],
)
def test_samples_of_other_sounds_are_not_a_container(sound):
    assert container_of(sound) is None


@given(st.integers(2, 2000), st.integers(0, 2000), st.integers(1, 32767))
def test_tone_is_not_a_container(period, start, peak):
    assert container_of(tone(period, start, peak)) is None


# Longer than any frame, because one frame that fills all bytes is a container. A SILK file may begin with any
# byte, and hypothesis also tries the constants of the code.
@given(
    st.sampled_from([0xFF, 0x56]),
    st.binary(min_size=3, max_size=6).filter(lambda data: data != b"#!SILK"),
    st.integers(0),
    st.integers(9000, 9999),
)
def test_noise_after_any_first_bytes_is_not_a_container(first, second, seed, length):
    assert container_of(bytes([first]) + second + random.Random(seed).randbytes(length)) is None


@given(st.binary(max_size=300))
def test_any_bytes_are_classified_without_an_error(data):
    assert container_of(data) is None or container_of(data).isascii()


@pytest.mark.parametrize("frames", [mpeg(b"\xff\xfb\x90\x64", 417, 2), adts()[:600]], ids=["MPEG", "ADTS"])
def test_two_frames_before_other_bytes_may_be_samples(frames):
    assert container_of(frames + bytes(range(1, 200)) * 20) is None
