"""`Limiter`: a limit of concurrent calls that holds over event loops and threads.

An `asyncio.Semaphore` belongs to one event loop. A synthesizer may be used from many event loops; under
trio each call has its own.
"""

from __future__ import annotations

import asyncio
import collections
import threading
from concurrent.futures import Future
from typing import Final


class Limiter:
    """An async context manager that at most ``number`` callers can enter at once, in order of arrival.

    A caller whose event loop was closed before the caller left does not count any more.
    """

    def __init__(self, number: int) -> None:
        self.number: Final = number
        self._inside: list[asyncio.AbstractEventLoop] = []
        self._waiting: collections.deque[tuple[asyncio.AbstractEventLoop, Future[None]]]
        self._waiting = collections.deque()
        self._lock = threading.Lock()

    async def __aenter__(self) -> None:
        loop = asyncio.get_running_loop()
        ticket = self._enter_or_queue(loop)
        if ticket is None:
            return
        try:
            await asyncio.wrap_future(ticket)
        except BaseException:
            if not ticket.cancel():  # the ticket was granted at the same moment
                self._leave(loop)
            raise

    async def __aexit__(self, *_: object) -> None:
        self._leave(asyncio.get_running_loop())

    def _enter_or_queue(self, loop: asyncio.AbstractEventLoop) -> Future[None] | None:
        """Enter and return ``None``, or return a ticket that is done when this caller may enter."""
        with self._lock:
            self._inside = [each for each in self._inside if not each.is_closed()]
            if len(self._inside) < self.number:
                self._inside.append(loop)
                return None
            ticket: Future[None] = Future()
            self._waiting.append((loop, ticket))
            return ticket

    def _leave(self, loop: asyncio.AbstractEventLoop) -> None:
        granted = []
        with self._lock:
            if loop in self._inside:
                self._inside.remove(loop)
            while self._waiting and len(self._inside) < self.number:
                waiter, ticket = self._waiting.popleft()
                if not waiter.is_closed() and ticket.set_running_or_notify_cancel():
                    self._inside.append(waiter)
                    granted.append(ticket)
        for ticket in granted:
            ticket.set_result(None)
