"""Bytes of files in other formats, for the tests of every backend."""

import random
import struct

NOISE = random.Random(1).randbytes(1 << 16)


def mpeg(header: bytes, length: int, frames: int = 8) -> bytes:
    """Return frames with one MPEG header; the standard's tables give their length in bytes."""
    return b"".join(header + NOISE[at : at + length - 4] for at in range(0, frames * length, length))


def adts(second: int = 0xF1, size: int = 300, frames: int = 8) -> bytes:
    """Return AAC frames of ``size`` bytes."""
    head = bytes([0xFF, second, 0x50, 0x80 | size >> 11, size >> 3 & 0xFF, (size & 7) << 5 | 0x1F, 0xFC])
    return b"".join(head + NOISE[at : at + size - 7] for at in range(0, frames * size, size))


def loas(size: int = 197, frames: int = 8) -> bytes:
    """Return AAC frames as MPEG-4 streams have them."""
    head = bytes([0x56, 0xE0 | size >> 8, size & 0xFF])
    return b"".join(head + NOISE[at : at + size] for at in range(0, frames * size, size))


# Of even length, like samples.
FILES = {
    "MP3 frames": (mpeg(b"\xff\xfb\x90\x64", 417), "MP3"),
    "MP3 frames of MPEG-2": (mpeg(b"\xff\xf3\x84\xc4", 192), "MP3"),
    "MP3 frames of MPEG-2.5": (mpeg(b"\xff\xe3\x28\xc4", 144), "MP3"),
    "MP3 with a tag": (b"ID3\x04\0\0\0\0\0\x0a" + bytes(10) + mpeg(b"\xff\xfb\x90\x64", 417), "MP3"),
    "AAC": (adts(), "AAC"),
    "AAC of MPEG-4": (loas(), "AAC"),
    "MP4": (b"\0\0\0\x20ftypM4A " + NOISE[:4000], "MP4"),
    "3GP": (b"\0\0\0\x18ftyp3gp4" + NOISE[:4000], "MP4"),
    "WebM": (b"\x1aE\xdf\xa3" + NOISE[:4000], "WebM"),
    "Ogg": (b"OggS\0\x02" + NOISE[:4000], "Ogg"),
    "FLAC": (b"fLaC\0\0" + NOISE[:4000], "FLAC"),
    "AIFF": (b"FORM\0\0\x10\0AIFF" + NOISE[:4000], "AIFF"),
    "CAF": (b"caff\0\x01\0\0" + NOISE[:4000], "CAF"),
    "AU": (b".snd\0\0\0\x18" + NOISE[:4000], "AU"),
    "AMR": (b"#!AMR\n" + NOISE[:4000], "AMR"),
    "gzip": (b"\x1f\x8b\x08\0" + NOISE[:4000], "gzip"),
    "RF64": (b"RF64\xff\xff\xff\xffWAVE" + NOISE[:4000], "WAV"),
}
# Samples whose first bytes look like those of a file.
LOOKALIKES = {
    "MPEG header": b"\xff\xfb\x90\x64",
    "MPEG-2 header": b"\xff\xf3\x84\xc4",
    "ADTS header": b"\xff\xf1\x50\x80\x25\x9f\xfc\0",
    "LOAS header": b"\x56\xe0\xc5\0",
    "set bits": b"\xff" * 400,
    "half a tag": b"ID\0\0",
}


def header(rate: int = 24000, channels: int = 1, bits: int = 16, *, riff: int, size: int) -> bytes:
    """Return the header of a WAV file with the given numbers."""
    numbers = (b"RIFF", riff, b"WAVE", b"fmt ", 16, 1, channels, rate, 0, 0, bits, b"data", size)
    return struct.pack("<4sI4s4sIHHIIHH4sI", *numbers)


WHOLE = NOISE[:4000]
# Malformed WAV files that a service may send instead of one whole file.
ODD_WAVS = {
    "a rate of 4 GHz": header(rate=0xFFFFFFFF, riff=4036, size=4000) + WHOLE,
    "65535 channels": header(channels=65535, riff=131106, size=131070) + NOISE[:65535] * 2,
    "32768 channels": header(channels=32768, riff=65572, size=65536) + NOISE,
    "no channels": header(channels=0, riff=4036, size=4000) + WHOLE,
    "65528 bits": header(bits=65528, channels=9, riff=4036, size=4000) + WHOLE,
    "64-bit integers": header(bits=64, riff=4036, size=4000) + WHOLE,
    "too small a size": header(riff=4036, size=400) + WHOLE,
    "too small sizes": header(riff=436, size=400) + WHOLE,
    "a truncated file": header(riff=8036, size=8000) + WHOLE,
    "an error behind the samples": header(riff=4036, size=4000) + WHOLE + b'{"error": "went away"}',
    "an error behind a stream": header(riff=0xFFFFFFFF, size=0xFFFFFFFF) + WHOLE + b'{"error": "went away"}',
    "files of two rates": (header(riff=4036, size=4000) + WHOLE)
    + (header(8000, riff=4036, size=4000) + WHOLE),
}
# Sizes in the header before the samples `WHOLE`; all samples must be kept.
SIZES = {
    "true": (4036, 4000),
    "0": (0, 0),
    "an empty file": (36, 0),
    "0xFFFFFFFF": (0xFFFFFFFF, 0xFFFFFFFF),
    "0xFFFFFFFE": (0xFFFFFFFE, 0xFFFFFFFE),
    "0x7FFFFFFF": (0x7FFFFFFF, 0x7FFFFFFF),
    "0x7FFFEFFF": (0x7FFFEFFF, 0x7FFFEFFF),
    "0x80000000": (0x80000000, 0x80000000),
    "a billion": (1_000_000_036, 1_000_000_000),
    "a file without its header": (3992, 4000),
    "samples and header": (4036, 4044),
}
