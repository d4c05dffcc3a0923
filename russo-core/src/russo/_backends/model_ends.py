"""Announced ends of models: a backend class lists them, and russo reports a run that calls such a model."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import NamedTuple


class ModelEnd(NamedTuple):
    """The announced end of a model.

    Attributes:
        date: The first day without the model, as YYYY-MM-DD.
        source: The URL of the announcement.
    """

    date: str
    source: str


def model_ends_of(factory: object) -> dict[str, ModelEnd]:
    """Return the models and their ends in the attribute ``model_ends``; malformed ones are left out.

    Args:
        factory: A class, which lists all ends that it knows; or a synthesizer, which lists those of the
            server that it calls.
    """
    try:
        declared = getattr(factory, "model_ends", None)
    except Exception:  # noqa: BLE001 - a property of a backend may raise anything; a warning is not worth a failure
        return {}
    if not isinstance(declared, Mapping):
        return {}
    return {str(model): end for model, end in declared.items() if _is_end(end)}


def announced_end(synthesizer: object) -> str | None:
    """Return a sentence about the end of a synthesizer's model, or None if no end is announced."""
    model = getattr(synthesizer, "model", None)
    ends = model_ends_of(synthesizer)
    return describe_end([model], ends[model]) if isinstance(model, str) and model in ends else None


def announced_ends(factory: object) -> list[str]:
    """Return a sentence for each announced end of models of a backend, the earliest first."""
    ends = model_ends_of(factory)
    return [
        describe_end([model for model, other in ends.items() if other == end], end)
        for end in sorted(set(ends.values()))
    ]


def describe_end(models: list[str], end: ModelEnd) -> str:
    """Return one sentence: which models end or have ended, when, and who says so."""
    left = (datetime.date.fromisoformat(end.date) - today()).days
    one = len(models) == 1
    if left > 0:
        when = f"{'ends' if one else 'end'} on {end.date}, in {left} day{'' if left == 1 else 's'}"
    else:
        when = f"ended on {end.date}"
    return f"the model{'' if one else 's'} {', '.join(models)} {when} ({end.source})"


def today() -> datetime.date:
    """Return the date of today; tests replace this function."""
    return datetime.date.today()


def _is_end(end: object) -> bool:
    if not isinstance(end, ModelEnd):
        return False
    try:
        datetime.date.fromisoformat(end.date)
    except (TypeError, ValueError):
        return False
    return True
