"""Coroutines run so that a hang is a failure, and what a call leaves behind."""

from __future__ import annotations

import asyncio
import contextvars
import os
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Final, TypeVar

from ._expect import expect

T = TypeVar("T")

ENDING: Final = 3.0  # seconds for what was told to end


def within(call: Callable[[], Coroutine[Any, Any, T]], seconds: float) -> T:
    """Run a coroutine in an event loop of its own and return what it returns.

    The loop has its own thread, so that a backend which blocks for ever fails its test and no more.

    Args:
        call: Makes the coroutine.
        seconds: How long it may take; longer is a failure of the test.
    """
    outcome: Future[T] = Future()

    async def bounded() -> T:
        async with asyncio.timeout(seconds):
            return await call()

    def run() -> None:
        try:
            outcome.set_result(asyncio.run(bounded()))
        except BaseException as error:  # noqa: BLE001 - raised again where the result is asked for
            outcome.set_exception(error)

    start = time.monotonic()
    context = contextvars.copy_context()
    thread = threading.Thread(target=context.run, args=(run,), name="russo.testing", daemon=True)
    thread.start()
    thread.join(seconds + 5.0)
    hung = thread.is_alive() or (
        isinstance(outcome.exception(), TimeoutError) and time.monotonic() - start >= seconds
    )
    expect(
        not hung,
        f"a call ends, with audio or an error, within {seconds:g} s",
        f"no end after {time.monotonic() - start:.0f} s",
        "one prompt that hangs holds up the whole test run",
    )
    return outcome.result()


def child_processes() -> set[int] | None:
    """Return the ids of this process's children, the dead that nobody waited for included.

    ``None`` where the system has no ``/proc`` to look them up in.
    """
    if not Path("/proc/self/stat").exists():
        return None
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = (entry / "stat").read_text("ascii", "replace").rpartition(")")[2].split()[1]
            except OSError:  # it ended while we looked
                continue
            if int(parent) == os.getpid():
                found.add(int(entry.name))
    return found


def comes_true(condition: Callable[[], bool], seconds: float = ENDING) -> bool:
    """Look every few milliseconds until a condition holds; tell whether it came true in time."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= until:
            return False
        time.sleep(0.005)
    return True
