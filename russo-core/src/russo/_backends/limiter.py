"""`Limiter`: a limit of concurrent calls that holds over event loops and threads.

An `asyncio.Semaphore` belongs to one event loop. A synthesizer may be used from many event loops; under
trio each call has its own.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import threading
from concurrent.futures import Future
from typing import Final

from .._alarms import timeout
from .._loops import is_gone

# A caller's event loop may be closed before the caller left, so waiting callers check for it.
_CHECK_SECONDS: Final = 0.5


class Limiter:
    """An async context manager that at most ``number`` callers can enter at once, in order of arrival.

    If an event loop is closed before its callers left, these callers no longer count.
    """

    def __init__(self, number: int) -> None:
        self.number: Final = number
        self._inside: collections.Counter[asyncio.AbstractEventLoop] = collections.Counter()
        self._room = number
        self._waiting: collections.deque[tuple[asyncio.AbstractEventLoop, Future[None]]]
        self._waiting = collections.deque()
        self._lock = threading.Lock()

    async def __aenter__(self) -> None:
        loop = asyncio.get_running_loop()
        ticket: Future[None] = Future()
        with self._lock:
            self._waiting.append((loop, ticket))
        self._admit()
        if ticket.done():
            return
        try:
            await self._wait_for(ticket)
        except BaseException:
            if not ticket.cancel():  # the ticket was granted at the same moment
                self._leave(loop)
            raise

    async def __aexit__(self, *_: object) -> None:
        try:
            self._leave(asyncio.get_running_loop())
        except RuntimeError:  # the caller is destroyed after its event loop ended
            for loop in [each for each in self._inside if not each.is_running()][:1]:
                self._leave(loop)

    async def _wait_for(self, ticket: Future[None]) -> None:
        granted = asyncio.wrap_future(ticket)
        while not granted.done():
            with contextlib.suppress(TimeoutError):
                async with timeout(_CHECK_SECONDS):
                    await asyncio.shield(granted)
            self._admit()

    def _leave(self, loop: asyncio.AbstractEventLoop) -> None:
        with self._lock:
            self._remove(loop, 1)
        self._admit()

    def _admit(self) -> None:
        """Grant the oldest tickets, as many as there is room for."""
        granted = []
        with self._lock:
            if self._waiting and not self._room:
                for loop in [each for each in self._inside if is_gone(each)]:
                    self._remove(loop, self._inside[loop])
            while self._waiting and self._room:
                loop, ticket = self._waiting.popleft()
                if not is_gone(loop) and ticket.set_running_or_notify_cancel():
                    self._inside[loop] += 1
                    self._room -= 1
                    granted.append(ticket)
        for ticket in granted:
            ticket.set_result(None)

    def _remove(self, loop: asyncio.AbstractEventLoop, number: int) -> None:
        """Count fewer callers of an event loop; those of a loop that is gone may be removed already."""
        number = min(number, self._inside[loop])
        self._inside[loop] -= number
        self._room += number
        if not self._inside[loop]:
            del self._inside[loop]
