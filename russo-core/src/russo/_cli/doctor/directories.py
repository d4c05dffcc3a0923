"""``russo doctor``: the directories of the cache and of the recordings, and what may be done with them."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ..._foreign import shown
from ..._mode import Mode
from ..._plugin.setup import missing_recordings
from ..._settings import Settings
from ..._store.directory import stored_keys
from ..._store.entry import AUDIO_SUFFIX, META_SUFFIX
from ..._words import count
from ..units import size_text
from .parts import Section

_LEAST_SPACE: Final = 100_000_000
_PATIENCE: Final = 5.0
_LONGEST: Final = 200
# If a repository comes with its own settings of git, this one could run a program.
_GIT: Final = ("git", "-c", "core.fsmonitor=false")
_NO_GIT: Final = "git was not run"
_NO_WORK_TREE: Final = "not in a git work tree"
_NO_REPOSITORY: Final = "not a git repository"
_IGNORED: Final = "ignored by git"


@dataclass(frozen=True, slots=True)
class _Directory:
    """What is known about one directory.

    Attributes:
        exists: Whether it exists.
        readable: Whether it can be listed; of a directory that does not exist, ``None``.
        writable: Whether files can be made in it, or the directory itself if it does not exist.
        free: Free bytes on its file system; ``None`` if they are not known.
        link: Where a link on the path leads to; empty if there is none.
        git: Whether git ignores its files, in words.
        entries: The number of entries; ``None`` if it cannot be read.
        size: The bytes of the entries.
    """

    exists: bool
    readable: bool | None
    writable: bool
    free: int | None
    link: str
    git: str
    entries: int | None
    size: int

    def words(self) -> list[str]:
        """Return what is known, in words."""
        real = [f"is a link to {self.link}"] if self.link else ["not a link"]
        space = [] if self.free is None else [f"{size_text(self.free)} free"]
        if not self.exists:
            rights = "can be made" if self.writable else "cannot be made"
            return [f"does not exist, {rights}", *real, *space, self.git]
        content = [] if self.entries is None else [_entries_words(self.entries, self.size)]
        return [
            "exists",
            "readable" if self.readable else "not readable",
            "writable" if self.writable else "not writable",
            *real,
            *space,
            self.git,
            *content,
        ]


def examine_directories(settings: Settings | None, rootdir: Path) -> Section:
    """Return the directories of the settings; none if the settings are invalid."""
    section = Section("directories", data=[])
    if settings is None:
        section.lines = ["not examined, because the settings are invalid"]
        return section
    places: dict[str, Path] = {"cache": settings.cache_dir}
    if (recordings := settings.recordings_dir) is not None:
        places["recordings"] = recordings
    for role, path in places.items():
        found = _examine(path)
        section.lines += [f"{role} {path}", f"  {', '.join(found.words())}"]
        section.data.append({"role": role, "directory": str(path), **_to_json(found)})
        _check(section, role, path, found, settings)
    for sentence in missing_recordings(settings, rootdir):
        section.add(sentence, "make the recordings (russo cache promote), or correct the setting")
    return section


def _to_json(found: _Directory) -> dict[str, Any]:
    return {name: getattr(found, name) for name in found.__slots__}


def _check(section: Section, role: str, path: Path, found: _Directory, settings: Settings) -> None:
    if settings.mode is Mode.OFF:
        return
    if found.exists and not found.readable:
        section.add(f"the {role} directory {path} cannot be read", f"allow it: chmod u+rx {path}")
    if role == "recordings":
        if found.git == _IGNORED:
            section.add(
                f"git ignores the recordings in {path}, so other machines do not get them",
                "remove the pattern from .gitignore, or use another directory",
            )
        return
    if settings.mode is not Mode.REPLAY and not found.writable:
        can = "cannot be written" if found.exists else "does not exist and cannot be made"
        advice = "correct its rights, or set russo_cache_dir to another one"
        if not found.exists and found.link and path.is_symlink():
            advice = f"make the directory {found.link}, or remove the link"
        section.add(f"the {role} directory {path} {can}", advice)
    if settings.mode is not Mode.REPLAY and found.free is not None and found.free < _LEAST_SPACE:
        section.add(
            f"the file system of {path} has {size_text(found.free)} left",
            "make space: russo cache prune removes entries",
        )


def _examine(path: Path) -> _Directory:
    exists = os.path.isdir(path)
    base = path if exists else _existing(path)
    is_free = exists or not os.path.lexists(path)  # a broken link is not replaced by a directory
    readable = exists and os.access(path, os.R_OK | os.X_OK)
    entries, size = _content(path) if readable else (None, 0)
    real = os.path.realpath(path)
    return _Directory(
        exists=exists,
        readable=readable if exists else None,
        writable=is_free and os.path.isdir(base) and os.access(base, os.W_OK | os.X_OK),
        free=_free(base),
        link="" if real == os.path.abspath(path) else real,
        git=_git_words(Path(real)),
        entries=entries,
        size=size,
    )


def _existing(path: Path) -> Path:
    """Return the nearest path upwards that exists; a file is not a place for a directory."""
    return next((each for each in path.parents if os.path.lexists(each)), Path(path.anchor))


def _free(folder: Path) -> int | None:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None


def _content(directory: Path) -> tuple[int | None, int]:
    """Return the number of entries and their bytes. The entries are not verified."""
    entries = size = 0
    try:
        for key in stored_keys(directory, links=True):
            entries += 1
            for suffix in (META_SUFFIX, AUDIO_SUFFIX):
                size += os.stat(directory / f"{key}{suffix}").st_size
    except OSError:
        return None, 0
    return entries, size


def _entries_words(entries: int, size: int) -> str:
    return f"{count(entries, 'entry', 'entries')} ({size_text(size)})"


def _git_words(path: Path) -> str:
    """Return whether a directory, without links on its path, is in a git work tree and ignored, in words."""
    folder = next((each for each in (path, *path.parents) if os.path.isdir(each)), path)
    found = _git(folder, "rev-parse", "--is-inside-work-tree")
    if found is None:
        return _NO_GIT
    if found.returncode != 0:
        return _NO_WORK_TREE if _NO_REPOSITORY in found.stderr else _git_failure(found)
    if found.stdout.strip() != "true":  # in a bare repository, or in the directory .git
        return _NO_WORK_TREE
    # A file that is not tracked: git does not ignore tracked files.
    found = _git(folder, "check-ignore", "-q", "--", str(path / f"{'0' * 64}{AUDIO_SUFFIX}"))
    if found is None:
        return _NO_GIT
    return {0: _IGNORED, 1: f"not {_IGNORED}"}.get(found.returncode) or _git_failure(found)


def _git_failure(done: subprocess.CompletedProcess[str]) -> str:
    lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
    return f"git failed: {shown(lines[0].removeprefix('fatal: '), _LONGEST)}"


def _git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str] | None:
    """Run git; return ``None`` if it cannot be run."""
    try:
        return subprocess.run(
            [*_GIT, "-C", str(folder), *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
            encoding="utf-8",
            errors="replace",
            env={**os.environ, "LC_ALL": "C"},  # its messages are compared
        )
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
