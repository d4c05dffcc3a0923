"""The cache: one pair of files per key, whole or absent.

`AudioCache.get` returns exactly what one `put` stored, or nothing. This needs all of four rules: both files
are complete before either is renamed into place; the audio is renamed first, and the metadata commits it;
every read verifies both; a reader removes nothing.
"""

from __future__ import annotations

import errno
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING, Any, Final, TypeVar

from .._audio import check_format
from .._foreign import visible
from . import housekeeping
from .directory import check_key, stored_keys
from .entry import (
    AUDIO_LIMIT,
    AUDIO_SUFFIX,
    META_LIMIT,
    META_SUFFIX,
    DamagedEntryError,
    NewerEntryError,
    decode_entry,
    encode_meta,
)
from .files import IrregularFileError, read_file
from .pair import Pair, read_files, read_pair, write_pair

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .._audio import Audio
    from .._fields import Fields

_log = logging.getLogger(__name__)
T = TypeVar("T")

# A reader that runs between a writer's two renames looks again: at once, then after 4 and 6 ms.
_LOOKS: Final = (0.0, 0.0, 0.004, 0.006)
# System errors say nothing about the entry, so they do not mark it damaged. The second set has the errors of
# disks and of network file systems.
_SYSTEM_ERRORS: Final = frozenset(
    {errno.EACCES, errno.EPERM, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ESTALE, errno.EAGAIN}
    | {errno.EIO, errno.EINTR, errno.EBUSY, errno.ETIMEDOUT, errno.ENOTCONN, errno.ECONNRESET}
)


@dataclass(frozen=True, slots=True)
class Miss:
    """Why a lookup found nothing.

    Attributes:
        reason: In words: ``absent``, or what is wrong with the entry.
        damaged: Whether the key has files that are not an entry, or an entry that is incomplete.
        unreadable: Whether the system refused to read the files, so that an entry may exist.
    """

    reason: str
    damaged: bool = False
    unreadable: bool = False


_ABSENT: Final = Miss("absent")


class AudioCache:
    """Audio on disk, one pair of files per key in one flat directory.

    No lock is needed to read, and any number of processes may write. The files on disk never raise an
    error: a damaged entry counts as a miss, is logged, and is overwritten by the next `put`.

    Args:
        directory: Where the entries are; made at the first `put`. A relative path counts from the
            current directory at construction.
        read_only: Refuse to write and to clear.
    """

    def __init__(
        self, directory: str | os.PathLike[str] = Path(".russo_cache"), *, read_only: bool = False
    ) -> None:
        self.directory: Final = Path(directory).absolute()
        self.read_only: Final = read_only
        self._root = str(self.directory) + os.sep
        self._swept = False
        self._logged: set[str] = set()

    def __repr__(self) -> str:
        return f"AudioCache({str(self.directory)!r}{', read_only=True' if self.read_only else ''})"

    @property
    def remote(self) -> None:
        """The shared store behind the cache: there is none. See `LayeredCache.remote`."""
        return None

    @property
    def layers(self) -> tuple[AudioCache, ...]:
        """The caches that are read, in order: only this one. See `LayeredCache.layers`."""
        return (self,)

    @property
    def writable(self) -> AudioCache:
        """The cache that is written to: this one. See `LayeredCache.writable`."""
        return self

    def get(self, key: str) -> Audio | None:
        """Return the audio stored under a key, every byte of it verified, or ``None``.

        Raises:
            ValueError: The key is not a plain, portable file name.
        """
        found = self.lookup(key)
        return None if isinstance(found, Miss) else found

    def find(self, key: str, *, patient: bool = True) -> tuple[Audio | Miss, AudioCache]:
        """Look a key up, and return the result with the layer that answered: this one."""
        return self.lookup(key, patient=patient), self

    def lookup(self, key: str, *, patient: bool = True) -> Audio | Miss:
        """Return the audio stored under a key, or why there is none.

        The cost does not grow with the number of entries.

        Args:
            key: The key.
            patient: If the entry seems damaged, look again for up to 10 ms, because a writer may be at work.

        Raises:
            ValueError: The key is not a plain, portable file name.
        """
        return self._look_up(read_pair, key, patient=patient)

    def _look_up(self, read: Callable[[str, str], T], key: str, *, patient: bool = True) -> T | Miss:
        path = self._root + check_key(key)
        miss = _ABSENT
        for pause in _LOOKS if patient else _LOOKS[:1]:
            if pause:
                sleep(pause)
            try:
                return read(path, key)
            except (FileNotFoundError, NotADirectoryError) as error:
                if error.filename != path + AUDIO_SUFFIX:
                    return _ABSENT
                miss = Miss("its audio file is missing", damaged=True)
            except (NewerEntryError, MemoryError) as error:
                return _miss_of(error)
            except (DamagedEntryError, OSError) as error:
                miss = _miss_of(error)
        if patient:
            self._log_once(
                f"damaged {key}" if miss.damaged else f"unreadable {miss.reason}",
                "the entry %s in %s counts as a miss: %s",
                key,
                self.directory,
                miss.reason,
            )
        return miss

    def put(self, key: str, audio: Audio, *, prompt: str | None = None, fields: Fields | None = None) -> bool:
        """Store audio under a key, replacing what was there; return whether it was stored.

        An error of the disk is logged, once per kind, and never raised.

        Args:
            key: A plain, portable file name: lower-case letters, digits, ``_`` and ``-``.
            audio: The audio. Empty audio, and raw samples whose format is ``wav``, are refused.
            prompt: The prompt, stored for people to read.
            fields: The settings in the key, stored for people to read.

        Raises:
            TypeError: ``fields`` contain a value that JSON does not have, or a name that is not a string.
            ValueError: The key is not a plain, portable file name; the audio is empty, or its format is
                ``wav`` and it has no WAV header; or ``fields`` contain NaN or infinity, are too large, or
                are nested too deep.
        """
        try:
            store(self, key, audio, prompt=prompt, fields=fields)
        except OSError:
            return False
        return True

    def size(self) -> int:
        """Count the entries. Generated keys count by name, other names by their metadata."""
        return sum(1 for _ in self.stored_keys())

    def stored_keys(self) -> Iterator[str]:
        """Yield the key of every entry, in no order; the pairs are not verified.

        A directory that cannot be read is logged, and has no entries.
        """
        try:
            yield from stored_keys(self.directory)
        except OSError as error:
            reason = error.strerror or str(error)
            self._log_once(
                f"list {reason}",
                "the entries of %s cannot be listed: %s",
                self.directory,
                reason,
            )

    def clear(self) -> int:
        """Remove all entries and the leftovers of writers; return how many entries were removed.

        Other files in the directory, and files that a link points to, are never touched.

        Raises:
            OSError: The cache is read-only, or something cannot be removed.
        """
        self._refuse_read_only()
        return housekeeping.clear(self.directory)

    def remove(self, key: str) -> bool:
        """Remove one entry; return whether it existed.

        Raises:
            OSError: The cache is read-only, or the entry cannot be removed.
            ValueError: The key is not a plain, portable file name.
        """
        self._refuse_read_only()
        return housekeeping.remove_entry(self.directory, check_key(key))

    def describe(self, key: str) -> dict[str, Any] | None:
        """Return an entry's metadata, or ``None`` if it is missing or damaged; the audio is not read."""
        found = examine(self, key)
        return None if isinstance(found, Miss) else found

    def _refuse_read_only(self) -> None:
        if self.read_only:
            raise PermissionError(errno.EROFS, "this cache is read-only", str(self.directory))

    def _sweep_once(self, fresh: str) -> None:
        if not self._swept:
            self._swept = True
            housekeeping.sweep(self.directory, fresh)

    def _log_once(self, topic: str, message: str, *values: object) -> None:
        if topic not in self._logged:
            self._logged.add(topic)
            _log.warning(message, *(visible(str(value)) for value in values))


def _miss_of(error: Exception) -> Miss:
    """Return the miss that an error of reading means."""
    if isinstance(error, MemoryError):
        return Miss("not enough memory to read it", unreadable=True)
    if isinstance(error, OSError) and not isinstance(error, IrregularFileError):
        refused = error.errno in _SYSTEM_ERRORS
        return Miss(error.strerror or str(error), damaged=not refused, unreadable=refused)
    return Miss(str(error), damaged=not isinstance(error, NewerEntryError))


def examine(cache: AudioCache, key: str) -> dict[str, Any] | Miss:
    """Return an entry's metadata, or why there is none that can be used; the audio is not read.

    Raises:
        ValueError: The key is not a plain, portable file name.
    """
    path = cache._root + check_key(key) + META_SUFFIX
    try:
        return decode_entry(read_file(path, META_LIMIT), key)
    except (FileNotFoundError, NotADirectoryError):
        return _ABSENT
    except (DamagedEntryError, NewerEntryError, OSError, MemoryError) as error:
        return _miss_of(error)


def store(
    cache: AudioCache, key: str, audio: Audio, *, prompt: str | None = None, fields: Fields | None = None
) -> None:
    """Store audio as `AudioCache.put` does, but raise an error of the disk, which the caller reports.

    Raises:
        OSError: The audio is not stored. The reason is logged, once per kind.
        TypeError: As for `AudioCache.put`.
        ValueError: As for `AudioCache.put`.
    """
    check_key(key)
    if not audio.data:
        raise ValueError(f"the audio for key {key} is empty; empty audio is never stored")
    check_format(audio)
    _write(cache, key, encode_meta(key, audio, prompt=prompt, fields=fields), audio.data)


def store_entry(cache: AudioCache, key: str, pair: Pair) -> None:
    """Store an entry that comes from another place, byte for byte.

    Raises:
        OSError: It is not stored. The reason is logged, once per kind.
    """
    _write(cache, check_key(key), pair.meta, pair.data)


def read_entry(cache: AudioCache, key: str) -> Pair | Miss:
    """Return both files of an entry, verified, or why there is none that can be used.

    Raises:
        ValueError: The key is not a plain, portable file name.
    """
    return cache._look_up(read_files, key)


def _write(cache: AudioCache, key: str, meta: bytes, data: bytes) -> None:
    try:
        cache._refuse_read_only()
        if len(data) > AUDIO_LIMIT:
            raise OSError(errno.EFBIG, f"audio is {len(data)} bytes; the limit is {AUDIO_LIMIT}")
        write_pair(cache.directory, key, data, meta)
    except OSError as error:
        reason = error.strerror or str(error)
        cache._log_once(f"store {reason}", "audio is not stored in %s: %s", cache.directory, reason)
        raise
    cache._sweep_once(f"{cache._root}{key}{META_SUFFIX}")
