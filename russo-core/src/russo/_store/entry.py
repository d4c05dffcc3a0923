"""The entry format: what stands in ``<key>.meta`` beside ``<key>.audio``.

A meta file commits its audio: it names the key, the audio's size and checksum, and carries a check
of itself, so that no torn, mixed, swapped or altered pair can be taken for an entry. A change that
older readers would misread must raise FORMAT_VERSION; unknown fields are covered by the check and
ignored, so that additions need not.
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
# Descriptions up to this many bytes are remembered once decoded, 512 of them.
_ORDINARY_SIZE: Final = 4096
_POINTER: Final = b"version https://git-lfs"
# Where the check stands among the sorted names, two spaces deep as only the outermost names are.
_CHECK_LINE: Final = b'\n  "check": '
_NEXT_LINE: Final = b'\n  "checksum": '
# Informational, for people and for the errors of replay mode; keeps a meta file below its limit.
_PROMPT_LIMIT: Final = 1 << 16


class DamagedEntryError(Exception):
    """What lies under a key is no entry of ours, or no longer whole; the message says why."""


class NewerEntryError(Exception):
    """The entry was written by a newer russo; this one leaves it alone."""


def checksum(data: bytes) -> str:
    """Hash bytes as entries do. It guards against damage, not against people."""
    return "xxh3-128:" + xxh3_128_hexdigest(data)


def encode_meta(key: str, audio: Audio, *, prompt: str | None, fields: Fields | None) -> bytes:
    """Describe an entry: sorted, indented JSON, the same bytes for the same audio.

    Raises:
        TypeError: ``fields`` holds what JSON cannot.
        ValueError: ``fields`` holds NaN or infinity, or the description is larger than 1 MiB.
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
    """Read an entry's description and check it against itself and its key.

    A byte order mark, other line ends or other indentation, as git or an editor leave them, are harmless.

    Raises:
        DamagedEntryError: Not a description, an altered one, or another key's.
        NewerEntryError: A format of a later version.
    """
    try:
        # Not json.loads(bytes): it may import a codec, which fails where files cannot be opened.
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
    """Tell whether a description is byte for byte what `encode_meta` wrote."""
    start = data.find(_CHECK_LINE)
    end = data.find(b"\n", start + 1)
    return start > 0 and data[start:end] == _check_line(data[:start] + data[end:])


def _checks(meta: dict[str, Any], stated: Any) -> bool:
    """Tell whether a description, written anew, would have the check that it states."""
    try:
        return _check_line(_write(meta)) == b'%b"%b",' % (_CHECK_LINE, str(stated).encode())
    except (ValueError, RecursionError) as error:  # NaN, or nested too deep
        raise DamagedEntryError("its metadata holds what is never written") from error


def _write(meta: dict[str, Any]) -> bytes:
    text = json.dumps(meta, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False)
    # A lone surrogate has no UTF-8 form; backslashreplace writes it as JSON's own escape.
    return text.encode("utf-8", "backslashreplace") + b"\n"


def _check_line(rest: bytes) -> bytes:
    """Return the line that checks all the others, which are given."""
    return b'%b"%b",' % (_CHECK_LINE, checksum(rest).encode())


class Stated(NamedTuple):
    """What a description states of its audio.

    Attributes:
        size: How many bytes it has; no more are read.
        checksum: Of those bytes.
        sound: The other arguments of `Audio`, not yet judged.
    """

    size: int
    checksum: Any
    sound: tuple[Any, ...]


def decode_stated(data: bytes, key: str) -> Stated:
    """Read and check an entry's description, as far as its audio needs it.

    Equal bytes state the same, so those of ordinary size that were read before are not parsed again.

    Raises:
        DamagedEntryError: Not a description, an altered one, or another key's.
        NewerEntryError: A format of a later version.
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
    """Make the entry's audio of its two files.

    Raises:
        DamagedEntryError: The bytes are not those the description states.
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
