"""An event loop in its own thread, for callers that are not async: plain tests, and the command.

A run has one loop, so that a synthesizer can keep its connections between tests. The loop has its own
thread, so that it does not disturb the event loops of the tests, and so that a call that blocks it cannot
keep the run from ending.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import sys
import sysconfig
import threading
import traceback
from collections.abc import Callable, Coroutine, Iterator, Mapping
from concurrent.futures import Future, wait
from typing import Any, Final, TypeVar

from .._backends.backend_call import BackendCall
from .._clock import monotonic
from .._errors import RussoError, shorten
from .._foreign import shown
from .._loops import give_up
from .event_loops import DaemonThreads, new_event_loop

T = TypeVar("T")

START_SECONDS: Final = 30.0
CLOSE_SECONDS: Final = 5.0
_REPLY_SECONDS: Final = 2.0
_CHECK_SECONDS: Final = 1.0
_MOST_NAMED: Final = 5


class StillRunningError(Exception):
    """A coroutine did not end in time. It was cancelled, but may still run."""


class LoopBlockedError(RussoError):
    """Something blocks russo's event loop: code that runs in the loop does not return.

    Attributes:
        place: The file, the line and the function that run.
        seconds: For how long the loop has not replied.
    """

    __module__ = "russo.plugins"

    place: str
    seconds: float


class BackgroundLoop:
    """Runs coroutines for callers that have no event loop.

    Attributes:
        pid: The process that runs the thread; a forked child does not have the thread.

    Raises:
        RussoError: The thread or the event loop cannot start.
    """

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._threads = DaemonThreads()
        self._was_interrupted = False
        self._replied_at = 0.0
        self._started: Future[asyncio.AbstractEventLoop] = Future()
        self._thread = threading.Thread(target=self._serve, name="russo", daemon=True)
        try:
            self._thread.start()
            self._loop = self._started.result(START_SECONDS)
        except Exception as error:
            reason = str(error) or f"it did not start within {START_SECONDS:g} s"
            raise RussoError(f"the event loop for plain tests cannot start: {reason}") from error

    def _serve(self) -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: new_event_loop(self._threads)) as runner:
                runner.run(self._wait_until_closed())
        except BaseException as error:  # noqa: BLE001 - the thread that waits for the loop reports it
            if not self._started.done():
                self._started.set_exception(error)

    async def _wait_until_closed(self) -> None:
        self._closing = asyncio.Event()
        self._started.set_result(asyncio.get_running_loop())
        await self._closing.wait()

    def run(
        self,
        coroutine: Coroutine[Any, Any, T],
        seconds: float = math.inf,
        *,
        on_interrupt: Callable[[], object] | None = None,
        blocked_seconds: float = math.inf,
    ) -> T:
        """Run a coroutine and return its result; an interrupt of the caller cancels the coroutine.

        Args:
            coroutine: The coroutine to run.
            seconds: The longest wait. By default there is no limit, because a backend has its own limit. The
                wait also ends if the event loop ends.
            on_interrupt: Called at the first interrupt, which then does not cancel the coroutine.
            blocked_seconds: How long code in the event loop may block it. By default there is no limit.

        Raises:
            RussoError: The event loop has ended, or this call is made in its own thread.
            StillRunningError: The coroutine did not end in time.
            LoopBlockedError: Something blocks the event loop.
        """
        __tracebackhide__ = True
        self._replied_at = monotonic()
        try:
            if threading.current_thread() is self._thread:
                raise RuntimeError("this call is made in the event loop itself; await the coroutine instead")
            future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        except RuntimeError as error:
            coroutine.close()  # else Python warns that it was never awaited
            raise RussoError(f"russo's event loop cannot run this: {error}") from error
        deadline = monotonic() + seconds
        try:
            try:
                self._wait_for(future, deadline, blocked_seconds)
            except KeyboardInterrupt:
                if on_interrupt is None:
                    raise
                on_interrupt()
                self._wait_for(future, deadline, blocked_seconds)
        except BaseException as error:
            self._was_interrupted = True
            future.cancel()
            # A signal is raised in a frame of `threading`, which says nothing about the test.
            error.with_traceback(None)
            raise
        return future.result()

    def _wait_for(self, future: Future[Any], deadline: float, blocked_seconds: float) -> None:
        __tracebackhide__ = True
        while not wait([future], min(_CHECK_SECONDS, max(0.0, deadline - monotonic()))).done:
            if not self._thread.is_alive() and not future.done():
                raise RussoError("russo's event loop ended during the call")
            if monotonic() >= deadline:
                raise StillRunningError
            if blocked_seconds < math.inf:
                self._check_reply(blocked_seconds)

    def _check_reply(self, most: float) -> None:
        """Ask the loop for a reply, and raise an error if it has not replied for too long."""
        __tracebackhide__ = True
        seconds = monotonic() - self._replied_at
        if seconds < most:
            with contextlib.suppress(RuntimeError):  # it has ended
                self._loop.call_soon_threadsafe(self._note_reply)
        elif not self._replies():  # asked once more: the machine may have been asleep
            place = _running_place(self._thread)
            raise LoopBlockedError(
                f"{place} blocks russo's event loop for {seconds:.0f} s", place=place, seconds=seconds
            )

    def _note_reply(self) -> None:
        self._replied_at = monotonic()

    def _replies(self) -> bool:
        """Return whether the loop runs what it is given."""
        replied = threading.Event()
        with contextlib.suppress(RuntimeError):  # it has ended
            self._loop.call_soon_threadsafe(replied.set)
        return replied.wait(_REPLY_SECONDS)

    @property
    def is_usable(self) -> bool:
        """Whether the loop runs, and is not blocked by a call whose caller was interrupted."""
        if not self._thread.is_alive():
            return False
        if self._was_interrupted:
            if not self._replies():
                return False
            self._was_interrupted = False
        return True

    def close(
        self, calls: Mapping[BackendCall, asyncio.AbstractEventLoop], seconds: float | None = None
    ) -> list[str]:
        """Cancel the tasks, and end the loop and its threads. Calls that block them longer are abandoned.

        Args:
            calls: The backend calls in progress, with their event loops.
            seconds: How long to wait; by default 5 s.

        Returns:
            A sentence for each call that is abandoned.
        """
        seconds = CLOSE_SECONDS if seconds is None else seconds
        self._threads.shutdown_seconds = seconds / 2
        with contextlib.suppress(RuntimeError):  # it has ended
            self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join(seconds)
        abandoned = self._threads.calls
        if self._thread.is_alive():
            give_up(self._loop)
            blocked = [call for call, loop in list(calls.items()) if loop is self._loop]
            abandoned = list(dict.fromkeys([*blocked, *abandoned]))
            if not abandoned:
                return [f"abandoned: something blocks the event loop, and did not end within {seconds:g} s"]
        return list(_sentences(abandoned, seconds))


def _running_place(thread: threading.Thread) -> str:
    """Return the file, the line and the function that a thread runs, of the user's code if possible."""
    frame = sys._current_frames().get(thread.ident or 0)
    if frame is None:
        return "a thread that has ended"
    stack = traceback.extract_stack(frame)
    folders = tuple(sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib"))
    own = [each for each in stack if not each.filename.startswith((*folders, "<"))]
    place = [*stack[-1:], *own][-1]
    return shown(f"{place.filename}:{place.lineno} in {place.name}")


def _sentences(abandoned: list[BackendCall], seconds: float) -> Iterator[str]:
    # A loop that is closed at once is known to be blocked.
    where = f"which did not end within {seconds:g} s" if seconds else "in an event loop that is blocked"
    for call in abandoned[:_MOST_NAMED]:
        yield f"abandoned: a call of {shown(call.backend)} for {shorten(call.prompt)}, {where}"
    if len(abandoned) > _MOST_NAMED:
        yield f"abandoned: {len(abandoned) - _MOST_NAMED} more calls"
