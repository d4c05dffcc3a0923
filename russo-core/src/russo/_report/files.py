"""The files that tests attach to the report, and the kinds that the report knows.

A file is named by a digest of its bytes and a suffix of a fixed list. No suffix of the list makes a browser
run the file: a page, a script or an SVG image is text.
"""

from __future__ import annotations

import hashlib
import os
import re
from typing import TYPE_CHECKING, Final

from .._containers import container_of
from .._store.files import read_file, write_file

if TYPE_CHECKING:
    from pathlib import Path

# One file that is larger would make a page that browsers have trouble to open.
LONGEST_FILE: Final = 64 << 20
TEXT: Final = "text/plain"
BINARY: Final = "application/octet-stream"
_SUFFIXES: Final = {
    TEXT: "txt",
    BINARY: "bin",
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/gif": "gif",
    "image/webp": "webp",
}
_MEDIA_TYPES: Final = {suffix: media_type for media_type, suffix in _SUFFIXES.items()}
NAME: Final = re.compile(rf"[0-9a-f]{{32}}\.(?:{'|'.join(_MEDIA_TYPES)})")
"""The names that `FileStore` gives. No other file of a directory is ever removed."""
# The formats of audio files, by the name of their container and the suffixes that such files have.
_AUDIO: Final = {
    "WAV": ("wav", {".wav", ".wave"}),
    "MP3": ("mp3", {".mp3"}),
    "AAC": ("aac", {".aac"}),
    "FLAC": ("flac", {".flac"}),
    "Ogg": ("ogg", {".ogg", ".oga", ".opus"}),
}


class FileStore:
    """Files by the digest of their bytes, in a directory that the processes of the run share."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def put(self, data: bytes, media_type: str) -> str:
        """Store bytes and return their name. Equal bytes are stored once.

        Raises:
            OSError: They cannot be stored.
        """
        name = f"{hashlib.blake2b(data, digest_size=16).hexdigest()}.{_SUFFIXES[media_type]}"
        path = self._directory / name
        if not path.exists():
            self._directory.mkdir(exist_ok=True)
            write_file(path, [data])
        return name

    def get(self, name: str) -> bytes:
        """Return the bytes of a name.

        Raises:
            OSError: They cannot be read.
            ValueError: It is not a name of this store.
        """
        if not NAME.fullmatch(name):
            raise ValueError(f"{name!r:.80} is not the name of an attached file")
        return read_file(str(self._directory / name), LONGEST_FILE)

    def size(self, name: str) -> int:
        """Return the number of bytes of a name; the same errors as `get`."""
        if not NAME.fullmatch(name):
            raise ValueError(f"{name!r:.80} is not the name of an attached file")
        return (self._directory / name).stat().st_size


def read_attached(path: Path) -> bytes:
    """Return the bytes of a file: at most one more than `LONGEST_FILE`, if the file grows.

    Raises:
        OSError: It cannot be read.
    """
    # A file of /proc may have more bytes than its size says, and a read may wait for more of them.
    with open(path, "rb", opener=_without_waiting) as file:
        data: bytes | None = file.read(LONGEST_FILE + 1)
    return data or b""


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def media_type_of(name: str) -> str:
    """Return the media type of a stored file, by its name."""
    return _MEDIA_TYPES[name.rpartition(".")[2]]


def recognise(data: bytes) -> str:
    """Return the media type of bytes: a text in UTF-8, one of four kinds of images, or `BINARY`."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return BINARY
    return BINARY if "\0" in text else TEXT


def audio_format_of(suffix: str, data: bytes) -> str | None:
    """Return the format of an audio file, or ``None`` if its suffix and its bytes do not say the same."""
    format, suffixes = _AUDIO.get(container_of(data[: 1 << 20]) or "", ("", frozenset()))
    return format if suffix.lower() in suffixes else None
