"""The entry format: the content of ``<key>.meta``, which describes ``<key>.audio``.

A meta file names the key, the size and the checksum of its audio, and has a checksum of itself. So a torn,
mixed, swapped or altered pair of files is never accepted as an entry. A change that older readers would
misread must raise FORMAT_VERSION. New fields need no new version: the check covers unknown fields, and
readers ignore them.

Entries may come from anyone. Only `decode_entry` has the rules for metadata: code that replays entries and
code that shows entries both call it. `decode_entry` needs bounded memory and time for any bytes.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from xxhash import xxh3_128, xxh3_128_hexdigest

from .._audio import FORMATS, Audio
from .._fields import Fields, plain
from .._foreign import shown
from .placeholders import found_instead

FORMAT_VERSION: Final = 1
AUDIO_SUFFIX: Final = ".audio"
META_SUFFIX: Final = ".meta"
AUDIO_LIMIT: Final = 1 << 30
META_LIMIT: Final = 1 << 20
# Fields of real backends are nested three deep. Deeper ones only serve to exhaust the stack of a reader.
DEPTH_LIMIT: Final = 100
# The decoded form of meta files of at most this many bytes is cached, for 512 files. With this cache, `get`
# of 10 KB takes 1.1 times as long as reading the two files; without the cache, 1.7 times. The goal is 2.2.
_ORDINARY_SIZE: Final = 4096
# Metadata of at most this many bytes and `DEPTH_LIMIT` brackets is not measured, because it cannot be costly.
_HARMLESS_SIZE: Final = 1 << 14
_NAME: Final = "xxh3-128:"
# Names are sorted, so the check comes directly before the checksum. Only the outermost names are indented by
# two spaces.
_CHECK_LINE: Final = b'\n  "check": '
_NEXT_LINE: Final = b'\n  "checksum": '
# The stored prompt is for people and for the errors of mode replay. Cutting it keeps a meta file below its
# limit.
PROMPT_LIMIT: Final = 1 << 16
# The greatest values that `Audio` accepts.
_RANGES: Final = (("sample_rate", 0xFFFFFFFF), ("channels", 0xFFFF), ("sample_width", 4))


class DamagedEntryError(Exception):
    """The files of a key are damaged, or not an entry of russo; the message says why."""


class NewerEntryError(Exception):
    """The entry was written by a newer russo; this version does not change it."""


def checksum(data: bytes) -> str:
    """Return the checksum of bytes, as entries store it. It detects damage, not deliberate changes."""
    return _NAME + xxh3_128_hexdigest(data)


def encode_meta(key: str, audio: Audio, *, prompt: str | None, fields: Fields | None) -> bytes:
    """Return the content of a meta file: sorted, indented JSON, the same bytes for the same audio.

    Raises:
        TypeError: ``fields`` contains a value that JSON does not have.
        ValueError: ``fields`` contains NaN or infinity, the meta file would be larger than 1 MiB, or
            nested deeper than 100.
    """
    meta: dict[str, Any] = {
        "russo_cache": FORMAT_VERSION,
        "key": key,
        "format": audio.format,
        "sample_rate": audio.sample_rate,
        "channels": audio.channels,
        "sample_width": audio.sample_width,
        "prompt": None if prompt is None else prompt[:PROMPT_LIMIT],
        "fields": plain(fields),
        "size": len(audio.data),
        "checksum": checksum(audio.data),
    }
    rest = _write(meta)
    at = rest.index(_NEXT_LINE)
    encoded = rest[:at] + _check_line(rest) + rest[at:]
    if len(encoded) > META_LIMIT:
        raise ValueError(f"the fields of key {key} take {len(encoded)} bytes; the limit is {META_LIMIT}")
    if _may_be_costly(encoded) and _is_too_deep(meta):
        raise ValueError(f"the fields of key {key} are nested deeper than {DEPTH_LIMIT}, the limit")
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
        meta = _decode(str(data, "utf-8").removeprefix("\ufeff"))
    except (ValueError, RecursionError, MemoryError) as error:
        instead = found_instead(data) or f"is not JSON ({type(error).__name__ if data else 'an empty file'})"
        raise DamagedEntryError(f"its metadata {instead}") from error
    if type(meta) is not dict:
        raise DamagedEntryError("its metadata is not a JSON object")
    version = meta.get("russo_cache")
    if type(version) is int and version > FORMAT_VERSION:
        raise NewerEntryError(
            f"it has format version {shown(version, 40)}; this russo reads version {FORMAT_VERSION}"
        )
    if version != FORMAT_VERSION or meta.get("key") != key:
        raise DamagedEntryError(
            f"its metadata belongs to key {shown(meta.get('key'), 80)!r}, version {shown(version, 20)!r}"
        )
    if _may_be_costly(data):
        _refuse_costly(meta)
    stated = meta.pop("check", None)
    if not (_is_as_written(data) or stated == _check_of(meta)):
        raise DamagedEntryError("its metadata fails its own check")
    return meta


def decode_entry(data: bytes, key: str) -> dict[str, Any]:
    """Parse and verify a meta file, and check every field that russo reads.

    Raises:
        DamagedEntryError: It is not a meta file, was altered, belongs to another key, or has an invalid
            field.
        NewerEntryError: It has a later format version.
    """
    meta = decode_meta(data, key)
    find = meta.get
    size, format_, prompt, fields = find("size"), find("format"), find("prompt"), find("fields")
    if type(size) is not int or not 0 < size <= AUDIO_LIMIT:
        raise DamagedEntryError(f"its metadata has an invalid size of the audio: {shown(size, 40)} bytes")
    if type(format_) is not str or format_ not in FORMATS:
        raise DamagedEntryError(f"its metadata does not describe audio (format {_quoted(format_)})")
    for name, most in _RANGES:
        value = find(name)
        if type(value) is not int or not 0 < value <= most:
            raise DamagedEntryError(f"its metadata does not describe audio ({name} {_quoted(value)})")
    if type(find("checksum")) is not str:
        raise DamagedEntryError("its metadata has no checksum of the audio")
    if prompt is not None and (type(prompt) is not str or len(prompt) > PROMPT_LIMIT):
        raise DamagedEntryError(f"its metadata has an invalid prompt: {_quoted(prompt)}")
    if fields is not None and type(fields) is not dict:
        raise DamagedEntryError(f"its metadata has invalid fields: {_quoted(fields)}")
    return meta


def _quoted(value: object) -> str:
    return shown([value], 60)[1:-1]


def _refuse(value: str) -> Any:
    raise ValueError(f"{value} is not a JSON value")


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse(text)


_decode: Final = json.JSONDecoder(parse_constant=_refuse, parse_float=_finite).decode


def _may_be_costly(data: bytes) -> bool:
    return len(data) > _HARMLESS_SIZE or data.count(b"[") + data.count(b"{") > DEPTH_LIMIT


def _is_too_deep(meta: dict[str, Any]) -> bool:
    return sum(1 for _ in _levels(meta)) > DEPTH_LIMIT


def _refuse_costly(meta: dict[str, Any]) -> None:
    """Raise `DamagedEntryError` if metadata is nested too deep, or would not fit into a meta file.

    Compact JSON of a few bytes may have a huge indented form, which russo has never written.
    """
    written = 0
    for depth, items in enumerate(_levels(meta), 1):
        if depth > DEPTH_LIMIT:
            raise DamagedEntryError(f"its metadata is nested deeper than {DEPTH_LIMIT}")
        written += items * (2 * depth + 2)  # each item has a line, its indentation and a character at least
        if written > META_LIMIT:
            raise DamagedEntryError(
                f"its metadata would take more than {META_LIMIT} bytes as russo writes it"
            )


def _levels(meta: dict[str, Any]) -> Iterator[int]:
    """Yield the number of items of each level of nesting, at most one level more than is allowed."""
    level: list[Any] = [meta]
    for _ in range(DEPTH_LIMIT + 1):
        if not level:
            return
        yield sum(map(len, level))
        parts = (each.values() if type(each) is dict else each for each in level)
        level = [value for part in parts for value in part if type(value) in (dict, list)]


def _is_as_written(data: bytes) -> bool:
    """Return whether a meta file has exactly the bytes that `encode_meta` wrote."""
    start = data.find(_CHECK_LINE)
    end = data.find(b"\n", start + 1)
    return start > 0 and data[start:end] == _check_line(data[:start] + data[end:])


def _check_of(meta: dict[str, Any]) -> str:
    """Return the check that `encode_meta` would write for metadata. The whole text is never in memory."""
    hasher = xxh3_128()
    for part in _ENCODER.iterencode(meta):
        hasher.update(_to_bytes(part))
    hasher.update(b"\n")
    return _NAME + hasher.hexdigest()


_ENCODER: Final = json.JSONEncoder(sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False)


def _write(meta: dict[str, Any]) -> bytes:
    return _to_bytes(_ENCODER.encode(meta)) + b"\n"


def _to_bytes(text: str) -> bytes:
    # A lone surrogate has no UTF-8 form; backslashreplace writes it as the same escape as JSON.
    return text.encode("utf-8", "backslashreplace")


def _check_line(rest: bytes) -> bytes:
    """Return the line with the checksum of all other lines, which are ``rest``."""
    return b'%b"%b",' % (_CHECK_LINE, checksum(rest).encode())


class Stated(NamedTuple):
    """The properties of the audio that a meta file states.

    Attributes:
        size: Bytes of the audio; no more are read.
        checksum: The checksum of these bytes.
        sound: The other arguments of `Audio`.
    """

    size: int
    checksum: str
    sound: tuple[Any, ...]


def decode_stated(data: bytes, key: str) -> Stated:
    """Parse and verify a meta file, and return only what is needed to read the audio.

    Results are cached by the bytes of the file, up to `_ORDINARY_SIZE`, so that a meta file that was read
    before is not parsed again.

    Raises:
        DamagedEntryError: It is not a meta file, was altered, belongs to another key, or has an invalid
            field.
        NewerEntryError: It has a later format version.
    """
    return (_remembered if len(data) <= _ORDINARY_SIZE else _decode_stated)(data, key)


def _decode_stated(data: bytes, key: str) -> Stated:
    meta = decode_entry(data, key)
    sound = meta["format"], meta["sample_rate"], meta["channels"], meta["sample_width"]
    return Stated(meta["size"], meta["checksum"], sound)


_remembered = functools.lru_cache(maxsize=512)(_decode_stated)


def build_audio(stated: Stated, data: bytes) -> Audio:
    """Build the entry's audio from its two files.

    Raises:
        DamagedEntryError: The bytes do not match the meta file.
    """
    if len(data) != stated.size:
        instead = found_instead(data)
        raise DamagedEntryError(f"its audio {instead or f'has {len(data)} bytes instead of {stated.size}'}")
    if checksum(data) != stated.checksum:
        raise DamagedEntryError("its audio fails its checksum")
    try:
        return Audio(data, *stated.sound)
    except (TypeError, ValueError) as error:
        raise DamagedEntryError(f"its metadata does not describe audio ({shown(str(error))})") from error
