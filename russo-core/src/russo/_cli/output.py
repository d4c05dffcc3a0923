"""Files that a command writes for people: playable audio, which replaces the file at its path.

The name, the folder and the content of such a file may come from a repository. So a link at its path is
replaced like any file, and never followed; and a folder that is a link out of the project is refused.
A file whose name the command chooses is always new.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import sys
import tempfile
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from .._audio import Audio
from .._foreign import visible
from .player import play, suffix_of
from .screen import FailedError, RefusedError, os_error_text

STANDARD_OUTPUT: Final = Path("-")
output_option: Final = click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    help='Write a playable file instead of playing; "-" is standard output.',
)
# The system's names of open files, which are links, too.
_SYSTEM: Final = ("/dev/stdout", "/dev/stderr", "/dev/fd/", "/proc/")
_SLUG_LENGTH: Final = 48
# How many names are tried for a new file.
_MOST_NAMES: Final = 100


def is_standard_output(path: Path) -> bool:
    """Return whether audio that is written to this path goes to standard output."""
    if path == STANDARD_OUTPUT:
        return True
    try:
        return _is_of_the_system(path) and os.path.samestat(os.stat(path), os.fstat(sys.stdout.fileno()))
    except (OSError, ValueError):
        return False


def check_output(path: Path, rootdir: Path, *, as_json: bool) -> None:
    """Refuse a path that audio cannot or must not be written to.

    Args:
        path: The path, as the user wrote it; ``-`` is standard output.
        rootdir: The rootdir, for `refuse_way_out`.
        as_json: Whether standard output also receives JSON.

    Raises:
        RefusedError: The path is refused.
    """
    if is_standard_output(path):
        if as_json:
            raise RefusedError("standard output cannot take both audio and JSON; name a file")
        return
    if path.is_dir():  # click accepts an empty text, which is this directory
        raise RefusedError(f"-o names the directory {visible(str(path))}; name a file")
    refuse_way_out(path.parent, rootdir)


def replaced_by(path: Path) -> str:
    """Return what `write_audio` replaces at a path, in parentheses; empty if it replaces nothing."""
    if path == STANDARD_OUTPUT or _is_stream(path) or not os.path.lexists(path):
        return ""
    return " (a link was replaced)" if path.is_symlink() else " (an existing file was replaced)"


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


def play_or_write(audio: Audio, prompt: str | None, key: str) -> str | None:
    """Play audio. If it cannot be played, write it to a new file in the current folder.

    Args:
        audio: The audio.
        prompt: The prompt, for the file's name.
        key: The key, for the file's name; it may be empty.

    Returns:
        Why the audio was not played, and where the file is; ``None`` if the audio was played.

    Raises:
        FailedError: The audio can neither be played nor written.
    """
    if (problem := play(audio)) is None:
        return None
    try:
        path, is_new = write_new(audio, slug(prompt, key))
    except ValueError as error:
        raise FailedError(visible(str(error))) from error
    except OSError as error:
        raise FailedError(
            f"{problem}, and no file was written here ({os_error_text(error)}); write it with -o FILE"
        ) from error
    return f"{visible(problem)}; {'written to' if is_new else 'the audio is already in'} {visible(str(path))}"


def write_new(audio: Audio, name: str) -> tuple[Path, bool]:
    """Write audio to a new file in the current folder; a file or link that exists is never changed.

    If the name is taken, a number is added to it. If its file has the same content, nothing is written.

    Args:
        audio: The audio.
        name: The name without a suffix.

    Returns:
        The path, and whether the file is new.

    Raises:
        OSError: No file can be written, or all names are taken.
        ValueError: The audio does not match its format.
    """
    data = _playable(audio)
    for number in range(1, _MOST_NAMES + 1):
        path = Path(f"{name}{'' if number == 1 else f'-{number}'}{suffix_of(audio)}")
        try:
            _create(path, data)
        except FileExistsError:
            if _has_content(path, data):
                return path, False
        else:
            return path, True
    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))


def _create(path: Path, data: bytes) -> None:
    with open(path, "xb") as file:  # this mode follows no link
        try:
            file.write(data)
            file.flush()
        except BaseException:
            path.unlink()
            raise


def _has_content(path: Path, data: bytes) -> bool:
    """Return whether a path is a regular file with this content."""
    try:
        status = os.lstat(path)
        return stat.S_ISREG(status.st_mode) and status.st_size == len(data) and path.read_bytes() == data
    except OSError:
        return False


def slug(prompt: str | None, key: str) -> str:
    """Return a file name made of a prompt and the first characters of its key, so that names are unique."""
    words = re.findall(r"\w+", unicodedata.normalize("NFC", prompt or "").lower())
    name = "-".join(words)[:_SLUG_LENGTH].strip("-") or "prompt"
    # Most file systems allow names of 255 bytes, and a letter may take four.
    short = name.encode("utf-8", "ignore")[:180].decode("utf-8", "ignore")
    return f"{short}-{key[:8]}" if key else short


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
