"""The shared store in `say` and `record`: what they do at their end, and what they print about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._flow.remote_summary import remote_troubles, stores_of, unpinned_hits
from .._remote.pins import LockFile, Pin, after_update
from .._remote.remote import access_of
from .._store.cache import AudioCache, Miss, read_entry
from . import screen
from .pin_changes import PinChange, changes_between, counts_text, show_changes, write_pins

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._statistics import Counts
    from .speaking import CommandEvents
    from .workspace import CommandWorkspace


def finish_uploads(workspace: CommandWorkspace) -> None:
    """Wait until new audio is uploaded, at most 30 s, and adopt what the store already had."""
    if workspace.remote is None:
        return
    with screen.status(f"uploading to {workspace.remote.url}"):
        workspace.remote.close()


def show_remote(counts: Counts) -> None:
    """Print what went wrong with the shared store, and how many of its entries are not pinned."""
    for sentence in (*remote_troubles(counts), *unpinned_hits(counts)):
        screen.complain(sentence)
    if any(store.not_uploaded for store in stores_of(counts)):
        screen.note("upload later with: russo cache push")


def remote_facts(counts: Counts) -> dict[str, Any]:
    """Return how many entries came from the shared store and went there, as JSON values."""
    stores = stores_of(counts)
    return {
        "remote_hits": sum(store.lookups["hit"] for store in stores),
        "remote_skipped": sum(store.skipped.total() for store in stores),
        "uploaded": sum(store.uploads["uploaded"] for store in stores),
        "not_uploaded": sum(store.not_uploaded.total() for store in stores),
    }


class RecordedPins:
    """Adds what a command recorded to ``russo.lock``, if the file exists.

    Args:
        workspace: The workspace of the command.

    Raises:
        SettingsError: The file is invalid.
    """

    def __init__(self, workspace: CommandWorkspace) -> None:
        shared = None if workspace.remote is None else access_of(workspace.remote).lock
        self._file = LockFile(workspace.settings.lock_file) if shared is None else shared
        self._before = dict(self._file.pins)

    def note_new(self, key: str) -> None:
        """Note that new audio is stored under a key. Until `write`, the key is not pinned.

        Otherwise the new audio would not be uploaded, because it is not the pinned one.
        """
        self._file.pins.pop(key, None)

    def write(self, events: CommandEvents) -> list[PinChange]:
        """Pin the audio of new prompts, and of those that were not pinned; return what changed.

        Audio that was stored before, and is not the pinned one, stays as it is.

        Raises:
            FailedError: The file cannot be written.
            SettingsError: It is not a lock file any more.
        """
        if not self._file.exists:
            return []
        pins = {
            key: pin
            for prompt, key in events.keys.items()
            if (prompt in events.new or key not in self._before)
            and (pin := _pin_of(events, prompt, key)) is not None
        }
        write_pins(self._file, pins)
        return changes_between(self._before, after_update(self._before, pins))

    def show(self, changes: Sequence[PinChange]) -> None:
        """Print what changed."""
        if changes:
            show_changes(changes)
            screen.show(f"{self._file.path.name}: {counts_text(changes)}")


def _pin_of(events: CommandEvents, prompt: str, key: str) -> Pin | None:
    directory = events.directories.get(prompt)
    entry = Miss("absent") if directory is None else read_entry(AudioCache(directory), key)
    return None if isinstance(entry, Miss) else Pin.of(entry.data, prompt)
