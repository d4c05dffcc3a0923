"""Ledgers: which entries each project used in its last complete test run.

A cache can be shared by many projects, so no single run can show that an entry is unused. Each complete
run writes a ledger into a folder beside the entries, which git ignores. Ledgers may come from anyone: a
ledger that differs from the output of `write_ledger` is refused, in bounded time and memory.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from .files import TEMPORARY, read_file, remove, replace, write_temporary

LEDGERS: Final = ".russo-ledgers"
_FIRST_LINE: Final = b"russo ledger 1\n"
_IGNORE_ALL: Final = b"*\n"  # git reads it also in a directory whose own .gitignore is older
_NAME: Final = re.compile(r"[0-9a-f]{32}\.ledger")
_LINES: Final = re.compile(rb"(?:[+-][0-9a-f]{64}\n)*")
_LINE: Final = 66
_DIGEST: Final = 65
_KEY: Final = re.compile(r"[0-9a-f]{64}")
_MOST_PROJECTS: Final = 100
_PROJECT_LIMIT: Final = 16 * 1024
_LIMIT: Final = 16 * 1024 * 1024
_LEFTOVER_AGE: Final = 3600.0


class LedgerError(OSError):
    """A ledger cannot be read or written; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Project:
    """The project and the options of a complete run. Runs for which these are equal share a ledger.

    Attributes:
        rootdir: The rootdir, relative to the directory of the cache if that is possible.
        ini: The ini-file, relative to the rootdir; empty if there is none.
        testpaths: The ini setting ``testpaths``.
        options: A digest of the command line options that may change which entries a run uses.
    """

    rootdir: str
    ini: str = ""
    testpaths: tuple[str, ...] = ()
    options: str = ""

    @property
    def name(self) -> str:
        """The name of its ledger file."""
        return hashlib.sha256(self.to_line()).hexdigest()[:32] + ".ledger"

    def exists(self, directory: Path) -> bool:
        """Return whether its rootdir and its ini-file exist, relative to the directory of the cache."""
        try:
            rootdir = Path(os.path.realpath(directory)) / self.rootdir
            os.stat(rootdir / self.ini)
            return stat.S_ISDIR(os.stat(rootdir).st_mode)
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return False
        except OSError:
            return True  # not known, so it may exist

    def to_line(self) -> bytes:
        """Return the project as one line of JSON."""
        values = [self.rootdir, self.ini, list(self.testpaths), self.options]
        return json.dumps(values).encode("ascii") + b"\n"


@dataclass(frozen=True, slots=True)
class Ledger:
    """The entries of one project.

    Attributes:
        project: The project.
        used: Keys that its last complete run used.
        retired: Keys that an earlier complete run used and the last one did not.
    """

    project: Project
    used: frozenset[str] = field(default_factory=frozenset)
    retired: frozenset[str] = field(default_factory=frozenset)


def read_ledgers(directory: Path) -> tuple[dict[str, Ledger], dict[str, str]]:
    """Read all ledgers of a cache.

    Returns:
        The ledgers by file name, and by file name the reason why a ledger is unreadable.

    Raises:
        LedgerError: The folder of the ledgers cannot be read, or has too many ledgers.
    """
    folder = directory / LEDGERS
    names = _names(folder)
    ledgers, problems, total = {}, {}, 0
    for name in names:
        try:
            if not stat.S_ISREG(os.lstat(folder / name).st_mode):
                raise ValueError("it is not a regular file")
            data = read_file(f"{folder}{os.sep}{name}", _LIMIT - total)
            total += len(data)
            ledger = _decode(data)
            if ledger.project.name != name:
                raise ValueError("it is the ledger of another project")
            ledgers[name] = ledger
        except (OSError, ValueError) as error:
            problems[name] = getattr(error, "strerror", None) or str(error)
    return ledgers, problems


def write_ledger(directory: Path, ledger: Ledger) -> None:
    """Write the ledger of a project, unless the file is already equal.

    Raises:
        LedgerError: It cannot be written, or `read_ledgers` would refuse it.
    """
    data, name = _encode(ledger), ledger.project.name
    folder = directory / LEDGERS
    others = [other for other in _names(folder) if other != name]
    if len(others) >= _MOST_PROJECTS:
        raise _too_many(folder)
    if len(data) + sum(_size(folder / other) for other in others) > _LIMIT:
        raise LedgerError(f"the ledgers in {folder} would have more than {_LIMIT // 1024**2} MiB")
    path = folder / name
    try:
        with contextlib.suppress(OSError):
            if stat.S_ISREG(os.lstat(path).st_mode) and read_file(str(path), _LIMIT) == data:
                return
        with contextlib.suppress(FileExistsError):
            folder.mkdir()
        _refuse_foreign_folder(folder)
        if not os.path.lexists(folder / ".gitignore"):
            replace(write_temporary(str(folder), "git", _IGNORE_ALL)[0], str(folder / ".gitignore"))
        replace(write_temporary(str(folder), "ledger", data)[0], str(path))
        _sweep(folder, path)
    except LedgerError:
        raise
    except OSError as error:
        raise LedgerError(f"the ledger {path} cannot be written: {error.strerror or error}") from error


def remove_ledgers(directory: Path) -> None:
    """Remove the ledgers of a cache that was cleared, and nothing else that is in their folder."""
    folder = directory / LEDGERS
    try:
        _refuse_foreign_folder(folder)
        names = os.listdir(folder)
    except OSError:
        return
    for name in names:
        path = folder / name
        ours = _NAME.fullmatch(name) or TEMPORARY.fullmatch(name) or (name == ".gitignore" and _is_own(path))
        with contextlib.suppress(OSError):
            if ours and stat.S_ISREG(os.lstat(path).st_mode):
                remove(path)
    with contextlib.suppress(OSError):
        folder.rmdir()


def _names(folder: Path) -> list[str]:
    try:
        _refuse_foreign_folder(folder)
        names = sorted(name for name in os.listdir(folder) if _NAME.fullmatch(name))
    except FileNotFoundError:
        return []
    except LedgerError:
        raise
    except OSError as error:
        raise LedgerError(f"the ledgers in {folder} cannot be read: {error.strerror or error}") from error
    if len(names) > _MOST_PROJECTS:
        raise _too_many(folder)
    return names


def _refuse_foreign_folder(folder: Path) -> None:
    if not stat.S_ISDIR(os.lstat(folder).st_mode):
        raise LedgerError(f"{folder} is not a folder that russo made")


def _too_many(folder: Path) -> LedgerError:
    return LedgerError(f"{folder} has {_MOST_PROJECTS} ledgers or more; delete those of projects that ended")


def _sweep(folder: Path, fresh: Path) -> None:
    """Remove the temporary files of writers that died, if they are an hour older than the new ledger."""
    with contextlib.suppress(OSError):
        before = os.lstat(fresh).st_mtime - _LEFTOVER_AGE
        for name in filter(TEMPORARY.fullmatch, os.listdir(folder)):
            if os.lstat(folder / name).st_mtime < before:
                remove(folder / name)


def _size(path: Path) -> int:
    try:
        return os.lstat(path).st_size
    except OSError:
        return 0


def _is_own(path: Path) -> bool:
    try:
        return read_file(str(path), len(_IGNORE_ALL)) == _IGNORE_ALL
    except OSError:
        return False


def _encode(ledger: Ledger) -> bytes:
    lines = sorted([f"+{key}\n" for key in ledger.used] + [f"-{key}\n" for key in ledger.retired])
    head = _FIRST_LINE + ledger.project.to_line()
    if len(head) > _PROJECT_LIMIT or not all(map(_KEY.fullmatch, ledger.used | ledger.retired)):
        raise LedgerError("the project's settings are too long, or a key was not made by russo")
    body = head + "".join(lines).encode("ascii")
    return body + hashlib.sha256(body).hexdigest().encode("ascii") + b"\n"


def _decode(data: bytes) -> Ledger:
    """Return the ledger that `_encode` wrote.

    Raises:
        ValueError: `_encode` did not write the data.
    """
    body, digest = data[:-_DIGEST], data[-_DIGEST:]
    if not body.startswith(_FIRST_LINE):
        raise ValueError("it is not a ledger, or another version of russo wrote it")
    if digest != hashlib.sha256(body).hexdigest().encode("ascii") + b"\n":
        raise ValueError("it is damaged")
    end = body.find(b"\n", len(_FIRST_LINE), _PROJECT_LIMIT) + 1
    project, keys = body[len(_FIRST_LINE) : end], body[end:]
    if not end or not _LINES.fullmatch(keys):
        raise ValueError("it is damaged")
    lines = keys.decode("ascii").splitlines()
    return Ledger(
        _project(project),
        frozenset(line[1:] for line in lines if line[0] == "+"),
        frozenset(line[1:] for line in lines if line[0] == "-"),
    )


def _project(line: bytes) -> Project:
    try:
        rootdir, ini, testpaths, options = json.loads(line)
        texts = [rootdir, ini, options, *testpaths]
    except (RecursionError, TypeError) as error:
        raise ValueError("it is damaged") from error
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("it is damaged")
    return Project(rootdir, ini, tuple(testpaths), options)
