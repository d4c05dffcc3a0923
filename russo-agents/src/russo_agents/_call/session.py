"""`Session`: the tasks of an open call, and what its methods wait for.

Two tasks run from the beginning of the call to its end: the microphone, and the listener. The methods of the
call wait until the conversation, which the listener fills, has what they need.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

from .._errors import AgentError, AgentLostError, AgentSilentError
from .._protocol import observed_by
from .clock import Signal
from .connection import CLOSE_SECONDS, end_tasks
from .listener import LONGEST_TURN_SECONDS, Listener
from .messages import lost_message, silent_message
from .microphone import Microphone, Speech
from .record import CallRecord
from .recording import Recording
from .results import latency_of, result_of
from .turns import OpenTurn
from .voice import Stretch

if TYPE_CHECKING:
    from .._protocol import Line
    from .._turn import Turn
    from .connection import Connection
    from .playout import Playout
    from .prompts import Prompt

# The longest wait for a change, in seconds of wall time: silence makes no event.
_POLL_SECONDS: Final = 0.02
# The words of a reply that was cut may arrive so much later, in seconds of audio.
_CUT_WORDS_SECONDS: Final = 1.0


class Session:
    """An open call.

    Args:
        line: The open line.
        connection: Closes the line.
        playout: The clock of what the caller has heard.
        timeout: Seconds of wall time without a sign of the agent.
    """

    def __init__(self, line: Line, connection: Connection, playout: Playout, timeout: float) -> None:
        self.line = line
        self._connection = connection
        self._playout = playout
        self._timeout = timeout
        self._loop = asyncio.get_running_loop()
        self._signal = Signal()
        self._recording = Recording(line.sample_rate)
        self.record = CallRecord(pace=playout.pace, stereo=self._recording.stereo)
        self._microphone = Microphone(line, playout.clock, playout, self._signal)
        self._listener = Listener(line, playout, self.record, self._recording, self._signal)
        self._conversation = self._listener.conversation
        self._open_turns: list[OpenTurn] = []
        self._began = playout.now()
        self._tasks: list[asyncio.Task[Any]] = []
        self._is_closed = False

    def start(self) -> None:
        """Start the microphone and the listener."""
        self._tasks = [
            asyncio.create_task(self._send(), name="russo: the microphone"),
            asyncio.create_task(self._listener.run(), name="russo: the listener"),
        ]

    async def _send(self) -> None:
        try:
            await self._microphone.run()
        except asyncio.CancelledError as error:
            if self._is_closed:
                raise
            self._listener.note_end(error)
        except Exception as error:  # noqa: BLE001 - the call raises it, chained
            self._listener.note_end(error)

    def check_open(self) -> None:
        """Raise an error if the call has ended."""
        if self._is_closed:
            raise AgentLostError("the call has ended: it was hung up")
        self._note_failure()
        if self._listener.is_closed:
            raise self._lost(self._conversation.current)

    # -- speaking

    async def speak(self, prompt: Prompt) -> OpenTurn:
        """Send a prompt, and return its turn when the last frame has been sent."""
        turn = OpenTurn(prompt.text)

        def start(at: float) -> None:
            turn.voiced = [Stretch(at + part.start, at + part.end) for part in prompt.voiced]
            self._conversation.begin(turn)
            self._recording.add_caller(at, prompt.pcm)
            self.record.add(at, "caller", prompt.text, seconds=prompt.seconds)
            self.record.seconds_said += prompt.seconds

        speech = Speech(prompt.frames, start, self._loop.create_future())
        self._microphone.speak(speech)
        self._open_turns.append(turn)
        try:
            # The line may limit the speed, but it must take a frame now and then.
            await self._wait(speech.spoken.done, turn, counts=lambda: len(speech.frames))
        except BaseException:
            self._microphone.fall_silent()
            self._give_up(turn)
            raise
        self._listener.last_sign = self._loop.time()
        return turn

    async def wait_for_quiet(self, seconds: float) -> None:
        """Wait until the turn before is over, and the line has been quiet for so many seconds of audio."""
        for turn in list(self._open_turns):
            await self._wait(lambda turn=turn: self._is_over(turn), turn)  # type: ignore[misc]
        self._listener.last_sign = self._loop.time()

        def quiet_at() -> float:
            return max(self._began, self._playout.voiced_until) + seconds

        def is_quiet() -> bool:
            return self._playout.now() >= quiet_at() - 1e-9

        await self._wait(is_quiet, self._conversation.current, awaits_time=quiet_at)

    async def wait_until_talking_over(self, over: float, lead: float) -> None:
        """Wait for the moment at which a prompt must start to talk over the reply.

        Args:
            over: Seconds after the first voiced sample of the reply.
            lead: Seconds of silence before the first voiced sample of the prompt.
        """
        turn = self._reply_to_talk_over()
        await self._wait(lambda: turn.reply_began is not None or self._is_over(turn), turn)
        if turn.reply_began is None:
            raise AgentError(f"over={over:g}: the reply to {turn.prompt!r:.80} has no sound to talk over")
        target = turn.reply_began + over
        await self._until(max(self._playout.now(), target - lead))
        ends = self._playout.played_until()
        if self._is_over(turn) and ends < max(target, self._playout.now()):
            raise AgentError(
                f"over={over:g} is longer than the reply to {turn.prompt!r:.80}, "
                f"which lasted {ends - turn.reply_began:.2f} s"
            )

    def _reply_to_talk_over(self) -> OpenTurn:
        if self._open_turns:
            return self._open_turns[-1]
        if self._playout.now() < self._playout.voiced_until:
            return self._conversation.speaking
        if self._conversation.replying is not None:
            return self._conversation.replying
        raise AgentError(
            "over= needs a reply to talk over, and the agent does not reply to anything now: "
            "say the prompt before with `say(…, wait=False)`"
        )

    # -- listening

    async def finish(self, turn: OpenTurn) -> Turn:
        """Wait until a turn is over, and return it."""
        try:
            await self._wait(lambda: self._is_over(turn), turn)
        finally:
            self._give_up(turn)
            if turn is self._conversation.current:
                self._conversation.start_over()
        return self._result(turn)

    async def hear(self) -> Turn:
        """Wait for what the agent says of its own accord."""
        self._listener.last_sign = self._loop.time()
        return await self.finish(self._conversation.current)

    async def pause(self, seconds: float) -> Turn:
        """Return what happens within some seconds of audio."""
        tap = OpenTurn()
        self._listener.taps.append(tap)
        try:
            await self._until(self._playout.now() + seconds)
        finally:
            self._listener.taps.remove(tap)
        if self._listener.is_closed:
            raise self._lost(tap)
        current = self._conversation.current
        if current.prompt is None and self._conversation.replying is not current:
            self._conversation.start_over()
        return result_of(tap, observed_by(self.line), self.record.pace, self._microphone)

    # -- the end

    async def close(self) -> None:
        """End the tasks, and close the line."""
        if self._is_closed:
            return
        self._is_closed = self._listener.is_stopping = True
        self._signal.notify()
        try:
            if await end_tasks(self._tasks, CLOSE_SECONDS):
                self.record.problems.append("a task of the line could not be cancelled, and was abandoned")
        finally:
            try:
                await self._connection.close()
            finally:
                problems = (self._connection.problem, self._recording.problem)
                self.record.problems += [problem for problem in problems if problem]

    # -- waiting

    async def _until(self, at: float) -> None:
        """Wait for a time of the audio clock, or for the end of the line."""
        await self._wait(
            lambda: self._playout.now() >= at - 1e-9 or self._listener.is_closed, None, awaits_time=lambda: at
        )

    async def _wait(
        self,
        is_done: Callable[[], bool],
        turn: OpenTurn | None,
        *,
        awaits_time: Callable[[], float] | None = None,
        counts: Callable[[], int] | None = None,
    ) -> None:
        """Wait until a condition holds.

        Args:
            is_done: The condition.
            turn: The turn to wait for. Its error has what happened so far. ``None``: the agent need not give
                a sign.
            awaits_time: Returns the time of the audio clock at which the condition may hold.
            counts: A number that changes while the line takes frames, which is a sign, too.
        """
        last = None
        with self._waiting():
            while True:
                self._note_failure()
                talked_over = self._conversation.replying is not self._conversation.current
                self._listener.end_by_silence(is_talked_over=talked_over)
                if is_done():
                    return
                if self._is_closed:
                    raise AgentLostError("the call was hung up meanwhile")
                if self._listener.is_closed:
                    raise self._lost(turn)
                if counts is not None and (count := counts()) != last:
                    last, self._listener.last_sign = count, self._loop.time()
                if turn is not None:
                    self._check_signs(turn)
                await self._signal.wait(self._rest_until(awaits_time))

    def _rest_until(self, awaits_time: Callable[[], float] | None) -> float:
        """Return how many seconds of wall time to wait at most; at pace 0, let the audio clock run on."""
        if awaits_time is None:
            return _POLL_SECONDS
        at = awaits_time()
        if self._playout.pace:
            return min(_POLL_SECONDS, max(0.0, (at - self._playout.now()) / self._playout.pace))
        self._microphone.run_to = at
        return _POLL_SECONDS

    @contextlib.contextmanager
    def _waiting(self) -> Iterator[None]:
        """Let the audio clock run on at pace 0 while a method of the call waits."""
        self._microphone.waits += 1
        try:
            yield
        finally:
            self._microphone.waits -= 1
            self._microphone.run_to = None

    def _check_signs(self, turn: OpenTurn) -> None:
        """Raise an error if the agent has been silent, or has spoken, for too long."""
        now, wall = self._playout.now(), self._loop.time()
        if self._playout.voiced_until > now:
            self._listener.last_sign = wall
        if wall - self._listener.last_sign >= self._timeout:
            self._give_up(turn)
            raise AgentSilentError(silent_message(turn, self._timeout, self.line), turn=self._partial(turn))
        began = turn.reply_began
        if began is not None and now - began > LONGEST_TURN_SECONDS:
            self._give_up(turn)
            raise AgentSilentError(
                f"the agent did not end its turn: it has spoken for {now - began:.0f} s, "
                f"and a turn lasts at most {LONGEST_TURN_SECONDS:g} s",
                turn=self._partial(turn),
            )

    def _note_failure(self) -> None:
        if (failure := self._connection.failure) is not None:
            self._listener.note_end(failure)

    def _is_over(self, turn: OpenTurn) -> bool:
        if turn.cut_at is not None and self._playout.now() - turn.cut_at > _CUT_WORDS_SECONDS:
            return turn is not self._conversation.current or turn.is_ended
        if turn.is_ended:
            return True
        # A hang-up ends the turn of a line that does not report ends.
        ended = self._listener.is_closed and self._listener.error is None
        return ended and turn.has_answer and not self.line.ends_turns

    def _lost(self, turn: OpenTurn | None) -> AgentLostError:
        error = AgentLostError(
            lost_message(turn, self._listener.error), turn=None if turn is None else self._partial(turn)
        )
        error.__cause__ = self._listener.error
        return error

    def _partial(self, turn: OpenTurn) -> Turn:
        return result_of(turn, observed_by(self.line), self.record.pace, self._microphone)

    def _give_up(self, turn: OpenTurn) -> None:
        """Forget a turn that is over, or that the test does not wait for any more."""
        if turn in self._open_turns:
            self._open_turns.remove(turn)
        if not turn.is_ended and self._conversation.replying is turn:
            self._conversation.close_reply()

    def _result(self, turn: OpenTurn) -> Turn:
        latency = latency_of(turn, self.record.pace, self._microphone)
        self.record.turns += 1
        if isinstance(latency, float):
            self.record.latencies.append(latency)
            self.record.add(self._playout.now(), "turn", seconds=latency)
        else:
            self.record.add(self._playout.now(), "turn", latency)
        return self._partial(turn)
