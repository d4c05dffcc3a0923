"""Run a script of a check with a time limit, and find what a call leaves behind."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Final, TypeVar

from .expect import refuse

T = TypeVar("T")

TASK_SECONDS: Final = 1.0  # time for tasks and threads that end a moment after the call
_GRACE_SECONDS: Final = 15.0  # closing may take 10 s until it is abandoned

# Everything that an adapter may raise. Ctrl-C and the outcomes of pytest are not included.
ADAPTER_EXCEPTIONS: Final = (Exception, SystemExit, GeneratorExit, asyncio.CancelledError)


def run_within(seconds: float, script: Callable[[], Coroutine[Any, Any, T]], what: str) -> T:
    """Return what a script returns, which runs in a new event loop; fail the test after the time limit.

    The loop runs in a thread, so that an adapter that blocks the loop fails only its test. The test also
    fails if tasks are still running after the script, or if a task of the adapter failed in the background.

    Args:
        seconds: The time limit of the script.
        script: Makes the coroutine.
        what: What must end by then, for the message.
    """
    lost: list[str] = []
    outcome: Future[T] = Future()

    async def bounded() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: lost.append(_shown(context)))
        try:
            async with asyncio.timeout(seconds):
                result = await script()
            await _check_no_task_is_left()
        except BaseException as error:  # noqa: BLE001 - `outcome.result()` raises it again
            outcome.set_exception(error)
        else:
            outcome.set_result(result)

    thread = threading.Thread(
        target=contextvars.copy_context().run,
        args=(lambda: asyncio.run(bounded()),),
        name="russo_agents.testing",
        daemon=True,
    )
    start = time.monotonic()
    thread.start()
    try:
        result = outcome.result(seconds + _GRACE_SECONDS)
    except TimeoutError:
        if time.monotonic() - start < seconds:
            raise  # the adapter raised it
        refuse(
            f"{what} within {seconds:g} s",
            f"no end after {time.monotonic() - start:.0f} s",
            "do not wait without a limit, and do not block the event loop: use threads for blocking calls",
        )
    thread.join(_GRACE_SECONDS)
    _check_nothing_lost(lost)
    return result


async def _check_no_task_is_left() -> None:
    if tasks := await tasks_left():
        refuse(
            "no task is running after a call has ended",
            ", ".join(tasks),
            "cancel the tasks of the adapter when its context manager is left, and await their end",
        )


def _check_nothing_lost(lost: list[str]) -> None:
    gc.collect()  # a task that failed is reported when it is collected
    if lost:
        refuse(
            "no task of the adapter fails without notice",
            "; ".join(lost),
            "await the tasks of the adapter, and let `events()` raise what went wrong",
        )


async def tasks_left() -> list[str]:
    """Return the other tasks of this event loop that still run after a moment."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    if tasks:
        await asyncio.wait(tasks, timeout=TASK_SECONDS)
    return [f"{task.get_coro()!r:.200}" for task in tasks if not task.done()]


def resources() -> dict[str, int]:
    """Count the threads and files of this process; open files only if the system has ``/proc``."""
    files = Path("/proc/self/fd")
    return {
        "threads": len(threading.enumerate()),
        "open files or sockets": len(list(files.iterdir())) if files.exists() else 0,
    }


def wait_until(condition: Callable[[], bool]) -> bool:
    """Wait a moment until a condition holds, polling every 5 ms; return whether it held in time."""
    until = time.monotonic() + TASK_SECONDS
    while not condition():
        if time.monotonic() >= until:
            return False
        time.sleep(0.005)
    return True


def _shown(context: dict[str, Any]) -> str:
    error = context.get("exception")
    return f"{context.get('message')}: {error!r:.200}" if error is not None else str(context.get("message"))
