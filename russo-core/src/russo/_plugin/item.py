"""The test that is running, and the ``russo`` markers of tests."""

from __future__ import annotations

from typing import Final

import pytest

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
