"""Containers: recognise the file format of bytes, from the bytes only.

A service may ignore the requested format, answer with a compressed file, and send a wrong content type. Read
as samples, such bytes are noise, and the cache would store it. Samples may begin with any bytes, so the 11 or
12 set bits at the start of an MPEG frame prove nothing: several frames must follow each other, and agree.

Formats: ISO 11172-3 and 13818-3 (MPEG audio), 13818-7 (ADTS), 14496-3 (LOAS), 14496-12 (MP4), RFC 3533
(Ogg), 3867 (AMR), 9559 (Matroska), 9639 (FLAC), https://id3.org/id3v2.4.0-structure.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

_MAGIC: Final[tuple[tuple[int, bytes, str], ...]] = (
    (0, b"riff\x2e\x91\xcf\x11", "WAV"),  # Wave64
    (0, b"OggS", "Ogg"),
    (0, b"fLaC", "FLAC"),
    (0, b"\x1aE\xdf\xa3", "WebM"),
    *((4, box, "MP4") for box in (b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"free", b"wide", b"sidx")),
    (0, b"FORM", "AIFF"),
    (0, b"caff", "CAF"),
    (0, b".snd", "AU"),
    (0, b"dns.", "AU"),
    (0, b"#!AMR", "AMR"),
    (0, b"#!SILK", "SILK"),
    (1, b"#!SILK", "SILK"),
    (0, b"ADIF", "AAC"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "WMA"),
    (0, b"FLV\x01", "FLV"),
    (0, b"wvpk", "WavPack"),
    (0, b"MAC \x96\x0f", "APE"),
    (0, b"\x1f\x8b\x08", "gzip"),
    (0, b"\x28\xb5\x2f\xfd", "zstd"),
    (0, b"\xfd7zXZ\0", "xz"),
    (0, b"BZh91AY&SY", "bzip2"),
    (0, b"PK\x03\x04", "zip"),
    (0, b"%PDF-", "PDF"),
    (0, b"\x89PNG\r\n", "PNG"),
)
# Several formats are RIFF files: the four letters after the size name the format.
_RIFF: Final = (b"RIFF", b"RIFX", b"RF64", b"BW64")
_RIFF_FORMS: Final = {b"WAVE": "WAV", b"AVI ": "AVI", b"WEBP": "WebP"}
_ID3_VERSIONS: Final = (2, 3, 4)
# One in 5,000 random sounds begins like an MPEG frame; one in 10^14 has two more frames at the right places.
_ENOUGH_FRAMES: Final = 3
_END_TAGS: Final = (b"TAG", b"APETAGEX")

# kbit/s by layer, for MPEG-1, then for MPEG-2 and 2.5, whose layers II and III have the same rates.
_BITRATES: Final = {
    (3, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (3, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (3, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES: Final = (44100, 48000, 32000)
_HEADER: Final = 4
_LONGEST_HEADER: Final = 7

_Frame = tuple[bytes, int]
"""The header fields that are equal in all frames of a file, and the length of this frame in bytes."""


def container_of(data: bytes) -> str | None:
    """Return the name of the file format that bytes are, or ``None`` if they may be samples.

    The names: ``WAV`` (also RF64 and Wave64), ``MP3`` (MPEG audio of any layer, with or without an ID3 tag),
    ``AAC`` (ADTS, ADIF or LOAS), ``MP4`` (also M4A and 3GP), ``WebM`` (also Matroska), ``Ogg`` (Opus, Vorbis
    or Speex), ``FLAC``, ``AIFF``, ``CAF``, ``AU``, ``AMR``, ``SILK``, ``WMA``, ``FLV``, ``WavPack``,
    ``APE``, ``AVI``, ``WebP``, ``RIFF`` (of any other form), ``gzip``, ``zstd``, ``xz``, ``bzip2``, ``zip``,
    ``PDF``, ``PNG``.

    Text has no name here; see `russo.authoring.looks_like_text`.
    """
    if data[:3] == b"ID3" and (len(data) == 3 or data[3] in _ID3_VERSIONS):
        return _untagged(data[_size_of_tag(data) :]) or "MP3"
    return _untagged(data)


def _untagged(data: bytes) -> str | None:
    if data.startswith(_RIFF):
        return _riff(data[8:12])
    for offset, magic, name in _MAGIC:
        if data.startswith(magic, offset):
            return name
    readers = {_mpeg_frame: "MP3", _adts_frame: "AAC", _loas_frame: "AAC"}
    return next((name for read, name in readers.items() if _is_run_of_frames(data, read)), None)


def _riff(form: bytes) -> str:
    """Return the name of a RIFF file. If its header is cut, it may be a WAV file."""
    return "WAV" if b"WAVE".startswith(form) else _RIFF_FORMS.get(form, "RIFF")


def _size_of_tag(data: bytes) -> int:
    """Return the length of an ID3 tag, whose size has 7 bits in each byte."""
    size = 0
    for byte in data[6:10]:
        size = size << 7 | byte & 0x7F
    return 10 + size


def _is_run_of_frames(data: bytes, read: Callable[[bytes], _Frame | None]) -> bool:
    """Return whether bytes begin with frames that agree: `_ENOUGH_FRAMES`, or fewer that fill all bytes."""
    first = read(data[:_LONGEST_HEADER])
    # A wave that begins like a frame repeats its first bytes in every period.
    if first is None or data.find(data[:_HEADER], 1, first[1] + _HEADER - 1) > 0:
        return False
    at = 0
    for _ in range(_ENOUGH_FRAMES):
        found = read(data[at : at + _LONGEST_HEADER])
        if found is None or found[0] != first[0]:
            return at > 0 and data.startswith(_END_TAGS, at)
        at += found[1]
        if at == len(data):
            return True
    return True


def _mpeg_frame(head: bytes) -> _Frame | None:
    """Read the header of an MPEG audio frame. ``None`` for a free bit rate, whose length is unknown."""
    if len(head) < _HEADER or head[0] != 0xFF or head[1] < 0xE0:
        return None
    version, layer, rate = head[1] >> 3 & 3, 4 - (head[1] >> 1 & 3), head[2] >> 2 & 3
    bitrate = head[2] >> 4
    if version == 1 or layer == 4 or rate == 3 or bitrate in (0, 15):
        return None
    hertz = _RATES[rate] >> {3: 0, 2: 1, 0: 2}[version]
    kilobits = _BITRATES[(3, layer) if version == 3 else (2, min(layer, 2))][bitrate - 1]
    padding = head[2] >> 1 & 1
    if layer == 1:
        length = (12_000 * kilobits // hertz + padding) * 4
    else:
        length = (72_000 if layer == 3 and version != 3 else 144_000) * kilobits // hertz + padding
    mono = head[3] >> 6 == 3
    return bytes((head[1] & 0xFE, rate, mono)), length


def _adts_frame(head: bytes) -> _Frame | None:
    """Read the header of an AAC frame; profile, rate and channels are equal in all frames."""
    if len(head) < _LONGEST_HEADER or head[0] != 0xFF or head[1] & 0xF6 != 0xF0 or head[2] >> 2 & 15 > 12:
        return None
    length = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
    return (bytes((head[1], head[2] & 0xFD, head[3] & 0xC0)), length) if length > 7 else None


def _loas_frame(head: bytes) -> _Frame | None:
    """Read the header of an AudioSyncStream: 11 bits of sync, 13 bits of length."""
    if len(head) < 3 or head[0] != 0x56 or head[1] & 0xE0 != 0xE0:
        return None
    length = 3 + ((head[1] & 0x1F) << 8 | head[2])
    return (b"", length) if length > 3 else None
