"""`Entry`: an entry as the command lists it, read from its metadata.

Nothing is written. Samples are not read if the header shows the length, because a cache may have many
gigabytes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import click

from .._audio import Audio
from .._fields import flatten, speaker_of
from .._store.cache import AudioCache, Miss
from .._store.entry import AUDIO_LIMIT, AUDIO_SUFFIX, META_SUFFIX
from .._store.files import read_file
from .._wav import PLAIN_HEADER, plain_duration
from .screen import RefusedError
from .workspace import CommandT, CommandWorkspace

_RAW: Final = frozenset({"pcm", "ulaw", "alaw"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry.

    Attributes:
        cache: The cache that has the entry.
        layer: ``cache`` or ``recordings``.
        key: Its key.
        prompt: The prompt, or ``None`` if it was not stored or the metadata cannot be read.
        backend: The backend, empty if it was not stored.
        voice: The voice, empty if it was not stored.
        seconds: Length of the sound, or ``None`` if only a decoder could find out.
        size: Bytes of both files.
        stored: When it was stored, in seconds since 1970.
    """

    cache: AudioCache
    layer: str
    key: str
    prompt: str | None
    backend: str
    voice: str
    seconds: float | None
    size: int
    stored: float

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return {
            "key": self.key,
            "layer": self.layer,
            "prompt": self.prompt,
            "backend": self.backend or None,
            "voice": self.voice or None,
            "seconds": self.seconds,
            "bytes": self.size,
            "stored": self.stored,
        }


def filter_options(command: CommandT) -> CommandT:
    """Add the options that choose entries."""
    command = click.option("--backend", metavar="NAME", help="Only entries of this backend.")(command)
    return grep_option(command)


def grep_option(command: CommandT) -> CommandT:
    """Add the option that chooses entries by their prompt."""
    return click.option(
        "--grep", metavar="PATTERN", help="Only prompts that match the regular expression, in any case."
    )(command)


def all_entries(workspace: CommandWorkspace) -> Iterator[Entry]:
    """Yield the entries of every layer."""
    for layer, cache in workspace.layers:
        yield from entries_of(cache, layer)


def entries_of(cache: AudioCache, layer: str) -> Iterator[Entry]:
    """Yield the entries of one directory, in no order; entries that are removed meanwhile are left out.

    Raises:
        OSError: The directory cannot be read.
    """
    for key in cache.stored_keys():
        try:
            yield read_entry(cache, layer, key)
        except FileNotFoundError:
            continue


def read_entry(cache: AudioCache, layer: str, key: str) -> Entry:
    """Return one entry.

    Raises:
        FileNotFoundError: There is no such entry.
    """
    path = str(cache.directory / key)
    meta_status, audio_status = os.stat(path + META_SUFFIX), os.stat(path + AUDIO_SUFFIX)
    meta = cache.describe(key) or {}
    prompt, settings = meta.get("prompt"), flatten(meta.get("fields"))
    return Entry(
        cache=cache,
        layer=layer,
        key=key,
        prompt=prompt if isinstance(prompt, str) else None,
        backend=speaker_of(meta.get("fields")) or "",
        voice=str(settings.get("voice") or ""),
        seconds=_seconds(path + AUDIO_SUFFIX, meta, audio_status.st_size) if meta else None,
        size=meta_status.st_size + audio_status.st_size,
        stored=meta_status.st_mtime,
    )


def _seconds(path: str, meta: Mapping[str, Any], size: int) -> float | None:
    rate, channels, width = (meta.get(name) for name in ("sample_rate", "channels", "sample_width"))
    if not (isinstance(rate, int) and isinstance(channels, int) and isinstance(width, int)):
        return None
    if not (rate > 0 and channels > 0 and width > 0):
        return None
    if meta.get("format") in _RAW:
        return size / channels / rate / (width if meta.get("format") == "pcm" else 1)
    if meta.get("format") != "wav":
        return None
    try:
        with open(path, "rb") as file:
            plain = plain_duration(file.read(PLAIN_HEADER.size), size)
        return Audio(read_file(path, AUDIO_LIMIT)).duration if plain is None else plain
    except (OSError, ValueError):
        return None


def chosen(entries: Iterable[Entry], *, grep: str | None, backend: str | None = None) -> list[Entry]:
    """Return the entries that the options choose.

    Raises:
        RefusedError: The pattern is not a regular expression.
    """
    try:
        pattern = re.compile(grep or "", re.IGNORECASE)
    except re.error as error:
        raise RefusedError(f"--grep {grep!r} is no regular expression: {error}") from None
    return [
        entry
        for entry in entries
        if (backend is None or entry.backend == backend)
        and (grep is None or (entry.prompt is not None and pattern.search(entry.prompt)))
    ]


def check_entry(cache: AudioCache, key: str) -> Miss | None:
    """Verify every byte of an entry; return what is wrong, or ``None`` if it is not damaged."""
    found = cache.lookup(key)
    if not isinstance(found, Miss):
        return None
    if found.reason == "absent":
        # Audio without metadata: a writer was killed between the two files, or a file was deleted by hand.
        return Miss("its metadata is missing", damaged=True) if _exists(cache, key, AUDIO_SUFFIX) else None
    return found


def _exists(cache: AudioCache, key: str, suffix: str) -> bool:
    return (cache.directory / f"{key}{suffix}").is_file()
