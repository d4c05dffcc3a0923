"""The pair of files of one entry: read whole, written whole.

The audio file is renamed into place first, and the metadata file commits it. Both files are complete
before either is renamed. Every read verifies both.
"""

from __future__ import annotations

import os
import random
from pathlib import Path
from time import sleep  # imported by name, because a test may replace `time.sleep` later
from typing import Final, NamedTuple

from .._audio import Audio
from .directory import make_directory
from .entry import (
    AUDIO_SUFFIX,
    META_LIMIT,
    META_SUFFIX,
    DamagedEntryError,
    NewerEntryError,
    build_audio,
    decode_stated,
)
from .files import Identity, identify, read_file, remove, replace, write_temporary

_WRITE_ATTEMPTS: Final = 8
_RANDOM: Final = random.SystemRandom()  # a test may have seeded the generator of module random


class Pair(NamedTuple):
    """Both files of an entry, verified.

    Attributes:
        meta: The content of the metadata file.
        data: The content of the audio file.
        audio: The audio.
    """

    meta: bytes
    data: bytes
    audio: Audio


def verified(meta: bytes, data: bytes, key: str) -> Pair:
    """Return the pair of an entry, every byte of it verified.

    Raises:
        DamagedEntryError: The content is not an entry of this key, or is incomplete.
        NewerEntryError: A later russo wrote it.
    """
    return Pair(meta, data, build_audio(decode_stated(meta, key), data))


def read_pair(path: str, key: str) -> Audio:
    """Read and verify the entry whose files begin with ``path``.

    Raises:
        DamagedEntryError: The files are not an entry of this key, or are incomplete.
        NewerEntryError: A later russo wrote it.
        OSError: A file cannot be read.
    """
    stated = decode_stated(read_file(path + META_SUFFIX, META_LIMIT), key)
    return build_audio(stated, read_file(path + AUDIO_SUFFIX, stated.size, expected=stated.size))


def read_files(path: str, key: str) -> Pair:
    """Read and verify the entry whose files begin with ``path``, as `read_pair` does, and return its files.

    Raises:
        DamagedEntryError: As for `read_pair`.
        NewerEntryError: As for `read_pair`.
        OSError: A file cannot be read.
    """
    meta = read_file(path + META_SUFFIX, META_LIMIT)
    size = decode_stated(meta, key).size
    return verified(meta, read_file(path + AUDIO_SUFFIX, size, expected=size), key)


def write_pair(directory: Path, key: str, data: bytes, meta: bytes) -> None:
    """Write both files of an entry, and make the directory if it does not exist.

    Raises:
        OSError: A file cannot be written.
    """
    path = f"{directory}{os.sep}{key}"
    for attempt in range(_WRITE_ATTEMPTS):
        try:
            written = _write_once(str(directory), path, key, data, meta)
        except FileNotFoundError:
            # The directory does not exist yet, or a clear removed a temporary file: try again.
            if attempt == _WRITE_ATTEMPTS - 1:
                raise
            make_directory(directory)
            continue
        # The renames of two writers may have interleaved. The writer that renamed last sees the final
        # state, and writes again if it is mixed.
        found = [identify(path + AUDIO_SUFFIX), identify(path + META_SUFFIX)]
        if found == written or _is_whole(path, key):
            return
        sleep(_RANDOM.uniform(0, 0.001 * 2**attempt))


def _write_once(directory: str, path: str, key: str, data: bytes, meta: bytes) -> list[Identity]:
    """Write both files and rename them into place; return their identities."""
    written: list[tuple[str, Identity]] = []
    try:
        written.append(write_temporary(directory, key, data))
        written.append(write_temporary(directory, key, meta))
        replace(written[0][0], path + AUDIO_SUFFIX)
        replace(written[1][0], path + META_SUFFIX)
    except BaseException:
        for temporary, _ in written:
            remove(temporary)
        raise
    return [identity for _, identity in written]


def _is_whole(path: str, key: str) -> bool:
    try:
        read_pair(path, key)
    except (OSError, DamagedEntryError, NewerEntryError):
        return False
    return True
