"""The shared store in `say` and `record`: what they do at their end, and what they print about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._clock import monotonic
from .._flow.remote_summary import adopted_entries, remote_troubles, stores_of, unpinned_hits
from .._plugin.record_pins import RecordPins
from .._remote.access import PINS_OTHER
from .._remote.adoption import adopt
from .._remote.pins import after_update
from .._remote.remote import access_of
from .._remote.uploads import FLUSH_SECONDS
from . import screen
from .pin_changes import PinChange, changes_between, counts_text, show_changes, write_pins

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .._statistics import Counts
    from .speaking import CommandEvents


def finish_uploads(events: CommandEvents, before_adoption: Callable[[], object] = lambda: None) -> None:
    """Wait until new audio is uploaded, at most 30 s, and adopt what faster machines stored.

    Ctrl-C ends only the wait.

    Args:
        events: The events of the command.
        before_adoption: Called after the uploads of a store, before its entries are adopted.
    """
    deadline = monotonic() + FLUSH_SECONDS
    used = [access_of(remote) for remote in events.stores]
    for access in used:
        try:
            with screen.status(f"uploading to {access.url}"):
                access.uploads.flush(max(0, round(deadline - monotonic())))
                before_adoption()
                events.adopted[access.url] += adopt(access)
        except KeyboardInterrupt:
            events.is_interrupted = True
        access.close()


def show_remote(counts: Counts, adopted: Mapping[str, int], *, pins: bool) -> None:
    """Print what went wrong with shared stores, and which of their entries replaced those of the command.

    Args:
        counts: The counts of the command.
        adopted: The numbers of adopted entries, by the URL of the store.
        pins: Whether the command has pinned the entries that were not pinned.
    """
    for sentence in adopted_entries({url: number for url, number in adopted.items() if number}):
        screen.note(sentence)
    for sentence in (*remote_troubles(counts), *(() if pins else unpinned_hits(counts))):
        screen.complain(sentence)
    reasons = [reason for store in stores_of(counts) for reason in store.not_uploaded]
    if not all(reason.endswith(PINS_OTHER) for reason in reasons):  # push would not upload those either
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


class RecordedPins(RecordPins):
    """Pins the audio that a command recorded, if ``russo.lock`` exists, and prints what changed."""

    def update(self) -> list[PinChange]:
        """Pin new audio, and audio that was not pinned; return what changed.

        Audio that was stored before, and is not the pinned one, stays as it is.

        Raises:
            FailedError: The file cannot be written.
            SettingsError: It is not a lock file any more.
        """
        if not self._file.exists:
            return []
        pins = self.recorded()
        write_pins(self._file, pins)
        return changes_between(self._before, after_update(self._before, pins))

    def show(self, changes: Sequence[PinChange]) -> None:
        """Print what changed."""
        if changes:
            show_changes(changes)
            screen.show(f"{self._file.path.name}: {counts_text(changes)}")
