"""Checks of several calls, and of what they leave behind."""

from __future__ import annotations

import asyncio
import gc
from typing import Final

import pytest

from ..._protocol import Agent
from .base import ContractBase, Spoken
from .expect import expect
from .running import resources, wait_until

_CALLS: Final = 3  # enough to distinguish a number that grows with each call from chance


class CleanupChecks(ContractBase):
    """Checks that calls are independent of each other, and leave nothing."""

    def test_calls_one_after_another(self, agent: Agent, spoken: Spoken) -> None:
        """One agent opens a new line for each call, also in a new event loop."""
        for _ in range(2):
            self.run(lambda: self._talk(agent, spoken, "prompt", self.reply))

    def test_calls_at_the_same_time(self, agent: Agent, spoken: Spoken) -> None:
        """Two calls at the same time do not share anything."""
        if not self.simultaneous:
            pytest.skip("the agent has one line at a time: `simultaneous` is False")

        async def script() -> None:
            await asyncio.gather(
                self._talk(agent, spoken, "prompt", self.reply),
                self._talk(agent, spoken, "second_prompt", self.second_reply),
            )

        self.run(script, "two calls end")

    def test_calls_leave_nothing_behind(self, agent: Agent, spoken: Spoken) -> None:
        """Calls do not add threads, open files or sockets."""
        self.run(lambda: self._talk(agent, spoken, "prompt", ""))  # loads what is loaded once
        gc.collect()
        before = resources()
        for _ in range(_CALLS):
            self.run(lambda: self._talk(agent, spoken, "prompt", ""))
        gc.collect()

        def grown() -> dict[str, int]:
            return {what: count - before[what] for what, count in resources().items()}

        expect(
            wait_until(lambda: max(grown().values()) < _CALLS),
            "a call leaves no thread, file or socket behind",
            f"after {_CALLS} calls: " + ", ".join(f"{count} {what} more" for what, count in grown().items()),
            "stop the threads of the line and close its sockets in a `finally` of `connect`",
        )

    async def _talk(self, agent: Agent, spoken: Spoken, name: str, reply: str) -> None:
        async with self.call(agent) as call:
            turn = await self.say(call, spoken, name)
            words = turn.reply if "reply" in turn.observes else reply
            expect(
                reply in words,
                f"each call has its own line, on which the reply to `{name}` contains {reply!r}",
                f"the reply is {words!r:.200}",
                "`connect` must make a new line each time, and keep the state of a call in the line",
                call.record,
            )
