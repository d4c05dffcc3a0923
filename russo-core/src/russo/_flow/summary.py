"""The summary at the end of a pytest run: one line of counts, then at most five lines; all of them with -v.

This is the only place that orders the lines and limits their number: first what may be wrong with the
result, then settings that had no effect, then hints.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

from .._foreign import shown
from .._statistics import Counts
from .._words import count, speech
from .remote_summary import (
    entries_from_stores,
    remote_hits,
    remote_troubles,
    stores_in_detail,
    unpinned_hits,
    uploads_to_stores,
)

# Directories, reasons and the names of backends are foreign text.
_LONGEST_LINE: Final = 1000
_LONGEST_REASON: Final = 200
_LONGEST_NAME: Final = 80
_MOST_LINES: Final = 5
_MOST_BACKENDS: Final = 3
_MOST_OF_A_KIND: Final = 20
_MOST_REASONS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Notes:
    """Sentences of a summary that do not come from the counts. ``-q`` shows `unseen` only.

    Attributes:
        setup: The backend, the mode and the directories of the run; ``None`` if pytest's header has them.
        unseen: Tests that the counts do not contain.
        notices: Settings that had no effect, the most important first.
        other_settings: Prompts that are stored with other settings.
        details: Sentences that only ``-v`` shows.
        pins: Whether the run has pinned the entries of shared stores that were not pinned.
    """

    setup: str | None = None
    unseen: str | None = None
    notices: Sequence[str] = ()
    other_settings: str | None = None
    details: Sequence[str] = ()
    pins: bool = False


NO_NOTES: Final = Notes()


def total_of(parts: Iterable[dict[str, Any]]) -> Counts:
    """Return the sum of the counts of a run's tests and processes."""
    total = Counts()
    for part in parts:
        total.add(Counts.from_json(part))
    return total


def summarize(total: Counts, notes: Notes = NO_NOTES, *, verbosity: int = 0) -> Iterator[str]:
    """Yield the lines of the summary.

    Args:
        total: The counts of the run.
        notes: The sentences that do not come from the counts.
        verbosity: Below 0 (``-q``): only what may be wrong with the counts. Above 0 (``-v``): all lines, also
            one for each backend, each layer and each reason for audio not stored.
    """
    yield shown(f"russo: {', '.join(_facts(total, names=verbosity >= 0))}", _LONGEST_LINE)
    if verbosity < 0:
        yield from chain(
            _undeclared(total),
            _model_ends(total),
            _troubles(total),
            _lines(remote_troubles(total)),
            _one(notes.unseen),
        )
        return
    lines = chain(
        _one(notes.setup),
        _breakdown(total) if verbosity > 0 else (),
        _troubles(total),
        _lines(remote_troubles(total)),
        _one(notes.unseen),
        _lines(() if notes.pins else unpinned_hits(total)),
        _lines(notes.notices),
        _one(notes.other_settings),
        _undeclared(total),
        _model_ends(total),
        _lines(notes.details) if verbosity > 0 else (),
    )
    yield from lines if verbosity > 0 else _first_of(list(lines))


def _first_of(lines: list[str]) -> Iterator[str]:
    yield from lines[:_MOST_LINES]
    if len(lines) > _MOST_LINES:
        yield f"russo: {count(len(lines) - _MOST_LINES, 'more line')} with -v"


def _breakdown(total: Counts) -> Iterator[str]:
    yield from _lines(f"backend {backend}: {hits}" for backend, hits in _backends(total))
    yield from _lines(f"{count(hits, 'hit')} from {place}" for place, hits in sorted(total.layers.items()))
    yield from _lines(stores_in_detail(total))
    yield from _lines(
        f"{number:,} not stored: {reason}" for reason, number in sorted(total.not_stored.items())
    )


def _undeclared(total: Counts) -> Iterator[str]:
    return _lines(
        f"{name} declares no cache_key_extra: its settings are not in the key"
        for name in sorted(total.undeclared)
    )


def _model_ends(total: Counts) -> Iterator[str]:
    return _lines(sorted(total.model_ends))


def _troubles(total: Counts) -> Iterator[str]:
    return _lines(sorted(total.troubles))


def _one(text: str | None) -> Iterator[str]:
    return _lines(() if text is None else (text,))


def _lines(texts: Iterable[str]) -> Iterator[str]:
    """Yield texts of one kind as lines, each of bounded length, and say how many are left out."""
    lines = list(texts)
    for text in lines[:_MOST_OF_A_KIND]:
        yield shown(f"russo: {text}", _LONGEST_LINE)
    if len(lines) > _MOST_OF_A_KIND:
        yield f"russo: and {len(lines) - _MOST_OF_A_KIND:,} more like the last line"


def _facts(total: Counts, *, names: bool) -> Iterator[str]:
    saved = ""
    if total.hits:
        saved = f"{total.hit_characters:,} characters"
        if total.hits > total.hits_unknown:  # if no length is known, none is mentioned
            saved += f", {speech(total.hit_seconds, total.hits_unknown)}"
        saved = f" ({saved}{remote_hits(total)})"
    yield f"{count(total.hits, 'hit')}{saved}"
    yield from entries_from_stores(total)
    characters = f" ({total.backend_characters:,} characters)" if total.backend_calls else ""
    called = _called(total) if names else ""
    yield f"{count(total.backend_calls, 'backend call')}{called}{characters}"
    yield from uploads_to_stores(total)
    if total.misses not in (0, total.backend_calls):
        yield count(total.misses, "miss", "misses")
    if total.damaged:
        yield f"{total.damaged:,} damaged"
    if total.not_stored:
        reasons = [shown(reason, _LONGEST_REASON) for reason in sorted(total.not_stored)]
        if len(reasons) > _MOST_REASONS:
            reasons[_MOST_REASONS:] = [f"and {len(reasons) - _MOST_REASONS:,} more reasons"]
        yield f"{sum(total.not_stored.values()):,} not stored ({'; '.join(reasons)})"


def _called(total: Counts) -> str:
    """Return the backends that were called, the most called first: `` to local (2) and Mine (1)``."""
    calls = sorted((-number, name) for name, number in total.backend_calls_by.items() if number)
    names = [shown(name, _LONGEST_NAME) for _, name in calls[:_MOST_BACKENDS]]
    if len(calls) > 1:
        names = [f"{name} ({-number:,})" for name, (number, _) in zip(names, calls, strict=False)]
    if len(calls) > _MOST_BACKENDS:
        names.append(f"{len(calls) - _MOST_BACKENDS:,} more")
    return f" to {' and '.join(filter(None, (', '.join(names[:-1]), names[-1])))}" if names else ""


def _backends(total: Counts) -> Iterator[tuple[str, str]]:
    for backend in sorted(total.hits_by | total.backend_calls_by):
        hits, calls = total.hits_by[backend], total.backend_calls_by[backend]
        yield backend, f"{count(hits, 'hit')}, {count(calls, 'backend call')}"
