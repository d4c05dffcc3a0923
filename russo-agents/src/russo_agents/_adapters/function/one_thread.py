"""`OneThread`: runs blocking functions beside an event loop.

The thread is a daemon: at exit, Python waits for every other thread, also for a thread that is blocked.
"""

from __future__ import annotations

import asyncio
import contextvars
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")


class OneThread:
    """Calls functions one after another in a thread, which begins with the first call.

    All calls share the thread, so that a function may keep connections that belong to a thread.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._ended: asyncio.Future[None] | None = None

    async def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """Return what the function returns, or raise what it raises, in the context of the caller."""
        loop = asyncio.get_running_loop()
        if self._thread is None:
            self._ended = ended = loop.create_future()
            self._thread = threading.Thread(
                target=self._work, args=(loop, ended), name=self._name, daemon=True
            )
            self._thread.start()
        # A future cannot hold every exception, so it holds a function that returns or raises.
        outcome: asyncio.Future[Callable[[], T]] = loop.create_future()
        context = contextvars.copy_context()

        def job() -> None:
            found = _outcome_of(lambda: context.run(function, *arguments))
            _call_soon(loop, lambda: None if outcome.done() else outcome.set_result(found))

        self._jobs.put(job)
        return (await outcome)()

    def stop(self) -> None:
        """Let the thread end after the calls that were made."""
        self._jobs.put(None)

    async def ends_within(self, seconds: float) -> bool:
        """Wait for the end of the thread; return whether it ended in time."""
        if self._thread is None or self._ended is None:
            return True
        await asyncio.wait({self._ended}, timeout=seconds)
        if not self._ended.done():
            return False
        self._thread.join(seconds)
        return True

    def _work(self, loop: asyncio.AbstractEventLoop, ended: asyncio.Future[None]) -> None:
        while (job := self._jobs.get()) is not None:
            job()
            del job  # it holds the arguments and the result of the call
        _call_soon(loop, lambda: ended.set_result(None))


def _outcome_of(call: Callable[[], T]) -> Callable[[], T]:
    """Return a function that returns or raises what a call does."""
    try:
        value = call()
    except BaseException as caught:  # noqa: BLE001 - raised again by `fail`
        error = caught

        def fail() -> T:
            raise error

        return fail
    return lambda: value


def _call_soon(loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
    with suppress(RuntimeError):  # the loop is closed: the call was abandoned
        loop.call_soon_threadsafe(callback)
