"""Fail a check with a message: what the contract wants, what was seen, and why it matters.

Each message is complete, because pytest explains only the assertions of test files, not those of the kit.
"""

from __future__ import annotations

import traceback
from typing import NoReturn

import pytest


def expect(holds: object, wanted: str, seen: object, why: str) -> None:
    """Fail the test if the contract does not hold; see `refuse`."""
    if not holds:
        refuse(wanted, seen, why)


def refuse(wanted: str, seen: object, why: str) -> NoReturn:
    """Fail the test with a message of three lines.

    Args:
        wanted: What the contract wants, as a sentence about the backend.
        seen: What was seen instead; an exception is shown with its traceback.
        why: Why it matters to the users of the backend.
    """
    pytest.fail(f"the contract wants: {wanted}\nseen: {_seen_as_text(seen)}\nwhy: {why}", pytrace=False)


def _seen_as_text(seen: object) -> str:
    if isinstance(seen, BaseException):
        return "".join(traceback.format_exception(seen)).rstrip()
    return seen if isinstance(seen, str) else repr(seen)
