"""`InterruptWatch`: shows and keeps the conversation of a test that Ctrl-C interrupts.

pytest makes no report of such a test, so the conversation is part of the terminal's summary.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from russo import plugins

if TYPE_CHECKING:
    from .item_calls import ItemCalls

_WATCH: Final = pytest.StashKey["InterruptWatch"]()


class InterruptWatch:
    """A pytest plugin, one per process of a run that opens a call.

    Attributes:
        running: The calls of the test that runs, or ``None``.
    """

    def __init__(self) -> None:
        self.running: ItemCalls | None = None
        self._lines: list[str] = []

    def pytest_keyboard_interrupt(self) -> None:
        """Note that the running test was interrupted. Its fixtures are finished after this hook."""
        if self.running is not None:
            self.running.is_interrupted = True

    def after_close(self, calls: ItemCalls) -> None:
        """Keep the calls of a test that was interrupted, when its fixture is finished."""
        if calls.is_interrupted and calls is self.running:
            self.running = None
            calls.has_failed = True
            calls.finish()
            section = calls.section()
            if section is not None:
                self._lines = [f"test: {plugins.visible(calls.item.nodeid)}", *section[1].splitlines()]

    @pytest.hookimpl(tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Show the conversation."""
        if self._lines:
            terminalreporter.write_sep("-", "russo: the conversation until the interrupt")
            for line in self._lines:
                terminalreporter.write_line(line)


def watch_interrupts(config: pytest.Config) -> InterruptWatch:
    """Return the watch of this process; the first call registers it."""
    watch = config.stash.get(_WATCH, None)
    if watch is None:
        watch = config.stash[_WATCH] = InterruptWatch()
        config.pluginmanager.register(watch, "russo-agents-interrupts")
    return watch
