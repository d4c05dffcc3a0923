"""Calls of a store in daemon threads, so that a store which never returns cannot block a run or its end."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

CALL_SECONDS: Final = 10.0
"""How long russo waits for one call of a store."""


def start(call: Callable[[], T]) -> Future[T]:
    """Call a function in a new daemon thread; the future gets its result or its exception.

    Raises:
        RuntimeError: No thread can be started.
    """
    future: Future[T] = Future()
    future.set_running_or_notify_cancel()  # a task that waits for it may be cancelled; the call goes on

    def run() -> None:
        try:
            result = call()
        except BaseException as error:  # noqa: BLE001 - the caller gets it
            future.set_exception(error)
        else:
            future.set_result(result)

    threading.Thread(target=run, name="russo-remote", daemon=True).start()
    return future
