"""Shorten the tracebacks of russo's errors: a failing test shows its own line and the messages.

The frames of russo and of an SDK fill hundreds of lines and do not help the author of the test. The option
``--full-trace`` shows them.
"""

from __future__ import annotations

from pathlib import Path
from types import CodeType, TracebackType
from typing import TYPE_CHECKING, Any

from _pytest._code import filter_traceback

from .._errors import RussoError, chain_of

if TYPE_CHECKING:
    import pytest

_PACKAGE = Path(__file__).parents[1]
_KIT = (
    _PACKAGE / "testing"
)  # the checks of russo.testing run as tests of the user's package, so their frames are shown


def shorten_trace(excinfo: pytest.ExceptionInfo[Any]) -> None:
    """Cut the traceback of a russo error at the call of russo. Of its causes, only the messages are kept.

    An error that was caught in a shown frame, such as the test's own error, keeps its traceback.
    """
    if not isinstance(excinfo.value, RussoError):
        return
    shown = _outside(excinfo.tb)
    if shown:
        excinfo.traceback = type(excinfo.traceback)(shown[-1])
    frames = {trace.tb_frame for trace in shown}
    for error in chain_of(excinfo.value):
        trace = error.__traceback__
        if error is not excinfo.value and trace is not None and trace.tb_frame not in frames:
            BaseException.with_traceback(error, None)  # assignment fails for frozen exceptions


def is_from_fixture(excinfo: pytest.ExceptionInfo[Any]) -> bool:
    """Return whether an error comes from a fixture of russo. Then all its frames belong to pytest."""
    if not isinstance(excinfo.value, RussoError):
        return False
    frames = [entry for entry in excinfo.traceback if not _is_ours(entry.frame.code.raw)]
    return bool(frames) and not filter_traceback(frames[-1])


def _outside(trace: TracebackType | None) -> list[TracebackType]:
    """Copy a traceback up to the call of russo, innermost frame first.

    The frames of hooks named ``pytest_…`` do not end it: they come before the call.
    """
    before = []
    while trace is not None and not _is_ours(trace.tb_frame.f_code):
        before.append(trace)
        trace = trace.tb_next
    copies: list[TracebackType] = []
    for each in reversed(before):
        rest = copies[-1] if copies else None
        copies.append(TracebackType(rest, each.tb_frame, each.tb_lasti, each.tb_lineno))
    return copies


def _is_ours(code: CodeType) -> bool:
    parents = Path(code.co_filename).parents
    return _PACKAGE in parents and _KIT not in parents and not code.co_name.startswith("pytest_")
