"""The entry format: what stands in ``<key>.meta`` beside ``<key>.audio``.

A meta file commits its audio: it names the key, the audio's size and checksum, and carries a check
of itself, so that no torn, mixed, swapped or altered pair can be taken for an entry. A change that
older readers would misread must raise FORMAT_VERSION; unknown fields are covered by the check and
ignored, so that additions need not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from xxhash import xxh3_128_hexdigest

from ._audio import Audio
from ._key import Fields, canonical_json, plain

FORMAT_VERSION: Final = 1
AUDIO_SUFFIX: Final = ".audio"
META_SUFFIX: Final = ".meta"
AUDIO_LIMIT: Final = 1 << 30
META_LIMIT: Final = 1 << 20
# Informational, for people and for the errors of replay mode; keeps a meta file below its limit.
_PROMPT_LIMIT: Final = 1 << 16


class DamagedEntry(Exception):
    """What lies under a key is no entry of ours, or no longer whole; the message says why."""


class NewerEntry(Exception):
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
    meta["check"] = _check(meta)
    text = json.dumps(meta, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False)
    # A lone surrogate has no UTF-8 form; backslashreplace writes it as JSON's own escape.
    encoded = text.encode("utf-8", "backslashreplace") + b"\n"
    if len(encoded) > META_LIMIT:
        raise ValueError(f"the fields of key {key} take {len(encoded)} bytes; {META_LIMIT} is the most")
    return encoded


def decode_meta(data: bytes, key: str) -> dict[str, Any]:
    """Read an entry's description and check it against itself and its key.

    A byte order mark, other line ends or other indentation, as git or an editor leave them, are harmless.

    Raises:
        DamagedEntry: Not a description, an altered one, or another key's.
        NewerEntry: A format of a later version.
    """
    try:
        # Not json.loads(bytes): it may import a codec, which fails where files cannot be opened.
        text = str(data, "utf-8").removeprefix("\ufeff")
        meta = json.loads(text)
    except (ValueError, RecursionError, MemoryError) as error:
        raise DamagedEntry(f"its metadata is not JSON ({type(error).__name__})") from error
    if type(meta) is not dict:
        raise DamagedEntry("its metadata is not a JSON object")
    version = meta.get("russo_cache")
    if type(version) is int and version > FORMAT_VERSION:
        raise NewerEntry(f"it has format version {version}, this russo reads {FORMAT_VERSION}")
    if version != FORMAT_VERSION or meta.get("key") != key:
        raise DamagedEntry(
            f"its metadata is of key {str(meta.get('key'))[:80]!r}, version {str(version)[:20]!r}"
        )
    stated = meta.pop("check", None)
    try:
        seen = _check(meta)
    except (ValueError, RecursionError) as error:  # NaN, or nested too deep
        raise DamagedEntry("its metadata holds what is never written") from error
    if stated != seen:
        raise DamagedEntry("its metadata fails its own check")
    return meta


def _check(meta: dict[str, Any]) -> str:
    return checksum(canonical_json(meta).encode("ascii"))


def stated_size(meta: dict[str, Any]) -> int:
    """Return how many bytes of audio the metadata promises, so that no more are read.

    Raises:
        DamagedEntry: It promises nothing sensible.
    """
    size = meta.get("size")
    if type(size) is not int or not 0 < size <= AUDIO_LIMIT:
        raise DamagedEntry(f"its metadata promises {size!r:.40} bytes of audio")
    return size


def build_audio(meta: dict[str, Any], data: bytes) -> Audio:
    """Make the entry's audio of its two files.

    Raises:
        DamagedEntry: The bytes are not those the metadata describes.
    """
    if len(data) != meta.get("size"):
        raise DamagedEntry(f"its audio has {len(data)} bytes of {meta.get('size')}")
    if checksum(data) != meta.get("checksum"):
        raise DamagedEntry("its audio fails its checksum")
    try:
        return Audio(data, meta["format"], meta["sample_rate"], meta["channels"], meta["sample_width"])
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedEntry(f"its metadata describes no audio ({error})") from error


def speaker_of(fields: Any) -> str | None:
    """Name whose voice an entry is: the backend it declares, else its class."""
    own = fields.get("own") if isinstance(fields, Mapping) else None
    if not isinstance(own, Mapping):
        return None
    name = own.get("backend", own.get("class"))
    return name if isinstance(name, str) else None
