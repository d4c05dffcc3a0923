"""What the end of a pytest run says: one line of truth, and a line for each trouble."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ._statistics import Counts


def summarize(parts: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Add up the counts of a run's tests and processes and put them into words."""
    total = Counts()
    for part in parts:
        total.add(Counts.from_json(part))
    yield f"russo: {', '.join(_facts(total))}"
    for name in sorted(total.undeclared):
        yield f"russo: {name} declares no cache_key_extra: its settings are not in the key"
    for trouble in sorted(total.troubles):
        yield f"russo: {trouble}"


def _facts(total: Counts) -> Iterator[str]:
    saved = ""
    if total.hits:
        saved = f" ({total.hit_characters:,} characters, {total.hit_seconds:,.0f} s of speech)"
    yield f"{_count(total.hits, 'hit')}{saved}"
    paid = f" ({total.paid_characters:,} characters)" if total.paid_calls else ""
    yield f"{_count(total.paid_calls, 'paid call')}{paid}"
    if total.misses not in (0, total.paid_calls):
        yield _count(total.misses, "miss", "misses")
    if total.damaged:
        yield f"{total.damaged:,} damaged"
    if total.not_stored:
        reasons = "; ".join(f"{reason}" for reason in sorted(total.not_stored))
        yield f"{sum(total.not_stored.values()):,} not stored ({reasons})"


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"
