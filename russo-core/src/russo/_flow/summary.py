"""The summary at the end of a pytest run: one line of counts, and one line for each problem."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from .._foreign import shown
from .._statistics import Counts
from .._words import count

# Directories, reasons and the names of backends are foreign text.
_LONGEST_LINE: Final = 1000
_LONGEST_REASON: Final = 200
_MOST_LINES: Final = 20
_MOST_REASONS: Final = 3


def total_of(parts: Iterable[dict[str, Any]]) -> Counts:
    """Return the sum of the counts of a run's tests and processes."""
    total = Counts()
    for part in parts:
        total.add(Counts.from_json(part))
    return total


def summarize(total: Counts, *, verbose: bool = False) -> Iterator[str]:
    """Yield the lines of the summary.

    Args:
        total: The counts of the run.
        verbose: Whether to add lines for each backend, each layer and each reason for audio not stored.
    """
    yield shown(f"russo: {', '.join(_facts(total))}", _LONGEST_LINE)
    if verbose:
        yield from _lines(f"backend {backend}: {hits}" for backend, hits in _backends(total))
        yield from _lines(
            f"{count(hits, 'hit')} from {directory}" for directory, hits in sorted(total.layers.items())
        )
        yield from _lines(
            f"{number:,} not stored: {reason}" for reason, number in sorted(total.not_stored.items())
        )
    yield from _lines(
        f"{name} declares no cache_key_extra: its settings are not in the key"
        for name in sorted(total.undeclared)
    )
    yield from _lines(sorted(total.model_ends))
    yield from _lines(sorted(total.troubles))


def _lines(texts: Iterable[str]) -> Iterator[str]:
    """Yield texts as lines, each of bounded length, and say how many are left out."""
    lines = list(texts)
    for text in lines[:_MOST_LINES]:
        yield shown(f"russo: {text}", _LONGEST_LINE)
    if len(lines) > _MOST_LINES:
        yield f"russo: and {len(lines) - _MOST_LINES:,} more like the last line"


def _facts(total: Counts) -> Iterator[str]:
    saved = ""
    if total.hits:
        saved = f" ({total.hit_characters:,} characters, {total.hit_seconds:,.0f} s of speech)"
    yield f"{count(total.hits, 'hit')}{saved}"
    characters = f" ({total.backend_characters:,} characters)" if total.backend_calls else ""
    yield f"{count(total.backend_calls, 'backend call')}{characters}"
    if total.misses not in (0, total.backend_calls):
        yield count(total.misses, "miss", "misses")
    if total.damaged:
        yield f"{total.damaged:,} damaged"
    if total.not_stored:
        reasons = [shown(reason, _LONGEST_REASON) for reason in sorted(total.not_stored)]
        if len(reasons) > _MOST_REASONS:
            reasons[_MOST_REASONS:] = [f"and {len(reasons) - _MOST_REASONS:,} more reasons"]
        yield f"{sum(total.not_stored.values()):,} not stored ({'; '.join(reasons)})"


def _backends(total: Counts) -> Iterator[tuple[str, str]]:
    for backend in sorted(total.hits_by | total.backend_calls_by):
        hits, calls = total.hits_by[backend], total.backend_calls_by[backend]
        yield backend, f"{count(hits, 'hit')}, {count(calls, 'backend call')}"
