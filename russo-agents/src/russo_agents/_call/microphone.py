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
        self._late: deque[tuple[float, float]] = deque(maxlen=_MOST_LATE)

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
        return max((late for at, late in self._late if start <= at <= end), default=0.0)

    async def run(self) -> None:
        """Send frames until the task is cancelled, or the line fails."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        was_hurried = False
        while True:
            late = loop.time() - due
            if late > LATE_SECONDS:
                # The time at which the frame was due: what blocked the event loop may have been the reply.
                self._late.append((self._clock.now() - late * self._clock.pace, late))
            await self._line.send(self._next_frame())
            self._clock.tick()
            if self._is_hurried:
                was_hurried = True
                await asyncio.sleep(0)
                due = loop.time()
                continue
            if was_hurried:
                was_hurried = False
                self._signal.notify()
            due += FRAME_SECONDS / (self._clock.pace or 1.0)
            if self._clock.pace:
                await asyncio.sleep(max(0.0, due - loop.time()))
            else:
                await self._idle(due)

    async def _idle(self, due: float) -> None:
        """Wait until the next frame of silence is due in real time, or until it is wanted at once."""
        loop = asyncio.get_running_loop()
        while (rest := due - loop.time()) > 0 and not self._is_hurried:
            await self._clock.wanted.wait(rest)

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

    @property
    def _is_hurried(self) -> bool:
        """Whether the next frame is sent at once, at pace 0."""
        if self._clock.pace:
            return False
        if self._speech:
            return True
        if not self._waits:
            return False
        now = self._clock.now()
        if self._run_to is not None:
            return now < self._run_to
        return now < max(self._eager_until, self._playout.played_until()) or self._clock.is_awaited
