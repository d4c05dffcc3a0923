"""Checks of the ends of a call: hang-ups of both sides, and cancellation at any moment."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any, Final

import pytest

from ..._call.call import Call, open_call
from ..._errors import AgentError, AgentLostError
from ..._protocol import Agent
from .base import ContractBase, Spoken, check_closed
from .expect import expect, refuse
from .running import ADAPTER_EXCEPTIONS, tasks_left

_MOMENTS: Final = ("while the caller speaks", "before the answer", "during the answer")
_ANSWER: Final = {"heard", "tool", "speaks", "said"}  # kinds of moments of an answer
_STEPS: Final = (0, 1, 2, 3, 5, 8, 13, 40)  # of the event loop, before a cancellation
_END_SECONDS: Final = 13.0  # the driver abandons a line after 10 s
_CLEAN: Final = "stop the tasks, threads and sockets of the line in a `finally` of `connect`"


class EndingChecks(ContractBase):
    """Checks how calls end."""

    @pytest.mark.parametrize("moment", ["before a prompt", *_MOMENTS])
    def test_caller_hangs_up(self, agent: Agent, spoken: Spoken, moment: str) -> None:
        """A caller may hang up at any time, and twice; the line closes at once, without an error."""

        async def script() -> None:
            async with self.call(agent) as call:
                async with self._saying(call, spoken, moment):
                    await self._hang_up_twice(call, moment)
                check_closed(call.record)

        self.run(script, "hanging up ends")

    def test_agent_hangs_up(self, agent: Agent, spoken: Spoken) -> None:
        """If the agent hangs up after ``hang_up_prompt``, the call is lost at once, not silent."""
        if self.hang_up_prompt is None:
            pytest.skip("no `hang_up_prompt` is declared, after which the agent hangs up")

        async def script() -> None:
            async with self.call(agent) as call:
                try:
                    await call.say(spoken["hang_up_prompt"])  # the turn may end before the hang-up
                    await call.say(spoken["prompt"])
                except AgentLostError:
                    return
                except AgentError as error:
                    refuse(*_lost(error), call.record)
                refuse(*_lost("the next prompt was answered"), call.record)

        self.run(script)

    @pytest.mark.parametrize("moment", _MOMENTS)
    def test_call_can_be_cancelled(self, agent: Agent, spoken: Spoken, moment: str) -> None:
        """A test that is cancelled during a call ends at once and leaves no task behind."""

        async def script() -> None:
            reached = asyncio.Event()

            async def talk() -> None:
                async with self.call(agent) as call, self._saying(call, spoken, moment):
                    reached.set()
                    await asyncio.Event().wait()

            await self._check_cancelled(talk, reached.wait, moment)

        self.run(script, "a cancelled call ends")

    def test_connecting_and_closing_can_be_cancelled(self, agent: Agent) -> None:
        """A test that is cancelled while the line opens or closes ends at once and leaves no task behind."""

        async def script() -> None:
            for number in _STEPS:
                await self._check_cancelled(
                    lambda: self._connect_and_close(agent),
                    functools.partial(_steps, number),
                    f"after {number} steps of the event loop",
                )

        self.run(script, "a cancelled call ends")

    async def _hang_up_twice(self, call: Call, moment: str) -> None:
        try:
            await call.hang_up()
            await call.hang_up()
        except AgentError as error:
            refuse(
                f"a caller may hang up {moment}, and the line closes without an error",
                error,
                "stop what is going on in a `finally` of `connect`, and do not raise there",
                call.record,
            )

    async def _connect_and_close(self, agent: Agent) -> None:
        async with open_call(agent, pace=self.pace, timeout=self.patience):
            pass

    async def _check_cancelled(
        self,
        talk: Callable[[], Coroutine[Any, Any, None]],
        moment: Callable[[], Awaitable[Any]],
        when: str,
    ) -> None:
        """Cancel a task at a moment; fail the test unless it ends in time and leaves nothing."""
        task = asyncio.create_task(talk())
        reached = asyncio.ensure_future(moment())
        await asyncio.wait({task, reached}, return_when=asyncio.FIRST_COMPLETED, timeout=self.patience)
        reached.cancel()
        task.cancel()
        wanted = f"a call that is cancelled ({when}) ends"
        _, running = await asyncio.wait({task}, timeout=_END_SECONDS)
        expect(not running, f"{wanted} within {_END_SECONDS:g} s", "it is still running", _CLEAN)
        try:
            await task  # it may have ended before
        except asyncio.CancelledError:
            pass
        except ADAPTER_EXCEPTIONS as error:
            refuse(f"{wanted} with asyncio.CancelledError", error, "do not swallow or replace a cancellation")
        left = await tasks_left()
        expect(not left, f"{wanted} and leaves no task running", ", ".join(left), _CLEAN)

    @contextlib.asynccontextmanager
    async def _saying(self, call: Call, spoken: Spoken, moment: str) -> AsyncIterator[None]:
        """Enter the block at a moment of a turn; when it is left, end the turn and ignore its outcome."""
        if moment == "before a prompt":
            yield
            return
        saying: asyncio.Task[Any] = asyncio.create_task(self._say(call, spoken, moment))
        try:
            awaited = {"while the caller speaks": {"caller"}, "during the answer": _ANSWER}.get(moment, set())
            while not (saying.done() or _has(call, awaited)):  # noqa: ASYNC110 - nothing signals it
                await asyncio.sleep(0.002)
            yield
        finally:
            saying.cancel()
            await asyncio.wait({saying}, timeout=_END_SECONDS)
            if saying.done() and not saying.cancelled():
                saying.exception()  # a hang-up ends the prompt with an error

    async def _say(self, call: Call, spoken: Spoken, moment: str) -> None:
        if moment == "during the answer":
            await call.say(spoken.get("long_prompt", spoken["prompt"]))
        else:
            await call.say(spoken["prompt"], wait=False)


def _has(call: Call, kinds: set[str]) -> bool:
    """Return whether one of these moments has happened after the last prompt began."""
    happened = [moment.kind for moment in call.record.moments]
    if "caller" in happened:
        happened = happened[happened.index("caller") :]
    return not kinds.isdisjoint(happened)


async def _steps(number: int) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


def _lost(found: object) -> tuple[str, object, str]:
    return (
        "after the agent has hung up, the call raises AgentLostError",
        found,
        "let `events()` end when the other side has hung up; if the connection failed, let it raise",
    )
