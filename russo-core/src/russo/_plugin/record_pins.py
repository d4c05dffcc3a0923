"""``--russo-record-only`` pins the audio of the marked prompts in ``russo.lock``, if the file exists."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .._remote.pins import LockFile, Pin
from .._remote.remote import access_of
from .._store.cache import AudioCache, Miss, read_entry
from .._words import count
from ..hookspecs import hookimpl

if TYPE_CHECKING:
    from .._events import CacheHit, EntryStored, RemoteLookup
    from .._flow.workspace import Workspace


class RecordPins:
    """A hook implementation that notes which audio a run recorded.

    Args:
        workspace: The directories of the run, and its shared store.

    Raises:
        SettingsError: The lock file is invalid.
    """

    def __init__(self, workspace: Workspace) -> None:
        shared = None if workspace.remote is None else access_of(workspace.remote).lock
        self._file = LockFile(workspace.settings.lock_file) if shared is None else shared
        self._before = dict(self._file.pins)
        self._places: dict[str, tuple[str, Path]] = {}
        self._fetched: set[str] = set()
        self._refused: set[str] = set()
        self._new: set[str] = set()

    @hookimpl
    def russo_remote_lookup(self, event: RemoteLookup) -> None:
        """Note an entry that comes from a shared store, or that is not the pinned one and so is refused."""
        if event.outcome == "hit":
            self._fetched.add(event.key)
        elif event.outcome == "refused":
            self._refused.add(event.key)

    @hookimpl
    def russo_cache_hit(self, event: CacheHit) -> None:
        """Note where audio is that was recorded before."""
        if not event.nested and event.directory is not None:
            self._places[event.key] = event.prompt, event.directory

    @hookimpl
    def russo_entry_stored(self, event: EntryStored) -> None:
        """Note new audio. Its old pin no longer counts, or the audio would not be uploaded.

        If the store has other audio than the pinned one, the pin stays: a person must decide what is right.
        """
        if event.nested:
            return
        self._places[event.key] = event.prompt, event.directory
        if event.key not in self._fetched | self._refused:
            self._new.add(event.key)
            self._file.pins.pop(event.key, None)

    def restore(self) -> None:
        """Let the old pins count again. Call it after the uploads, before lost uploads are adopted."""
        for key in self._new & self._before.keys():
            self._file.pins[key] = self._before[key]

    def recorded(self) -> dict[str, Pin]:
        """Return the pins of new audio, and of audio that was not pinned, as it is stored now."""
        pins = {}
        for key, (prompt, directory) in self._places.items():
            if key not in self._new and key in self._before:
                continue
            entry = read_entry(AudioCache(directory), key)
            if not isinstance(entry, Miss):
                pins[key] = Pin.of(entry.audio, prompt)
        return pins

    def write(self) -> str | None:
        """Pin new audio, and audio that was not pinned; return what changed in words, or ``None``.

        Raises:
            OSError: The lock file cannot be written.
            SettingsError: It is not a lock file any more.
        """
        if not self._file.exists:
            return None
        pins = self.recorded()
        self._file.update(pins)
        old = [self._before.get(key) for key in pins]
        added = sum(pin is None for pin in old)
        replaced = sum(
            before is not None and (before.digest, before.sound) != (pin.digest, pin.sound)
            for before, pin in zip(old, pins.values(), strict=True)
        )
        facts = [f"{count(added, 'pin')} added"] if added else []
        facts += [f"{count(replaced, 'pin')} replaced"] if replaced else []
        return f"{self._file.path.name}: {', '.join(facts)}" if facts else None
