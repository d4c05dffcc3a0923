"""Explains what to use instead, if a test uses the fixtures of russo in a way that cannot work."""

from __future__ import annotations

import re
import types
from collections.abc import Collection
from typing import Final

import pytest

from .._audio import Audio
from .._flow.cached import CachedSynthesizer

_RECIPE: Final = "'Two voices in one test' on the page 'Give the audio to your agent' of the documentation"
_FIXTURES: Final = {"russo_say", "russo_audio"}
_AWAITED: Final = (
    "russo_say and russo_audio are not async: use their audio without await, "
    "or `await russo_synthesizer.synthesize(...)`"
)
_NOT_AWAITED: Final = (
    "synthesize is async: use `await russo_synthesizer.synthesize(...)`; "
    "a test that is not async can use russo_say"
)


def arguments_error(unnamed: int, names: Collection[str]) -> TypeError:
    """Return the error of a call of ``russo_say`` with other arguments than the prompt.

    Args:
        unnamed: The number of arguments without a name.
        names: The names of the other arguments. Their values are not needed, and may be credentials.
    """
    if not unnamed and "text" not in names:
        return TypeError(
            'russo_say takes one argument, the prompt, without a name: russo_say("Turn on the light."); '
            f"it was called with {' and '.join(names) or 'no argument'}"
        )
    others = [name for name in names if unnamed or name != "text"]
    given = " and ".join(others) or "a second argument"
    return TypeError(
        f"russo_say takes the prompt only, not {given}; a voice is an option of a synthesizer: "
        f"make one for each voice, see {_RECIPE}"
    )


def explain_await(item: pytest.Item, error: BaseException) -> None:
    """Add a note to the error of a test that awaits an `Audio`, or does not await ``synthesize``.

    `Audio` itself must not become awaitable.
    """
    note = None
    if isinstance(error, AttributeError) and _is_synthesis(error.obj):
        note = _NOT_AWAITED
    elif isinstance(error, TypeError) and _FIXTURES & set(getattr(item, "fixturenames", ())):
        # CPython 3.11 to 3.13: "object Audio can't be used in 'await' expression".
        # CPython 3.14: "'Audio' object can't be awaited".
        text = str(error)
        if "await" in text and re.search(rf"\b{Audio.__name__}\b", text):
            note = _AWAITED
    if note is not None and note not in getattr(error, "__notes__", ()):
        error.add_note(note)


def _is_synthesis(value: object) -> bool:
    """Return whether a value is a coroutine of `CachedSynthesizer.synthesize`."""
    return type(value) is types.CoroutineType and value.cr_code is CachedSynthesizer.synthesize.__code__
