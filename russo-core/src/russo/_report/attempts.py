"""How the tests of a run ended, attempt by attempt, from the reports that pytest logs.

A plugin such as pytest-rerunfailures may run a test again. Each run of a test is one attempt with its own
tag. The tag is made in the process that runs the test, and everything that happens in the attempt carries it.
"""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from .bounds import cut

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pytest

_SEVERITY: Final = ("", "passed", "xfailed", "xpassed", "skipped", "failed", "error")
_PHASES: Final = frozenset({"setup", "call", "teardown", "collect"})
_OUTCOMES: Final = frozenset({"passed", "failed", "skipped"})
# pytest colors the diff of an assertion, if the terminal has colors.
_COLOR: Final = re.compile(r"\x1b\[[0-9;]*m")
_LONGEST_TRACEBACK: Final = 64 << 10


class Moment(NamedTuple):
    """What runs at this moment in this process.

    Attributes:
        test: The node id of the test, empty outside of tests.
        attempt: The tag of the attempt, empty outside of tests.
    """

    test: str = ""
    attempt: str = ""


@dataclasses.dataclass(slots=True)
class Attempt:
    """One attempt of a test.

    Attributes:
        outcome: The worst outcome of its phases, empty if no phase decided it.
        seconds: The duration of the phases that pytest reported.
        problems: Why it failed or was skipped.
        is_rerun: Whether it was logged as an attempt that is followed by another one.
    """

    outcome: str = ""
    seconds: float = 0.0
    problems: list[dict[str, str]] = dataclasses.field(default_factory=list)
    is_rerun: bool = False


class Attempts:
    """The tests of a run and their attempts, in the order of the run; for the controller."""

    def __init__(self) -> None:
        self._tests: dict[str, dict[str, Attempt]] = {}

    def start(self, test: str) -> None:
        """Add a test that starts, so that a test without any report is in the document."""
        self._tests.setdefault(test, {})

    def add(self, phase: Mapping[str, Any]) -> None:
        """Add a phase that pytest logged; see `phase_of`."""
        attempt = self._add(phase)
        attempt.outcome = max(attempt.outcome, phase["outcome"], key=_SEVERITY.index)
        attempt.is_rerun |= phase["rerun"]

    def add_collection(self, node: str, outcome: str, problem: dict[str, str] | None) -> None:
        """Add a file that was not collected."""
        self._tests.setdefault(node, {})[""] = Attempt(outcome, problems=[problem] if problem else [])

    def add_unlogged(self, phases: Iterable[Mapping[str, Any]]) -> None:
        """Add phases that pytest made and did not log: they count nothing, but have problems."""
        for phase in phases:
            self._add(phase)

    def of_tests(self) -> dict[str, dict[str, Attempt]]:
        """Return the attempts of each test by tag, in order; each test has at least one attempt."""
        return {test: _in_order(attempts) or {"": Attempt()} for test, attempts in self._tests.items()}

    def _add(self, phase: Mapping[str, Any]) -> Attempt:
        attempts = self._tests.setdefault(phase["test"], {})
        # The report of a crashed worker, or of a plugin, has no tag: it belongs to the attempt that runs.
        tag = phase["attempt"] or next(reversed(attempts), "")
        attempt = attempts.setdefault(tag, Attempt())
        attempt.seconds += phase["seconds"]
        if phase["problem"]:
            attempt.problems.append(phase["problem"])
        return attempt


def tag_of(process: str, number: int) -> str:
    """Return the tag of an attempt.

    Args:
        process: Names the process that runs the attempt.
        number: Grows with each attempt of this process.
    """
    return f"{process}:{number}"


def _in_order(attempts: dict[str, Attempt]) -> dict[str, Attempt]:
    """Sort attempts of one process by their number: one without a logged report is added late."""
    processes = list(dict.fromkeys(tag.rpartition(":")[0] for tag in attempts))

    def place(tag: str) -> tuple[int, int]:
        process, _, number = tag.rpartition(":")
        return processes.index(process), int(number or 0)

    return {tag: attempts[tag] for tag in sorted(attempts, key=place)}


def outcome_of(attempts: Mapping[str, Attempt]) -> str:
    """Return the outcome of a test: that of its last attempt.

    A plugin may log a report for none of the last attempts. Then an earlier outcome counts, unless the
    test was run again because of it.
    """
    for attempt in list(attempts.values())[::-1]:
        if attempt.is_rerun:
            break
        if attempt.outcome:
            return attempt.outcome
    return "unfinished"


def phase_of(report: pytest.TestReport, attempt: str) -> dict[str, Any] | None:
    """Return a report of one phase of a test as a JSON value, or ``None`` if it says nothing of its own."""
    is_subtest = getattr(report, "context", None) is not None
    if is_subtest and not report.failed:
        return None
    is_rerun = report.outcome not in _OUTCOMES  # "rerun", or another word of a plugin that runs it again
    return {
        "test": report.nodeid,
        "attempt": attempt,
        "outcome": "" if is_rerun else _outcome(report),
        "rerun": is_rerun,
        "seconds": 0.0 if is_subtest else float(getattr(report, "duration", 0.0)),
        "problem": problem_of(report, report.when),
    }


def _outcome(report: pytest.TestReport) -> str:
    """Return the outcome of a test if this phase decides it, else an empty string."""
    if report.failed:
        return "error" if report.when in {"setup", "teardown"} else "failed"
    if hasattr(report, "wasxfail"):
        return "xfailed" if report.skipped else "xpassed"
    if report.skipped:
        return "skipped"
    return "passed" if report.when == "call" else ""


def problem_of(report: pytest.TestReport | pytest.CollectReport, when: str | None) -> dict[str, str] | None:
    """Return why a test or a file failed or was skipped, or ``None`` if it passed."""
    reason = str(getattr(report, "wasxfail", "")).removeprefix("reason: ")
    if report.longrepr is None and not reason:
        return None
    if report.skipped and isinstance(report.longrepr, tuple):
        path, line, message = report.longrepr
        trace, message = f"{path}:{line}", reason or str(message).removeprefix("Skipped: ")
    else:
        trace = _COLOR.sub("", str(report.longrepr or "")).strip()  # longreprtext also names the worker
        message = reason or _COLOR.sub("", _message_of(report.longrepr, trace))
    phase = when if when in _PHASES else "crash"
    problem = {"phase": phase, "message": cut(message), "traceback": cut(trace, _LONGEST_TRACEBACK)}
    describe = getattr(report, "_sub_test_description", None)
    return problem if describe is None else problem | {"subtest": cut(str(describe()))}


def _message_of(longrepr: object, text: str) -> str:
    """Return pytest's message of the exception, else the last line that pytest marks as an error."""
    crash = getattr(longrepr, "reprcrash", None)
    if crash is not None:
        return str(crash.message)
    marked = [line[1:].strip() for line in text.splitlines() if line.startswith("E ")]
    return marked[-1] if marked else text
