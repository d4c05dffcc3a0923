"""Waiting in coroutines by russo's own clock. It works in any event loop.

An event loop's own timers read ``time.monotonic``. If a test freezes that clock, ``asyncio.sleep`` never
returns. So one thread per process counts the time, and wakes the coroutine in its event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import heapq
import itertools
import os
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Final

from ._clock import monotonic

ALARM_THREAD: Final = "russo-clock"
_LONGEST_WAIT: Final = 3600.0  # Python's locks refuse to wait for longer than about 292 years


async def sleep(seconds: float) -> None:
    """Wait, as ``asyncio.sleep`` does."""
    loop = asyncio.get_running_loop()
    woken: asyncio.Future[None] = loop.create_future()

    def wake() -> None:
        if not woken.done():
            woken.set_result(None)

    with _alarm(loop, seconds, wake):
        await woken


@contextlib.asynccontextmanager
async def timeout(seconds: float) -> AsyncIterator[None]:
    """Limit the time of a block, as ``asyncio.timeout`` does.

    Raises:
        TimeoutError: The block took longer.
    """
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(None) as limit:

        def expire() -> None:
            with contextlib.suppress(RuntimeError):  # the block has ended
                limit.reschedule(loop.time())

        with _alarm(loop, seconds, expire):
            yield


@contextlib.contextmanager
def _alarm(loop: asyncio.AbstractEventLoop, seconds: float, ring: Callable[[], None]) -> Iterator[None]:
    """Call ``ring`` in the event loop after ``seconds``, unless the block ends before."""

    def ring_in_loop() -> None:
        with contextlib.suppress(RuntimeError):  # the event loop was closed
            loop.call_soon_threadsafe(ring)

    try:
        cancel = _alarms().add(seconds, ring_in_loop)
    except RuntimeError:  # no thread can be started
        cancel = loop.call_later(seconds, ring).cancel
    try:
        yield
    finally:
        cancel()


class _Alarms:
    """Calls functions at their times, in a thread that ends when no function is left."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._changed = threading.Condition()
        self._pending: dict[int, Callable[[], None]] = {}
        self._queue: list[tuple[float, int]] = []
        self._numbers = itertools.count()
        self._is_running = False

    def add(self, seconds: float, ring: Callable[[], None]) -> Callable[[], None]:
        """Call ``ring`` after ``seconds`` in another thread; return a function that cancels the call.

        Raises:
            RuntimeError: No thread can be started.
        """
        if self._pid != os.getpid():
            self._begin()  # a forked child: the parent has the thread
        with self._changed:
            if not self._is_running:
                threading.Thread(target=self._serve, name=ALARM_THREAD, daemon=True).start()
                self._is_running = True
            number = next(self._numbers)
            self._pending[number] = ring
            heapq.heappush(self._queue, (monotonic() + seconds, number))
            if self._queue[0][1] == number:
                self._changed.notify()
        return functools.partial(self._cancel, number)

    def _cancel(self, number: int) -> None:
        with self._changed:
            if self._pending.pop(number, None) is not None and not self._pending:
                self._changed.notify()

    def _serve(self) -> None:
        with self._changed:
            while self._pending:
                due, number = self._queue[0]
                remaining = due - monotonic()
                if number in self._pending and remaining > 0:
                    self._changed.wait(min(remaining, _LONGEST_WAIT))
                    continue
                heapq.heappop(self._queue)
                ring = self._pending.pop(number, None)
                if ring is not None:
                    ring()
            self._queue.clear()
            self._is_running = False


@functools.cache
def _alarms() -> _Alarms:
    """Return the alarms of this process."""
    return _Alarms()
