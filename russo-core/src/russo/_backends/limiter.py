"""A cap on calls in progress that holds over event loops and threads.

An `asyncio.Semaphore` belongs to one event loop; a synthesizer is used from many, under trio from one
per call.
"""

from __future__ import annotations

import asyncio
import collections
import threading
from concurrent.futures import Future
from typing import Final


class Limiter:
    """An async context manager that at most ``number`` callers are in at once; first come, first served.

    A caller whose event loop was closed under it counts as gone.
    """

    def __init__(self, number: int) -> None:
        self.number: Final = number
        self._inside: list[asyncio.AbstractEventLoop] = []
        self._waiting: collections.deque[tuple[asyncio.AbstractEventLoop, Future[None]]]
        self._waiting = collections.deque()
        self._lock = threading.Lock()

    async def __aenter__(self) -> None:
        loop = asyncio.get_running_loop()
        ticket = self._ask(loop)
        if ticket is None:
            return
        try:
            await asyncio.wrap_future(ticket)
        except BaseException:
            if not ticket.cancel():  # it was given at that very moment
                self._leave(loop)
            raise

    async def __aexit__(self, *_: object) -> None:
        self._leave(asyncio.get_running_loop())

    def _ask(self, loop: asyncio.AbstractEventLoop) -> Future[None] | None:
        """Enter at once, or get a ticket that is done when the turn has come."""
        with self._lock:
            self._inside = [each for each in self._inside if not each.is_closed()]
            if len(self._inside) < self.number:
                self._inside.append(loop)
                return None
            ticket: Future[None] = Future()
            self._waiting.append((loop, ticket))
            return ticket

    def _leave(self, loop: asyncio.AbstractEventLoop) -> None:
        called = []
        with self._lock:
            if loop in self._inside:
                self._inside.remove(loop)
            while self._waiting and len(self._inside) < self.number:
                waiter, ticket = self._waiting.popleft()
                if not waiter.is_closed() and ticket.set_running_or_notify_cancel():
                    self._inside.append(waiter)
                    called.append(ticket)
        for ticket in called:
            ticket.set_result(None)
