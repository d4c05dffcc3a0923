"""Small files, read and written so that no reader ever meets half of one.

A write goes to a temporary file in the same directory and is renamed into place when it is
complete. Reading never follows a plan made from an earlier look: it opens first, then asks what it
opened.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
import sys
import time
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from pathlib import Path

_READ_FLAGS: Final = (
    os.O_RDONLY
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NONBLOCK", 0)  # a FIFO in an entry's place must not hang the reader
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
_IRREGULAR: Final = "no regular file lies in its place"


class IrregularFileError(OSError):
    """Something lies there that no writer of ours made: no regular file, or one too large."""


def read_file(path: str, limit: int, expected: int | None = None) -> bytes:
    """Read a file of at most ``limit`` bytes; what is read is yet to be verified.

    Whether it is a regular file is asked only where it is not read to its end at once.

    Args:
        path: The file.
        limit: The most that is read, in bytes.
        expected: How many bytes are to be there, if that is known: then one read will do.

    Raises:
        IrregularFileError: It is larger, or no regular file and not read to an end at once.
        OSError: It cannot be opened or read.
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
        raise IrregularFileError(f"a file of {size} bytes lies in its place; {limit} is the most")
    os.lseek(descriptor, 0, os.SEEK_SET)
    data = b""
    while len(data) < size and (more := os.read(descriptor, size - len(data))):
        data += more
    return data


def write_temporary(directory: str, stem: str, data: bytes) -> tuple[str, Identity]:
    """Write a complete temporary file into ``directory``; on failure leave nothing.

    The mode follows the umask, so that a shared directory stays shared.

    Returns:
        Its path, and which file it is.
    """
    path = f"{directory}{os.sep}.{stem[:48]}.{os.getpid()}-{os.urandom(8).hex()}.russo-tmp"
    descriptor = os.open(path, _WRITE_FLAGS, 0o666)
    try:
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
            identity = _identify(os.fstat(descriptor))
        finally:
            os.close(descriptor)
    except BaseException:
        remove(path)
        raise
    return path, identity


def identify(path: str) -> Identity | None:
    """Tell which file lies there, and in which state; ``None`` where there is none to be seen."""
    try:
        return _identify(os.stat(path))
    except OSError:
        return None


def _identify(status: os.stat_result) -> Identity:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def replace(temporary: str, path: str) -> None:
    """Rename a temporary file into place, over whatever file is there.

    Windows refuses while somebody has the old file open; readers close at once, so it is tried again
    for up to a second.
    """
    deadline = time.monotonic() + _WINDOWS_PATIENCE
    pause = 0.001
    while True:
        try:
            os.replace(temporary, path)
            return
        except IsADirectoryError:
            # An empty directory gives way; one that holds anything is an error.
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                os.rmdir(path)
            continue
        except PermissionError:
            if sys.platform != "win32" or time.monotonic() > deadline:
                raise
        time.sleep(pause)
        pause *= 2


def remove(path: str | Path) -> bool:
    """Remove a file; tell whether it was this call that did."""
    try:
        os.unlink(path)
    except OSError:
        return False
    return True


def is_alive(pid: int) -> bool:
    """Tell whether a process of this machine lives; where there is no harmless way to ask, say yes."""
    if sys.platform == "win32":
        return True
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
