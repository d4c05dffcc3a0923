import contextlib
import io
import random
import struct
import time
import wave

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from russo import Audio
from russo._wav import (
    ALAW,
    EXTENSIBLE,
    FLOAT,
    PCM,
    ULAW,
    Wav,
    check_size,
    is_wav,
    plain_duration,
    read_wav,
    repair_wav,
    rewrite_wav,
    wav_duration,
    write_wav,
)
from russo.authoring import wav_audio
from russo.testing import speech_pcm, wav

SAMPLES = speech_pcm(0.1)
FMT = struct.pack("<HHIIHH", PCM, 1, 24000, 48000, 2, 16)


def riff(*chunks, size=None):
    """Return a WAV file made of named chunks, each padded to an even length."""
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
def test_other_encodings_have_an_extension_and_a_fact_chunk(tag):
    data = write_wav(bytes(800), 8000, sample_width=1, tag=tag)
    assert struct.unpack_from("<4sI", data, 12) == (b"fmt ", 18)
    assert data[38:50] == struct.pack("<4sII", b"fact", 4, 800)
    assert read_wav(data) == Wav(tag, 1, 8000, 1, bytes(800))


@pytest.mark.parametrize("before", [[], [(b"LIST", b"odd")], [(b"JUNK", bytes(28)), (b"bext", b"x" * 7)]])
@pytest.mark.parametrize("after", [[], [(b"LIST", b"INFOISFT"), (b"id3 ", b"odd")]])
def test_chunks_before_and_after_the_samples_are_skipped(before, after):
    data = riff(*before, (b"fmt ", FMT), *before, (b"data", SAMPLES), *after)
    assert read_wav(data).samples == SAMPLES
    assert repair_wav(data) == data


def test_extensible_format_is_replaced_by_its_subformat():
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


def test_placeholder_file_size_with_a_correct_data_size_is_repaired():
    data = riff((b"fmt ", FMT), (b"data", SAMPLES), size=0xFFFFFFFF)
    assert repair_wav(data) == by_stdlib()


def test_empty_wav_file_stays_empty():
    assert read_wav(by_stdlib(samples=b"")).samples == b""


def test_second_repair_changes_nothing():
    once = repair_wav(wav(SAMPLES, sizes="streamed"))
    assert repair_wav(once) == once
    assert once.count(b"RIFF") == 1


def test_rewritten_header_matches_the_samples():
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
        (riff((b"fmt ", FMT[:14]), (b"data", SAMPLES)), "format chunk of 14 bytes; it needs at least 16"),
        (riff((b"fmt ", struct.pack("<HHIIHH", 1, 0, 24000, 0, 2, 16)), (b"data", b"")), "of 0 channels"),
        (riff((b"fmt ", struct.pack("<HHIIHH", 1, 1, 0, 0, 2, 16)), (b"data", b"")), "0 Hz"),
        (riff((b"fmt ", struct.pack("<HHIIHH", 1, 1, 8000, 0, 2, 0)), (b"data", b"")), "0 bits"),
        (riff((b"fmt ", struct.pack("<HHIIHH", 1, 1, 8000, 0, 2, 12)), (b"data", b"")), "12 bits"),
        (wav(SAMPLES)[:-2], f"{len(SAMPLES)} bytes of samples, the file has {len(SAMPLES) - 2}"),
        (wav(SAMPLES)[:44], "bytes of samples, the file has 0"),
        (riff((b"fmt ", FMT), (b"data", SAMPLES + b"\0")), "in frames of 2 bytes"),
    ],
)
def test_unreadable_file_is_refused_with_the_reason(data, message):
    with pytest.raises(ValueError, match="WAV") as caught:
        read_wav(data)
    assert message in str(caught.value)


@pytest.mark.parametrize("cut", range(1, 44))
def test_file_cut_within_its_header_is_refused(cut):
    with pytest.raises(ValueError, match="WAV"):
        read_wav(wav(SAMPLES)[:cut])


def test_damaged_headers_raise_only_value_errors():
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
def test_wav_is_recognised_by_its_start(data, expected):
    assert is_wav(data) is expected


# -- sizes: reading returns all samples or raises an error


def header(riff=None, size=None, fmt=FMT):
    riff, size = (len(SAMPLES) + 36 if riff is None else riff), (len(SAMPLES) if size is None else size)
    return (
        struct.pack("<4sI4s4sI", b"RIFF", riff, b"WAVE", b"fmt ", len(fmt))
        + fmt
        + struct.pack("<4sI", b"data", size)
    )


PLACEHOLDERS = [
    0,
    0x7FFFEFFF,
    0x7FFFF000,
    0x7FFFFFFF,
    0x7FFFFFFF - 36,
    0x80000000,
    0xFFFFFFFE,
    0xFFFFFFFF,
    10**9,
]


@pytest.mark.parametrize("size", PLACEHOLDERS)
@pytest.mark.parametrize("riff", [None, 0, 36, len(SAMPLES), len(SAMPLES) - 8, 0xFFFFFFFF, 0x7FFFFFFF])
def test_placeholder_data_size_is_repaired_for_any_stated_file_size(riff, size):
    data = header(riff, size) + SAMPLES
    assert read_wav(data).samples == SAMPLES
    assert wav_duration(data) == len(SAMPLES) / 48000
    assert repair_wav(data) == by_stdlib()


@given(st.integers(0, 0xFFFFFFFF), st.integers(0, 0xFFFFFFFF), st.binary(min_size=1, max_size=64))
@example(len(SAMPLES) + 36, len(SAMPLES) + 44, b"")
@example(len(SAMPLES) + 36, len(SAMPLES) - 2, b"")
@example(len(SAMPLES) + 36, len(SAMPLES) - 8, b"")
@example(36, 2, b"")
def test_any_sizes_give_all_samples_or_an_error(riff, size, more):
    sent = SAMPLES + more
    for near in (size, size % (len(sent) + 64)):
        try:
            wav = read_wav(header(riff, near) + sent)
        except ValueError:
            continue
        assert wav.samples == sent


@pytest.mark.parametrize("size", [len(SAMPLES) + 8, len(SAMPLES) + 36, len(SAMPLES) + 44])
def test_file_with_a_correct_file_size_returns_all_samples(size):
    assert read_wav(header(size=size) + SAMPLES).samples == SAMPLES
    assert repair_wav(header(size=size) + SAMPLES) == by_stdlib()
    with pytest.raises(ValueError, match="truncated"):
        read_wav(header(len(SAMPLES) + 40, size=size) + SAMPLES)


@pytest.mark.parametrize("size", [2, len(SAMPLES) - 200, len(SAMPLES) - 2])
def test_too_small_data_size_does_not_truncate_the_speech(size):
    for riff in (None, size + 36, 0xFFFFFFFF):
        with pytest.raises(ValueError, match=f"the last {len(SAMPLES) - size} of .* are not a chunk"):
            read_wav(header(riff, size) + SAMPLES)


@pytest.mark.parametrize(
    "junk", [b"\n", b"\r\n", b"{}", b"\0\0", b'{"error": "the voice server went away"}', b"LIST"]
)
def test_bytes_after_the_samples_that_are_not_a_chunk_are_refused(junk):
    with pytest.raises(ValueError, match=f"the last {len(junk)} of .* are not a chunk"):
        read_wav(wav(SAMPLES) + junk)


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFF000])
@pytest.mark.parametrize(
    "tail",
    [
        [(b"LIST", b"INFOISFT\4\0\0\0abc\0")],
        [(b"LIST", b"x"), (b"id3 ", b"odd")],
        [(b"LIST", b"first"), (b"LIST", b"second")],
        *([(name, b"abcd")] for name in (b"PEAK", b"smpl", b"inst", b"acid", b"minf", b"PAD ", b"FLLR")),
        *([(name, b"<?xml version='1.0'?><a>b</a>")] for name in (b"iXML", b"axml")),
    ],
)
def test_chunk_after_a_stream_is_not_read_as_samples(size, tail):
    chunks = riff(*tail)[12:]
    assert read_wav(header(size=size) + SAMPLES + chunks).samples == SAMPLES
    assert repair_wav(header(size=size) + SAMPLES + chunks) == by_stdlib()


# 334 bytes: 333 bytes of samples and the pad byte.
@pytest.mark.parametrize("size", [0, 0x7FFFF000, 0xFFFFFFFF, 334])
def test_pad_byte_after_24_bit_samples_is_not_read_as_a_sample(size):
    fmt = struct.pack("<HHIIHH", PCM, 1, 24000, 72000, 3, 24)
    data = header(size=size, fmt=fmt) + SAMPLES[:333] + b"\0"
    assert read_wav(data).samples == SAMPLES[:333]
    assert wav_duration(data) == 111 / 24000
    assert repair_wav(data) == write_wav(SAMPLES[:333], 24000, sample_width=3)
    with pytest.raises(ValueError, match="truncated"):
        read_wav(data[:-1] + b"\1")


def test_chunk_name_inside_the_samples_of_a_stream_is_read_as_samples():
    samples = SAMPLES + b"LIST\x10\0\0\0" + SAMPLES
    assert read_wav(header(0xFFFFFFFF, 0xFFFFFFFF) + samples).samples == samples


def test_empty_data_before_another_chunk_is_empty():
    assert read_wav(riff((b"fmt ", FMT), (b"data", b""), (b"LIST", b"INFO"))).samples == b""


def test_samples_of_several_chunks_are_joined():
    data = riff((b"fmt ", FMT), (b"data", SAMPLES), (b"LIST", b"odd"), (b"data", SAMPLES[:100]))
    assert read_wav(data).samples == SAMPLES + SAMPLES[:100]
    assert wav_duration(data) == (len(SAMPLES) + 100) / 48000
    assert repair_wav(data) == by_stdlib(samples=SAMPLES + SAMPLES[:100])


@pytest.mark.parametrize("size", [None, 0, 0xFFFFFFFF])
def test_concatenated_wav_files_are_joined(size):
    one = header(0xFFFFFFFF, size) + SAMPLES
    assert read_wav(one * 3).samples == SAMPLES * 3
    assert repair_wav(one * 3) == by_stdlib(samples=SAMPLES * 3)


def test_concatenated_wav_files_of_different_formats_are_refused():
    with pytest.raises(ValueError, match="of different formats"):
        read_wav(wav(SAMPLES) + wav(SAMPLES, 8000))


def test_pad_byte_may_be_missing():
    fmt = struct.pack("<HHIIHH", PCM, 1, 8000, 8000, 1, 8)
    listed = struct.pack("<4sI", b"LIST", 3) + b"odd"
    head = struct.pack("<4sI4s", b"RIFF", 0, b"WAVE") + struct.pack("<4sI", b"fmt ", 16) + fmt
    data = head + listed + struct.pack("<4sI", b"data", 3) + b"abc"
    for each in (data, data + b"\0", data + listed):
        assert read_wav(each).samples == b"abc"


def test_file_with_an_odd_size_and_a_pad_byte_is_unchanged():
    data = riff((b"fmt ", FMT), (b"data", SAMPLES), (b"LIST", b"odd"))
    odd = data[:4] + struct.pack("<I", len(data) - 9) + data[8:]
    assert repair_wav(odd) == odd


# -- numbers too large for a header


@pytest.mark.parametrize(
    ("channels", "rate", "bits"),
    [
        (1, 0xFFFFFFFF, 16),
        (1, 0x80000000, 16),
        (65535, 24000, 16),
        (32768, 8000, 16),
        (9, 8000, 65528),
        (4, 2**30, 8),
    ],
)
def test_impossible_format_is_refused_in_reading_and_writing(channels, rate, bits):
    fmt = struct.pack("<HHIIHH", PCM, channels, rate, 0, 0, bits)
    for read in (read_wav, wav_duration, repair_wav):
        with pytest.raises(ValueError, match=f"cannot have {channels} channels, {rate} Hz and {bits} bits"):
            read(header(fmt=fmt) + SAMPLES)
    with pytest.raises(ValueError, match=f"cannot have {channels} channels, {rate} Hz and {bits} bits"):
        write_wav(SAMPLES, rate, channels=channels, sample_width=bits // 8)


def test_maximum_format_is_written():
    for channels, rate, width in ((1, 0xFFFFFFFF, 1), (65535, 65537, 1), (1, 0x7FFFFFFF, 2)):
        assert read_wav(write_wav(bytes(channels * width), rate, channels=channels, sample_width=width))


def test_blocks_with_gaps_between_the_samples_are_refused():
    with pytest.raises(ValueError, match="24 bits per sample, in blocks of 4 bytes"):
        read_wav(header(fmt=struct.pack("<HHIIHH", PCM, 1, 8000, 32000, 4, 24)) + SAMPLES)


@pytest.mark.parametrize("align", [0, 1, 3, 4, 0xFFFF])
def test_wrong_block_size_is_ignored(align):
    fmt = struct.pack("<HHIIHH", PCM, 1, 24000, 48000, align, 16)
    assert read_wav(header(fmt=fmt) + SAMPLES).samples == SAMPLES


def test_short_extensible_header_is_read():
    fmt = struct.pack("<HHIIHHHHI", EXTENSIBLE, 1, 24000, 48000, 2, 16, 8, 16, 4) + struct.pack("<H", PCM)
    assert len(fmt) == 26
    assert read_wav(riff((b"fmt ", fmt), (b"data", SAMPLES))).tag == PCM


def test_fact_chunk_counts_samples_of_one_channel():
    assert write_wav(bytes(800), 8000, channels=2, sample_width=1, tag=ULAW)[38:50] == struct.pack(
        "<4sII", b"fact", 4, 400
    )


@pytest.mark.parametrize(
    "data",
    [
        riff((b"fmt ", FMT), *[(b"JUNK", b"")] * 200_000, (b"data", SAMPLES)),
        header(size=0) + b"LIST\0\0\0\0" * 200_000,
        wav(b"ab") * 100_000,
        (header(0, 0) + b"ab") * 100_000,
        b"RIFF" * 500_000,
        header(0, 0) + b"RIFF" * 500_000,
    ],
    ids=["chunks", "chunks after", "files", "streams", "signatures", "signatures in a stream"],
)
def test_file_of_many_pieces_is_read_quickly(data):
    started = time.process_time()
    with contextlib.suppress(ValueError):
        read_wav(data)
    assert time.process_time() - started < 2


@given(
    st.binary(max_size=40),
    st.lists(
        st.tuples(
            st.sampled_from([b"fmt ", b"data", b"LIST", b"\0\0\0\0"]),
            st.integers(0, 0xFFFFFFFF),
            st.binary(max_size=40),
        ),
        max_size=4,
    ),
)
def test_any_bytes_raise_only_value_errors(fmt, chunks):
    data = header(fmt=fmt)[:-8] + b"".join(
        name + struct.pack("<I", size) + body for name, size, body in chunks
    )
    for use in (read_wav, wav_duration, repair_wav):
        with contextlib.suppress(ValueError):
            use(data)


@given(
    st.integers(0, 0xFFFF),
    st.integers(0, 0xFFFF),
    st.integers(0, 0xFFFFFFFF),
    st.integers(0, 0xFFFF),
    st.binary(max_size=200),
)
def test_any_format_raises_only_value_errors(tag, channels, rate, bits, samples):
    data = header(0, 0, struct.pack("<HHIIHH", tag, channels, rate, 0, 0, bits)) + samples
    audio = Audio(data)
    assert audio.known_duration is None or audio.duration >= 0
    for use in (
        Audio.pcm,
        lambda audio: list(audio.frames()),
        lambda audio: audio.resample(8000),
        lambda audio: wav_audio(audio.data),
    ):
        with contextlib.suppress(ValueError):
            use(audio)


# -- the duration of a plain file


@pytest.mark.parametrize("width", [1, 2, 3, 4])
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_duration_of_a_plain_file_is_read_from_its_header(width, channels):
    data = write_wav(bytes(1440), 8000, channels=channels, sample_width=width)
    assert plain_duration(data[:44], len(data)) == 1440 / width / channels / 8000
    assert wav_duration(data) == len(read_wav(data).samples) / width / channels / 8000


@given(st.integers(0, 43), st.integers(0, 255), st.integers(-2, 2))
def test_duration_of_any_file_matches_its_samples(at, byte, more):
    data = bytearray(wav(SAMPLES) + b"\0\0")[: 46 + len(SAMPLES) - 2 + more]
    data[at] = byte
    try:
        found = read_wav(bytes(data))
    except ValueError:
        assert plain_duration(bytes(data), len(data)) is None
        return
    assert wav_duration(bytes(data)) == len(found.samples) / found.frame_size / found.sample_rate


def test_header_with_odd_bits_is_not_plain():
    # 12 bits in 2 channels fill 3 bytes; reading refuses them.
    data = header(fmt=struct.pack("<HHIIHH", PCM, 2, 8000, 24000, 3, 12)) + SAMPLES[:4800]
    assert plain_duration(data, len(data)) is None
    with pytest.raises(ValueError, match="12 bits"):
        wav_duration(data)


def test_format_after_some_samples_is_refused():
    data = riff((b"data", SAMPLES), (b"fmt ", FMT), (b"data", SAMPLES))
    with pytest.raises(ValueError, match="samples come before their format"):
        read_wav(data)


def test_too_many_concatenated_files_are_refused():
    assert len(read_wav(wav(b"ab") * 1000).samples) == 2000
    with pytest.raises(ValueError, match="in a row, too many"):
        read_wav(wav(b"ab") * 1001)


def test_more_samples_than_a_file_can_hold_are_refused():
    check_size(0xFFFFFF00, 8000, 1)
    with pytest.raises(ValueError, match="4294967296 bytes of samples"):
        check_size(0x100000000, 8000, 1)


def test_second_format_after_the_samples_is_refused():
    other = struct.pack("<HHIIHH", PCM, 2, 48000, 192000, 4, 16)
    with pytest.raises(ValueError, match="samples come before their format"):
        read_wav(riff((b"fmt ", FMT), (b"data", SAMPLES), (b"fmt ", other)))
