"""How a check fails: what the contract wants, what was seen, and why it matters.

The messages are whole by themselves: pytest rewrites the assertions of test files only.
"""

from __future__ import annotations

import traceback
from typing import NoReturn

import pytest


def expect(holds: object, wanted: str, seen: object, why: str) -> None:
    """Fail the test where the contract does not hold; see `refuse`."""
    if not holds:
        refuse(wanted, seen, why)


def refuse(wanted: str, seen: object, why: str) -> NoReturn:
    """Fail the test.

    Args:
        wanted: What the contract wants, a sentence about the backend.
        seen: What was seen instead; an exception is shown with its traceback.
        why: Why it matters to whoever uses the backend.
    """
    pytest.fail(f"the contract wants: {wanted}\nseen: {_shown(seen)}\nwhy: {why}", pytrace=False)


def _shown(seen: object) -> str:
    if isinstance(seen, BaseException):
        return "".join(traceback.format_exception(seen)).rstrip()
    return seen if isinstance(seen, str) else repr(seen)
