import array
import math
import random
import struct
import tracemalloc

import pytest

from russo._samples import is_silent, to_s16le
from russo._wav import ALAW, FLOAT, PCM, ULAW, Wav
from russo.testing import speech_pcm


@pytest.mark.parametrize(
    ("tag", "width", "samples", "expected"),
    [
        (PCM, 1, b"\x00\x80\xff", (-32768, 0, 32512)),
        (PCM, 3, b"\x01\xff\x7f\xff\x00\x80", (32767, -32768)),
        (PCM, 4, struct.pack("<2i", 0x12345678, -0x12345678), (0x1234, -0x1235)),
        (FLOAT, 8, struct.pack("<5d", 0.0, 1.0, -1.0, 1e308, -1e308), (0, 32767, -32767, 32767, -32767)),
        (FLOAT, 4, struct.pack("<5f", 0.0, 1.0, -1.0, 7.5, -7.5), (0, 32767, -32767, 32767, -32767)),
        (ULAW, 1, b"\x10\x9c\xe7", (-15996, 9852, 260)),
        (ALAW, 1, b"\x10\x9c\xe7", (-2752, 3264, 1184)),
    ],
)
def test_samples_of_every_encoding_are_converted_to_16_bit(tag, width, samples, expected):
    converted = to_s16le(Wav(tag, 1, 8000, width, samples))
    assert struct.unpack(f"<{len(expected)}h", converted) == expected


@pytest.mark.parametrize(("tag", "width"), [(FLOAT, 2), (2, 1), (PCM, 8), (ULAW, 2)])
def test_other_encodings_are_refused_by_tag_and_width(tag, width):
    with pytest.raises(ValueError, match=f"format tag {tag} and {width * 8}-bit samples"):
        to_s16le(Wav(tag, 1, 8000, width, bytes(16)))


def floats(kind, *values):
    return Wav(FLOAT, 1, 8000, 4 if kind == "f" else 8, struct.pack(f"<{len(values)}{kind}", *values))


@pytest.mark.parametrize("kind", ["f", "d"])
@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("at", [0, 8191, 8192, 20_000])
def test_floats_that_are_not_finite_are_refused(kind, odd, at):
    values = [0.5] * 20_001
    values[at] = odd
    with pytest.raises(ValueError, match="that are not all finite numbers"):
        to_s16le(floats(kind, *values))


def test_infinities_that_cancel_out_are_refused():
    with pytest.raises(ValueError, match="finite"):
        to_s16le(floats("d", math.inf, -math.inf))


def test_finite_floats_with_an_infinite_sum_are_accepted():
    assert to_s16le(floats("d", 1.7e308, 1.7e308)) == struct.pack("<2h", 32767, 32767)


def test_long_float_audio_is_converted_in_blocks():
    wav = Wav(FLOAT, 1, 24000, 4, array.array("f", [0.5, -0.5, 2.0, -0.1] * 50_000).tobytes())
    tracemalloc.start()
    try:
        converted = to_s16le(wav)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert converted == struct.pack("<4h", 16384, -16384, 32767, -3277) * 50_000
    assert peak < 4 * len(converted)


# -- silence


def s16(values, channels=1):
    return Wav(PCM, channels, 24000, 2, array.array("h", values).tobytes())


CHANCE = random.Random(1)
SILENT = {
    "nothing": s16([]),
    "digital zero": s16([0] * 9600),
    "dither of one": s16([1, -1] * 4800),
    "random dither": s16(CHANCE.choices([-2, -1, -1, 0, 0, 0, 1, 1, 2], k=30_000)),
    "a constant level": s16([-320] * 9600),
    "a constant level and dither": s16([300, 301] * 4800),
    "a level for each channel": s16([300, -300] * 4800, 2),
    "A-law idle": Wav(ALAW, 1, 8000, 1, b"\xd5" * 4000),
    "A-law idle of both signs": Wav(ALAW, 1, 8000, 1, b"\xd5\x55" * 4000),
    "mu-law idle": Wav(ULAW, 1, 8000, 1, b"\xff" * 4000),
    "mu-law idle of both signs": Wav(ULAW, 1, 8000, 1, b"\xff\x7f" * 4000),
    "mu-law noise": Wav(ULAW, 1, 8000, 1, b"\xff\x7f\xfe\x7e" * 4000),
    "8 bits": Wav(PCM, 1, 8000, 1, b"\x80" * 4000),
    "8 bits and dither": Wav(PCM, 1, 8000, 1, b"\x7f\x80\x81" * 4000),
    "24 bits and dither": Wav(PCM, 1, 8000, 3, b"\1\0\0\xff\xff\xff" * 4000),
    "floats and dither": floats("f", *[3e-5, -3e-5] * 4000),
}


@pytest.mark.parametrize("name", SILENT)
def test_silence_is_detected_by_level(name):
    assert is_silent(to_s16le(SILENT[name]), SILENT[name])


def quiet(peak, channels=1):
    values = array.array("h", speech_pcm(0.5))
    loudest = max(values)
    return [value * peak // loudest for value in values for _ in range(channels)]


LOUD = {
    "speech": s16(quiet(20_000)),
    "a whisper": s16(quiet(100)),
    "the quietest whisper": s16(quiet(20)),
    "speech after silence": s16([0] * 100_000 + quiet(100)),
    "speech in the second channel": s16([each for value in quiet(100) for each in (0, value)], 2),
    "speech in the last of three channels": s16([each for value in quiet(100) for each in (9, 0, value)], 3),
    "a slow drift": s16([at // 4800 for at in range(200_000)]),
    "a level far from zero": s16([1000] * 4800),
    "a level far below zero": s16([-1000] * 4800),
    "8 bits": Wav(PCM, 1, 8000, 1, b"\x7e\x80\x82" * 400),
    "A-law": Wav(ALAW, 1, 8000, 1, b"\xd5\xc5" * 400),
    "mu-law": Wav(ULAW, 1, 8000, 1, b"\xff\xef" * 400),
    "floats": floats("f", *[0.001, -0.001] * 4000),
}


@pytest.mark.parametrize("name", LOUD)
def test_quiet_speech_is_not_silent(name):
    assert not is_silent(to_s16le(LOUD[name]), LOUD[name])
