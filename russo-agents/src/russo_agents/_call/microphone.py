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
    from .playout import Playout

LATE_SECONDS: Final = 0.05
# At pace 0, this much silence follows a prompt at once, so that the agent's voice detection ends the turn.
_EAGER_SECONDS: Final = 1.0
# How many times of late frames are kept.
_MOST_LATE: Final = 1000


@dataclass(slots=True, eq=False)
class Speech:
    """A prompt in frames.

    Attributes:
        frames: 20 ms each, at the rate of the line.
        on_start: Called with the time of the first frame, before it is sent.
        spoken: Done when the last frame has been sent.
    """

    frames: deque[bytes]
    on_start: Callable[[float], None]
    spoken: asyncio.Future[None]
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
    agent that thinks must not be flooded, and the audio must not run on while the test does something else.
    """

    def __init__(self, line: Line, clock: AudioClock, playout: Playout, signal: Signal) -> None:
        self._waits = 0
        self._run_to: float | None = None
        self._signal = signal
        self._line = line
        self._clock = clock
        self._playout = playout
        self._silence = bytes(2 * round(line.sample_rate * FRAME_SECONDS))
        self._speech: deque[Speech] = deque()
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
        while True:
            await send(self._next_frame())
            tick()
            if self._is_hurried():
                was_hurried = True
                await asyncio.sleep(0)
                continue
            if was_hurried:
                was_hurried, due = False, loop.time()
                self._signal.notify()
            due += FRAME_SECONDS
            await self._idle(due)

    async def _idle(self, due: float) -> None:
        """Wait until the next frame of silence is due in real time, or until it is wanted at once."""
        loop = asyncio.get_running_loop()
        while (rest := due - loop.time()) > 0 and not self._is_hurried():
            await self._clock.wanted.wait(rest)

    def note_late(self, late: float) -> None:
        """Note a late frame by the time at which it was due: the reply may have blocked the event loop."""
        at = self._clock.now() - late * self._clock.pace
        last = self._late[-1] if self._late else None
        if last is not None and at - last.end < 2 * FRAME_SECONDS:
            last.end, last.most = at, max(last.most, late)
        else:
            self._late.append(_Lateness(at, at, late))

    def _next_frame(self) -> bytes:
        if not self._speech:
            return self._silence
        speech = self._speech[0]
        if not speech.is_started:
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
