"""What tests attach to the report with the fixture ``russo_report``: texts, audio and files.

The content goes to the directory that the processes of the run share; only its name is sent to the
controller. Without ``--russo-report`` the arguments are checked, and nothing is read or stored.
"""

from __future__ import annotations

import errno
import os
import stat
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from .._foreign import shown
from .bounds import cut

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._audio import Audio
    from .._store.cache import AudioCache
    from .attempts import Moment
    from .files import FileStore

_LONGEST_NAME: Final = 1000


class RunReport:
    """Adds to the report of a test; the fixture ``russo_report`` returns it.

    Args:
        keep: Stores a checked attachment. ``None`` means that the run writes no report.
    """

    def __init__(self, keep: Callable[[str, str | Audio | Path], None] | None = None) -> None:
        self._keep = keep

    def attach(self, name: str, content: str | Audio | os.PathLike[str]) -> None:
        """Attach a text, audio or a file to the running test in the report of ``--russo-report``.

        A file is read at once, so the test may change or remove it afterwards. A text file in UTF-8 is shown
        as text, a PNG, JPEG, GIF or WebP image as an image, and an audio file gets a player. Any other file
        can be downloaded. A text of more than 262,144 characters is cut and can be downloaded. If a text, a
        file or audio is larger than 64 MiB, the report has only its name and its size.

        Without ``--russo-report``, ``attach`` only checks its arguments.

        Args:
            name: The name in the report.
            content: A text, `Audio`, or the path of a file.

        Raises:
            TypeError: ``name`` is not a string, or ``content`` is of another type.
            ValueError: ``name`` is empty, or the path has a null character.
            OSError: The file does not exist, cannot be read, or is not a regular file.
        """
        if not isinstance(name, str):
            raise TypeError(f"name is {type(name).__name__}, not a string")
        if not name:
            raise ValueError("name is empty; the report needs a name for each attachment")
        checked = _checked(content)
        if self._keep is not None:
            self._keep(cut(name, _LONGEST_NAME), checked)


def _checked(content: object) -> str | Audio | Path:
    """Return the content if it can be attached; a path as a `Path`."""
    if isinstance(content, str):
        return content
    if isinstance(content, os.PathLike):
        text = os.fspath(content)
        if isinstance(text, str):
            _check_file(text)
            return Path(text)
    from .._audio import Audio

    if isinstance(content, Audio):
        return content
    kind = type(content).__name__
    raise TypeError(f"content is {kind}; pass a string, an Audio, or a path as pathlib.Path")


def _check_file(path: str) -> None:
    mode = os.stat(path).st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "not a regular file", path)
    with open(path, "rb"):
        pass


class AttachmentCollector:
    """Keeps the attachments of this process until they are sent. May be used from any thread.

    Args:
        now: Returns the test that is running.
        spare: The cache that stores audio.
        files: The store of all other content.
    """

    def __init__(self, now: Callable[[], Moment], spare: AudioCache, files: FileStore) -> None:
        self._now = now
        self._spare = spare
        self._files = files
        self._lock = threading.Lock()
        self._attachments: list[dict[str, Any]] = []

    def report_of_test(self) -> RunReport:
        """Return the object that attaches to the test that is running now, also if it is used later."""
        now = self._now()
        return RunReport(lambda name, content: self._keep(now, name, content))

    def take(self) -> list[dict[str, Any]] | None:
        """Return the attachments since the last call as JSON values, or ``None``."""
        with self._lock:
            attachments, self._attachments = self._attachments, []
        return attachments or None

    def _keep(self, now: Moment, name: str, content: str | Audio | Path) -> None:
        try:
            stored = self._store(content)
        except OSError as error:  # the disk is full, or the file was removed since it was checked
            stored = _problem(f"it could not be stored: {shown(error.strerror or str(error))}")
        with self._lock:
            self._attachments.append({"test": now.test, "attempt": now.attempt, "name": name, **stored})

    def _store(self, content: str | Audio | Path) -> dict[str, Any]:
        from .files import LONGEST_FILE, TEXT, audio_format_of, read_attached, recognise

        if isinstance(content, str):
            # A lone surrogate has no UTF-8 form, so it is stored as its escape.
            data, suffix = content.encode("utf-8", "backslashreplace"), ""
        elif isinstance(content, Path):
            if content.stat().st_size > LONGEST_FILE:
                return _too_large(content.stat().st_size)
            data, suffix = read_attached(content), content.suffix
        else:
            return self._store_audio(content) or _problem("it is not audio, so it could not be stored")
        if len(data) > LONGEST_FILE:
            return _too_large(len(data))
        if format := audio_format_of(suffix, data):
            from .._audio import Audio

            if audio := self._store_audio(Audio(data, format)):
                return audio
        media_type = TEXT if isinstance(content, str) else recognise(data)
        kind = {"text": "text", "image": "image"}.get(media_type.partition("/")[0], "file")
        return {"kind": kind, "media_type": media_type, "file": self._files.put(data, media_type)}

    def _store_audio(self, audio: Audio) -> dict[str, Any] | None:
        from .audio import digest_of, is_kept
        from .files import LONGEST_FILE

        if len(audio.data) > LONGEST_FILE:
            return _too_large(len(audio.data))
        digest = digest_of(audio)
        if not is_kept(self._spare, digest, audio):
            return None
        return {"kind": "audio", "audio": digest, "place": (str(self._spare.directory), digest)}


def _too_large(size: int) -> dict[str, Any]:
    from .files import LONGEST_FILE

    return _problem(f"it has {size / (1 << 20):.1f} MiB; the limit is {LONGEST_FILE >> 20} MiB")


def _problem(text: str) -> dict[str, Any]:
    return {"kind": "problem", "text": text}
