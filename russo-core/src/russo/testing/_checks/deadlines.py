"""Run calls with a time limit, so that a hang fails the test, and find what a call leaves behind."""

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

END_SECONDS: Final = 3.0  # time limit for calls that were cancelled or closed

# Everything that a backend may raise. Ctrl-C and pytest's own outcomes are not included: they end the run.
BACKEND_EXCEPTIONS: Final = (Exception, SystemExit, GeneratorExit, asyncio.CancelledError)
_CALL: Final = "a call ends, with audio or an error,"


def run_within(call: Callable[[], Coroutine[Any, Any, T]], seconds: float, what: str = _CALL) -> T:
    """Return what a coroutine returns, run in a new event loop.

    The loop runs in its own thread, so that a backend that blocks forever fails only its test.

    Args:
        call: Makes the coroutine.
        seconds: The time limit; the test fails after it.
        what: What must end by then, for the message.
    """

    async def bounded() -> T:
        async with asyncio.timeout(seconds):
            return await call()

    start = time.monotonic()
    try:
        return call_within(lambda: asyncio.run(bounded()), seconds + 5.0, what)
    except TimeoutError:
        if time.monotonic() - start < seconds:
            raise  # the backend raised it
    return _fail_hung(what, seconds, start)


def call_within(call: Callable[[], T], seconds: float, what: str) -> T:
    """Return what a function returns, run in a new thread; the test fails after the time limit."""
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            outcome.set_result(call())
        except BaseException as error:  # noqa: BLE001 - `outcome.result()` raises it again
            outcome.set_exception(error)

    start = time.monotonic()
    context = contextvars.copy_context()
    thread = threading.Thread(target=context.run, args=(run,), name="russo.testing", daemon=True)
    thread.start()
    thread.join(seconds)
    return _fail_hung(what, seconds, start) if thread.is_alive() else outcome.result()


def _fail_hung(what: str, seconds: float, start: float) -> NoReturn:
    refuse(
        f"{what} within {seconds:g} s",
        f"no end after {time.monotonic() - start:.0f} s",
        "one call that hangs stops the whole test run",
    )


async def other_tasks(patience: float) -> list[str]:
    """Return the other tasks of this event loop that still run after a wait of ``patience`` seconds."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    if tasks:
        await asyncio.wait(tasks, timeout=patience)
    return [f"{task.get_coro()!r:.200}" for task in tasks if not task.done()]


def child_processes() -> set[int] | None:
    """Return the ids of this process's children, zombies included.

    ``None`` if the system has no ``/proc``.
    """
    if not Path("/proc/self/stat").exists():
        return None
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = (entry / "stat").read_text("ascii", "replace").rpartition(")")[2].split()[1]
            except OSError:  # the process has ended meanwhile
                continue
            if int(parent) == os.getpid():
                found.add(int(entry.name))
    return found


def wait_until(condition: Callable[[], bool], seconds: float = END_SECONDS) -> bool:
    """Wait until a condition holds, polling every 5 ms; return whether it held in time."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= until:
            return False
        time.sleep(0.005)
    return True
