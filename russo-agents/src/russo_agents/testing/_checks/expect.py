"""Fail a check with a message: what the contract expects, what was found, and what to do.

Each message is complete, because pytest explains only the assertions of test files, not those of the kit.
"""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

import pytest

from ..._errors import AgentError

if TYPE_CHECKING:
    from ..._call.record import CallRecord

_MOST_MOMENTS: Final = 20
_LONGEST: Final = 200
# The frames of the driver and of the kit say nothing about the adapter.
_PACKAGE: Final = Path(__file__).parents[2]
_HIDDEN: Final = (str(_PACKAGE / "_call"), str(_PACKAGE / "testing"))


def expect(
    holds: object, expected: str, found: object, advice: str, record: CallRecord | None = None
) -> None:
    """Fail the test if the contract does not hold; see `refuse`."""
    if not holds:
        refuse(expected, found, advice, record)


def refuse(expected: str, found: object, advice: str, record: CallRecord | None = None) -> NoReturn:
    """Fail the test with a message.

    Args:
        expected: What the contract expects, as a sentence about the adapter.
        found: What was found instead; an exception is shown with its traceback.
        advice: What the author can do.
        record: The call, whose moments are shown.
    """
    lines = [f"the contract expects: {expected}", f"found: {_as_text(found)}", f"what to do: {advice}"]
    if record is not None:
        lines += ["the call:", *(_moments(record) or ["  nothing happened"])]
    raise pytest.fail.Exception("\n".join(lines), pytrace=False) from None


def _as_text(found: object) -> str:
    if isinstance(found, AgentError):
        message = f"{type(found).__name__}: {found}"
        return message if found.__cause__ is None else f"{message}\n{_as_text(found.__cause__)}"
    if isinstance(found, BaseException):
        shown = traceback.TracebackException.from_exception(found)
        shown.stack[:] = [frame for frame in shown.stack if not frame.filename.startswith(_HIDDEN)]
        return "".join(shown.format()).rstrip()
    return found if isinstance(found, str) else f"{found!r:.{_LONGEST}}"


def _moments(record: CallRecord) -> list[str]:
    """Return the last moments of a call, one a line."""
    lines = []
    for moment in record.moments[-_MOST_MOMENTS:]:
        text = f" {moment.text!r:.{_LONGEST}}" if moment.text and moment.kind != "turn" else ""
        lines.append(f"  {moment.at:7.2f} s  {moment.kind}{text}")
    return lines
