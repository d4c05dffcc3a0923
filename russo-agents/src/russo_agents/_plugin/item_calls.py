"""`ItemCalls`: the calls of one attempt of a test, and what is made of them when the test ends."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from russo import plugins

from .conversation import lines_of, notes_of, rows_of
from .interrupts import watch_interrupts
from .kept_calls import KeptCalls
from .settings import settings_of
from .summary import count_call, count_problem

if TYPE_CHECKING:
    from russo import Audio

    from .._call.record import CallRecord
    from .._protocol import Agent

TITLE: Final = "russo: the conversation"

_CALLS: Final = pytest.StashKey["ItemCalls"]()


@dataclass(frozen=True, slots=True)
class OneCall:
    """One call of a test.

    Attributes:
        record: What happened.
        agent: The class of the agent.
    """

    record: CallRecord
    agent: str

    def sound(self) -> Audio | None:
        """Return the sound of both voices. Sound that cannot be read is a problem, not an error."""
        try:
            return self.record.stereo()
        except Exception as error:  # noqa: BLE001 - an error here would end the run
            problem = f"the sound of the call cannot be read: {error!r}"
            if problem not in self.record.problems:
                self.record.problems.append(problem)
            return None


@dataclass(slots=True, eq=False)
class ItemCalls:
    """The calls of one attempt of a test.

    Attributes:
        item: The test.
        counters: The counters of the run.
        calls: The calls, in order.
        has_failed: Whether a phase of the attempt has failed.
        has_passed: Whether the test's own code has passed. A skipped or xfailed test has not.
        is_interrupted: Whether Ctrl-C ended the test.
    """

    item: pytest.Item
    counters: plugins.Counters
    calls: list[OneCall] = field(default_factory=list)
    has_failed: bool = False
    has_passed: bool = False
    is_interrupted: bool = False
    _shown: int = 0

    def add(self, record: CallRecord, agent: Agent) -> None:
        """Add a call that was opened."""
        name = f"{type(agent).__module__}.{type(agent).__qualname__}"
        self.calls.append(OneCall(record, name))

    def section(self) -> tuple[str, str] | None:
        """Return the section of a report that failed, or ``None`` if it would show nothing new."""
        moments = sum(len(call.record.moments) for call in self.calls)
        if not self.calls or (self._shown and self._shown == moments):
            return None
        self._shown = moments
        return TITLE, "\n".join([*self.lines(), *self._place()])

    def lines(self) -> list[str]:
        """Return the lines of the conversation."""
        return list(lines_of([call.record for call in self.calls]))

    def finish(self) -> None:
        """Count the calls, add them to the report, and write or remove their files."""
        config = self.item.config
        if config.getoption("russo_report", None):
            for number in range(len(self.calls)):
                self._report(number)
        if settings_of(config).keep != "none" and self.calls:
            problem = KeptCalls.of(config).settle(self.item.nodeid, self._outcome, self.calls)
            if problem:
                count_problem(self.counters, problem)
        for call in self.calls:
            count_call(self.counters, call.record)

    @property
    def _outcome(self) -> str:
        if self.is_interrupted:
            return "interrupted"
        if self.has_failed:
            return "failed"
        return "passed" if self.has_passed else "skipped"

    def forget(self) -> None:
        """Remove the calls from the test: a plugin may run it again."""
        del self.item.stash[_CALLS]

    def _place(self) -> list[str]:
        """Return the line that names the folder of the kept calls."""
        config = self.item.config
        if settings_of(config).keep == "none":
            return []
        kept = KeptCalls.of(config)
        if problem := kept.prepare():
            return [problem]
        return [f"kept: {shown_path(kept.folder_of(self.item.nodeid), config)}{os.sep}"]

    def _report(self, number: int) -> None:
        record = self.calls[number].record
        title = "Conversation" if len(self.calls) == 1 else f"Conversation {number + 1}"
        plugins.add_report_section(
            self.item.config,
            plugins.ReportSection(
                title=title,
                columns=("time", "who", "what"),
                rows=[
                    *((f"{row.time}\N{NO-BREAK SPACE}s", row.who, row.what) for row in rows_of(record)),
                    *(("", "note", note) for note in notes_of(record)),
                ],
                audio=self.calls[number].sound(),
            ),
        )


def find_calls(item: pytest.Item) -> ItemCalls | None:
    """Return the calls of a test, or ``None`` if no fixture of the test opens calls."""
    return item.stash.get(_CALLS, None)


def calls_of(item: pytest.Item, counters: plugins.Counters) -> ItemCalls:
    """Return the calls of a test; the first call of this function creates them."""
    calls = find_calls(item)
    if calls is None:
        calls = item.stash[_CALLS] = ItemCalls(item, counters)
        watch_interrupts(item.config).running = calls
    return calls


def shown_path(path: Path, config: pytest.Config) -> str:
    """Return a path as messages show it: relative to the current directory, if it is below."""
    folder = config.invocation_params.dir
    return plugins.visible(str(path.relative_to(folder) if path.is_relative_to(folder) else path))
