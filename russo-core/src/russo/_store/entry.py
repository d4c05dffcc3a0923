"""The entry format: the content of ``<key>.meta``, which describes ``<key>.audio``.

A meta file names the key, the size and the checksum of its audio, and has a checksum of itself. So a torn,
mixed, swapped or altered pair of files is never accepted as an entry. A change that older readers would
misread must raise FORMAT_VERSION. New fields need no new version: the check covers unknown fields, and
readers ignore them.
"""

from __future__ import annotations

import functools
import json
from typing import Any, Final, NamedTuple

from xxhash import xxh3_128_hexdigest

from .._audio import Audio
from .._fields import Fields, plain

FORMAT_VERSION: Final = 1
AUDIO_SUFFIX: Final = ".audio"
META_SUFFIX: Final = ".meta"
AUDIO_LIMIT: Final = 1 << 30
META_LIMIT: Final = 1 << 20
# Meta files of at most this many bytes are remembered once decoded, 512 of them. Without that, `get` of 10 KB
# takes 1.7 times as long as reading the two files, with it 1.1 times; the goal is 1.3.
_ORDINARY_SIZE: Final = 4096
_POINTER: Final = b"version https://git-lfs"
# The check's place among the sorted names. Only the outermost names are indented by two spaces.
_CHECK_LINE: Final = b'\n  "check": '
_NEXT_LINE: Final = b'\n  "checksum": '
# The stored prompt is for people and for the errors of mode replay. Cutting it keeps a meta file below its
# limit.
_PROMPT_LIMIT: Final = 1 << 16


class DamagedEntryError(Exception):
    """The files of a key are damaged, or not an entry of russo; the message says why."""


class NewerEntryError(Exception):
    """The entry was written by a newer russo; this version does not change it."""


def checksum(data: bytes) -> str:
    """Return the checksum of bytes, as entries store it. It detects damage, not deliberate changes."""
    return "xxh3-128:" + xxh3_128_hexdigest(data)


def encode_meta(key: str, audio: Audio, *, prompt: str | None, fields: Fields | None) -> bytes:
    """Return the content of a meta file: sorted, indented JSON, the same bytes for the same audio.

    Raises:
        TypeError: ``fields`` contains a value that JSON does not have.
        ValueError: ``fields`` contains NaN or infinity, or the meta file would be larger than 1 MiB.
    """
    meta: dict[str, Any] = {
        "russo_cache": FORMAT_VERSION,
        "key": key,
        "format": audio.format,
        "sample_rate": audio.sample_rate,
        "channels": audio.channels,
        "sample_width": audio.sample_width,
        "prompt": None if prompt is None else prompt[:_PROMPT_LIMIT],
        "fields": plain(fields),
        "size": len(audio.data),
        "checksum": checksum(audio.data),
    }
    rest = _write(meta)
    at = rest.index(_NEXT_LINE)
    encoded = rest[:at] + _check_line(rest) + rest[at:]
    if len(encoded) > META_LIMIT:
        raise ValueError(f"the fields of key {key} take {len(encoded)} bytes; {META_LIMIT} is the most")
    return encoded


def decode_meta(data: bytes, key: str) -> dict[str, Any]:
    """Parse a meta file and verify its check and its key.

    A byte order mark, other line ends and other indentation, which git or an editor may add, are accepted.

    Raises:
        DamagedEntryError: It is not a meta file, was altered, or belongs to another key.
        NewerEntryError: It has a later format version.
    """
    try:
        # Not json.loads(bytes): it may import a codec, which fails if the process cannot open more files.
        meta = json.loads(str(data, "utf-8").removeprefix("\ufeff"))
    except (ValueError, RecursionError, MemoryError) as error:
        raise DamagedEntryError(f"its metadata is not JSON ({type(error).__name__})") from error
    if type(meta) is not dict:
        raise DamagedEntryError("its metadata is not a JSON object")
    version = meta.get("russo_cache")
    if type(version) is int and version > FORMAT_VERSION:
        raise NewerEntryError(f"it has format version {version}, this russo reads {FORMAT_VERSION}")
    if version != FORMAT_VERSION or meta.get("key") != key:
        raise DamagedEntryError(
            f"its metadata is of key {str(meta.get('key'))[:80]!r}, version {str(version)[:20]!r}"
        )
    stated = meta.pop("check", None)
    if not (_is_as_written(data) or _checks(meta, stated)):
        raise DamagedEntryError("its metadata fails its own check")
    return meta


def _is_as_written(data: bytes) -> bool:
    """Return whether a meta file is byte for byte as `encode_meta` wrote it."""
    start = data.find(_CHECK_LINE)
    end = data.find(b"\n", start + 1)
    return start > 0 and data[start:end] == _check_line(data[:start] + data[end:])


def _checks(meta: dict[str, Any], stated: Any) -> bool:
    """Return whether a meta file has the right check after it is encoded again."""
    try:
        return _check_line(_write(meta)) == b'%b"%b",' % (_CHECK_LINE, str(stated).encode())
    except (ValueError, RecursionError) as error:  # NaN, or nested too deep
        raise DamagedEntryError("its metadata holds what is never written") from error


def _write(meta: dict[str, Any]) -> bytes:
    text = json.dumps(meta, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False)
    # A lone surrogate has no UTF-8 form; backslashreplace writes it as the same escape as JSON.
    return text.encode("utf-8", "backslashreplace") + b"\n"


def _check_line(rest: bytes) -> bytes:
    """Return the line with the checksum of all other lines, which are ``rest``."""
    return b'%b"%b",' % (_CHECK_LINE, checksum(rest).encode())


class Stated(NamedTuple):
    """The properties of the audio that a meta file states.

    Attributes:
        size: Bytes of the audio; no more are read.
        checksum: The checksum of these bytes.
        sound: The other arguments of `Audio`, not yet validated.
    """

    size: int
    checksum: Any
    sound: tuple[Any, ...]


def decode_stated(data: bytes, key: str) -> Stated:
    """Parse and verify a meta file, and return only what is needed to read the audio.

    Results are cached by the bytes of the file, up to `_ORDINARY_SIZE`, so that a meta file that was read
    before is not parsed again.

    Raises:
        DamagedEntryError: It is not a meta file, was altered, or belongs to another key.
        NewerEntryError: It has a later format version.
    """
    return (_remembered if len(data) <= _ORDINARY_SIZE else _decode_stated)(data, key)


def _decode_stated(data: bytes, key: str) -> Stated:
    meta = decode_meta(data, key)
    size = meta.get("size")
    if type(size) is not int or not 0 < size <= AUDIO_LIMIT:
        raise DamagedEntryError(f"its metadata promises {size!r:.40} bytes of audio")
    names = ("format", "sample_rate", "channels", "sample_width")
    return Stated(size, meta.get("checksum"), tuple(meta.get(name) for name in names))


_remembered = functools.lru_cache(maxsize=512)(_decode_stated)


def build_audio(stated: Stated, data: bytes) -> Audio:
    """Build the entry's audio from its two files.

    Raises:
        DamagedEntryError: The bytes do not match the meta file.
    """
    if len(data) != stated.size:
        if data.startswith(_POINTER):
            raise DamagedEntryError("its audio is a pointer of Git LFS, which `git lfs pull` replaces")
        raise DamagedEntryError(f"its audio has {len(data)} bytes of {stated.size}")
    if checksum(data) != stated.checksum:
        raise DamagedEntryError("its audio fails its checksum")
    try:
        return Audio(data, *stated.sound)
    except (TypeError, ValueError) as error:
        raise DamagedEntryError(f"its metadata describes no audio ({error})") from error
