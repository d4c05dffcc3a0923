"""Reading and writing small files so that a reader never gets a part of a file.

A write goes to a temporary file in the same directory, which is renamed into place when it is complete.
Reading avoids check-then-use races: it opens first, then calls fstat on the descriptor.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
import sys
from time import sleep
from typing import TYPE_CHECKING, Final, TypeAlias

from .._clock import monotonic

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_READ_FLAGS: Final = (
    os.O_RDONLY
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NONBLOCK", 0)  # opening a FIFO in an entry's place must not block
)
_WRITE_FLAGS: Final = (
    os.O_WRONLY
    | os.O_CREAT
    | os.O_EXCL
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOFOLLOW", 0)
)
TEMPORARY: Final = re.compile(r"\.[0-9a-z_-]{1,48}\.(?P<pid>[0-9]{1,10})-[0-9a-f]{16}\.russo-tmp")
Identity: TypeAlias = tuple[int, int, int, int]
_WINDOWS_PATIENCE: Final = 1.0
_USUAL: Final = 4096
_IRREGULAR: Final = "one of its files is not a regular file"


class IrregularFileError(OSError):
    """The path has something that russo never writes: not a regular file, or a file that is too large."""


def read_file(path: str, limit: int, expected: int | None = None) -> bytes:
    """Read a file of at most ``limit`` bytes. The caller must verify the content.

    To save a system call, fstat is called only if the first read did not return the whole file.

    Args:
        path: The file.
        limit: The largest size that is read, in bytes.
        expected: The expected size in bytes, if it is known; then one read is enough.

    Raises:
        IrregularFileError: The file is larger than ``limit``; or it is not a regular file, and the first read
            did not return all of it.
        OSError: The file cannot be opened or read.
    """
    descriptor = os.open(path, _READ_FLAGS)
    try:
        data = os.read(descriptor, (_USUAL if expected is None else expected) + 1)
        if len(data) == expected or (data and not os.read(descriptor, 1)):
            return data
        return _read_regular(descriptor, limit)
    except IsADirectoryError as error:
        raise IrregularFileError(_IRREGULAR) from error
    finally:
        os.close(descriptor)


def _read_regular(descriptor: int, limit: int) -> bytes:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise IrregularFileError(_IRREGULAR)
    size = status.st_size
    if size > limit:
        raise IrregularFileError(f"one of its files has {size} bytes; the limit is {limit}")
    os.lseek(descriptor, 0, os.SEEK_SET)
    data = b""
    while len(data) < size and (more := os.read(descriptor, size - len(data))):
        data += more
    return data


def write_temporary(directory: str, stem: str, data: bytes) -> tuple[str, Identity]:
    """Write a complete temporary file into ``directory``; after a failure, remove it.

    The mode follows the umask, so that other users of a shared directory can read the file.

    Returns:
        Its path and its identity.
    """
    path, descriptor = _create(directory, stem)
    try:
        try:
            view = memoryview(data)
            while view:
                written = os.write(descriptor, view)
                if not written:
                    raise OSError(errno.EIO, "the file system accepts no more bytes")
                view = view[written:]
            identity = _identify(os.fstat(descriptor))
        finally:
            os.close(descriptor)
    except BaseException:
        remove(path)
        raise
    return path, identity


def _create(directory: str, stem: str) -> tuple[str, int]:
    """Create a temporary file whose name cannot be guessed; return its path and its descriptor."""
    path = f"{directory}{os.sep}.{stem[:48]}.{os.getpid()}-{os.urandom(8).hex()}.russo-tmp"
    return path, os.open(path, _WRITE_FLAGS, 0o666)


def write_file(path: Path, parts: Iterable[bytes]) -> None:
    """Write a whole file or nothing. A link in its place is replaced, never followed.

    Args:
        path: The file.
        parts: Its content. The parts may be generated while the file is written.
    """
    temporary, descriptor = _create(str(path.parent), path.name)
    try:
        with open(descriptor, "wb") as file:
            file.writelines(parts)
        replace(temporary, str(path))
    except BaseException:
        remove(temporary)
        raise


def identify(path: str) -> Identity | None:
    """Return the file's identity (device, inode, size, mtime), or ``None`` if it cannot be stat'ed."""
    try:
        return _identify(os.stat(path))
    except OSError:
        return None


def _identify(status: os.stat_result) -> Identity:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def replace(temporary: str, path: str) -> None:
    """Rename a temporary file into place, over an existing file or empty directory.

    Windows refuses while another process has the old file open. Readers close it quickly, so the rename is
    repeated for up to a second.
    """
    deadline = monotonic() + _WINDOWS_PATIENCE
    pause = 0.001
    while True:
        try:
            os.replace(temporary, path)
            return
        except IsADirectoryError:
            if monotonic() > deadline:
                raise
            # An empty directory is removed; a directory with content is an error.
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                os.rmdir(path)
            continue
        except PermissionError:
            if sys.platform != "win32" or monotonic() > deadline:
                raise
        sleep(pause)
        pause *= 2


def remove(path: str | Path) -> bool:
    """Remove a file; return whether this call removed it."""
    try:
        os.unlink(path)
    except OSError:
        return False
    return True


def is_alive(pid: int) -> bool:
    """Return whether a process of this machine runs. Always true on Windows, where os.kill would end it."""
    if sys.platform == "win32":
        return True
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
