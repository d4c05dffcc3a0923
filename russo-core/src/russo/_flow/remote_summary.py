"""What a summary says of shared stores: the hits they answered, and what went wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from .._foreign import shown
from .._statistics import Counts, RemoteNote
from .._words import count

_SILENT_LOOKUPS: Final = 100
_LONGEST_URL: Final = 200
_LONGEST_REASON: Final = 120
_MOST_REASONS: Final = 3


@dataclass(slots=True)
class StoreCounts:
    """The numbers of one shared store in a run.

    Attributes:
        url: The URL of the store.
        lookups: Lookups that the store answered, by outcome: ``hit``, ``absent``, ``damaged``, ``refused``.
        unpinned: Hits of keys that ``russo.lock`` does not list, if there is such a file.
        skipped: Lookups without an answer, by reason.
        uploads: Uploads by outcome.
        not_uploaded: Entries that were not uploaded, by reason.
    """

    url: str
    lookups: Counter[str] = field(default_factory=Counter)
    unpinned: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    uploads: Counter[str] = field(default_factory=Counter)
    not_uploaded: Counter[str] = field(default_factory=Counter)

    def add(self, note: RemoteNote, number: int) -> None:
        """Add ``number`` lookups or uploads with the same result."""
        is_lost = note.outcome in ("failed", "skipped")
        if note.operation == "upload":
            self.uploads[note.outcome] += number
            if is_lost:
                self.not_uploaded[note.reason] += number
        elif is_lost:
            self.skipped[note.reason] += number
        else:
            self.lookups[note.outcome] += number
            if note.outcome == "hit" and note.pinned is False:
                self.unpinned += number


def stores_of(total: Counts) -> list[StoreCounts]:
    """Return the numbers of each shared store that a run used, sorted by URL."""
    stores: dict[str, StoreCounts] = {}
    for text, number in sorted(total.remote.items()):
        note = RemoteNote.parse(text)
        stores.setdefault(note.url, StoreCounts(note.url)).add(note, number)
    return [stores[url] for url in sorted(stores)]


def remote_hits(total: Counts) -> str:
    """Return the hits that came from shared stores: ``, 8 from s3://team/voice``; empty if none came."""
    return "".join(
        f", {store.lookups['hit']:,} from {shown(store.url, _LONGEST_URL)}"
        for store in stores_of(total)
        if store.lookups["hit"]
    )


def remote_troubles(total: Counts) -> Iterator[str]:
    """Yield the sentences about shared stores that did not answer, or answered with something unusable."""
    for store in stores_of(total):
        facts = list(_facts(store))
        if facts:
            yield f"remote {shown(store.url, _LONGEST_URL)}: {', '.join(facts)}"
        answered = store.lookups.total()
        if answered >= _SILENT_LOOKUPS and not store.lookups["hit"]:
            yield (
                f"remote {shown(store.url, _LONGEST_URL)}: no hit in {answered:,} lookups; "
                "is the URL that of the machine that writes?"
            )


def unpinned_hits(total: Counts) -> Iterator[str]:
    """Yield a sentence for each shared store whose entries ``russo.lock`` does not list."""
    for store in stores_of(total):
        if store.unpinned:
            entries = count(store.unpinned, "entry", "entries")
            yield (
                f"{entries} from {shown(store.url, _LONGEST_URL)} are not in russo.lock; "
                "pin them with: russo cache lock"
            )


def _facts(store: StoreCounts) -> Iterator[str]:
    if number := store.skipped.total():
        yield f"{count(number, 'lookup')} skipped{_reasons(store.skipped)}"
    if number := store.lookups["damaged"]:
        yield f"{count(number, 'damaged entry', 'damaged entries')}"
    if number := store.lookups["refused"]:
        entries = count(number, "entry", "entries")
        yield f"{entries} refused, because russo.lock pins other audio"
    if number := store.not_uploaded.total():
        entries = count(number, "entry", "entries")
        yield f"{entries} not uploaded{_reasons(store.not_uploaded)}"


def _reasons(by_reason: Counter[str]) -> str:
    reasons = [shown(reason, _LONGEST_REASON) for reason, _ in by_reason.most_common()]
    if len(reasons) > _MOST_REASONS:
        reasons[_MOST_REASONS:] = [f"and {len(reasons) - _MOST_REASONS:,} more reasons"]
    return f" ({'; '.join(reasons)})"
