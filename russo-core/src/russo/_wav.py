"""WAV files: read them, write them and repair their headers.

Every byte of a file is accounted for: reading returns all samples that were sent, or fails. Sizes in headers
are often wrong, because a stream's header is written before its length is known. Repairing changes headers
only, never samples.

Format: https://learn.microsoft.com/windows/win32/xaudio2/resource-interchange-file-format--riff-
and RFC 2361 for the format tags.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from ._containers import container_of

PCM, FLOAT, ALAW, ULAW, EXTENSIBLE = 1, 3, 6, 7, 0xFFFE
# If a header gives a size that the file does not have, a size from here on is the placeholder of a stream,
# because no speech is 512 MiB long (the lowest known placeholder is 0x7FFFF000, of espeak-ng 1.51). A smaller
# size means that the file was cut.
_PLACEHOLDER: Final = 0x20000000
# A hostile file could hold millions of chunks.
_MOST_CHUNKS: Final = 1000
_NEXT_FILE: Final = re.compile(rb"RIFF.{4}WAVE", re.DOTALL)
_CHUNK: Final = re.compile(rb"[ -~]{4}.{4}", re.DOTALL)
# The header of plain PCM; all bytes behind it are samples.
PLAIN_HEADER: Final = struct.Struct("<4sI4s4sIHHIIHH4sI")
# Chunks that encoders append to a stream, searched for in its last bytes.
_APPENDED: Final = re.compile(
    rb"LIST|id3 |ID3 |bext|cue |fact|JUNK|junk|PAD |FLLR|_PMX|PEAK|smpl|inst|acid|minf|iXML|axml|chna|afsp"
)
_APPENDED_BYTES: Final = 1 << 16
_MOST_APPENDED: Final = 20
_MOST_BYTES: Final = 0xFFFFFFFF - 64


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
    return _NEXT_FILE.match(data) is not None


def find_wav(data: bytes) -> int | None:
    """Return the offset of the first header of a WAV file in the bytes, or ``None``."""
    found = _NEXT_FILE.search(data)
    return found.start() if found else None


class _Format(NamedTuple):
    tag: int
    channels: int
    sample_rate: int
    sample_width: int


class _Chunk(NamedTuple):
    """A chunk: its name, the offset of its content, and the content's true size in bytes."""

    name: bytes
    start: int
    size: int


def read_wav(data: bytes) -> Wav:
    """Parse a WAV file; wrong sizes, and chunks before and after the samples, are accepted.

    The samples of several data chunks, and of several WAV files in a row, are joined.

    Raises:
        ValueError: It is not a WAV file, its header is invalid or impossible, its samples are truncated, or
            some of its bytes are neither samples nor chunks.
    """
    form, chunks = _find(data)
    return Wav(*form, b"".join([data[chunk.start : chunk.start + chunk.size] for chunk in chunks]))


def wav_duration(data: bytes) -> float:
    """Return the length of a WAV file in seconds, without copying its samples.

    Raises:
        ValueError: As for `read_wav`.
    """
    if (seconds := plain_duration(data, len(data))) is not None:
        return seconds
    form, chunks = _find(data)
    return sum(chunk.size for chunk in chunks) / (form.channels * form.sample_width) / form.sample_rate


def plain_duration(head: bytes, size: int) -> float | None:
    """Return the length of a file in seconds, or ``None`` if `write_wav` would write another header for PCM.

    Every hit calls this: it is 5 times as fast as reading all chunks, and needs the header only. A file with
    another header may be valid, too.

    Args:
        head: The first bytes of the file.
        size: The size of the file in bytes.
    """
    if len(head) < PLAIN_HEADER.size:
        return None
    riff, whole, wave, fmt, sixteen, tag, channels, rate, per_second, frame, bits, data, samples = (
        PLAIN_HEADER.unpack_from(head)
    )
    is_plain = (riff, wave, fmt, data) == (b"RIFF", b"WAVE", b"fmt ", b"data") and (sixteen, tag) == (16, PCM)
    is_true = whole + 8 == size == samples + PLAIN_HEADER.size and per_second == rate * frame != 0
    if not (is_plain and is_true) or bits % 8 or channels * bits != frame * 8 or samples % frame:
        return None
    return float(samples / frame / rate)


def _find(data: bytes) -> tuple[_Format, list[_Chunk]]:
    """Return the format of a WAV file and its chunks of samples."""
    if not is_wav(data):
        name = container_of(data)
        raise ValueError(f"not a WAV file: it starts with {data[:12]!r}" + (f" ({name})" if name else ""))
    forms, found = set[_Format](), list[_Chunk]()
    position = 0
    while position < len(data):
        chunks = list(_chunks(data, position))
        form, samples = _samples_of_file(data, chunks)
        forms.add(form)
        found += samples
        position = _end_of(data, chunks[-1])
        if len(forms) > 1 or len(found) > _MOST_CHUNKS:
            raise ValueError("WAV files in a row, too many or of different formats")
    return form, found


def _samples_of_file(data: bytes, chunks: list[_Chunk]) -> tuple[_Format, list[_Chunk]]:
    formats = [chunk for chunk in chunks if chunk.name == b"fmt "]
    samples = [chunk for chunk in chunks if chunk.name == b"data"]
    if not samples:
        raise ValueError("a WAV file without samples: no data chunk")
    if not formats or formats[-1].start > samples[0].start:
        raise ValueError("a WAV file whose samples come before their format")
    form = _read_format(data[formats[-1].start : formats[-1].start + min(formats[-1].size, 40)])
    frame = form.channels * form.sample_width
    samples = [_without_pad(data, chunk, frame) for chunk in samples]
    for chunk in samples:
        if chunk.size % frame:
            raise ValueError(
                f"a truncated WAV file: {chunk.size} bytes of samples in frames of {frame} bytes"
            )
    return form, samples


def _without_pad(data: bytes, chunk: _Chunk, frame: int) -> _Chunk:
    """Return a chunk of samples without its pad byte, which is counted if the chunk's size is unknown."""
    odd = chunk.size - 1
    is_padded = odd % 2 and odd % frame == 0 != chunk.size % frame and data[chunk.start + odd] == 0
    return _Chunk(chunk.name, chunk.start, odd) if is_padded else chunk


def _read_format(chunk: bytes) -> _Format:
    if len(chunk) < 16:
        raise ValueError(f"a WAV file with a format chunk of {len(chunk)} bytes; it needs at least 16")
    tag, channels, rate, byte_rate, align, bits = struct.unpack_from("<HHIIHH", chunk)
    if tag == EXTENSIBLE and len(chunk) >= 26:
        tag = struct.unpack_from("<H", chunk, 24)[0]
    seen = f"{channels} channels, {rate} Hz and {bits} bits per sample"
    if not channels or not rate or not bits or bits % 8:
        raise ValueError(f"a WAV header of {seen}")
    frame = channels * bits // 8
    if align > frame and byte_rate == rate * align and align % channels == 0:
        raise ValueError(f"a WAV header of {seen}, in blocks of {align} bytes")
    _check_format(channels, rate, bits // 8)
    return _Format(tag, channels, rate, bits // 8)


def _check_format(channels: int, rate: int, width: int) -> None:
    """Refuse numbers that do not fit into a WAV header: 16 bits for a frame's size, 32 for the byte rate."""
    frame = channels * width
    if not (0 < frame <= 0xFFFF and rate > 0 and rate * frame <= 0xFFFFFFFF):
        raise ValueError(
            f"a WAV file cannot have {channels} channels, {rate} Hz and {width * 8} bits per sample"
        )


# -- chunks


def _chunks(data: bytes, start: int) -> Iterator[_Chunk]:
    """Yield the chunks of the WAV file at ``start``, up to the next file or the end of the data."""
    position = start + 12
    for _ in range(_MOST_CHUNKS):
        if position == len(data) or _NEXT_FILE.match(data, position):
            return
        name, at, size = _chunk_at(data, position)
        if name == b"data":
            size = _size_of_samples(data, start, at, size)
        elif at + size > len(data):
            raise _no_chunk(data, position)
        chunk = _Chunk(name, at, size)
        yield chunk
        position = _end_of(data, chunk)
    raise ValueError(f"a WAV file of more than {_MOST_CHUNKS} chunks")


def _chunk_at(data: bytes, position: int) -> _Chunk:
    if _CHUNK.match(data, position) is None:
        raise _no_chunk(data, position)
    name, size = struct.unpack_from("<4sI", data, position)
    return _Chunk(name, position + 8, size)


def _no_chunk(data: bytes, position: int) -> ValueError:
    return ValueError(
        f"the last {len(data) - position} of {len(data)} bytes of a WAV file are not a chunk: "
        f"they start with {data[position : position + 40]!r}"
    )


def _end_of(data: bytes, chunk: _Chunk) -> int:
    """Return the offset behind a chunk and its pad byte, which some encoders leave out."""
    end = chunk.start + chunk.size
    return end + (chunk.size % 2 and data[end : end + 1] == b"\0")


def _size_of_samples(data: bytes, start: int, at: int, size: int) -> int:
    """Return the true size of the data chunk whose content is at ``at``, of the file at ``start``."""
    available = len(data) - at
    if size == 0 and _are_chunks(data, at, len(data)):
        return 0
    if 0 < size <= available:
        return size
    if 0 < size < _PLACEHOLDER and not _is_whole(data, start):
        raise ValueError(
            f"a truncated WAV file: the header gives {size} bytes of samples, the file has {available}"
        )
    return _end_of_stream(data, at) - at


def _is_whole(data: bytes, start: int = 0) -> bool:
    """Return whether the file at ``start`` has the size that its header gives."""
    size = int.from_bytes(data[start + 4 : start + 8], "little")
    return len(data) - start - 8 in (size, size + size % 2)


def _end_of_stream(data: bytes, start: int) -> int:
    """Return where samples of unknown size end: before the next file, or before appended chunks."""
    following = _NEXT_FILE.search(data, start)
    end = following.start() if following else len(data)
    names = _APPENDED.finditer(data, max(start, end - _APPENDED_BYTES), end)
    return next((at for name in names if _are_chunks(data, at := name.start(), end, _MOST_APPENDED)), end)


def _are_chunks(data: bytes, position: int, end: int, most: int = _MOST_CHUNKS) -> bool:
    """Return whether the bytes up to ``end`` are whole chunks, and at most ``most`` of them."""
    for _ in range(most):
        if position >= end:
            return position == end
        try:
            position = _end_of(data, _chunk_at(data, position))
        except ValueError:
            return False
    return False


# -- writing


def check_size(size: int, sample_rate: int, channels: int, sample_width: int = 2) -> None:
    """Refuse samples that do not fit into a WAV file; ``size`` is in bytes.

    Raises:
        ValueError: A number does not fit into the header of a WAV file.
    """
    _check_format(channels, sample_rate, sample_width)
    if size > _MOST_BYTES:
        raise ValueError(f"a WAV file cannot have {size} bytes of samples; the limit is {_MOST_BYTES}")


def write_wav(
    samples: bytes, sample_rate: int, *, channels: int = 1, sample_width: int = 2, tag: int = PCM
) -> bytes:
    """Return a WAV file of the samples, which must be little-endian, with true sizes in its header.

    Raises:
        ValueError: A number does not fit into the header of a WAV file.
    """
    check_size(len(samples), sample_rate, channels, sample_width)
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
        ValueError: As for `read_wav`.
    """
    _, chunks = _find(data)
    written = int.from_bytes(data[chunks[0].start - 4 : chunks[0].start], "little")
    if len(chunks) == 1 and chunks[0].size == written and _is_whole(data):
        return data
    return rewrite_wav(read_wav(data))
