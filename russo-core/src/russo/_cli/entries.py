"""`Entry`: an entry as the command lists it, read from its metadata.

Nothing is written. Samples are not read if the header shows the length, because a cache may have many
gigabytes.
"""

from __future__ import annotations

import dataclasses
import marshal
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import click

from .._audio import Audio
from .._fields import flatten, speaker_in
from .._foreign import shown
from .._store.cache import AudioCache, Miss, examine
from .._store.directory import has_files, is_generated, keys_with_files, obstacle
from .._store.entry import AUDIO_SUFFIX, META_SUFFIX, PROMPT_LIMIT
from .._store.files import read_file
from .._store.key import cache_key
from .._wav import PLAIN_HEADER, plain_duration
from .screen import RefusedError
from .workspace import CommandT, CommandWorkspace

_RAW: Final = frozenset({"pcm", "ulaw", "alaw"})
_WRAPPED: Final = frozenset({"own", "given"})
# Entries with the same settings share one mapping, so that long lists take little memory.
_MOST_SHARED: Final = 4096
_LONGEST_SHARED: Final = 1000
# A WAV file with an unusual header is read whole to find its length, if it is not larger.
_READ_LIMIT: Final = 64 << 20
_LONGEST_PROBLEM: Final = 80


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
        problem: Why the entry cannot be replayed, if metadata and sizes show it; else ``None``.
        is_shadowed: Whether an earlier layer has the key, so that this entry is never replayed.
        settings: The settings of the request by name, also backend and voice.
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
    problem: Miss | None = None
    is_shadowed: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The prompt on one line for a table, with the problem of the entry."""
        prompt = "(unknown)" if self.prompt is None else shown(self.prompt)
        if self.problem is None:
            return prompt
        state = "damaged" if self.problem.damaged else "unusable"
        problem = f"{state}: {shown(self.problem.reason, _LONGEST_PROBLEM)}"
        return f"{prompt} {problem}" if self.prompt is None else f"({problem}) {prompt}"

    @property
    def place(self) -> str:
        """The layer, and whether another layer's entry is replayed instead."""
        return f"{self.layer} (not replayed)" if self.is_shadowed else self.layer

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
            "settings": self.settings,
            **({} if self.problem is None else {"problem": self.problem.reason}),
            **({"replayed": False} if self.is_shadowed else {}),
        }


def filter_options(command: CommandT) -> CommandT:
    """Add the options that choose entries."""
    command = click.option("--backend", metavar="NAME", help="Only entries of this backend.")(command)
    return grep_option(command)


def grep_option(command: CommandT) -> CommandT:
    """Add the option that chooses entries by their prompt."""
    return click.option(
        "--grep", metavar="PATTERN", help="Only prompts that match the regular expression; case is ignored."
    )(command)


def all_entries(workspace: CommandWorkspace) -> Iterator[Entry]:
    """Yield the entries of every layer, also links, damaged entries, and entries that lack a file.

    Raises:
        OSError: A directory cannot be read.
    """
    replayed: set[str] = set()
    for layer, cache in workspace.layers:
        for entry in entries_of(cache, layer, links=True):
            yield dataclasses.replace(entry, is_shadowed=True) if entry.key in replayed else entry
            if entry.problem is None:
                replayed.add(entry.key)


def entries_of(cache: AudioCache, layer: str, *, links: bool = False) -> Iterator[Entry]:
    """Yield the entries of one directory, in no order; entries that are removed meanwhile are left out.

    Args:
        cache: The cache of the directory.
        layer: ``cache`` or ``recordings``.
        links: Whether to also yield entries with a file that is a link or a directory. Links are replayed,
            but neither links nor directories are removed.

    Raises:
        OSError: The directory cannot be read.
    """
    known: dict[bytes, dict[str, Any]] = {}
    for key in keys_with_files(cache.directory):
        if not links and obstacle(cache.directory, key) is not None:
            continue
        try:
            yield read_entry(cache, layer, key, known)
        except FileNotFoundError:
            continue


def read_entry(
    cache: AudioCache, layer: str, key: str, known: dict[bytes, dict[str, Any]] | None = None
) -> Entry:
    """Return one entry.

    Args:
        cache: The cache that has the entry.
        layer: ``cache`` or ``recordings``.
        key: Its key.
        known: The settings of other entries, which this entry shares if its settings are the same.

    Raises:
        FileNotFoundError: The entry does not exist.
    """
    if not has_files(cache.directory, key):
        raise FileNotFoundError(key)
    path = str(cache.directory / key)
    meta_size, stored = _size_and_time(path + META_SUFFIX)
    audio_size, audio_stored = _size_and_time(path + AUDIO_SUFFIX)
    found = examine(cache, key)
    meta: dict[str, Any] = {} if isinstance(found, Miss) else found
    problem = _as_damage(cache, key, found) if isinstance(found, Miss) else None
    if meta and meta["size"] != audio_size:
        whole = cache.lookup(key, patient=False)
        problem = whole if isinstance(whole, Miss) else None
    fields = meta.get("fields")
    settings = flatten(fields)
    voice = settings.get("voice")
    return Entry(
        cache=cache,
        layer=layer,
        key=key,
        prompt=meta.get("prompt"),
        backend=speaker_in(settings) or "",
        voice=voice if isinstance(voice, str) else shown(voice) if voice else "",
        seconds=_seconds(path + AUDIO_SUFFIX, meta, audio_size) if problem is None else None,
        size=meta_size + audio_size,
        stored=stored or audio_stored,
        problem=problem,
        settings=_shared(_with_unwrapped(settings, fields), {} if known is None else known),
    )


def _with_unwrapped(settings: dict[str, Any], fields: Any) -> dict[str, Any]:
    """Add the fields of an entry that `flatten` does not read: a user may store any mapping."""
    if isinstance(fields, dict):
        for name, value in fields.items():
            if name not in settings and not (name in _WRAPPED and (value is None or isinstance(value, dict))):
                settings[name] = value
    return settings


def _shared(settings: dict[str, Any], known: dict[bytes, dict[str, Any]]) -> dict[str, Any]:
    # Not the settings themselves: 1, 1.0 and True are equal, but different settings. Version 2 of marshal has
    # no references to earlier objects, so the same settings have the same bytes.
    data = marshal.dumps(settings, 2)
    if len(data) > _LONGEST_SHARED or (len(known) >= _MOST_SHARED and data not in known):
        return settings
    return known.setdefault(data, settings)


def _size_and_time(path: str) -> tuple[int, float]:
    try:
        status = os.stat(path)
    except OSError:  # the entry is listed, with the reason that `examine` finds
        return 0, 0.0
    return status.st_size if stat.S_ISREG(status.st_mode) else 0, status.st_mtime


def _seconds(path: str, meta: Mapping[str, Any], size: int) -> float | None:
    """Return the length of the sound as `Audio.known_duration` does; read only the header if it is enough."""
    if meta["format"] in _RAW:
        frame = meta["channels"] * (meta["sample_width"] if meta["format"] == "pcm" else 1)
        return None if size % frame else float(size / frame / meta["sample_rate"])
    if meta["format"] != "wav":
        return None
    try:
        with open(path, "rb") as file:
            plain = plain_duration(file.read(PLAIN_HEADER.size), size)
        return Audio(read_file(path, _READ_LIMIT)).known_duration if plain is None else plain
    except (OSError, ValueError, MemoryError):
        return None


def chosen(entries: Iterable[Entry], *, grep: str | None, backend: str | None = None) -> list[Entry]:
    """Return the entries that the options choose.

    Raises:
        RefusedError: The pattern is not a regular expression.
    """
    try:
        pattern = re.compile(grep or "", re.IGNORECASE)
    except re.error as error:
        raise RefusedError(f"--grep {grep!r} is not a regular expression: {error}") from None
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
        return _misfiled(cache, key)
    return _as_damage(cache, key, found)


def _as_damage(cache: AudioCache, key: str, found: Miss) -> Miss | None:
    """Return the miss. If the entry is absent, return damage if it has a file, else ``None``."""
    if found.reason != "absent":
        return found
    # Audio without metadata: a writer was killed between the two files, or a file was deleted by hand.
    return Miss("its metadata is missing", damaged=True) if has_files(cache.directory, key) else None


def _misfiled(cache: AudioCache, key: str) -> Miss | None:
    """Return a miss if the key of a whole entry does not belong to its prompt and fields.

    Such an entry was made by hand: it replays speech that was not made for the prompt. Keys that a user
    chose, and prompts that may have been cut, cannot be checked.
    """
    meta = cache.describe(key) or {}
    prompt, fields = meta.get("prompt"), meta.get("fields")
    if not is_generated(key) or prompt is None or len(prompt) >= PROMPT_LIMIT:
        return None
    if fields is None or fields.keys() != {"own", "given"}:
        return None
    try:
        if cache_key(prompt, fields["own"], fields["given"]) == key:
            return None
    except TypeError:  # the fields are not mappings, and russo makes keys of mappings only
        pass
    return Miss("the key does not belong to this prompt and settings", damaged=True)
