"""Calls of a store in daemon threads, so that a store which never returns cannot block a run or its end."""

from __future__ import annotations

import functools
import os
import threading
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

CALL_SECONDS: Final = 10.0
"""How long russo waits for one call of a store."""
_IDLE_SECONDS: Final = 5.0


def start(call: Callable[[], T]) -> Future[T]:
    """Call a function in a daemon thread; the future gets its result or its exception.

    Raises:
        RuntimeError: No thread can be started.
    """
    return _threads().start(call)


class _Threads:
    """Daemon threads. One that has ended its call waits some seconds for the next call.

    Their number is not limited, because a store that never returns keeps its threads. A thread that
    waits can be used while the interpreter ends, when no new thread can be started.
    """

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._idle: list[SimpleQueue[Callable[[], None]]] = []

    def start(self, call: Callable[[], T]) -> Future[T]:
        """Call a function in a thread; see `start`."""
        if self._pid != os.getpid():
            self._begin()  # a forked child: the parent has the threads
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()  # a task that waits for it may be cancelled; the call goes on
        with self._lock:
            calls = self._idle.pop() if self._idle else None
        if calls is None:
            calls = SimpleQueue()
            threading.Thread(target=self._work, args=[calls], name="russo-remote", daemon=True).start()
        calls.put(functools.partial(_run, call, future))
        return future

    def _work(self, calls: SimpleQueue[Callable[[], None]]) -> None:
        while True:
            try:
                run = calls.get(timeout=_IDLE_SECONDS)
            except Empty:
                with self._lock:
                    if calls in self._idle:
                        self._idle.remove(calls)
                        return
                continue  # `start` has taken this thread, and puts a call into its queue
            run()
            del run  # it refers to the audio
            with self._lock:
                self._idle.append(calls)


def _run(call: Callable[[], T], future: Future[T]) -> None:
    try:
        result = call()
    except BaseException as error:  # noqa: BLE001 - the caller gets it
        future.set_exception(error)
    else:
        future.set_result(result)


@functools.cache
def _threads() -> _Threads:
    """Return the threads of this process."""
    return _Threads()
