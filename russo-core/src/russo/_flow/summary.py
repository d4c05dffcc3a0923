"""The summary at the end of a pytest run: one line of counts, and one line for each problem."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from .._statistics import Counts
from .._words import count


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
    yield f"russo: {', '.join(_facts(total))}"
    if verbose:
        yield from _details(total)
    for name in sorted(total.undeclared):
        yield f"russo: {name} declares no cache_key_extra: its settings are not in the key"
    for end in sorted(total.model_ends):
        yield f"russo: {end}"
    for trouble in sorted(total.troubles):
        yield f"russo: {trouble}"


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
        reasons = "; ".join(f"{reason}" for reason in sorted(total.not_stored))
        yield f"{sum(total.not_stored.values()):,} not stored ({reasons})"


def _details(total: Counts) -> Iterator[str]:
    for backend in sorted(total.hits_by | total.backend_calls_by):
        hits, calls = total.hits_by[backend], total.backend_calls_by[backend]
        yield f"russo: backend {backend}: {count(hits, 'hit')}, {count(calls, 'backend call')}"
    for directory, hits in sorted(total.layers.items()):
        yield f"russo: {count(hits, 'hit')} from {directory}"
    for reason, number in sorted(total.not_stored.items()):
        yield f"russo: {number:,} not stored: {reason}"
