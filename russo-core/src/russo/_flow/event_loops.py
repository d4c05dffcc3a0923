"""russo's event loops: their clock runs on in frozen tests, and their threads end with the process."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final, ParamSpec, TypeVar

from .._backends.backend_call import BackendCall, current_backend_call
from .._clock import monotonic

P = ParamSpec("P")
T = TypeVar("T")

_MOST_THREADS: Final = 32
SHUTDOWN_SECONDS: Final = 2.0


class DaemonThreads(ThreadPoolExecutor):
    """Runs calls in daemon threads, because Python waits at exit for the threads of every other executor.

    Attributes:
        shutdown_seconds: How long `shutdown` waits for calls that are in progress.
    """

    def __init__(self) -> None:
        super().__init__(max_workers=1)  # asyncio accepts only this class; its own thread never starts
        self.shutdown_seconds = SHUTDOWN_SECONDS
        self._changed = threading.Condition()
        self._todo: collections.deque[tuple[Future[Any], Callable[[], Any], BackendCall | None]]
        self._todo = collections.deque()
        self._busy: dict[threading.Thread, BackendCall | None] = {}
        self._is_shut_down = False

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run a call in a thread.

        Raises:
            RuntimeError: No thread can be started, or the executor is shut down.
        """
        future: Future[T] = Future()
        with self._changed:
            if self._is_shut_down:
                raise RuntimeError("cannot schedule new futures after shutdown")
            self._todo.append((future, lambda: fn(*args, **kwargs), current_backend_call.get()))
            if len(self._busy) < _MOST_THREADS:
                self._start_thread()
        return future

    def _start_thread(self) -> None:
        thread = threading.Thread(target=self._work, name="russo-thread", daemon=True)
        self._busy[thread] = None
        try:
            thread.start()
        except RuntimeError:
            del self._busy[thread]
            if not self._busy:
                self._todo.pop()
                raise

    def _work(self) -> None:
        while True:
            with self._changed:
                if not self._todo:
                    del self._busy[threading.current_thread()]
                    self._changed.notify_all()
                    return
                future, call, backend_call = self._todo.popleft()
                self._busy[threading.current_thread()] = backend_call
            if not future.set_running_or_notify_cancel():
                continue
            try:
                result = call()
            except BaseException as error:  # noqa: BLE001 - it belongs to the caller
                future.set_exception(error)
            else:
                future.set_result(result)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Accept no more calls, and wait at most ``shutdown_seconds`` for those in progress."""
        deadline = monotonic() + self.shutdown_seconds
        with self._changed:
            self._is_shut_down = True
            if cancel_futures:
                for future, _, _ in self._todo:
                    future.cancel()
            while wait and self._busy and (remaining := deadline - monotonic()) > 0:
                self._changed.wait(remaining)

    @property
    def calls(self) -> list[BackendCall]:
        """The backend calls that are still in progress in a thread."""
        with self._changed:
            return [call for call in self._busy.values() if call is not None]


def new_event_loop(threads: DaemonThreads | None = None) -> asyncio.AbstractEventLoop:
    """Return a new event loop that uses russo's own clock.

    Args:
        threads: The executor for the calls of ``asyncio.to_thread``.
    """
    loop = asyncio.new_event_loop()
    with contextlib.suppress(AttributeError):  # uvloop, which uses its own clock
        loop.time = monotonic  # type: ignore[method-assign]
    loop.set_default_executor(threads or DaemonThreads())
    return loop


def run_in_new_loop(call: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end in a new event loop, as ``asyncio.run`` does."""
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(call)
