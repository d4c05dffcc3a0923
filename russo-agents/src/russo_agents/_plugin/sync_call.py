"""`SyncCall`: an open call for tests that are not async, and the types of the fixtures."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, overload

if TYPE_CHECKING:
    from russo import Audio

    from .._call.call import Call, PendingTurn
    from .._call.record import CallRecord
    from .._turn import Turn


WaitFor: TypeAlias = Callable[[Coroutine[Any, Any, Any]], Any]
"""Runs a coroutine to its end for a caller that is not async, and returns the result."""


class OpenCall(Protocol):
    """The function that the fixture ``russo_async_call`` returns, to annotate async tests.

        async def test_light(russo_async_call: russo_agents.OpenCall) -> None:
            async with russo_async_call() as call:
                turn = await call.say("Turn on the kitchen light.")

    The call runs in the event loop of the test.
    """

    def __call__(self) -> AbstractAsyncContextManager[Call]:
        """Return a context manager that connects to the agent, and closes the line when it is left."""
        ...


class SyncPendingTurn:
    """A prompt that was spoken, whose turn the test did not wait for. `SyncCall.say` returns it."""

    def __init__(self, pending: PendingTurn, wait_for: WaitFor) -> None:
        self._pending = pending
        self._wait_for = wait_for

    def turn(self) -> Turn:
        """Wait for the end of the turn, and return the turn. Later calls return the same turn.

        Raises:
            AgentSilentError: The agent did not end its turn in time.
            AgentLostError: The line closed before.
        """
        __tracebackhide__ = True
        turn: Turn = self._wait_for(self._pending.turn())
        return turn


class SyncCall:
    """An open conversation with an agent, for tests that are not async. The fixture ``russo_call`` makes it.

    Its methods are those of `Call`, and block until they have a result.

    Attributes:
        record: What happened in the call so far.
    """

    def __init__(self, call: Call, wait_for: WaitFor, before_prompt: Callable[[object], None]) -> None:
        self.record: CallRecord = call.record
        self._call = call
        self._wait_for = wait_for
        self._before_prompt = before_prompt

    def __repr__(self) -> str:
        return f"<SyncCall after {self.record.turns} {'turn' if self.record.turns == 1 else 'turns'}>"

    @overload
    def say(self, prompt: str | Audio, *, wait: Literal[True] = True, over: float | None = None) -> Turn: ...

    @overload
    def say(
        self, prompt: str | Audio, *, wait: Literal[False], over: float | None = None
    ) -> SyncPendingTurn: ...

    def say(
        self, prompt: str | Audio, *, wait: bool = True, over: float | None = None
    ) -> Turn | SyncPendingTurn:
        """Say a prompt, and return the agent's turn; see `Call.say`.

        Args:
            prompt: The text, which ``russo_synthesizer`` speaks, or the sound itself, which must be mono.
            wait: ``False`` returns a `SyncPendingTurn` when the prompt has been spoken.
            over: Talk over the agent's reply, this many seconds of audio after its first voiced sample.
        """
        __tracebackhide__ = True
        self._before_prompt(prompt)
        if wait:
            turn: Turn = self._wait_for(self._call.say(prompt, over=over))
            return turn
        pending = self._wait_for(self._call.say(prompt, wait=False, over=over))
        return SyncPendingTurn(pending, self._wait_for)

    def hear(self) -> Turn:
        """Return the turn of an agent that speaks first, without a prompt."""
        __tracebackhide__ = True
        turn: Turn = self._wait_for(self._call.hear())
        return turn

    def pause(self, seconds: float) -> Turn:
        """Be silent for some seconds of audio, and return what happened meanwhile, which may be nothing."""
        __tracebackhide__ = True
        turn: Turn = self._wait_for(self._call.pause(seconds))
        return turn

    def hang_up(self) -> None:
        """Close the line. Afterwards the call can only be looked at."""
        __tracebackhide__ = True
        self._wait_for(self._call.hang_up())

    def dtmf(self, digits: str) -> None:
        """Press keys of the telephone.

        Raises:
            AgentConfigError: The line has no keys.
        """
        __tracebackhide__ = True
        self._wait_for(self._call.dtmf(digits))
