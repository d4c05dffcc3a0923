"""`TurnWatch`: waits for a turn; the wait fails if the agent is silent for too long, or the line closes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final, NoReturn

from .._errors import AgentError, AgentLostError, AgentSilentError
from .._protocol import observed_by
from .clock import FRAME_SECONDS
from .listener import LONGEST_TURN_SECONDS
from .messages import deeds_of, lost_message, silent_message
from .results import result_of
from .turns import CUT_WORDS_SECONDS

if TYPE_CHECKING:
    from .._protocol import Line
    from .._turn import Turn
    from .clock import Signal
    from .connection import Connection
    from .listener import Listener
    from .microphone import Microphone
    from .playout import PlayoutQueue
    from .turns import OpenTurn

# The longest wait for a change, in seconds of wall time: silence makes no event.
_POLL_SECONDS: Final = 0.02
# If the agent answered in a pause of the prompt, its answer to the rest must begin within this time.
_REST_SECONDS: Final = 4.0
# Sums of times of frames are not exact.
_ROUNDING: Final = 1e-9


class _Stopwatch:
    """How long a value has not changed, in seconds of wall time.

    One look that is late counts for a quarter of the limit at most, and the time before the first look for
    half of it: if something blocked the event loop, or the machine was busy, the change may be about to come.

    Args:
        limit: The seconds after which the caller gives up.
        value: The value now.
        since: When the value changed, in wall time of the event loop.
    """

    def __init__(self, limit: float, value: float, since: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._longest_step = limit / 4
        self._value = value
        self._looked_at = self._loop.time()
        self._seconds = min(self._looked_at - since, limit / 2)

    def seconds(self, value: float) -> float:
        """Return for how many seconds the value has not changed."""
        now = self._loop.time()
        self._seconds += min(now - self._looked_at, self._longest_step)
        self._looked_at = now
        if value != self._value:
            self._value, self._seconds = value, 0.0
        return self._seconds


class TurnWatch:
    """What the methods of a call wait for.

    Args:
        line: The open line.
        connection: The connection to which the line belongs.
        playout: The clock of what the caller has heard.
        listener: Fills the conversation.
        microphone: Sends the prompts.
        signal: Notified of each change.
        timeout: Seconds of wall time without a sign of the agent.

    Attributes:
        open_turns: The turns that are not over, or whose end the test has not waited for.
        is_hung_up: Whether russo closes the line.
    """

    def __init__(
        self,
        line: Line,
        *,
        connection: Connection,
        playout: PlayoutQueue,
        listener: Listener,
        microphone: Microphone,
        signal: Signal,
        timeout: float,
    ) -> None:
        self.open_turns: list[OpenTurn] = []
        self.is_hung_up = False
        self._line = line
        self._connection = connection
        self._playout = playout
        self._listener = listener
        self._microphone = microphone
        self._signal = signal
        self._timeout = timeout
        self._loop = asyncio.get_running_loop()

    # -- waiting

    async def until(self, at: float) -> None:
        """Wait for a time of the audio clock, or for the end of the line."""
        await self.wait(
            lambda: self.has_come(at) or self._listener.is_closed, turn=None, awaits_time=lambda: at
        )

    async def until_over(self, turn: OpenTurn) -> None:
        """Wait for the end of a turn."""
        await self.wait(lambda: self.is_over(turn), turn=turn)

    async def wait(
        self,
        is_done: Callable[[], bool],
        *,
        turn: OpenTurn | None,
        awaits_time: Callable[[], float] | None = None,
        needs_sign: bool = True,
        is_speaking: bool = False,
    ) -> None:
        """Wait until a condition holds.

        Args:
            is_done: The condition.
            turn: The turn to wait for. The errors have what happened in it so far.
            awaits_time: Returns the time of the audio clock at which the condition may hold.
            needs_sign: Whether the agent must give a sign within the timeout, and end its turn.
            is_speaking: Whether a prompt is being said: then each frame that the line takes is a sign, too.

        Raises:
            AgentSilentError: The agent gave no sign for too long, its turn does not end, or the line takes
                no frames.
            AgentLostError: The line closed.
        """
        began, began_wall = self._playout.now(), self._loop.time()
        if not self._playout.pace:  # the audio stood still until now, so the agent could give no sign
            self._listener.last_sign = began_wall
        stall = _Stopwatch(self._timeout, self._playout.clock.frames, began_wall)
        silence = _Stopwatch(self._timeout, self._listener.last_sign, self._listener.last_sign)
        with self._waiting():
            while True:
                self.note_failure()
                self._listener.end_by_silence()
                if is_done():
                    return
                if self.is_hung_up:
                    raise AgentLostError("the call was hung up meanwhile", turn=self._result_so_far(turn))
                if self._listener.is_closed:
                    raise self.lost(turn)
                self._check_stall(stall, turn)
                if is_speaking:
                    self._listener.last_sign = self._loop.time()
                elif turn is not None:
                    if needs_sign:
                        self._check_signs(silence, turn)
                    self._check_length(turn, began, began_wall)
                await self._signal.wait(self._longest_wait(awaits_time))

    def has_come(self, at: float) -> bool:
        """Return whether the audio clock shows a time, or a later one."""
        return self._playout.now() >= at - _ROUNDING

    def _longest_wait(self, awaits_time: Callable[[], float] | None) -> float:
        """Return how many seconds of wall time to wait; at pace 0, let the audio clock run on."""
        if awaits_time is None:
            return _POLL_SECONDS
        at = awaits_time()
        if self._playout.pace:
            return min(_POLL_SECONDS, max(0.0, (at - self._playout.now()) / self._playout.pace))
        self._microphone.run_to(at)
        return _POLL_SECONDS

    @contextlib.contextmanager
    def _waiting(self) -> Iterator[None]:
        """Let the audio clock run on at pace 0 while a method of the call waits."""
        self._microphone.begin_wait()
        try:
            yield
        finally:
            self._microphone.end_wait()

    def _check_stall(self, stall: _Stopwatch, turn: OpenTurn | None) -> None:
        """Raise an error if the line has taken no frames for too long."""
        longest = self._timeout + FRAME_SECONDS / (self._playout.pace or 1.0)
        if stall.seconds(self._playout.clock.frames) >= longest:
            self._give_up(
                turn,
                f"the line took no sound for {self._timeout:g} s: "
                f"{type(self._line).__name__}.send has not returned",
            )

    def _check_signs(self, silence: _Stopwatch, turn: OpenTurn) -> None:
        """Raise an error if the agent has been silent for too long."""
        if self._playout.voiced_until > self._playout.now():
            self._listener.last_sign = self._loop.time()
        if silence.seconds(self._listener.last_sign) >= self._timeout:
            self._give_up(turn, silent_message(turn, self._timeout, self._line))

    def _check_length(self, turn: OpenTurn, began: float, began_wall: float) -> None:
        """Raise an error if the agent has spoken, or has given signs without an end, for too long."""
        now = self._playout.now()
        if turn.reply_began is not None and now - turn.reply_began > LONGEST_TURN_SECONDS:
            self._give_up(
                turn,
                f"the agent did not end its turn: it has spoken for {now - turn.reply_began:.0f} s, "
                f"and a turn lasts at most {LONGEST_TURN_SECONDS:g} s",
            )
        # At pace 0 the audio clock may run far ahead of an agent that thinks, so wall time counts, too.
        is_slow = self._loop.time() - began_wall > self._timeout
        if is_slow and now - began > LONGEST_TURN_SECONDS + self._timeout:
            self._give_up(
                turn,
                f"the agent did not end its turn within {now - began:.0f} s; {deeds_of(turn, self._line)}",
            )

    def _give_up(self, turn: OpenTurn | None, message: str) -> NoReturn:
        result = self._result_so_far(turn)
        if turn is not None:
            self.give_up(turn)
        raise AgentSilentError(message, turn=result)

    # -- turns

    def is_over(self, turn: OpenTurn) -> bool:
        """Return whether a turn is over."""
        if turn.is_ended:
            return True
        if turn.cut_at is not None and turn is not self._listener.conversation.current:
            return self.has_come(turn.cut_at + CUT_WORDS_SECONDS)
        if turn.has_early_end and self._listener.conversation.replying is not turn:
            rest = min(_REST_SECONDS, self._timeout / 2 * (self._playout.pace or 1.0))
            return self.has_come(max(turn.spoken_at, self._listener.quiet_since) + rest)
        # A hang-up ends the turn of a line that does not report ends.
        hung_up = self._listener.is_closed and self._listener.error is None
        return hung_up and turn.has_answer and not self._line.ends_turns

    def give_up(self, turn: OpenTurn) -> None:
        """Forget a turn that is over, or that the test does not wait for any more."""
        if turn in self.open_turns:
            self.open_turns.remove(turn)
        if self._listener.conversation.replying is turn:
            self._listener.conversation.close_reply()

    def result(self, turn: OpenTurn) -> Turn:
        """Return a turn that is over, or what there is of it so far."""
        return result_of(turn, observed_by(self._line), self._playout.pace, self._microphone)

    def _result_so_far(self, turn: OpenTurn | None) -> Turn | None:
        return None if turn is None else self.result(turn)

    # -- the end of the line

    def check_open(self) -> None:
        """Raise an error if the call has ended."""
        if self.is_hung_up:
            raise AgentLostError("the call has ended: it was hung up")
        self.note_failure()
        if self._listener.is_closed:
            raise self.lost(None)

    def note_failure(self) -> None:
        """Note the error with which the task of the line has ended, if it has."""
        if not self._connection.has_ended:
            return
        failure = self._connection.failure
        self._listener.note_end(failure or AgentError("connect closed the line while the call went on"))

    def lost(self, turn: OpenTurn | None) -> AgentLostError:
        """Return the error of a line that closed, with its cause."""
        message = lost_message(turn, self._listener.error, self._line)
        error = AgentLostError(message, turn=self._result_so_far(turn))
        error.__cause__ = self._listener.error
        return error
