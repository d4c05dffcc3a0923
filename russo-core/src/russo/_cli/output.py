"""Files that a command writes for people: playable audio, which replaces the file at its path.

The name, the folder and the content of such a file may come from a repository. So a link at its path is
replaced like any file, and never followed; and a folder that is a link out of the project is refused.
"""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from .._audio import Audio
from .._foreign import visible
from .player import suffix_of
from .screen import RefusedError

STANDARD_OUTPUT: Final = Path("-")
# The system's names of open files, which are links, too.
_SYSTEM: Final = ("/dev/stdout", "/dev/stderr", "/dev/fd/", "/proc/")


def is_standard_output(path: Path) -> bool:
    """Return whether audio that is written to this path goes to standard output."""
    if path == STANDARD_OUTPUT:
        return True
    try:
        return _is_of_the_system(path) and os.path.samestat(os.stat(path), os.fstat(sys.stdout.fileno()))
    except (OSError, ValueError):
        return False


def write_audio(audio: Audio, path: Path) -> None:
    """Write audio as a playable file; ``-``, a pipe and a device receive the same bytes.

    Raises:
        OSError: It cannot be written; an existing file is unchanged.
        ValueError: The suffix belongs to another format, or the audio does not match its format.
    """
    if path == STANDARD_OUTPUT:
        sys.stdout.flush()
        sys.stdout.buffer.write(_playable(audio))
        sys.stdout.buffer.flush()
    elif _is_stream(path):
        with open(path, "wb") as stream:
            stream.write(_playable(audio))
    else:
        replace_with(audio, path)


def replace_with(audio: Audio, path: Path) -> None:
    """Write audio as a playable file, and replace an existing file; a link is replaced, not followed.

    Missing folders are made.

    Raises:
        OSError: It cannot be written; an existing file is unchanged.
        ValueError: The suffix belongs to another format, or the audio does not match its format.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # A directory that no other user can enter, on the same file system.
        with tempfile.TemporaryDirectory(prefix=".russo-", dir=path.parent) as private:
            os.replace(audio.save(Path(private) / path.name), path)
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error


def _playable(audio: Audio) -> bytes:
    with tempfile.TemporaryDirectory(prefix="russo-") as private:
        return audio.save(Path(private) / f"speech{suffix_of(audio)}").read_bytes()


def _is_stream(path: Path) -> bool:
    """Return whether the path is one of the system's names, a pipe or a device, which is never replaced."""
    if _is_of_the_system(path):
        return True
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode))


def _is_of_the_system(path: Path) -> bool:
    return os.path.abspath(path).startswith(_SYSTEM)


def refuse_way_out(folder: Path, rootdir: Path) -> None:
    """Refuse a folder if a link of a project on its path leads out of that project.

    A repository can contain a link to any folder of the user. A link outside of a project belongs to the
    user, and is followed.

    Args:
        folder: The folder, as the user wrote it.
        rootdir: The rootdir; a link below it belongs to the project even without git.

    Raises:
        RefusedError: A link of a project leads the path out of that project.
    """
    for link, target in _links(Path.cwd() / folder):
        tree = _project_of(link.parent, Path(os.path.realpath(rootdir)))
        if tree is not None and (not target.is_relative_to(tree) or ".git" in target.relative_to(tree).parts):
            raise RefusedError(
                f"{visible(str(folder))}: {visible(link.name)} is a link that leads out of "
                f"{visible(str(tree))}; nothing was written. If you trust it, name the directory itself: "
                f"{visible(str(target))}"
            )


def _links(path: Path) -> Iterator[tuple[Path, Path]]:
    """Yield each link on a path, in its real folder, with the real path that it leads to."""
    here = Path(path.anchor)
    for part in path.parts[1:]:
        step = here / part
        here = Path(os.path.realpath(step))
        if step.is_symlink():
            yield step, here


def _project_of(folder: Path, rootdir: Path) -> Path | None:
    """Return the git work tree that a folder is in, else the rootdir if the folder is in it."""
    for each in (folder, *folder.parents):
        if (each / ".git").exists():
            return each
    return rootdir if folder.is_relative_to(rootdir) else None
