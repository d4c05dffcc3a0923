"""An index of the entries of a directory by prompt, for the message of a miss.

Every miss of a run uses it. A directory is listed again only if it changed, and each metadata file is read
once, so that the cost of a run grows with its misses plus the entries, not with their product.
"""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from .._clock import monotonic
from .cache import AudioCache
from .directory import is_file, key_of
from .entry import PROMPT_LIMIT

_MOST_ENTRIES: Final = 50_000
# The time stamp of a directory may be coarse, so a directory that seems unchanged is listed again, too.
# Listing may take only this part of a run's time.
_PART: Final = 0.05


class PromptIndex:
    """The keys of the entries of one directory, by prompt. May be used by many threads.

    Args:
        directory: The directory.
    """

    def __init__(self, directory: Path) -> None:
        self._cache: Final = AudioCache(directory)
        self._lock: Final = threading.Lock()
        self._keys: dict[int, dict[str, None]] = {}
        self._files: dict[str, int] = {}
        self._unread: list[str] = []
        self._state: tuple[int, ...] | None = None
        self._next_listing = 0.0

    def keys_of(self, prompt: str, most: int, *, seconds: float) -> tuple[list[str], int]:
        """Return keys of entries of a prompt, and the number of all entries that were found in time.

        The entry of a returned key may have been removed meanwhile.

        Args:
            prompt: The exact prompt.
            most: The largest number of keys to return.
            seconds: How long files are read. The next call continues where this one stopped.
        """
        deadline = monotonic() + seconds
        if not self._lock.acquire(timeout=seconds):
            return [], 0
        try:
            if self._is_outdated():
                self._list()
            while self._unread and monotonic() < deadline:
                self._read(self._unread.pop())
            keys = self._keys.get(hash(prompt[:PROMPT_LIMIT]), {})
            return list(islice(keys, most)), len(keys)
        finally:
            self._lock.release()

    def _is_outdated(self) -> bool:
        try:
            status = os.stat(self._cache.directory)
        except OSError:
            return False
        state = (status.st_dev, status.st_ino, status.st_mtime_ns)
        was, self._state = self._state, state
        return state != was or monotonic() >= self._next_listing

    def _list(self) -> None:
        start = monotonic()
        found = sorted(self._changed_keys(), reverse=True)
        self._unread = [*found, *self._unread]
        end = monotonic()
        self._next_listing = end + (end - start) / _PART

    def _changed_keys(self) -> Iterator[str]:
        """Yield the keys of the metadata files that are new or were replaced."""
        try:
            with os.scandir(self._cache.directory) as entries:
                for entry in entries:
                    key = key_of(entry.name)
                    if key is None or not is_file(entry, links=True):
                        continue
                    file = entry.inode()
                    if self._files.get(key) != file and len(self._files) < _MOST_ENTRIES:
                        self._files[key] = file
                        yield key
        except OSError:
            return

    def _read(self, key: str) -> None:
        meta = self._cache.describe(key)
        prompt = None if meta is None else meta.get("prompt")
        if prompt is not None:
            self._keys.setdefault(hash(prompt), {})[key] = None


prompts_in: Final = functools.lru_cache(maxsize=16)(PromptIndex)
"""Return the index of a directory; equal directories share one."""
