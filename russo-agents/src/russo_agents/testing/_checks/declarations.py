"""Checks of an adapter's methods, and of the attributes of its line."""

from __future__ import annotations

import asyncio
import inspect
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest

from ..._protocol import OBSERVABLE, Agent, Line, real_time_of
from .base import ContractBase
from .expect import expect, refuse

_IMPORT_SECONDS = 60.0


class DeclarationChecks(ContractBase):
    """Checks what can be seen without a turn."""

    def test_import_of_the_adapter_imports_no_sdk(self, agent: Agent) -> None:
        """The module of the adapter imports none of the modules in ``sdk``; `connect` may."""
        if not self.sdk:
            pytest.skip("no module is declared in `sdk`")
        module = type(agent).__module__
        code = f"import sys, {module}; print(*(name for name in {self.sdk!r} if name in sys.modules))"
        search_path = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        child = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            timeout=_IMPORT_SECONDS,
            env={**os.environ, **search_path},
            check=False,
        )
        expect(
            child.returncode == 0,
            f"`import {module}` works in a new process",
            child.stderr.strip(),
            "the adapter must be in a module that can be imported",
        )
        expect(
            not child.stdout.strip(),
            f"`import {module}` imports no SDK",
            f"it imports {', '.join(child.stdout.split())}",
            "import the SDK in `connect`: a run that does not use the agent must not pay for it",
        )

    def test_connect_is_an_async_context_manager(self, agent: Agent) -> None:
        """`connect(playout)` returns an async context manager, which opens a line and closes it unused."""

        async def script() -> None:
            async with self.line(agent):
                pass

        self.run(script, "opening and closing a line ends")

    def test_attributes_of_the_line(self, agent: Agent) -> None:
        """The attributes of the line have the right types and values."""

        async def script() -> None:
            async with self.line(agent) as line:
                self._check_attributes(line)

        self.run(script, "opening and closing a line ends")

    def test_methods_of_the_line(self, agent: Agent) -> None:
        """``send`` is an async function, and ``events`` returns an async iterator without being awaited."""

        async def script() -> None:
            async with self.line(agent) as line:
                events = line.events()
                if inspect.iscoroutine(events):
                    events.close()
                expect(
                    isinstance(events, AsyncIterator),
                    "`events()` returns an async iterator",
                    events,
                    "write `async def events(self)` with `yield`",
                )
                await asyncio.wait_for(_sent(line), self.patience)
                await _close(events)

        self.run(script, "opening a line and sending a frame ends")

    def _check_attributes(self, line: Line) -> None:
        name = type(line).__name__
        rate: Any = getattr(line, "sample_rate", None)
        expect(
            type(rate) is int and rate > 0 and rate % 50 == 0,
            "`sample_rate` of the line is an integer in Hz that divides into frames of 20 ms",
            f"{name}.sample_rate is {rate!r:.80}",
            "set the rate at which the agent listens, such as 8000, 16000 or 24000; russo resamples",
        )
        ends: Any = getattr(line, "ends_turns", None)
        expect(
            type(ends) is bool,
            "`ends_turns` of the line is True or False",
            f"{name}.ends_turns is {ends!r:.80}",
            "True if `events()` yields TurnEnded; if False, silence ends a turn",
        )
        expect(
            real_time_of(line) is self.real_time,
            f"`real_time` of the line is {self.real_time}, as the test class declares",
            f"{name}.real_time is {getattr(line, 'real_time', 'missing, which means True')!r:.80}",
            "set both to False if the agent may be fed faster than speech, because it counts audio",
        )
        observes: Any = getattr(line, "observes", OBSERVABLE)
        expect(
            isinstance(observes, set | frozenset) and observes <= OBSERVABLE,
            f"`observes` of the line is a set of {', '.join(sorted(OBSERVABLE))}",
            f"{name}.observes is {observes!r:.200}",
            "name what the line reports by events; leave the attribute out if it reports all",
        )


async def _sent(line: Line) -> None:
    sending: Any = line.send(bytes(2 * (line.sample_rate // 50)))
    if not inspect.isawaitable(sending):
        refuse("`send(frame)` is an async function", f"it returns {sending!r:.80}", "write `async def send`")
    await sending


async def _close(events: Any) -> None:
    if hasattr(events, "aclose"):
        await events.aclose()
