"""Shorten the tracebacks of russo's errors: a failing test shows its own line and the messages.

The frames of russo and of an SDK fill hundreds of lines and do not help the author of the test. The option
``--full-trace`` shows them.
"""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from types import CodeType, TracebackType
from typing import TYPE_CHECKING, Any

from _pytest._code import filter_traceback
from _pytest._code.code import ExceptionChainRepr, TerminalRepr

from .._errors import RussoError, chain_of

if TYPE_CHECKING:
    import pytest

_PACKAGE = Path(__file__).parents[1]
_KIT = "testing"  # the checks of russo.testing run as tests of the user's package, so their frames are shown
_INSTALLED = tuple(Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib", "platlib"))


def shorten_trace(excinfo: pytest.ExceptionInfo[Any], companions: Sequence[Path] = ()) -> None:
    """Cut the traceback of a russo error at the call of russo or of a companion.

    Of its causes, only the messages are kept. The causes of an error of a companion also keep the frames of
    the user's own code, because a companion runs that code. An error that was caught in a shown frame, such
    as the test's own error, keeps its traceback.

    Args:
        excinfo: The error.
        companions: The folders of the companions' packages.
    """
    if not isinstance(excinfo.value, RussoError):
        return
    packages = (_PACKAGE, *companions)
    is_of_companion = _is_defined_in(type(excinfo.value), companions)
    shown = _outside(excinfo.tb, packages)
    if shown:
        excinfo.traceback = type(excinfo.traceback)(shown[-1])
    frames = {trace.tb_frame for trace in shown}
    for error in chain_of(excinfo.value):
        trace = error.__traceback__
        if error is not excinfo.value and trace is not None and trace.tb_frame not in frames:
            kept = _of_user(trace, packages) if is_of_companion else None
            BaseException.with_traceback(error, kept)  # assignment fails for frozen exceptions


def is_from_fixture(excinfo: pytest.ExceptionInfo[Any], companions: Sequence[Path] = ()) -> bool:
    """Return whether an error comes from a fixture of russo. Then all its frames belong to pytest."""
    if not isinstance(excinfo.value, RussoError):
        return False
    packages = (_PACKAGE, *companions)
    frames = [entry for entry in excinfo.traceback if not _is_ours(entry.frame.code.raw, packages)]
    return bool(frames) and not filter_traceback(frames[-1])


def message_of(
    excinfo: pytest.ExceptionInfo[Any], longrepr: object, companions: Sequence[Path]
) -> TerminalRepr:
    """Return the message of an error of a fixture, and those of its causes.

    The causes of an error of a companion keep the frames of the user's own code.

    Args:
        excinfo: The error.
        longrepr: How pytest shows the error.
        companions: The folders of the companions' packages.
    """
    message = excinfo.getrepr(style="value")
    if (
        _is_defined_in(type(excinfo.value), companions)
        and isinstance(message, ExceptionChainRepr)
        and isinstance(longrepr, ExceptionChainRepr)
    ):
        message.chain = [*longrepr.chain[:-1], message.chain[-1]]
    return message


def _outside(trace: TracebackType | None, packages: Sequence[Path]) -> list[TracebackType]:
    """Copy a traceback up to the call of russo, innermost frame first.

    The frames of hooks named ``pytest_…`` do not end it: they come before the call.
    """
    before = []
    while trace is not None and not _is_ours(trace.tb_frame.f_code, packages):
        before.append(trace)
        trace = trace.tb_next
    return _copies(before)


def _of_user(trace: TracebackType | None, packages: Sequence[Path]) -> TracebackType | None:
    """Copy the frames of a traceback that are neither of the packages nor of an installed package."""
    kept = []
    while trace is not None:
        parents = Path(trace.tb_frame.f_code.co_filename).parents
        if not any(folder in parents for folder in (*packages, *_INSTALLED)):
            kept.append(trace)
        trace = trace.tb_next
    copies = _copies(kept)
    return copies[-1] if copies else None


def _copies(before: list[TracebackType]) -> list[TracebackType]:
    """Copy frames to a traceback of their own, innermost frame first."""
    copies: list[TracebackType] = []
    for each in reversed(before):
        rest = copies[-1] if copies else None
        copies.append(TracebackType(rest, each.tb_frame, each.tb_lasti, each.tb_lineno))
    return copies


def _is_ours(code: CodeType, packages: Sequence[Path]) -> bool:
    parents = Path(code.co_filename).parents
    is_inside = any(package in parents and package / _KIT not in parents for package in packages)
    return is_inside and not code.co_name.startswith("pytest_")


def _is_defined_in(kind: type, packages: Sequence[Path]) -> bool:
    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    return file is not None and any(package in Path(file).parents for package in packages)
