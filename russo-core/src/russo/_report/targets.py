"""Where the report is written: a page, a document, or a directory with both and the files beside them.

A path never leaves the directory that the user named: all names in it are fixed or made from digests. A link
at such a path is replaced and never followed. Each file is written whole or not at all.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from .._foreign import visible
from .._settings import SettingsError, path_of
from .._store.files import remove, write_file
from .files import NAME
from .page import render
from .sounds import SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from .files import FileStore
    from .sounds import Sounds

# With more embedded bytes than this, browsers have trouble to open the page.
_PAGE_LIMIT: Final = 256 << 20
_LEFT_OUT: Final = f"left out: the page has {_PAGE_LIMIT >> 20} MiB of audio and files already"
_SOUND_NAME: Final = re.compile(rf"[0-9a-f]{{32}}\.(?:{'|'.join(SUFFIXES.values())})")
# What the files of a report begin with. A directory with another page or document is not of a report.
_OWN_BEGINNINGS: Final = {
    "index.html": b'<meta name="generator" content="russo">',
    "report.json": b'"russo-report"',
}
_AUDIO: Final = "audio"
_ATTACHMENTS: Final = "attachments"


class Target:
    """One value of ``--russo-report``.

    Args:
        given: The value, as the user wrote it.
        base: The directory of a relative path.

    Attributes:
        given: The value, as the user wrote it.
        path: The absolute path. Its folders may be links.
        is_directory: Whether the path is an existing directory or ends with a slash.

    Raises:
        SettingsError: The path cannot be used, or has something that is not a regular file.
    """

    def __init__(self, given: str, base: Path) -> None:
        if not given.strip():
            raise SettingsError("--russo-report is empty; name a page, such as report.html")
        self.given = given
        path_of(given, base, "--russo-report")
        self.path = base / Path(given).expanduser()
        # Not Path.is_dir and Path.is_file: they raise if a folder on the way may not be searched.
        self.is_directory = os.path.isdir(self.path) or given.endswith(("/", os.sep))
        if os.path.exists(self.path) and not self.is_directory and not os.path.isfile(self.path):
            raise SettingsError(
                f"--russo-report={visible(given)} is not a regular file; name one, such as report.html"
            )
        if self.is_directory and os.path.exists(self.path) and not os.path.isdir(self.path):
            raise SettingsError(
                f"--russo-report={visible(given)} ends with a slash, but is a file; remove the slash"
            )
        if self.is_directory:
            self._check_directory()

    @property
    def files(self) -> list[str]:
        """The absolute paths that it writes, except those of audio and attachments."""
        path = os.path.abspath(self.path)
        return (
            [path, *(os.path.join(path, name) for name in _OWN_BEGINNINGS)] if self.is_directory else [path]
        )

    def _check_directory(self) -> None:
        """Raise an error if the directory has a page or a document that russo did not write."""
        for name, beginning in _OWN_BEGINNINGS.items():
            path = self.path / name
            with contextlib.suppress(OSError):  # it does not exist, or the end of the run reports the error
                is_file = os.path.isfile(path) and not os.path.islink(path)  # a link is replaced
                if is_file and beginning not in _first_bytes(path):
                    raise SettingsError(
                        f"--russo-report={visible(self.given)} has a file {name} that russo did not write; "
                        "name another directory"
                    )

    def write(self, document: Mapping[str, Any], sounds: Sounds, files: FileStore) -> None:
        """Write the report, and create the folders of its path.

        Raises:
            OSError: It cannot be written; an existing file is unchanged.
        """
        if self.is_directory:
            _write_directory(self.path, document, sounds, files)
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self.path.suffix.lower() == ".json":
            write_file(self.path, [_json(document)])
        else:
            document = _embeddable(document)
            write_file(self.path, _encoded(render(document, Embedded(document, sounds, files))))


class Embedded:
    """The media of a page that is one file: ``data:`` URLs. Each sound is read when the page needs it."""

    policy = "data:"

    def __init__(self, document: Mapping[str, Any], sounds: Sounds, files: FileStore) -> None:
        self._document = document
        self._sounds = sounds
        self._files = files

    def audio(self, name: str) -> str | None:
        """Return the URL of a sound, or ``None`` if the page has no bytes of it."""
        if self._document["audio"][name]["problem"] is not None:
            return None
        sound = self._sounds.read(name)
        return None if sound is None else _data_url(sound.media_type, sound.data)

    def file(self, name: str) -> str | None:
        """Return the URL of an attached file, or ``None`` if the page has no bytes of it."""
        described = self._document["files"][name]
        return None if "problem" in described else _data_url(described["media_type"], self._files.get(name))


class Beside:
    """The media of a page whose files are beside it: relative paths."""

    policy = "'self' file:"

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document

    def audio(self, name: str) -> str | None:
        """Return the path of a sound, or ``None`` if there are no bytes of it."""
        file: str | None = self._document["audio"][name]["file"]
        return file

    def file(self, name: str) -> str | None:
        """Return the path of an attached file."""
        file: str | None = self._document["files"][name]["file"]
        return file


def _write_directory(directory: Path, document: Mapping[str, Any], sounds: Sounds, files: FileStore) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    had_report = os.path.isfile(directory / "report.json")
    described, audio = {}, _own_folder(directory, _AUDIO)
    for name, facts in document["audio"].items():
        sound = None if facts["problem"] is not None else sounds.read(name)
        if sound is None:
            described[name] = facts
            continue
        file = f"{name}.{SUFFIXES[sound.media_type]}"
        write_file(audio / file, [sound.data])
        described[name] = facts | {"file": f"{_AUDIO}/{file}"}
    attachments = _own_folder(directory, _ATTACHMENTS)
    for name in document["files"]:
        write_file(attachments / name, [files.get(name)])
    attached = {name: facts | {"file": f"{_ATTACHMENTS}/{name}"} for name, facts in document["files"].items()}
    document = {**document, "audio": described, "files": attached}
    write_file(directory / "report.json", [_json(document)])
    write_file(directory / "index.html", _encoded(render(document, Beside(document))))
    if not had_report:
        return
    _remove_stale(audio, _SOUND_NAME, {os.path.basename(each["file"] or "") for each in described.values()})
    _remove_stale(attachments, NAME, attached)


def _first_bytes(path: Path) -> bytes:
    with open(path, "rb") as file:
        return file.read(500)


def _own_folder(directory: Path, name: str) -> Path:
    """Return a folder of the report's directory, and create it. A link in its place is replaced.

    Raises:
        OSError: It cannot be created, or it is in another directory in another way.
    """
    folder = directory / name
    if os.path.islink(folder):
        os.unlink(folder)
    try:
        folder.mkdir(exist_ok=True)
    except FileExistsError:
        raise OSError(f"{name} is a file, not a folder") from None
    if os.path.realpath(folder) != os.path.join(os.path.realpath(directory), name):
        raise OSError(f"{visible(name)} is in another directory")
    return folder


def _remove_stale(folder: Path, pattern: re.Pattern[str], current: Collection[str]) -> None:
    """Remove the files of an earlier report. A file with another name stays, and so does a folder."""
    with os.scandir(folder) as entries:
        stale = [
            entry.path
            for entry in entries
            if pattern.fullmatch(entry.name)
            and entry.name not in current
            and not entry.is_dir(follow_symlinks=False)
        ]
    for path in stale:
        remove(path)


def _embeddable(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document for a page that is one file; what would make it too large gets a problem."""
    left = _PAGE_LIMIT
    parts: dict[str, dict[str, Any]] = {"audio": {}, "files": {}}
    for part, described in parts.items():
        for name, facts in document[part].items():
            is_small = facts["bytes"] <= left
            left -= facts["bytes"] if is_small else 0
            described[name] = facts if is_small else facts | {"problem": _LEFT_OUT}
    return {**document, **parts}


def _json(document: Mapping[str, Any]) -> bytes:
    """Return a document as JSON. It is ASCII, because a prompt may hold a lone surrogate."""
    return json.dumps(document, ensure_ascii=True, allow_nan=False).encode("ascii") + b"\n"


def _encoded(page: Iterable[str]) -> Iterable[bytes]:
    # A lone surrogate has no UTF-8 form, so it is written as its escape.
    return (text.encode("utf-8", "backslashreplace") for text in page)


def _data_url(media_type: str, data: bytes) -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"
