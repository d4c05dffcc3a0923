"""What a failing test shows of an error of russo's: the test's own line and the messages.

The frames between, russo's and an SDK's, fill hundreds of lines and help nobody who wrote the test;
``--full-trace`` shows them.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from .._errors import RussoError, chain_of

if TYPE_CHECKING:
    import pytest

_PACKAGE = Path(__file__).parents[1]
_KIT = _PACKAGE / "testing"  # its tests are somebody's own


def shorten_trace(excinfo: pytest.ExceptionInfo[Any]) -> None:
    """End the trace of an error of russo's where russo was called, and keep only the lines of its causes.

    What was caught in a frame that is shown, the test's own errors, keeps its trace.
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
            BaseException.with_traceback(error, None)  # a frozen exception refuses to be assigned to


def _outside(trace: TracebackType | None) -> list[TracebackType]:
    """Copy a trace up to the call of russo, innermost first; pytest's hooks and russo's come before it."""
    before = []
    while trace is not None and not _is_ours(trace):
        before.append(trace)
        trace = trace.tb_next
    copies: list[TracebackType] = []
    for each in reversed(before):
        rest = copies[-1] if copies else None
        copies.append(TracebackType(rest, each.tb_frame, each.tb_lasti, each.tb_lineno))
    return copies


def _is_ours(trace: TracebackType) -> bool:
    code = trace.tb_frame.f_code
    parents = Path(code.co_filename).parents
    return _PACKAGE in parents and _KIT not in parents and not code.co_name.startswith("pytest_")
