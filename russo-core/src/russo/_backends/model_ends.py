"""Announced ends of models: a backend class lists them, and russo warns of a model that it calls."""

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
    """Return the models and their ends in the class attribute ``model_ends``; malformed ones are left out."""
    declared = getattr(factory, "model_ends", None)
    if not isinstance(declared, Mapping):
        return {}
    return {str(model): end for model, end in declared.items() if _is_end(end)}


def announced_end(synthesizer: object) -> str | None:
    """Return the warning for the model of a synthesizer, or None if no end is announced."""
    model = getattr(synthesizer, "model", None)
    end = model_ends_of(type(synthesizer)).get(model) if isinstance(model, str) else None
    return None if end is None or model is None else describe_end(model, end)


def describe_end(model: str, end: ModelEnd) -> str:
    """Return one sentence: whether the model ends or has ended, when, and who says so."""
    left = (datetime.date.fromisoformat(end.date) - today()).days
    verb = f"ends on {end.date}, in {left} day{'s' * (left != 1)}" if left > 0 else f"ended on {end.date}"
    return f"the model {model} {verb} ({end.source})"


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
