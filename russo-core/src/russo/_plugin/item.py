"""The test that is running, and the ``russo`` markers of tests."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import pytest

_SHOWN_TESTS: Final = 3

CURRENT_ITEM: Final = pytest.StashKey[pytest.Item | None]()
"""The key under which the stash of a `pytest.Config` holds the test that is running."""


def is_prompt_marker(mark: pytest.Mark | None) -> bool:
    """Return whether a ``russo`` marker has exactly one argument, a string."""
    return mark is not None and not mark.kwargs and len(mark.args) == 1 and isinstance(mark.args[0], str)


def marked_prompt(item: pytest.Item) -> str | None:
    """Return the prompt of the closest ``russo`` marker, or ``None`` if it is missing or not valid."""
    mark = item.get_closest_marker("russo")
    if mark is None or not is_prompt_marker(mark):
        return None
    prompt: str = mark.args[0]
    return prompt


def unheard_markers(items: Iterable[pytest.Item]) -> str | None:
    """Return a sentence about the tests whose marker has no effect, because they do not use its audio."""
    names = [
        item.nodeid
        for item in items
        if item.get_closest_marker("russo") and "russo_audio" not in getattr(item, "fixturenames", ())
    ]
    if not names:
        return None
    from .._words import count

    shown = names[:_SHOWN_TESTS]
    if more := len(names) - len(shown):
        shown.append(f"and {more:,} more")
    tests = count(len(names), "test has", "tests have")
    return f"{tests} a russo marker but not the fixture russo_audio: {', '.join(shown)}"
