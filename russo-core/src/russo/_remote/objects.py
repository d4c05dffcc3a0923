r"""The form of an entry in a shared store: one object that holds both files of the pair, byte for byte.

    russo\x01   the magic and the version
    flags       one byte, 0
    length      the number of bytes of the metadata: unsigned, 32 bits, big-endian
    metadata    the content of <key>.meta
    audio       the content of <key>.audio

An entry is one object because a reader may read between two puts: of two objects, it may get the metadata of
one writer and the audio of another writer.
"""

from __future__ import annotations

import struct
from typing import Final

from .._store.directory import check_key
from .._store.entry import AUDIO_LIMIT, META_LIMIT, DamagedEntryError, NewerEntryError
from .._store.pair import Pair, verified

_FOLDER: Final = "v1/"
_SUFFIX: Final = ".russo"
_NAME: Final = b"russo"
_VERSION: Final = 1
_HEAD: Final = struct.Struct(">5sBBI")
MOST_BYTES: Final = _HEAD.size + META_LIMIT + AUDIO_LIMIT
MARKER: Final = "v1/russo"
"""A small object that each writer stores. A process that can read it may read the store."""
MARKER_TEXT: Final = b"entries of russo\n"


def object_name(key: str) -> str:
    """Return the name of a key's object.

    Raises:
        ValueError: The key is not a plain, portable file name.
    """
    return f"{_FOLDER}{check_key(key)[:2]}/{key}{_SUFFIX}"


def key_of_object(name: str) -> str | None:
    """Return the key of an object by its name, or ``None`` if it is not an entry."""
    key = name.rpartition("/")[2].removesuffix(_SUFFIX)
    try:
        return key if object_name(key) == name else None
    except ValueError:
        return None


def pack(pair: Pair) -> bytes:
    """Return the object of an entry."""
    return b"".join((_HEAD.pack(_NAME, _VERSION, 0, len(pair.meta)), pair.meta, pair.data))


def packed_size(meta: int, audio: int) -> int:
    """Return the size of the object of an entry whose files have these sizes, in bytes."""
    return _HEAD.size + meta + audio


def unpack(packed: bytes, key: str) -> Pair:
    """Return the entry in an object, every byte of it verified.

    Raises:
        DamagedEntryError: It is not an entry of this key, or is incomplete.
        NewerEntryError: A later russo wrote it.
    """
    if len(packed) < _HEAD.size or not packed.startswith(_NAME):
        raise DamagedEntryError(f"its object is not an entry of russo ({len(packed)} bytes)")
    _, version, flags, length = _HEAD.unpack_from(packed)
    if version > _VERSION or flags:
        raise NewerEntryError(
            f"its object has version {version}, flags {flags}; this russo reads version {_VERSION}"
        )
    meta, data = packed[_HEAD.size : _HEAD.size + length], packed[_HEAD.size + length :]
    if version != _VERSION or length > META_LIMIT or len(meta) != length:
        raise DamagedEntryError("its object is incomplete")
    return verified(meta, data, key)
