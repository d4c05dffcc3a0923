"""Shows what a call left behind: tasks, threads and open files."""

import asyncio
import contextlib
import os
import threading


def open_files():
    return {os.readlink(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd") if _exists(name)}


def _exists(name):
    with contextlib.suppress(OSError):
        return bool(os.readlink(f"/proc/self/fd/{name}"))
    return False


@contextlib.asynccontextmanager
async def nothing_left_running():
    """Fail if the block leaves a task or a thread that was not there before."""
    tasks, threads = asyncio.all_tasks(), set(threading.enumerate())
    try:
        yield
    finally:
        await asyncio.sleep(0)
        left = {task.get_name() for task in asyncio.all_tasks() - tasks}
        started = {thread.name for thread in set(threading.enumerate()) - threads}
        assert not left, f"tasks are left: {left}"
        assert not started, f"threads are left: {started}"
