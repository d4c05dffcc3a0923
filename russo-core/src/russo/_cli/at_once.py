"""Work on many things at once, for commands that wait for a shared store."""

from __future__ import annotations

import contextlib
import queue
import threading
from typing import TYPE_CHECKING, TypeVar, cast

from .._remote.threads import start

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

T = TypeVar("T")
R = TypeVar("R")


def results(things: Sequence[T], work: Callable[[T], R], *, at_once: int) -> Iterator[R]:
    """Yield the result for each thing, in the order in which the work ends.

    The threads are daemons, so Ctrl-C ends the command although a store does not answer. If the caller stops
    to iterate, no further work begins.

    Args:
        things: The things.
        work: Called once for each of them, in another thread. An exception of it is raised here.
        at_once: How many threads work.
    """
    done: queue.SimpleQueue[R | BaseException] = queue.SimpleQueue()
    waiting, lock, stop, end = iter(things), threading.Lock(), threading.Event(), object()

    def run() -> None:
        while not stop.is_set():
            with lock:
                thing = next(waiting, end)
            if thing is end:
                return
            try:
                done.put(work(cast("T", thing)))
            except BaseException as error:  # noqa: BLE001 - the caller gets it
                done.put(error)

    for _ in range(min(at_once, len(things))):
        start(run)
    try:
        for _ in things:
            result = done.get()
            if isinstance(result, BaseException):
                raise result
            yield result
    finally:
        stop.set()


def until_interrupt(results: Iterable[R]) -> list[R]:
    """Return the results; after Ctrl-C, those that came before."""
    before: list[R] = []
    with contextlib.suppress(KeyboardInterrupt):
        before.extend(results)
    return before
