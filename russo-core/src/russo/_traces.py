"""What a failing test shows of an error of russo's: the test's own line and the messages.

The frames between, russo's and an SDK's, fill hundreds of lines and help nobody who wrote the test;
``--full-trace`` shows them.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ._errors import RussoError, chain_of

if TYPE_CHECKING:
    import pytest

_PACKAGE = Path(__file__).parent


def shorten_trace(excinfo: pytest.ExceptionInfo[Any]) -> None:
    """End the trace of an error of russo's where russo was called, and keep only the lines of its causes."""
    if not isinstance(excinfo.value, RussoError):
        return
    if outside := _outside(excinfo.tb):
        excinfo.traceback = type(excinfo.traceback)(outside)
    for error in chain_of(excinfo.value):
        if error is not excinfo.value:
            error.__traceback__ = None


def _outside(trace: TracebackType | None) -> TracebackType | None:
    """Copy a trace up to the call of russo; pytest's hooks, russo's own among them, come before it."""
    if trace is None or _is_ours(trace):
        return None
    return TracebackType(_outside(trace.tb_next), trace.tb_frame, trace.tb_lasti, trace.tb_lineno)


def _is_ours(trace: TracebackType) -> bool:
    code = trace.tb_frame.f_code
    return _PACKAGE in Path(code.co_filename).parents and not code.co_name.startswith("pytest_")
