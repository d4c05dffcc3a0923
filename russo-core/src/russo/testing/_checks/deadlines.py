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
from typing import Any, Final, NoReturn, TypeVar

from .expect import refuse

T = TypeVar("T")

ENDING: Final = 3.0  # seconds for what was told to end


# Whatever a backend may raise; a user's Ctrl-C and pytest's own outcomes are none of it.
RAISED: Final = (Exception, SystemExit, GeneratorExit, asyncio.CancelledError)
_CALL: Final = "a call ends, with audio or an error,"


def within(call: Callable[[], Coroutine[Any, Any, T]], seconds: float, what: str = _CALL) -> T:
    """Run a coroutine in an event loop of its own and return what it returns.

    The loop has its own thread, so that a backend which blocks for ever fails its test and no more.

    Args:
        call: Makes the coroutine.
        seconds: How long it may take; longer is a failure of the test.
        what: What is to end by then, for the message.
    """

    async def bounded() -> T:
        async with asyncio.timeout(seconds):
            return await call()

    start = time.monotonic()
    try:
        return in_time(lambda: asyncio.run(bounded()), seconds + 5.0, what)
    except TimeoutError:
        if time.monotonic() - start < seconds:
            raise  # it is the backend's own
    return _refuse_hung(what, seconds, start)


def in_time(call: Callable[[], T], seconds: float, what: str) -> T:
    """Run a function in a thread of its own, that of a backend which blocks for ever; as `within`."""
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            outcome.set_result(call())
        except BaseException as error:  # noqa: BLE001 - raised again where the result is asked for
            outcome.set_exception(error)

    start = time.monotonic()
    context = contextvars.copy_context()
    thread = threading.Thread(target=context.run, args=(run,), name="russo.testing", daemon=True)
    thread.start()
    thread.join(seconds)
    return _refuse_hung(what, seconds, start) if thread.is_alive() else outcome.result()


def _refuse_hung(what: str, seconds: float, start: float) -> NoReturn:
    refuse(
        f"{what} within {seconds:g} s",
        f"no end after {time.monotonic() - start:.0f} s",
        "what hangs once holds up the whole test run",
    )


async def others(patience: float) -> list[str]:
    """Return the tasks that go on beside this one, after some patience with those that are ending."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    if tasks:
        await asyncio.wait(tasks, timeout=patience)
    return [f"{task.get_coro()!r:.200}" for task in tasks if not task.done()]


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
