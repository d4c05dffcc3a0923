"""`Microphone`: sends frames of 20 ms to the line, from the beginning of the call to its end.

The microphone is never closed: every voice detection counts audio, so an agent that gets no more audio never
ends a turn. Deadlines are absolute, because the errors of relative sleeps add up: 5 s of audio would take
5.3 s.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from .clock import FRAME_SECONDS

if TYPE_CHECKING:
    from .._protocol import Line
    from .clock import AudioClock, Signal
    from .playout import PlayoutQueue

LATE_SECONDS: Final = 0.05
# At pace 0, this much silence follows a prompt at once, so that the agent's voice detection ends the turn.
_EAGER_SECONDS: Final = 1.0
# A prompt begins at a multiple of 0.16 s of audio. So an agent that divides the audio into windows of 10, 20,
# 32 or 40 ms divides each prompt in the same way in each run, and hears the same.
_ALIGNED_FRAMES: Final = 8
_LONGEST_HOLD_SECONDS: Final = 1.0
# How many times of late frames are kept.
_MOST_LATE: Final = 1000


@dataclass(slots=True, eq=False)
class Speech:
    """A prompt in frames.

    Attributes:
        frames: 20 ms each, at the rate of the line.
        on_start: Called with the time of the first frame, before it is sent.
        spoken: Done when the last frame has been sent.
        is_aligned: Whether the prompt waits for the next multiple of 0.16 s of audio.
        is_started: Whether the first frame was sent.
    """

    frames: deque[bytes]
    on_start: Callable[[float], None]
    spoken: asyncio.Future[None]
    is_aligned: bool = True
    is_started: bool = False


@dataclass(slots=True, eq=False)
class _Lateness:
    """Frames that were late, one after another: from when the first was due until when the last was due."""

    start: float
    end: float
    most: float


class Microphone:
    """Sends prompts, and silence between them.

    Args:
        line: The line to send to.
        clock: The clock of the call; at pace 0 the microphone moves it.
        playout: The clock of what the caller has heard.
        signal: Notified when a prompt has been spoken, and when silence is not sent fast any more.

    At pace 0, silence is sent fast only while a method of the call waits and there is sound to be played: an
    agent that thinks must not be flooded. While no method waits, nothing is sent: the audio must not run on
    while the test does something else.
    """

    def __init__(self, line: Line, clock: AudioClock, playout: PlayoutQueue, signal: Signal) -> None:
        self._waits = 0
        self._run_to: float | None = None
        self._signal = signal
        self._line = line
        self._clock = clock
        self._playout = playout
        self._silence = bytes(2 * round(line.sample_rate * FRAME_SECONDS))
        self._speech: deque[Speech] = deque()
        self._sent = 0
        self._eager_until = 0.0
        self._late: deque[_Lateness] = deque(maxlen=_MOST_LATE)

    def speak(self, speech: Speech) -> None:
        """Queue a prompt."""
        self._speech.append(speech)
        self._clock.wanted.notify()

    def begin_wait(self) -> None:
        """Note that a method of the call waits."""
        self._waits += 1
        self._clock.wanted.notify()

    def run_to(self, at: float) -> None:
        """At pace 0, send silence fast until a time, for which a method of the call waits."""
        self._run_to = at
        self._clock.wanted.notify()

    def end_wait(self) -> None:
        """Note that a method of the call does not wait any more."""
        self._waits -= 1
        self._run_to = None

    def fall_silent(self) -> None:
        """Drop the rest of what is queued."""
        for speech in self._speech:
            speech.spoken.cancel()
        self._speech.clear()

    def lateness(self, start: float, end: float) -> float:
        """Return how late a frame was at most between two times of the clock, in seconds of wall time."""
        return max((each.most for each in self._late if each.start <= end and each.end >= start), default=0.0)

    async def run(self) -> None:
        """Send frames until the task is cancelled, or the line fails."""
        await (self._run_paced() if self._clock.pace else self._run_free())

    async def _run_paced(self) -> None:
        """Send each frame when it is due."""
        loop = asyncio.get_running_loop()
        step = FRAME_SECONDS / self._clock.pace
        due = loop.time()
        while True:
            late = loop.time() - due
            if late > 0 and self._speech and not self._speech[0].is_started:
                # A prompt begins on time: frames that are made up for would follow each other too fast.
                due += late
            elif late > LATE_SECONDS:
                self.note_late(late)
            await self._line.send(self._next_frame())
            self._clock.tick()
            due += step
            await asyncio.sleep(max(0.0, due - loop.time()))

    async def _run_free(self) -> None:
        """Send frames as fast as the line takes them while there is something to hear, else in real time."""
        loop = asyncio.get_running_loop()
        send, tick = self._line.send, self._clock.tick
        was_hurried, due = False, loop.time()
        await self._idle(due)
        while True:
            frame = self._next_frame()
            tick()  # before the frame is sent: an event that answers the frame comes after it
            await send(frame)
            if self._is_hurried():
                was_hurried = True
                await asyncio.sleep(0)
                continue
            if was_hurried:
                was_hurried, due = False, loop.time()
                self._signal.notify()
            due = await self._idle(due + FRAME_SECONDS)

    async def _idle(self, due: float) -> float:
        """Wait until a frame is due in real time while a method waits, or until it is wanted at once.

        Returns:
            When the frame was due.
        """
        loop = asyncio.get_running_loop()
        while not self._is_hurried():
            rest = due - loop.time()
            if not self._waits:
                await self._clock.wanted.wait(_LONGEST_HOLD_SECONDS)
                due = loop.time()
            elif rest > 0:
                await self._clock.wanted.wait(rest)
            else:
                break
        return due

    def note_late(self, late: float) -> None:
        """Note a late frame by the time at which it was due: the reply may have blocked the event loop."""
        at = self._clock.now() - late * self._clock.pace
        last = self._late[-1] if self._late else None
        if last is not None and at - last.end < 2 * FRAME_SECONDS:
            last.end, last.most = at, max(last.most, late)
        else:
            self._late.append(_Lateness(at, at, late))

    def _next_frame(self) -> bytes:
        self._sent += 1
        if not self._speech:
            return self._silence
        speech = self._speech[0]
        if not speech.is_started:
            if speech.is_aligned and (self._sent - 1) % _ALIGNED_FRAMES:
                return self._silence
            speech.is_started = True
            speech.on_start(self._clock.now())
        frame = speech.frames.popleft()
        if not speech.frames:
            self._speech.popleft()
            self._eager_until = self._clock.now() + _EAGER_SECONDS
            if not speech.spoken.done():
                speech.spoken.set_result(None)
            self._signal.notify()
        return frame

    def _is_hurried(self) -> bool:
        """Return whether the next frame is sent at once, at pace 0."""
        if self._speech:
            return True
        if not self._waits:
            return False
        now = self._clock.now()
        if self._run_to is not None:
            return now < self._run_to
        return now < self._eager_until or now < self._playout.played_until() or self._clock.is_awaited
