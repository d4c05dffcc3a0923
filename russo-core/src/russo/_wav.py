"""WAV files: read them, write them and repair their headers.

Repairing changes headers only, never samples. Streaming services send headers whose sizes are placeholders
(0, 0xFFFFFFFF, 0x7FFFFFFF…); the samples of such a file run to its end. If a size is larger than the file
and not a placeholder, the file is truncated, which is an error.

Format: https://learn.microsoft.com/windows/win32/xaudio2/resource-interchange-file-format--riff-
and RFC 2361 for the format tags.
"""

import struct
from dataclasses import dataclass
from typing import NamedTuple

PCM, FLOAT, ALAW, ULAW, EXTENSIBLE = 1, 3, 6, 7, 0xFFFE
# Sizes of at least this are placeholders of streams (the lowest known is from espeak-ng 1.51); the speech of
# a real prompt is never 2 GiB long.
_PLACEHOLDER = 0x7FFFF000


@dataclass(frozen=True, slots=True)
class Wav:
    """The content of a WAV file: its format, and its samples in that format."""

    tag: int
    channels: int
    sample_rate: int
    sample_width: int
    samples: bytes

    @property
    def frame_size(self) -> int:
        """Bytes per sample of all channels."""
        return self.channels * self.sample_width


def is_wav(data: bytes) -> bool:
    """Return whether the bytes start like a WAV file."""
    return data[:4] == b"RIFF" and data[8:12] == b"WAVE"


class _Found(NamedTuple):
    """The position of the samples in a WAV file, and their format."""

    tag: int
    channels: int
    sample_rate: int
    sample_width: int
    start: int
    size: int


def read_wav(data: bytes) -> Wav:
    """Parse a WAV file; placeholder sizes, and chunks before and after the samples, are accepted.

    Raises:
        ValueError: It is not a WAV file, its header is invalid, or its samples are truncated.
    """
    found = _find(data)
    samples = data[found.start : found.start + found.size]
    return Wav(found.tag, found.channels, found.sample_rate, found.sample_width, samples)


def wav_duration(data: bytes) -> float:
    """Return the length of a WAV file in seconds, without copying its samples.

    Raises:
        ValueError: As `read_wav`.
    """
    found = _find(data)
    return found.size / (found.channels * found.sample_width) / found.sample_rate


def _find(data: bytes) -> _Found:
    if not is_wav(data):
        raise ValueError(f"not a WAV file: it starts with {data[:12]!r}")
    fmt: tuple[int, int, int, int] | None = None
    position = 12
    while position + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, position)
        position += 8
        if name == b"data":
            if fmt is None:
                raise ValueError("a WAV file whose samples come before their format")
            return _Found(*fmt, position, _size_of_samples(fmt, data, position, size))
        if name == b"fmt ":
            fmt = _read_format(data[position : position + size])
        position += size + size % 2
    raise ValueError("a WAV file without samples: no data chunk")


def _read_format(chunk: bytes) -> tuple[int, int, int, int]:
    if len(chunk) < 16:
        raise ValueError(f"a WAV file with a format chunk of {len(chunk)} bytes; 16 is the least")
    tag, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", chunk)
    if tag == EXTENSIBLE and len(chunk) >= 26:
        tag = struct.unpack_from("<H", chunk, 24)[0]
    if not channels or not rate or not bits or bits % 8:
        raise ValueError(f"a WAV header of {channels} channels, {rate} Hz and {bits} bits per sample")
    return tag, channels, rate, bits // 8


def _is_streamed(data: bytes) -> bool:
    """Return whether the size of the file in its header is a placeholder or otherwise wrong."""
    size: int = struct.unpack_from("<I", data, 4)[0]
    return size + 8 != len(data) and size + 8 + size % 2 != len(data)


def _size_of_samples(fmt: tuple[int, int, int, int], data: bytes, start: int, size: int) -> int:
    _, channels, _, width = fmt
    available = len(data) - start
    if size >= _PLACEHOLDER or (size == 0 and _is_streamed(data)):
        size = available
    elif size > available:
        raise ValueError(f"a truncated WAV file: {size} bytes of samples promised, {available} are there")
    frame = channels * width
    if size % frame:
        raise ValueError(f"a truncated WAV file: {size} bytes of samples in frames of {frame} bytes")
    return size


def write_wav(
    samples: bytes, sample_rate: int, *, channels: int = 1, sample_width: int = 2, tag: int = PCM
) -> bytes:
    """Return a WAV file of the samples, which must be little-endian, with true sizes in its header."""
    frame = channels * sample_width
    # A format other than PCM carries the size of its (empty) extension and a fact chunk.
    extra = b"" if tag == PCM else struct.pack("<H4sII", 0, b"fact", 4, len(samples) // frame)
    fmt_size = 16 if tag == PCM else 18
    pad = b"\0" * (len(samples) % 2)
    head = struct.pack(
        "<4s4sIHHIIHH",
        b"WAVE",
        b"fmt ",
        fmt_size,
        tag,
        channels,
        sample_rate,
        sample_rate * frame,
        frame,
        sample_width * 8,
    )
    body = b"".join((head, extra, struct.pack("<4sI", b"data", len(samples)), samples, pad))
    return struct.pack("<4sI", b"RIFF", len(body)) + body


def rewrite_wav(wav: Wav) -> bytes:
    """Return the WAV file again, with true sizes in its header."""
    return write_wav(
        wav.samples, wav.sample_rate, channels=wav.channels, sample_width=wav.sample_width, tag=wav.tag
    )


def repair_wav(data: bytes) -> bytes:
    """Return a WAV file with true sizes: the same bytes if its sizes are true already.

    Raises:
        ValueError: As `read_wav`.
    """
    wav = read_wav(data)
    return rewrite_wav(wav) if _is_streamed(data) else data


def to_s16le(wav: Wav) -> bytes:
    """Convert the samples to signed 16-bit little-endian.

    Raises:
        ValueError: The encoding is not 8, 16, 24 or 32-bit PCM, 32-bit float, mu-law or A-law.
    """
    kind = (wav.tag, wav.sample_width)
    samples = wav.samples
    if kind == (PCM, 2):
        return samples
    if kind == (PCM, 1):  # unsigned, centred on 128
        return _interleave(bytes(len(samples)), samples.translate(_UNSIGNED_TO_SIGNED))
    if kind in {(PCM, 3), (PCM, 4)}:  # the two upper bytes
        width = wav.sample_width
        return _interleave(samples[width - 2 :: width], samples[width - 1 :: width])
    if kind == (FLOAT, 4):
        values = struct.unpack(f"<{len(samples) // 4}f", samples)
        return struct.pack(f"<{len(values)}h", *(round(max(-1.0, min(1.0, v)) * 32767) for v in values))
    if kind == (ULAW, 1):
        return expand(samples, "ulaw")
    if kind == (ALAW, 1):
        return expand(samples, "alaw")
    raise ValueError(f"WAV of format tag {wav.tag} with {wav.sample_width * 8} bits has no 16-bit form here")


_UNSIGNED_TO_SIGNED = bytes(b ^ 0x80 for b in range(256))


def _interleave(low: bytes, high: bytes) -> bytes:
    out = bytearray(2 * len(low))
    out[0::2] = low
    out[1::2] = high
    return bytes(out)


def expand(samples: bytes, law: str) -> bytes:
    """Expand G.711 telephone samples, ``ulaw`` or ``alaw``, to signed 16-bit little-endian.

    Decodes as ITU-T Recommendation G.711 specifies, scaled to 16 bits.
    """
    one = _ulaw_sample if law == "ulaw" else _alaw_sample
    table = [one(code) & 0xFFFF for code in range(256)]
    low = bytes(value & 0xFF for value in table)
    high = bytes(value >> 8 for value in table)
    return _interleave(samples.translate(low), samples.translate(high))


def _ulaw_sample(code: int) -> int:
    code ^= 0xFF
    magnitude = (((code & 0x0F) << 3) + 0x84 << ((code & 0x70) >> 4)) - 0x84
    return -magnitude if code & 0x80 else magnitude


def _alaw_sample(code: int) -> int:
    code ^= 0x55
    exponent, magnitude = (code & 0x70) >> 4, ((code & 0x0F) << 4) + 8
    if exponent:
        magnitude = magnitude + 0x100 << exponent - 1
    return magnitude if code & 0x80 else -magnitude
