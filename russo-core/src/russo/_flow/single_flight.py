"""Single flight: equal requests in one process share one call, across tasks, threads and event loops.

A flight is a task of the event loop that made the first request. Cancelling a waiter does not cancel the
flight. If the flight's loop ends before the flight, the waiters in other loops start again, and one of them
owns the new flight.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import functools
import os
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from .._alarms import timeout
from .._audio import Audio
from .._clock import monotonic
from .._loops import is_gone
from .._store.locks import PATIENCE

if TYPE_CHECKING:
    from .._store.cache import AudioCache

_CHECK_SECONDS: Final = 0.05
FlightName: TypeAlias = tuple["AudioCache", str]
"""The cache object and the key."""


@dataclass(frozen=True, slots=True)
class Landing:
    """How a flight ended.

    Attributes:
        audio: The audio.
        directory: The cache in which it was found, or ``None`` if the backend was called.
        is_new: Whether the backend was called.
        remote: The URL of the shared store that had it, if any.
    """

    audio: Audio
    directory: Path | None
    is_new: bool
    remote: str | None = None


class _AbandonedError(Exception):
    """The flight's event loop ended before the flight did."""


class _Flight:
    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop: Final = loop
        self.outcome: Final[concurrent.futures.Future[Landing]] = concurrent.futures.Future()
        self.task: asyncio.Task[None] | None = None

    async def run(self, call: Callable[[], Awaitable[Landing]], landed: Callable[[], None]) -> None:
        try:
            result = await call()
        except asyncio.CancelledError:
            landed()
            self.outcome.cancel()
            raise
        except BaseException as error:  # noqa: BLE001 - every waiter gets the exception
            landed()
            self.outcome.set_exception(error)
        else:
            landed()
            self.outcome.set_result(result)

    async def wait(self) -> Landing:
        loop = asyncio.get_running_loop()
        landed = asyncio.Event()

        def wake(_: concurrent.futures.Future[Landing]) -> None:
            with contextlib.suppress(RuntimeError):  # this waiter's loop has ended
                loop.call_soon_threadsafe(landed.set)

        self.outcome.add_done_callback(wake)
        # The loop of the flight may end, so waiters in other loops check it from time to time.
        if loop is self.loop:
            await landed.wait()
        asleep_since: float | None = None
        while not self.outcome.done():
            asleep_since = None if self.loop.is_running() else asleep_since or monotonic()
            if is_gone(self.loop) or (asleep_since and monotonic() - asleep_since > PATIENCE):
                raise _AbandonedError
            with contextlib.suppress(TimeoutError):
                async with timeout(_CHECK_SECONDS):
                    await landed.wait()
        if self.outcome.cancelled():
            raise _AbandonedError
        return self.outcome.result()


class SingleFlight:
    """The calls in progress in this process, by cache and key."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._flights: dict[FlightName, _Flight] = {}
        self._forget_at = 1

    async def join(self, name: FlightName, call: Callable[[], Awaitable[Landing]]) -> tuple[Landing, bool]:
        """Make the call, or wait for an equal call that is in progress.

        Args:
            name: The cache and the key; calls with the same name are equal.
            call: Makes the call.

        Returns:
            The call's result, and whether this waiter started it.

        Raises:
            BaseException: The exception of the call, in every waiter.
        """
        abandoned: _Flight | None = None
        while True:
            flight, mine = self._board(name, abandoned)
            if mine:
                flight.task = flight.loop.create_task(
                    flight.run(call, functools.partial(self._land, name, flight))
                )
                # A task that is cancelled before its first step runs none of its code.
                flight.task.add_done_callback(functools.partial(self._close, name, flight))
            try:
                return await flight.wait(), mine
            except _AbandonedError:
                abandoned = flight

    def _board(self, name: FlightName, abandoned: _Flight | None) -> tuple[_Flight, bool]:
        if self._pid != os.getpid():
            self._begin()  # a forked child: the parent has the flights and the lock's holder
        with self._lock:
            flight = self._flights.get(name)
            if flight is not None and flight is not abandoned:
                return flight, False
            if len(self._flights) >= self._forget_at:
                self._forget_the_gone()
            flight = self._flights[name] = _Flight(asyncio.get_running_loop())
            return flight, True

    def _forget_the_gone(self) -> None:
        """Remove the flights whose loop is gone, because they never end.

        The next time is when there are twice as many flights, so that the work per flight stays the same.
        """
        self._flights = {each: f for each, f in self._flights.items() if not is_gone(f.loop)}
        self._forget_at = 2 * len(self._flights) + 1

    def _close(self, name: FlightName, flight: _Flight, _: asyncio.Task[None]) -> None:
        if not flight.outcome.done():
            self._land(name, flight)
            flight.outcome.cancel()

    def _land(self, name: FlightName, flight: _Flight) -> None:
        with self._lock:
            if self._flights.get(name) is flight:
                del self._flights[name]


@functools.cache
def flights() -> SingleFlight:
    """Return the flights of this process."""
    return SingleFlight()
