"""Key locks: one process calls the backend for a key, and the other processes wait.

Locks only save money. If a lock cannot be taken, continue without it: the cache is correct without
locks. The holder keeps an advisory lock on a file, which the kernel releases when the holder dies, and
touches the file every few seconds. If a waiter sees no touch for PATIENCE seconds, it uses the key's next
lock file. So a frozen holder costs one bounded wait, and the waiters still call the backend one at a time.
On a file system without advisory locks, the lock is held while its file exists.

A waiter continues without a lock if locks do not work here: its lock file vanishes each time, or the system
refuses to lock the file that the waiter itself made, and no holder touches the file.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
import sys
import threading
from typing import TYPE_CHECKING, Final

from .._clock import monotonic
from .._loops import is_gone
from .directory import make_directory
from .files import remove

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from pathlib import Path

LOCKS: Final = ".russo-locks"
PATIENCE: Final = 30.0
_SIGN_OF_LIFE: Final = 2.0
# A holder touches the file as soon as it has the lock. So if this waiter made the file, and the file was not
# touched for this long, no process holds the lock.
_OWN_PATIENCE: Final = 5 * _SIGN_OF_LIFE
_MOST_VANISHED: Final = 100  # tries in a row; a waiter tries every 10 to 50 ms
# If the waiter itself was stopped, it did not see touches in this time. So at most this many seconds are
# counted between two looks at the file.
_LONGEST_WATCH: Final = 1.0
_LOCK_FILE: Final = re.compile(r"[0-9a-z][0-9a-z_-]{0,127}(\.[0-9]+)?\.lock")
_HELD: Final = frozenset({errno.EAGAIN, errno.EACCES, errno.EWOULDBLOCK, errno.EDEADLK})
_FLAGS: Final = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)

if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

    def _unlock(descriptor: int) -> None:
        os.lseek(descriptor, 0, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _unlock(descriptor: int) -> None:
        # Explicitly, because a forked child may have inherited the descriptor and with it the lock.
        fcntl.flock(descriptor, fcntl.LOCK_UN)


class KeyLock:
    """The right to call the backend for one key, across processes.

    Not for concurrent use: one flight owns it. The holder touches the lock file while its event loop
    runs, and releases the lock if that loop is closed.

    Args:
        directory: The directory of the cache; it is made if it does not exist.
        key: The key.
        loop: The event loop in which the backend is called.
    """

    def __init__(self, directory: Path, key: str, loop: AbstractEventLoop) -> None:
        with contextlib.suppress(OSError):
            make_directory(directory)
        self._directory = str(directory)
        self._locks = os.path.join(self._directory, LOCKS)
        self._stem = os.path.join(self._locks, key)
        self._generation = 0
        self._descriptor: int | None = None
        self._loop = loop
        self._pid = os.getpid()
        self._sign: int | None = None
        self._silence = 0.0
        self._watched = monotonic()
        self._created: int | None = None
        self._vanished = 0
        self._guard = threading.Lock()
        self._stop = threading.Event()
        self._pulse: threading.Thread | None = None

    @property
    def _path(self) -> str:
        return f"{self._stem}.{self._generation}.lock" if self._generation else f"{self._stem}.lock"

    def try_acquire(self) -> bool:
        """Try once to take the lock, without waiting; return true also if locks are not available here."""
        try:
            with contextlib.suppress(FileExistsError):
                os.mkdir(self._locks)
            if not stat.S_ISDIR(os.lstat(self._locks).st_mode):
                return True  # a symbolic link leads out of the cache: write no lock file there
            generation = self._generation
            created, descriptor = _open(self._path)
        except FileNotFoundError:  # a holder removed its file, or a sweep removed the directory: try again
            return self._has_vanished() or not os.path.isdir(self._directory)
        except OSError:
            return True
        if self._take(descriptor, created=created):
            self._show_life()
            return True
        try:
            return generation == self._generation and self._watch(descriptor, created=created)
        except OSError:
            return True
        finally:
            os.close(descriptor)

    def _take(self, descriptor: int, *, created: bool) -> bool:
        try:
            _lock(descriptor)
        except OSError as error:
            # This file system has no advisory locks: the process that created the file holds the lock.
            held = error.errno in _HELD or not created
        else:
            held = not self._is_current(descriptor)
        if held:
            return False
        if os.path.lexists(f"{self._stem}.{self._generation + 1}.lock"):
            if created:
                remove(self._path)
            self._move_on()  # another waiter already uses the next lock file
            return False
        self._descriptor = descriptor
        return True

    def _is_current(self, descriptor: int) -> bool:
        """Return whether the locked file is still at its path; a holder removes it on release."""
        try:
            return os.path.samestat(os.fstat(descriptor), os.stat(self._path))
        except OSError:
            return False

    def _has_vanished(self) -> bool:
        """Count a try whose lock file vanished; return whether it happens each time."""
        self._vanished += 1
        return self._vanished > _MOST_VANISHED

    def _watch(self, descriptor: int, *, created: bool) -> bool:
        """Check whether the holder touched the file; after PATIENCE seconds without a touch, use the next.

        Returns:
            Whether to continue without a lock, because locks do not work here.
        """
        status, now = os.fstat(descriptor), monotonic()
        if not status.st_nlink:
            return self._has_vanished()
        sign = status.st_mtime_ns
        if created:
            self._created = sign
        self._silence += min(now - self._watched, _LONGEST_WATCH)
        self._watched = now
        if sign != self._sign:
            self._sign, self._silence = sign, 0.0
        elif sign == self._created and self._silence > _OWN_PATIENCE:
            return True
        elif self._silence > PATIENCE:
            self._move_on()
        else:
            self._vanished = 0
        return False

    def _move_on(self) -> None:
        self._generation += 1
        self._sign, self._silence, self._created = None, 0.0, None

    def _show_life(self) -> None:
        # In a thread, because a backend may block the event loop while its process is alive.
        self._touch()
        pulse = threading.Thread(target=self._beat, name="russo-lock", daemon=True)
        with contextlib.suppress(RuntimeError):  # without a thread, waiters give up after PATIENCE
            pulse.start()
            self._pulse = pulse

    def _beat(self) -> None:
        while not self._stop.wait(_SIGN_OF_LIFE):
            if is_gone(self._loop):
                self._let_go()
                return
            if self._loop.is_running():
                self._touch()

    def _touch(self) -> None:
        with contextlib.suppress(OSError):
            os.utime(self._descriptor if os.utime in os.supports_fd else self._path)  # type: ignore[arg-type]

    def release(self) -> None:
        """Release the lock; does nothing if it was not acquired."""
        self._stop.set()
        if self._pulse is not None and self._is_mine():
            self._pulse.join(_SIGN_OF_LIFE)  # it may hang in a file system that does not answer
        self._let_go()

    def _is_mine(self) -> bool:
        """Return whether this process took the lock; a forked child only inherits the descriptor."""
        return self._pid == os.getpid()

    def _let_go(self) -> None:
        with self._guard:
            if self._descriptor is None:
                return
            if self._is_mine():
                remove(self._path)  # before unlocking: later the path may be the file of another holder
                with contextlib.suppress(OSError):
                    _unlock(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = None


def _open(path: str) -> tuple[bool, int]:
    """Open a lock file; return whether this call created it, and its descriptor."""
    try:
        return True, os.open(path, _FLAGS | os.O_EXCL, 0o666)
    except FileExistsError:
        return False, os.open(path, _FLAGS & ~os.O_CREAT)


def sweep_locks(directory: str, before: float | None) -> None:
    """Remove lock files that are not held.

    Args:
        directory: The directory of the cache.
        before: Remove only those last touched before this time, in seconds of the file server's clock.
    """
    locks = os.path.join(directory, LOCKS)
    try:
        if not stat.S_ISDIR(os.lstat(locks).st_mode):
            return  # a symbolic link, whose target does not belong to russo
        with os.scandir(locks) as found:
            paths = [
                each.path
                for each in found
                if each.is_file(follow_symlinks=False) and _LOCK_FILE.fullmatch(each.name)
            ]
    except OSError:
        return
    for path in paths:
        with contextlib.suppress(OSError):
            _sweep_one(path, before)
    with contextlib.suppress(OSError):
        os.rmdir(locks)


def _sweep_one(path: str, before: float | None) -> None:
    if before is not None and os.lstat(path).st_mtime > before:
        return
    descriptor = os.open(path, _FLAGS & ~os.O_CREAT)
    try:
        try:
            _lock(descriptor)
        except OSError as error:
            if error.errno in _HELD or before is None:
                return
        if os.path.samestat(os.fstat(descriptor), os.stat(path)):
            remove(path)
    finally:
        os.close(descriptor)
