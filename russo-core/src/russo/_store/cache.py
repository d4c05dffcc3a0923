"""The cache: one pair of files per key, whole or not there.

`AudioCache.get` returns exactly what one `put` stored, or nothing. That rests on four rules, and
breaking any of them breaks it: both files are complete before either is renamed into place; the
audio goes first and the metadata commits it; every read verifies both; a reader removes nothing.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import logging
import os
import random
import re
import stat
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from .entry import (
    AUDIO_LIMIT,
    AUDIO_SUFFIX,
    META_LIMIT,
    META_SUFFIX,
    DamagedEntry,
    NewerEntry,
    build_audio,
    decode_meta,
    decode_stated,
    encode_meta,
)
from .files import (
    TEMPORARY,
    Identity,
    IrregularFileError,
    identify,
    is_alive,
    read_file,
    remove,
    replace,
    write_temporary,
)
from .locks import Place, sweep_locks

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Iterator

    from .._audio import Audio
    from .._flow.single_flight import Flights
    from .key import Fields

_log = logging.getLogger(__name__)

_KEY: Final = re.compile(r"(?!(?:con|prn|aux|nul|com[0-9]|lpt[0-9])\Z)[0-9a-z][0-9a-z_-]{0,127}")
# A reader that falls between a writer's two renames looks again: at once, then after 4 and 6 ms.
_LOOKS: Final = (0.0, 0.0, 0.004, 0.006)
_WRITE_ATTEMPTS: Final = 8
_LEFTOVER_AGE: Final = 3600.0
_TEMPORARY_AGE: Final = 60.0
# Trouble of the machine, not of the entry: it may be whole, so it is not called damaged.
_MACHINE: Final = frozenset(
    {errno.EACCES, errno.EPERM, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ESTALE, errno.EAGAIN}
)
_GIT_FILES: Final = {
    # Audio and metadata must come back from git byte for byte, whatever the user's autocrlf.
    ".gitattributes": b"*.audio -text -diff\n*.meta -text\n",
    ".gitignore": b"*.russo-tmp\n.russo-locks/\n",
}


@dataclass(frozen=True, slots=True)
class Miss:
    """Why a lookup found nothing.

    Attributes:
        reason: In words: ``absent``, or what is wrong with what lies there.
        damaged: Whether files lie there that are no entry, or no longer whole.
    """

    reason: str
    damaged: bool = False


_ABSENT: Final = Miss("absent")


class AudioCache:
    """Audio on disk, one pair of files per key in one flat directory.

    No lock is needed to read, and any number of processes may write. What lies on disk never raises:
    a damaged entry is a miss, logged, and healed by the next `put`.

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
        self._said: set[str] = set()

    def __repr__(self) -> str:
        return f"AudioCache({str(self.directory)!r}{', read_only=True' if self.read_only else ''})"

    def get(self, key: str) -> Audio | None:
        """Return the audio stored under a key, every byte of it verified, or ``None``.

        Raises:
            ValueError: The key is no plain, portable file name.
        """
        found = self.lookup(key)
        return None if isinstance(found, Miss) else found

    def lookup(self, key: str, *, patient: bool = True) -> Audio | Miss:
        """Like `get`, but a miss says why. Cost does not grow with the number of entries.

        Args:
            key: The key.
            patient: Look again for up to 10 ms at what seems damaged, for a writer may be at work.

        Raises:
            ValueError: The key is no plain, portable file name.
        """
        path = self._root + check_key(key)
        miss = _ABSENT
        for pause in _LOOKS if patient else _LOOKS[:1]:
            if pause:
                time.sleep(pause)
            try:
                return _read_pair(path, key)
            except (FileNotFoundError, NotADirectoryError) as error:
                if error.filename != path + AUDIO_SUFFIX:
                    return _ABSENT
                miss = Miss("its audio file is missing", damaged=True)
            except NewerEntry as error:
                return Miss(str(error))
            except (DamagedEntry, IrregularFileError) as error:
                miss = Miss(str(error), damaged=True)
            except OSError as error:
                miss = Miss(error.strerror or str(error), damaged=error.errno not in _MACHINE)
            except MemoryError:
                return Miss("not enough memory to read it")
        if patient:
            self._say_once(
                f"damaged {key}" if miss.damaged else f"unreadable {miss.reason}",
                "the entry %s in %s counts as a miss: %s",
                key,
                self.directory,
                miss.reason,
            )
        return miss

    @functools.cached_property
    def _flights(self) -> Flights:
        """The requests in flight over this cache, so that equal ones are paid for once."""
        from .._flow.single_flight import Flights

        return Flights()

    def _place(self, key: str, loop: AbstractEventLoop) -> Place | None:
        """Take a place in the line of those who would pay for a key; a read-only cache has no line."""
        if self.read_only:
            return None
        with contextlib.suppress(OSError):
            self._make_directory()
        return Place(str(self.directory), check_key(key), loop)

    def put(self, key: str, audio: Audio, *, prompt: str | None = None, fields: Fields | None = None) -> bool:
        """Store audio under a key, replacing what was there; tell whether it was kept.

        Trouble with the disk is logged, once per kind, and never raised.

        Args:
            key: A plain, portable file name: lower-case letters, digits, ``_`` and ``-``.
            audio: What to store. Empty audio is refused.
            prompt: The prompt, kept for people to read.
            fields: What went into the key, kept for people to read.

        Raises:
            ValueError: The key is no plain, portable file name, the audio is empty, or ``fields`` are
                not JSON.
        """
        try:
            self._store(key, audio, prompt=prompt, fields=fields)
        except OSError:
            return False
        return True

    def _store(
        self, key: str, audio: Audio, *, prompt: str | None = None, fields: Fields | None = None
    ) -> None:
        """Like `put`, but trouble with the disk is raised as the `OSError` it is."""
        check_key(key)
        if not audio.data:
            raise ValueError(f"the audio for key {key} is empty; empty audio is never stored")
        meta = encode_meta(key, audio, prompt=prompt, fields=fields)
        try:
            if len(audio.data) > AUDIO_LIMIT:
                raise OSError(errno.EFBIG, f"audio of {len(audio.data)} bytes; {AUDIO_LIMIT} is the most")
            self._write(key, audio.data, meta)
        except OSError as error:
            reason = error.strerror or str(error)
            self._say_once(f"store {reason}", "audio is not kept in %s: %s", self.directory, reason)
            raise

    def size(self) -> int:
        """Count the entries. Generated keys count by name, other names by their metadata."""
        return sum(1 for _ in self.stored_keys())

    def stored_keys(self) -> Iterator[str]:
        """Yield the key of every entry, in no order; the pairs are not verified."""
        names = self._files()
        sounds = {name for name in names if name.endswith(AUDIO_SUFFIX)}
        for name in names:
            if name.endswith(META_SUFFIX):
                key = name[: -len(META_SUFFIX)]
                if key + AUDIO_SUFFIX in sounds and self._is_ours(key):
                    yield key

    def clear(self) -> int:
        """Remove all entries and the leftovers of writers; return how many entries there were.

        Nothing else in the directory is touched, and nothing that a link points to.

        Raises:
            OSError: The cache is read-only, or something cannot be removed.
        """
        self._refuse_read_only()
        removed = 0
        names = self._files()
        sounds = {name for name in names if name.endswith(AUDIO_SUFFIX)}
        for name in names:
            stem, suffix = os.path.splitext(name)
            if suffix == META_SUFFIX and self._is_ours(stem):
                # The metadata first: without it the audio is no entry.
                removed += self._unlink(name)
                if (sound := stem + AUDIO_SUFFIX) in sounds:
                    sounds.remove(sound)
                    self._unlink(sound)
            elif self._is_left_over(name):
                self._unlink(name)
        for sound in sounds:
            if _is_generated(sound.removesuffix(AUDIO_SUFFIX)):
                self._unlink(sound)
        sweep_locks(str(self.directory), 0.0)
        return removed

    def remove(self, key: str) -> bool:
        """Remove one entry; tell whether there was one.

        Raises:
            OSError: The cache is read-only, or the entry cannot be removed.
            ValueError: The key is no plain, portable file name.
        """
        self._refuse_read_only()
        path = self._root + check_key(key)
        removed = False
        for suffix in (META_SUFFIX, AUDIO_SUFFIX):
            if _is_regular(path + suffix):
                removed |= self._unlink(key + suffix)
        return removed

    def describe(self, key: str) -> dict[str, Any] | None:
        """Return an entry's metadata, or ``None`` where it is missing or damaged; the audio is not read."""
        try:
            return decode_meta(read_file(self._root + check_key(key) + META_SUFFIX, META_LIMIT), key)
        except (OSError, DamagedEntry, NewerEntry):
            return None

    def _write(self, key: str, data: bytes, meta: bytes) -> None:
        self._refuse_read_only()
        path = self._root + key
        for attempt in range(_WRITE_ATTEMPTS):
            try:
                mine = self._write_pair(key, data, meta)
            except FileNotFoundError:
                # There is no directory yet, or a clear took a temporary under way: once more.
                if attempt == _WRITE_ATTEMPTS - 1:
                    raise
                self._make_directory()
                continue
            # Look back: two writers' renames may have interleaved. Whoever renamed last sees the
            # final state, and writes again if it is mixed.
            there = [identify(path + AUDIO_SUFFIX), identify(path + META_SUFFIX)]
            if there == mine or self._is_whole(key):
                return
            time.sleep(random.uniform(0, 0.001 * 2**attempt))

    def _write_pair(self, key: str, data: bytes, meta: bytes) -> list[Identity]:
        """Write both files and rename them into place; return which files they are."""
        directory, path = str(self.directory), self._root + key
        written: list[tuple[str, Identity]] = []
        try:
            written.append(write_temporary(directory, key, data))
            written.append(write_temporary(directory, key, meta))
            self._sweep(written[0][0])
            replace(written[0][0], path + AUDIO_SUFFIX)
            replace(written[1][0], path + META_SUFFIX)
        except BaseException:
            for temporary, _ in written:
                remove(temporary)
            raise
        return [identity for _, identity in written]

    def _is_whole(self, key: str) -> bool:
        try:
            _read_pair(self._root + key, key)
        except (OSError, DamagedEntry, NewerEntry):
            return False
        return True

    def _refuse_read_only(self) -> None:
        if self.read_only:
            raise PermissionError(errno.EROFS, "this cache is read-only", str(self.directory))

    def _make_directory(self) -> None:
        if self.directory.is_dir():
            return
        self.directory.mkdir(parents=True, exist_ok=True)
        for name, content in _GIT_FILES.items():
            with contextlib.suppress(OSError):
                replace(write_temporary(str(self.directory), "git", content)[0], self._root + name)

    def _sweep(self, fresh: str) -> None:
        """Remove what dead writers left, once per cache object.

        Ages are measured against a file just made, so that the file server's clock decides.
        """
        if self._swept:
            return
        self._swept = True
        with contextlib.suppress(OSError):
            now = os.stat(fresh).st_mtime
            for name in self._files():
                if TEMPORARY.fullmatch(name) and now - os.lstat(self._root + name).st_mtime > _LEFTOVER_AGE:
                    self._unlink(name)
        sweep_locks(str(self.directory), _LEFTOVER_AGE)

    def _files(self) -> list[str]:
        """Name the regular files of the directory; links and sub-directories are nobody's entries."""
        try:
            with os.scandir(self.directory) as found:
                return [entry.name for entry in found if entry.is_file(follow_symlinks=False)]
        except (FileNotFoundError, NotADirectoryError):
            return []

    def _is_left_over(self, name: str) -> bool:
        """Tell whether a file is the temporary of a writer that is gone.

        A process number means nothing on another machine; so an old one counts as gone, and a writer
        whose temporary vanishes writes it again.
        """
        match = TEMPORARY.fullmatch(name)
        if match is None:
            return False
        with contextlib.suppress(OSError):
            if time.time() - os.lstat(self._root + name).st_mtime > _TEMPORARY_AGE:
                return True
        return not is_alive(int(match["pid"]))

    def _is_ours(self, key: str) -> bool:
        """Tell whether a metadata file is an entry's: by its generated name, or by what it says."""
        if _is_generated(key):
            return True
        if not _KEY.fullmatch(key):
            return False
        try:
            return _is_meta_of(read_file(self._root + key + META_SUFFIX, META_LIMIT), key)
        except OSError:
            return False

    def _unlink(self, name: str) -> bool:
        try:
            os.unlink(self._root + name)
        except FileNotFoundError:  # another clear was faster
            return False
        return True

    def _say_once(self, topic: str, message: str, *values: object) -> None:
        if topic not in self._said:
            self._said.add(topic)
            _log.warning(message, *values)


def _read_pair(path: str, key: str) -> Audio:
    stated = decode_stated(read_file(path + META_SUFFIX, META_LIMIT), key)
    return build_audio(stated, read_file(path + AUDIO_SUFFIX, stated.size, expected=stated.size))


def _is_generated(key: str) -> bool:
    return len(key) == 64 and not key.strip("0123456789abcdef")


def _is_regular(path: str) -> bool:
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return False


def _is_meta_of(data: bytes, key: str) -> bool:
    try:
        decode_meta(data, key)
    except NewerEntry:
        return True
    except DamagedEntry:
        return False
    return True


def check_key(key: str) -> str:
    """Return the key if it is a plain file name on every system.

    Raises:
        ValueError: It is not; the message says what a key may be.
    """
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        raise ValueError(
            f"{key!r:.100} is no key: a key is 1 to 128 lower-case letters, digits, '_' and '-', begins with "
            "a letter or digit, and is no device name of Windows"
        )
    return key
