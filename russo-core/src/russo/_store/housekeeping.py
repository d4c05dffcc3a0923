"""Removing entries, and the leftovers of writers that died. Files of other programs are never touched."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path
from typing import Final

from .._clock import now
from .directory import file_names, has_own_metadata, is_generated
from .entry import AUDIO_SUFFIX, META_SUFFIX
from .files import TEMPORARY, is_alive
from .ledger import remove_ledgers
from .locks import sweep_locks

_LEFTOVER_AGE: Final = 3600.0
_TEMPORARY_AGE: Final = 60.0


def clear(directory: Path) -> int:
    """Remove all entries, the leftovers of writers and the ledgers; return how many entries there were.

    Raises:
        OSError: Something cannot be removed.
    """
    removed, root = 0, f"{directory}{os.sep}"
    names = file_names(directory)
    audio_names = {name for name in names if name.endswith(AUDIO_SUFFIX)}
    for name in names:
        stem, suffix = os.path.splitext(name)
        if suffix == META_SUFFIX and has_own_metadata(directory, stem):
            # The metadata first: without it the audio is not an entry.
            removed += _unlink(root + name)
            audio_name = stem + AUDIO_SUFFIX
            # The listing may lack an audio file that a writer renamed meanwhile.
            if audio_name in audio_names or _is_regular(root + audio_name):
                audio_names.discard(audio_name)
                _unlink(root + audio_name)
        elif _is_left_over(root, name):
            _unlink(root + name)
    for name in audio_names:
        if is_generated(name.removesuffix(AUDIO_SUFFIX)):
            _unlink(root + name)
    sweep_locks(str(directory), None)
    remove_ledgers(directory)
    return removed


def remove_entry(directory: Path, key: str) -> bool:
    """Remove the files of one entry; return whether there were any.

    Raises:
        OSError: A file cannot be removed.
    """
    removed = False
    for suffix in (META_SUFFIX, AUDIO_SUFFIX):  # without its metadata the audio is not an entry
        path = f"{directory}{os.sep}{key}{suffix}"
        if _is_regular(path):
            removed |= _unlink(path)
    return removed


def sweep(directory: Path, fresh: str) -> None:
    """Remove the temporary files and lock files of writers that died, if they are an hour old.

    Args:
        directory: The directory of the cache.
        fresh: A file that was just written. Ages are computed from its modification time, so that only the
            clock of the file server counts.
    """
    with contextlib.suppress(OSError):
        today = os.stat(fresh).st_mtime
        for name in file_names(directory):
            path = f"{directory}{os.sep}{name}"
            if TEMPORARY.fullmatch(name) and today - os.lstat(path).st_mtime > _LEFTOVER_AGE:
                _unlink(path)
        sweep_locks(str(directory), today - _LEFTOVER_AGE)


def _is_left_over(root: str, name: str) -> bool:
    """Return whether a file is the temporary file of a writer that died.

    A process number means nothing on another machine, so an old file counts as left over. A writer
    whose temporary file vanishes writes it again.
    """
    match = TEMPORARY.fullmatch(name)
    if match is None:
        return False
    with contextlib.suppress(OSError):
        if now() - os.lstat(root + name).st_mtime > _TEMPORARY_AGE:
            return True
    return not is_alive(int(match["pid"]))


def _is_regular(path: str) -> bool:
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return False


def _unlink(path: str) -> bool:
    try:
        os.unlink(path)
    except FileNotFoundError:  # another process was faster
        return False
    return True
