"""`open_call` and `Call`: one conversation with an agent, as its caller."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Final, Literal, overload

from .._errors import AgentConfigError, AgentError, AgentLostError
from .._protocol import Agent, is_agent
from .clock import AudioClock
from .connection import Connection, check_pace, despite_cancellation
from .playout import PlayoutQueue
from .prompts import prepare
from .session import Session
from .turns import OpenTurn

if TYPE_CHECKING:
    from russo import Audio, Synthesizer

    from .._turn import Turn
    from .record import CallRecord

_QUIET_SECONDS: Final = 0.5


@contextlib.asynccontextmanager
async def open_call(
    agent: Agent,
    synthesizer: Synthesizer | None = None,
    *,
    pace: float = 1.0,
    timeout: float = 30.0,
) -> AsyncIterator[Call]:
    """Connect to an agent, and close the line in the end, also after an error.

        async with open_call(agent, synthesizer) as call:
            turn = await call.say("Turn on the kitchen light.")

    Args:
        agent: The agent under test.
        synthesizer: Speaks the prompts; wrap it in `russo.CachedSynthesizer` to speak each prompt only once.
            Not needed if the test says `russo.Audio` only.
        pace: 1 is real time. At 0 the agent is fed as fast as it listens, and replies play at once; this
            needs a line whose ``real_time`` is ``False``.
        timeout: Seconds of wall time without any sign of the agent after which it counts as silent.

    Raises:
        AgentConfigError: The agent, the pace or the timeout cannot be used.
        AgentLostError: The agent could not be connected.
    """
    _check_event_loop()
    _check(agent, pace, timeout)
    playout = PlayoutQueue(AudioClock(pace))
    connection = Connection(agent, playout)
    session: Session | None = None
    try:
        line = await connection.open(timeout)
        check_pace(line, pace)
        session = Session(line, connection, playout, timeout)
        session.start()
        yield Call(session, synthesizer)
    except BaseException:
        with contextlib.suppress(AgentLostError):  # the record has it; the error of the test is raised
            await despite_cancellation(_close(session, connection))
        raise
    await despite_cancellation(_close(session, connection))


async def _close(session: Session | None, connection: Connection) -> None:
    if session is None:
        await connection.close()
    else:
        await session.close()


def _check_event_loop() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        raise AgentConfigError(
            "open_call needs asyncio, and no event loop of asyncio runs here; other libraries, such as trio, "
            "cannot run a call"
        ) from None


def _check(agent: object, pace: object, timeout: object) -> None:
    if not is_agent(agent):
        raise AgentConfigError(
            f"{agent!r:.80} is not an agent: it has no method connect(playout); "
            "use an adapter such as FunctionAgent"
        )
    for name, value in (("pace", pace), ("timeout", timeout)):
        if (
            not isinstance(value, (int, float))
            or isinstance(value, bool)
            or not math.isfinite(value)
            or value < 0
        ):
            raise AgentConfigError(f"{name} is {value!r}; it must be a number, 0 or more")
    if timeout == 0:
        raise AgentConfigError("timeout is 0; it must be more than 0 seconds")


class PendingTurn:
    """A prompt that was spoken, whose turn the test did not wait for."""

    def __init__(self, session: Session, turn: OpenTurn) -> None:
        self._session = session
        self._turn = turn
        self._lock = asyncio.Lock()
        self._result: Turn | None = None
        self._error: AgentError | None = None

    async def turn(self) -> Turn:
        """Wait for the end of the turn, and return the turn. Later calls return the same turn, or fail alike.

        Raises:
            AgentSilentError: The agent did not end its turn in time.
            AgentLostError: The line closed before.
        """
        __tracebackhide__ = True
        async with self._lock:
            if self._error is not None:
                raise self._error
            if self._result is None:
                try:
                    self._result = await self._session.finish(self._turn)
                except AgentError as error:
                    self._error = error
                    raise
            return self._result


class Call:
    """An open conversation with an agent. `open_call` and the fixtures make it.

    Attributes:
        record: What happened in the call so far.
    """

    def __init__(self, session: Session, synthesizer: Synthesizer | None) -> None:
        self.record: CallRecord = session.record
        self._session = session
        self._synthesizer = synthesizer
        self._busy = ""

    @overload
    async def say(
        self, prompt: str | Audio, *, wait: Literal[True] = True, over: float | None = None
    ) -> Turn: ...

    @overload
    async def say(
        self, prompt: str | Audio, *, wait: Literal[False], over: float | None = None
    ) -> PendingTurn: ...

    async def say(
        self, prompt: str | Audio, *, wait: bool = True, over: float | None = None
    ) -> Turn | PendingTurn:
        """Say a prompt, and return the agent's turn.

        The prompt waits until the line has been quiet for 0.5 s. So the agent finishes its last reply first.

        Args:
            prompt: The text, which the synthesizer speaks, or the sound itself, which must be mono.
            wait: ``False`` returns a `PendingTurn` when the prompt has been spoken.
            over: Talk over the agent's reply. Seconds of audio from the first voiced sample of the reply to
                the first voiced sample of the prompt.

        Raises:
            AgentSilentError: The agent did not end its turn in time.
            AgentLostError: The line closed before.
            AgentError: Another prompt is being said, or the reply is shorter than ``over``.
            TypeError: The prompt is not text or `russo.Audio`.
            ValueError: The audio is not mono or empty, or ``over`` is not a number.
        """
        __tracebackhide__ = True
        if over is not None:
            _check_seconds("over", over)
        with self._exclusively("say"):
            said = await prepare(prompt, self._synthesizer, self._session.line.sample_rate)
            if over is None:
                await self._session.wait_for_quiet(_QUIET_SECONDS)
            else:
                said = said.without(await self._session.wait_until_talking_over(over, said.lead))
            turn = await self._session.speak(said, is_aligned=over is None)
            pending = PendingTurn(self._session, turn)
            if not wait:
                return pending
            try:
                return await pending.turn()
            except asyncio.CancelledError:
                self._session.forget(turn)
                raise

    async def hear(self) -> Turn:
        """Return the turn of an agent that speaks first, without a prompt.

        Raises:
            AgentSilentError: The agent did not end its turn in time.
            AgentLostError: The line closed before.
        """
        __tracebackhide__ = True
        with self._exclusively("hear"):
            return await self._session.hear()

    async def pause(self, seconds: float) -> Turn:
        """Be silent for some seconds of audio, and return what happened meanwhile, which may be nothing.

        Raises:
            AgentLostError: The line closed.
            ValueError: ``seconds`` is not a number, or negative.
        """
        __tracebackhide__ = True
        _check_seconds("seconds", seconds)
        with self._exclusively("pause"):
            return await self._session.pause(seconds)

    async def hang_up(self) -> None:
        """Close the line. Afterwards the call can only be looked at."""
        __tracebackhide__ = True
        await despite_cancellation(self._session.close())

    async def dtmf(self, digits: str) -> None:
        """Press keys of the telephone.

        Raises:
            AgentConfigError: The line has no keys.
        """
        __tracebackhide__ = True
        press = getattr(self._session.line, "dtmf", None)
        if press is None:
            raise AgentConfigError(f"{type(self._session.line).__name__} cannot press keys: it has no dtmf")
        self._session.check_open()
        await press(digits)

    @contextlib.contextmanager
    def _exclusively(self, method: str) -> Iterator[None]:
        self._session.check_open()
        if self._busy:
            raise AgentError(
                f"{method} was called while {self._busy} of the same call still waits; to talk over a reply, "
                "use `pending = say(…, wait=False)` and then `say(…, over=1.0)`"
            )
        self._busy = method
        try:
            yield
        finally:
            self._busy = ""


def _check_seconds(name: str, value: object) -> None:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise TypeError(f"{name} is {value!r:.40}; it must be a number of seconds")
    if not math.isfinite(value) or value < 0:
        raise ValueError(f"{name} is {value!r}; it must be a number of seconds, 0 or more")
