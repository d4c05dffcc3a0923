"""The directory of a cache: how it is made, and which of its files belong to entries.

A cache may share its directory with files of other programs. Such a file is never treated as an entry: a key
that russo generated is recognised by its form, any other key by its metadata.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from .entry import AUDIO_SUFFIX, META_LIMIT, META_SUFFIX, DamagedEntryError, NewerEntryError, decode_meta
from .files import read_file, replace, write_temporary

_KEY: Final = re.compile(r"(?!(?:con|prn|aux|nul|com[0-9]|lpt[0-9])\Z)[0-9a-z][0-9a-z_-]{0,127}")
_GENERATED: Final = re.compile(r"[0-9a-f]{64}")
_GIT_FILES: Final = {
    # Audio and metadata must come back from git byte for byte, for every setting of autocrlf.
    ".gitattributes": b"*.audio -text -diff\n*.meta -text\n",
    ".gitignore": b"*.russo-tmp\n.russo-locks/\n",
}


def check_key(key: str) -> str:
    """Return the key if it is a plain file name on every system.

    Raises:
        ValueError: It is not; the message says which keys are valid.
    """
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        raise ValueError(
            f"{key!r:.100} is not a key: a key has 1 to 128 lower-case letters, digits, '_' and '-', begins "
            "with a letter or digit, and is not a device name of Windows"
        )
    return key


def is_key(text: str) -> bool:
    """Return whether a text is a key: a plain file name on every system."""
    return _KEY.fullmatch(text) is not None


def is_generated(key: str) -> bool:
    """Return whether a key has the form that `russo.cache_key` makes."""
    return _GENERATED.fullmatch(key) is not None


def make_directory(directory: Path) -> None:
    """Make the directory of a cache, with the files that git needs.

    Raises:
        OSError: It cannot be made.
    """
    if directory.is_dir():
        return
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in _GIT_FILES.items():
        with contextlib.suppress(OSError):
            replace(write_temporary(str(directory), "git", content)[0], str(directory / name))


def file_names(directory: Path, *, links: bool = False) -> list[str]:
    """Return the names of the regular files of a directory.

    Args:
        directory: The directory.
        links: Whether to return links to regular files, too. Entries are read through links, but code
            that removes files must leave this false.

    Raises:
        OSError: The directory exists and cannot be read.
    """
    try:
        with os.scandir(directory) as found:
            return [entry.name for entry in found if is_file(entry, links=links)]
    except (FileNotFoundError, NotADirectoryError):
        return []


def is_file(entry: os.DirEntry[str], *, links: bool) -> bool:
    """Return whether a directory entry is a regular file; false if it cannot be stat'ed."""
    try:
        return entry.is_file(follow_symlinks=links)
    except OSError:
        return False


def key_of(name: str) -> str | None:
    """Return the key in the name of a metadata file, or ``None`` if it is another file's name."""
    key = name.removesuffix(META_SUFFIX)
    return key if key != name and _KEY.fullmatch(key) else None


def stored_keys(directory: Path, *, links: bool = False) -> Iterator[str]:
    """Yield the key of every entry, in no order. The pairs are not verified.

    Args:
        directory: The directory.
        links: Whether to yield entries whose files are links, too.

    Raises:
        OSError: The directory exists and cannot be read.
    """
    names = file_names(directory, links=links)
    with_audio = {name for name in names if name.endswith(AUDIO_SUFFIX)}
    for name in names:
        if name.endswith(META_SUFFIX):
            key = name[: -len(META_SUFFIX)]
            if key + AUDIO_SUFFIX in with_audio and has_own_metadata(directory, key):
                yield key


def keys_with_files(directory: Path) -> list[str]:
    """Return the keys of all entries and of halves of entries, sorted.

    Only names count: a directory or a broken link with the name of an entry's file counts, too.

    Raises:
        OSError: The directory exists and cannot be read.
    """
    keys = set()
    try:
        with os.scandir(directory) as found:
            names = [entry.name for entry in found]
    except (FileNotFoundError, NotADirectoryError):
        return []
    for name in names:
        key, suffix = os.path.splitext(name)
        if (suffix == META_SUFFIX and has_own_metadata(directory, key)) or (
            suffix == AUDIO_SUFFIX and is_generated(key)
        ):
            keys.add(key)
    return sorted(keys)


def has_files(directory: Path, key: str) -> bool:
    """Return whether anything has the name of a file of the entry."""
    return any(os.path.lexists(path) for path in _paths(directory, key))


def obstacle(directory: Path, key: str) -> str | None:
    """Return a description of an entry's file that is not a regular file, or ``None`` if there is none.

    russo never removes such a file.
    """
    for path in _paths(directory, key):
        with contextlib.suppress(OSError):
            mode = os.lstat(path).st_mode
            if not stat.S_ISREG(mode):
                kinds = {stat.S_IFLNK: "a link", stat.S_IFDIR: "a directory"}
                kind = kinds.get(stat.S_IFMT(mode), "not a regular file")
                return f"{os.path.basename(path)} is {kind}"
    return None


def _paths(directory: Path, key: str) -> list[str]:
    return [f"{directory}{os.sep}{key}{suffix}" for suffix in (META_SUFFIX, AUDIO_SUFFIX)]


def has_own_metadata(directory: Path, key: str) -> bool:
    """Return whether ``<key>.meta`` belongs to an entry: by its generated name, or by its content."""
    if is_generated(key):
        return True
    if not _KEY.fullmatch(key):
        return False
    try:
        decode_meta(read_file(f"{directory}{os.sep}{key}{META_SUFFIX}", META_LIMIT), key)
    except NewerEntryError:
        return True
    except (DamagedEntryError, OSError):
        return False
    return True
