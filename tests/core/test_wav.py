import io
import random
import struct
import wave

import pytest

from russo._wav import (
    ALAW,
    EXTENSIBLE,
    FLOAT,
    PCM,
    ULAW,
    Wav,
    is_wav,
    read_wav,
    repair_wav,
    rewrite_wav,
    to_s16le,
    write_wav,
)
from russo.testing import speech_pcm, wav

SAMPLES = speech_pcm(0.1)
FMT = struct.pack("<HHIIHH", PCM, 1, 24000, 48000, 2, 16)


def riff(*chunks, size=None):
    """Assemble a WAV file of named chunks, each padded to an even length."""
    body = b"WAVE" + b"".join(
        struct.pack("<4sI", name, len(data)) + data + b"\0" * (len(data) % 2) for name, data in chunks
    )
    return struct.pack("<4sI", b"RIFF", len(body) if size is None else size) + body


def by_stdlib(rate=24000, channels=1, width=2, samples=SAMPLES):
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setparams((channels, width, rate, 0, "NONE", ""))
        file.writeframes(samples)
    return buffer.getvalue()


@pytest.mark.parametrize("rate", [8000, 44100])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_reading_and_writing_agree_with_the_standard_library(rate, channels, width):
    samples = SAMPLES[: 480 * channels * width]
    theirs = by_stdlib(rate, channels, width, samples)
    assert read_wav(theirs) == Wav(PCM, channels, rate, width, samples)
    assert write_wav(samples, rate, channels=channels, sample_width=width) == theirs


def test_odd_samples_are_padded_outside_the_data():
    data = write_wav(b"abc", 8000, sample_width=1)
    assert len(data) == 44 + 4
    assert struct.unpack_from("<I", data, 4)[0] == len(data) - 8
    assert read_wav(data).samples == b"abc"
    assert repair_wav(data) == data


@pytest.mark.parametrize("tag", [FLOAT, ALAW, ULAW])
def test_other_encodings_carry_an_extension_and_a_fact_chunk(tag):
    data = write_wav(bytes(800), 8000, sample_width=1, tag=tag)
    assert struct.unpack_from("<4sI", data, 12) == (b"fmt ", 18)
    assert data[38:50] == struct.pack("<4sII", b"fact", 4, 800)
    assert read_wav(data) == Wav(tag, 1, 8000, 1, bytes(800))


@pytest.mark.parametrize("before", [[], [(b"LIST", b"odd")], [(b"JUNK", bytes(28)), (b"bext", b"x" * 7)]])
@pytest.mark.parametrize("after", [[], [(b"LIST", b"INFOISFT"), (b"id3 ", b"odd")]])
def test_chunks_before_and_after_the_samples_are_stepped_over(before, after):
    data = riff(*before, (b"fmt ", FMT), *before, (b"data", SAMPLES), *after)
    assert read_wav(data).samples == SAMPLES
    assert repair_wav(data) == data


def test_extensible_format_is_the_one_it_names():
    guid = struct.pack("<H", FLOAT) + b"\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71"
    fmt = struct.pack("<HHIIHHHHI", EXTENSIBLE, 1, 8000, 32000, 4, 32, 22, 32, 4) + guid
    assert read_wav(riff((b"fmt ", fmt), (b"data", bytes(8)))).tag == FLOAT


@pytest.mark.parametrize(
    "size", [0, 0xFFFFFFFF, 0x7FFFF000, 0x7FFFFFFF, 0x80000000, 0x7FFFFFFF - 36, 0xFFFFFFFF - 36]
)
def test_placeholder_sizes_mean_that_samples_run_to_the_end(size):
    head = struct.pack("<4sI", b"RIFF", size) + b"WAVE" + struct.pack("<4sI", b"fmt ", 16) + FMT
    data = head + struct.pack("<4sI", b"data", size) + SAMPLES
    assert read_wav(data).samples == SAMPLES
    assert repair_wav(data) == by_stdlib()


def test_true_header_with_a_placeholder_around_it_is_repaired():
    data = riff((b"fmt ", FMT), (b"data", SAMPLES), size=0xFFFFFFFF)
    assert repair_wav(data) == by_stdlib()


def test_empty_wav_file_stays_empty():
    assert read_wav(by_stdlib(samples=b"")).samples == b""


def test_repairing_twice_changes_nothing_more():
    once = repair_wav(wav(SAMPLES, sizes="streamed"))
    assert repair_wav(once) == once
    assert once.count(b"RIFF") == 1


def test_rewriting_tells_the_truth_about_any_samples():
    assert rewrite_wav(Wav(PCM, 1, 24000, 2, SAMPLES)) == by_stdlib()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not a WAV file: it starts with b''"),
        (b"ID3\x04 some mp3 or other", "not a WAV file: it starts with b'ID3"),
        (b'{"error": "no"}', "not a WAV file"),
        (b"RIFX" + wav(SAMPLES)[4:], "not a WAV file"),
        (b"RIFF\x04\0\0\0AVI ", "not a WAV file"),
        (b"RIFF\x04\0\0\0WAVE", "without samples: no data chunk"),
        (riff((b"fmt ", FMT)), "without samples: no data chunk"),
        (riff((b"data", SAMPLES), (b"fmt ", FMT)), "samples come before their format"),
        (riff((b"fmt ", FMT[:14]), (b"data", SAMPLES)), "format chunk of 14 bytes; 16 is the least"),
        (riff((b"fmt ", struct.pack("<HHIIHH", 1, 0, 24000, 0, 2, 16)), (b"data", b"")), "of 0 channels"),
        (riff((b"fmt ", struct.pack("<HHIIHH", 1, 1, 0, 0, 2, 16)), (b"data", b"")), "0 Hz"),
        (riff((b"fmt ", struct.pack("<HHIIHH", 1, 1, 8000, 0, 2, 0)), (b"data", b"")), "0 bits"),
        (riff((b"fmt ", struct.pack("<HHIIHH", 1, 1, 8000, 0, 2, 12)), (b"data", b"")), "12 bits"),
        (wav(SAMPLES)[:-2], f"{len(SAMPLES)} bytes of samples promised, {len(SAMPLES) - 2} are there"),
        (wav(SAMPLES)[:44], "bytes of samples promised, 0 are there"),
        (riff((b"fmt ", FMT), (b"data", SAMPLES + b"\0")), "in frames of 2 bytes"),
    ],
)
def test_unreadable_file_is_refused_with_what_was_seen(data, message):
    with pytest.raises(ValueError, match="WAV") as caught:
        read_wav(data)
    assert message in str(caught.value)


@pytest.mark.parametrize("cut", range(1, 44))
def test_file_cut_within_its_header_is_refused(cut):
    with pytest.raises(ValueError, match="WAV"):
        read_wav(wav(SAMPLES)[:cut])


def test_no_header_whatever_raises_anything_but_a_value_error():
    chance = random.Random(1)
    for _ in range(20000):
        data = bytearray(wav(SAMPLES[:64]))
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(44)] = chance.choice((0, 1, 127, 128, 255, chance.randrange(256)))
        try:
            assert len(read_wav(bytes(data)).samples) <= 64 + 44
        except ValueError:
            continue


@pytest.mark.parametrize(
    ("data", "expected"), [(wav(b""), True), (b"RIFF....WAVE", True), (b"RIFF....AVI ", False), (b"", False)]
)
def test_wav_is_known_by_its_start(data, expected):
    assert is_wav(data) is expected


@pytest.mark.parametrize(
    ("tag", "width", "samples", "expected"),
    [
        (PCM, 1, b"\x00\x80\xff", (-32768, 0, 32512)),
        (PCM, 3, b"\x01\xff\x7f\xff\x00\x80", (32767, -32768)),
        (PCM, 4, struct.pack("<2i", 0x12345678, -0x12345678), (0x1234, -0x1235)),
        (FLOAT, 4, struct.pack("<5f", 0.0, 1.0, -1.0, 7.5, -7.5), (0, 32767, -32767, 32767, -32767)),
        (ULAW, 1, b"\x10\x9c\xe7", (-15996, 9852, 260)),
        (ALAW, 1, b"\x10\x9c\xe7", (-2752, 3264, 1184)),
    ],
)
def test_samples_of_every_encoding_become_16_bit(tag, width, samples, expected):
    converted = to_s16le(Wav(tag, 1, 8000, width, samples))
    assert struct.unpack(f"<{len(expected)}h", converted) == expected


@pytest.mark.parametrize(("tag", "width"), [(FLOAT, 8), (2, 1), (PCM, 8), (ULAW, 2)])
def test_other_encodings_are_refused_by_tag_and_width(tag, width):
    with pytest.raises(ValueError, match=f"format tag {tag} with {width * 8} bits"):
        to_s16le(Wav(tag, 1, 8000, width, bytes(16)))


def test_float_samples_that_are_no_numbers_do_not_crash():
    samples = struct.pack("<3f", float("nan"), float("inf"), float("-inf"))
    assert len(to_s16le(Wav(FLOAT, 1, 8000, 4, samples))) == 6
