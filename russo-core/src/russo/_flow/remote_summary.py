"""What a summary says of shared stores: the hits they answered, and what went wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from .._foreign import shown
from .._statistics import Counts, RemoteNote
from .._words import count

_SILENT_LOOKUPS: Final = 100
_LONGEST_URL: Final = 200
_LONGEST_REASON: Final = 120
_MOST_REASONS: Final = 3
# The outcomes of `russo.RemoteLookup` and `russo.RemoteUpload` in words, in the order of the sentence.
_OUTCOMES: Final = {
    "hit": "found",
    "absent": "absent",
    "damaged": "damaged",
    "refused": "refused",
    "uploaded": "uploaded",
    "exists": "already there",
    "failed": "failed",
    "skipped": "skipped",
}


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

    @property
    def shown_url(self) -> str:
        """The URL as messages show it."""
        return shown(self.url, _LONGEST_URL)

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
        f", {number:,} from {url}" for url, number in _brought(total) if not _is_brought_ahead(total)
    )


def entries_from_stores(total: Counts) -> Iterator[str]:
    """Yield the entries that came from shared stores ahead of the tests, if they are more than the hits."""
    if _is_brought_ahead(total):
        for url, number in _brought(total):
            yield f"{count(number, 'entry', 'entries')} from {url}"


def uploads_to_stores(total: Counts) -> Iterator[str]:
    """Yield how many entries were uploaded to each shared store."""
    for store in stores_of(total):
        if number := store.uploads["uploaded"]:
            yield f"{number:,} uploaded to {store.shown_url}"


def stores_in_detail(total: Counts) -> Iterator[str]:
    """Yield all numbers of each shared store in a sentence."""
    for store in stores_of(total):
        lookups = store.lookups + Counter(skipped=store.skipped.total())
        parts = [*_by_outcome("lookup", lookups), *_by_outcome("upload", store.uploads)]
        yield f"remote {store.shown_url}: {', '.join(parts)}"


def _by_outcome(noun: str, numbers: Counter[str]) -> Iterator[str]:
    known = [f"{numbers[name]:,} {word}" for name, word in _OUTCOMES.items() if numbers[name]]
    if known:
        yield f"{count(numbers.total(), noun)} ({', '.join(known)})"


def remote_troubles(total: Counts) -> Iterator[str]:
    """Yield the sentences about shared stores that did not answer, or answered with something unusable."""
    for store in stores_of(total):
        facts = list(facts_of(store))
        if facts:
            yield f"remote {store.shown_url}: {', '.join(facts)}"
        answered = store.lookups.total()
        if answered >= _SILENT_LOOKUPS and not store.lookups["hit"] and not store.uploads["uploaded"]:
            yield (
                f"remote {store.shown_url}: 0 hits in {answered:,} lookups; check that the URL and the "
                "settings of the backend are those of the runs that write"
            )


def unpinned_hits(total: Counts) -> Iterator[str]:
    """Yield a sentence for each shared store whose entries ``russo.lock`` does not list."""
    for store in stores_of(total):
        if number := store.unpinned:
            entries, verb, pronoun = ("entry", "is", "it") if number == 1 else ("entries", "are", "them")
            yield (
                f"{number:,} {entries} from {store.shown_url} {verb} not in russo.lock; "
                f"pin {pronoun} with: russo cache lock"
            )


def adopted_entries(adopted: Mapping[str, int]) -> Iterator[str]:
    """Yield a sentence for each shared store whose entries replaced those of the run.

    Args:
        adopted: The numbers of entries, by the URL of the store.
    """
    for url, number in sorted(adopted.items()):
        entries, those, them = ("entry", "that", "it") if number == 1 else ("entries", "those", "them")
        yield (
            f"{number:,} {entries} of this run replaced by {those} of {shown(url, _LONGEST_URL)}, because "
            f"another machine stored {them} first"
        )


def _brought(total: Counts) -> Iterator[tuple[str, int]]:
    for store in stores_of(total):
        if store.lookups["hit"]:
            yield store.shown_url, store.lookups["hit"]


def _is_brought_ahead(total: Counts) -> bool:
    return sum(number for _, number in _brought(total)) > total.hits


def facts_of(store: StoreCounts) -> Iterator[str]:
    """Yield what went wrong with a shared store, each fact in some words.

    If lookups and uploads have the same reasons, only the last fact names them.
    """
    if number := store.skipped.total():
        has_same_reasons = store.skipped.keys() == store.not_uploaded.keys()
        yield f"{count(number, 'lookup')} skipped{'' if has_same_reasons else _reasons(store.skipped)}"
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
