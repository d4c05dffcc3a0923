"""A lock for files that several processes read, change and replace, such as ``russo.lock``.

The lock is advisory, and the kernel releases it when its process ends. No file is made beside the guarded
file, because its folder may be a git work tree. If the system has no such lock, the code runs without one.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import tempfile
from time import sleep
from typing import TYPE_CHECKING, Final

from .._clock import monotonic

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PATIENCE: Final = 30.0  # a frozen holder must not block a run for ever
_LOOK: Final = 0.01

if sys.platform == "win32":
    import msvcrt

    def _open(path: Path) -> int:
        # Windows cannot open folders, so a file in the user's temporary folder is locked instead.
        name = hashlib.sha256(os.path.normcase(path).encode()).hexdigest()
        return os.open(os.path.join(tempfile.gettempdir(), f"russo-{name}.lock"), os.O_RDWR | os.O_CREAT)

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

    def _unlock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
else:
    import fcntl

    def _open(path: Path) -> int:
        return os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _unlock(descriptor: int) -> None:
        # Explicitly, because a forked child may have inherited the descriptor and with it the lock.
        fcntl.flock(descriptor, fcntl.LOCK_UN)


@contextlib.contextmanager
def guarded(path: Path) -> Iterator[None]:
    """Let only one process at a time run the code of a ``with`` block for a file.

    A process that waits for 30 s continues without the lock.

    Args:
        path: The file. It need not exist.
    """
    try:
        descriptor = _open(path)
    except OSError:
        yield
        return
    try:
        _wait(descriptor)
        yield
    finally:
        with contextlib.suppress(OSError):  # it was not locked
            _unlock(descriptor)
        os.close(descriptor)


def _wait(descriptor: int) -> None:
    deadline = monotonic() + _PATIENCE
    while monotonic() < deadline:
        try:
            _lock(descriptor)
        except (BlockingIOError, PermissionError):  # another process holds it
            sleep(_LOOK)
        except OSError:  # this file system has no locks
            return
        else:
            return
