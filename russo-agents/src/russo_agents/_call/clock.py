"""`AudioClock`: the one clock of a call, in seconds of audio.

In real time the clock follows the event loop's clock. At pace 0 it counts the frames that the microphone has
sent, so that sound, silence, play-out and interruption keep their order and their distances.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from typing import Final

FRAME_SECONDS: Final = 0.02


class Signal:
    """Wakes all tasks that wait for a change."""

    def __init__(self) -> None:
        self._waiters: set[asyncio.Future[None]] = set()

    def notify(self) -> None:
        """Wake the tasks that wait now."""
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def wait(self, seconds: float) -> None:
        """Wait for the next change, but not longer than some seconds of wall time."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        timer = loop.call_later(seconds, _resolve(waiter))
        self._waiters.add(waiter)
        try:
            await waiter
        finally:
            timer.cancel()
            self._waiters.discard(waiter)


def _resolve(waiter: asyncio.Future[None]) -> Callable[[], None]:
    return lambda: None if waiter.done() else waiter.set_result(None)


class AudioClock:
    """Seconds of audio since the call began.

    Args:
        pace: 1.0 is real time, 2.0 twice as fast; at 0 the microphone moves the clock.

    Attributes:
        wanted: Notified if the clock may have to move at once, at pace 0.
    """

    def __init__(self, pace: float) -> None:
        self.pace = pace
        self.wanted = Signal()
        self._loop = asyncio.get_running_loop()
        self._start = self._loop.time()
        self._frames = 0
        self._order = 0
        self._waiters: list[tuple[float, int, asyncio.Future[None]]] = []

    def now(self) -> float:
        """Return the seconds of audio since the call began."""
        if self.pace:
            return (self._loop.time() - self._start) * self.pace
        return self._frames * FRAME_SECONDS

    @property
    def frames(self) -> int:
        """How many frames the microphone has sent."""
        return self._frames

    @property
    def is_awaited(self) -> bool:
        """Whether a `sleep_until` has not returned yet. Only pace 0 needs it."""
        while self._waiters and self._waiters[0][2].done():
            heapq.heappop(self._waiters)
        return bool(self._waiters)

    def tick(self) -> None:
        """Count a frame that the microphone has sent."""
        self._frames += 1
        while self._waiters and self._waiters[0][0] <= self._frames * FRAME_SECONDS + 1e-9:
            _, _, waiter = heapq.heappop(self._waiters)
            if not waiter.done():
                waiter.set_result(None)

    async def sleep_until(self, seconds: float) -> None:
        """Wait until the clock shows a time."""
        if self.pace:
            await asyncio.sleep(max(0.0, (seconds - self.now()) / self.pace))
        elif seconds <= self.now():
            await asyncio.sleep(0)  # an adapter that waits in a loop must not block the event loop
        else:
            waiter: asyncio.Future[None] = self._loop.create_future()
            self._order += 1
            heapq.heappush(self._waiters, (seconds, self._order, waiter))
            self.wanted.notify()
            await waiter
