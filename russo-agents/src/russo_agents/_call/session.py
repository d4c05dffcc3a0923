"""`Session`: the parts of an open call, and what its methods do with them.

Two tasks run from the beginning of the call to its end: the microphone, and the listener. The methods of the
call wait until the conversation, which the listener fills, has what they need.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from .._errors import AgentError
from .clock import FRAME_SECONDS, Signal
from .connection import CLOSE_SECONDS, end_tasks
from .listener import Listener
from .microphone import Microphone, Speech
from .record import CallRecord
from .recording import Recording
from .results import latency_of
from .turns import OpenTurn
from .voice import Stretch
from .waiting import TurnWatch

if TYPE_CHECKING:
    from .._protocol import Line
    from .._turn import Turn
    from .connection import Connection
    from .playout import PlayoutQueue
    from .prompts import Prompt


class Session:
    """An open call.

    Args:
        line: The open line.
        connection: Closes the line.
        playout: The clock of what the caller has heard.
        timeout: Seconds of wall time without a sign of the agent.
    """

    def __init__(self, line: Line, connection: Connection, playout: PlayoutQueue, timeout: float) -> None:
        self.line = line
        self._connection = connection
        self._playout = playout
        self._began = playout.now()
        self._loop = asyncio.get_running_loop()
        signal = Signal()
        self._recording = Recording(line.sample_rate)
        self.record = CallRecord(pace=playout.pace, stereo=self._recording.stereo)
        self._microphone = Microphone(line, playout.clock, playout, signal)
        self._listener = Listener(line, playout, self.record, self._recording, signal)
        self._conversation = self._listener.conversation
        self._watch = TurnWatch(
            line,
            connection=connection,
            playout=playout,
            listener=self._listener,
            microphone=self._microphone,
            signal=signal,
            timeout=timeout,
        )
        self._signal = signal
        self._tasks: list[asyncio.Task[Any]] = []
        self._closing: asyncio.Task[None] | None = None

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
            if self._watch.is_hung_up:
                raise
            self._listener.note_end(error)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - also of pytest.fail and sys.exit; the call raises it, chained
            self._listener.note_end(error)

    def check_open(self) -> None:
        """Raise an error if the call has ended."""
        self._watch.check_open()

    # -- speaking

    async def speak(self, prompt: Prompt, *, is_aligned: bool) -> OpenTurn:
        """Send a prompt, and return its turn when the last frame has been sent.

        Args:
            prompt: The prompt.
            is_aligned: Whether it begins at a multiple of 0.16 s of audio, and not at once.
        """
        turn = OpenTurn(prompt.text)

        def start(at: float) -> None:
            turn.voiced = [Stretch(at + part.start, at + part.end) for part in prompt.voiced]
            self._conversation.begin(turn)
            self._recording.add_caller(at, prompt.pcm)
            self.record.add(at, "caller", prompt.text, seconds=prompt.seconds)
            self.record.seconds_said += prompt.seconds

        speech = Speech(prompt.frames, start, self._loop.create_future(), is_aligned=is_aligned)
        self._listener.last_sign = self._loop.time()
        self._microphone.speak(speech)
        self._watch.open_turns.append(turn)
        try:
            await self._watch.wait(speech.spoken.done, turn=turn, is_speaking=True)
        except BaseException:
            self._microphone.fall_silent()
            self._note_unsaid(speech)
            self.forget(turn)
            raise
        self._listener.last_sign = self._loop.time()
        return turn

    def _note_unsaid(self, speech: Speech) -> None:
        """Take what was not said of a prompt out of the record."""
        if speech.is_started:
            self._recording.cut_caller(self._playout.now())
            self.record.seconds_said -= len(speech.frames) * FRAME_SECONDS

    def forget(self, turn: OpenTurn) -> None:
        """Forget a turn: its prompt was not said to its end, or the test does not wait for its answer."""
        self._watch.give_up(turn)
        self._conversation.drop(turn, self._playout.now())

    async def wait_for_quiet(self, seconds: float) -> None:
        """Wait until the turn before is over, and the line has been quiet for some seconds of audio."""
        await self._until_pending_turns_are_over()

        def quiet_at() -> float:
            return max(self._began, self._playout.voiced_until) + seconds

        await self._watch.wait(
            lambda: self._watch.has_come(quiet_at()),
            turn=self._conversation.current,
            awaits_time=quiet_at,
            needs_sign=False,
        )

    async def _until_pending_turns_are_over(self) -> None:
        for turn in list(self._watch.open_turns):
            await self._watch.until_over(turn)

    async def wait_until_talking_over(self, over: float, lead: float) -> float:
        """Wait for the moment at which a prompt must start to talk over the reply.

        Args:
            over: Seconds after the first voiced sample of the reply.
            lead: Seconds of silence before the first voiced sample of the prompt.

        Returns:
            How many seconds ago that moment was.
        """
        turn = self._reply_to_talk_over()
        reply = _reply_of(turn)
        await self._watch.wait(lambda: turn.reply_began is not None or self._watch.is_over(turn), turn=turn)
        if turn.reply_began is None:
            raise AgentError(f"over={over:g}: {reply} has no sound to talk over")
        since = self._playout.now() - self._playout.voiced_until
        if self._watch.is_over(turn) and since > 0:
            raise AgentError(f"over={over:g}: {reply} is over, its sound ended {since:.2f} s ago")
        target = turn.reply_began + over
        await self._watch.until(target - lead)
        ends, now = self._playout.voiced_until, self._playout.now()
        if self._watch.is_over(turn) and ends < max(target, now):
            lasted = ends - turn.reply_began
            raise AgentError(f"over={over:g} is longer than {reply}, which lasted {lasted:.2f} s")
        return now - (target - lead)

    def _reply_to_talk_over(self) -> OpenTurn:
        if self._watch.open_turns:
            return self._watch.open_turns[-1]
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
        """Wait until a turn is over, and return it. After a cancellation, the turn goes on."""
        try:
            await self._watch.until_over(turn)
        except AgentError:
            self._leave(turn)
            raise
        self._leave(turn)
        self._note(turn)
        return self._watch.result(turn)

    def _leave(self, turn: OpenTurn) -> None:
        self._watch.give_up(turn)
        if turn is self._conversation.current:
            self._conversation.start_over()

    async def hear(self) -> Turn:
        """Wait for what the agent says of its own accord."""
        await self._until_pending_turns_are_over()
        if self._conversation.current.prompt is not None:
            self._conversation.start_over()
        self._listener.last_sign = self._loop.time()
        return await self.finish(self._conversation.current)

    async def pause(self, seconds: float) -> Turn:
        """Return what happens within some seconds of audio."""
        tap = OpenTurn()
        before = self._conversation.current
        has_more = bool(before.events)
        self._listener.taps.append(tap)
        try:
            await self._watch.until(self._playout.now() + seconds)
        finally:
            self._listener.taps.remove(tap)
        if self._listener.is_closed:
            raise self._watch.lost(tap)
        current = self._conversation.current
        is_complete = current.prompt is None and not (has_more and current is before)
        if is_complete and self._conversation.replying is not current:
            self._conversation.start_over()
        return self._watch.result(tap)

    def _note(self, turn: OpenTurn) -> None:
        """Add a turn that is over to the record."""
        latency = latency_of(turn, self.record.pace, self._microphone)
        self.record.turns += 1
        if isinstance(latency, float):
            self.record.latencies.append(latency)
            self.record.add(self._playout.now(), "turn", seconds=latency)
        else:
            self.record.add(self._playout.now(), "turn", latency)

    # -- the end

    async def close(self) -> None:
        """End the tasks, and close the line. A second call waits for the first one."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close(), name="russo: closing the line")
        elif self._closing.done():
            return
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        self._watch.is_hung_up = self._listener.is_stopping = True
        self._signal.notify()
        began = self._loop.time()
        try:
            if await end_tasks(self._tasks, CLOSE_SECONDS):
                self.record.problems.append("a task of the line could not be cancelled, and was abandoned")
        finally:
            try:
                await self._connection.close(spent=self._loop.time() - began)
            finally:
                problems = (self._connection.problem, self._recording.problem)
                self.record.problems += [problem for problem in problems if problem]


def _reply_of(turn: OpenTurn) -> str:
    return "the agent's own speech" if turn.prompt is None else f"the reply to {turn.prompt!r:.80}"
