"""What to use instead, if a test uses the fixtures of russo in a way that cannot work."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import pytest

from .._audio import Audio

_RECIPE: Final = "'Two voices in one test' on the page 'Give the audio to your agent' of the documentation"
_FIXTURES: Final = {"russo_say", "russo_audio"}
_AWAITED: Final = (
    "russo_say and russo_audio are not async: use their audio without await, "
    "or `await russo_synthesizer.synthesize(...)`"
)


def arguments_error(names: Iterable[str]) -> TypeError:
    """Return the error of a call of ``russo_say`` with more than the prompt.

    Args:
        names: The names of the other arguments; none if they have no names. A value may be a credential.
    """
    given = " and ".join(names) or "a second argument"
    return TypeError(
        f"russo_say takes the prompt only, not {given}; a voice is an option of a synthesizer: "
        f"make one for each voice, see {_RECIPE}"
    )


def explain_await(item: pytest.Item, error: BaseException) -> None:
    """Add a note to the error of a test that awaits an `Audio`; `Audio` itself must not become awaitable."""
    if not isinstance(error, TypeError) or not _FIXTURES & set(getattr(item, "fixturenames", ())):
        return
    # CPython 3.11 to 3.13: "object Audio can't be used in 'await' expression".
    # CPython 3.14: "'Audio' object can't be awaited".
    text = str(error)
    if "await" in text and Audio.__name__ in text and _AWAITED not in getattr(error, "__notes__", ()):
        error.add_note(_AWAITED)
