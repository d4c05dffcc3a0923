"""Engines that fail if calls run at once, are cancelled, or have ended."""

from russo.testing import BackendContract
from support.kit.wrong import Wrong

WRONG_CALLS = {
    "calls share one attribute for the text": Wrong(
        "await asyncio.sleep(len(text) / 100000)",
        "self.text = text\n        await asyncio.sleep(len(text) / 100000)\n        text = self.text",
        {BackendContract.test_many_calls_at_once_do_not_disturb_each_other},
        "each of many calls at once gets the audio of its own text",
    ),
    "allows one call at a time": Wrong(
        "await asyncio.sleep(len(text) / 100000)",
        'if getattr(self, "busy", False):\n            raise RuntimeError("busy")\n        self.busy = True\n'
        "        try:\n            await asyncio.sleep(len(text) / 100000)\n"
        "        finally:\n            self.busy = False",
        {
            BackendContract.test_many_calls_at_once_do_not_disturb_each_other,
            BackendContract.test_many_calls_at_once_in_many_event_loops,
        },
        "a synthesizer may be called many times at once",
    ),
    "blocks the event loop": Wrong(
        "await asyncio.sleep(len(text) / 100000)",
        'if text.count("Berlin") == 20:\n            __import__("time").sleep(0.7)\n'
        "        await asyncio.sleep(len(text) / 100000)",
        {BackendContract.test_event_loop_goes_on_while_it_speaks},
        "the event loop runs while the synthesizer speaks",
    ),
    "ignores cancelling": Wrong(
        "await asyncio.sleep(len(text) / 100000)",
        "try:\n            await asyncio.sleep(len(text) / 100000)\n"
        "        except asyncio.CancelledError:\n            pass",
        {BackendContract.test_cancelled_call_ends_by_cancelled_error},
        "a cancelled call raises asyncio.CancelledError",
    ),
    "leaves a task after cancelling": Wrong(
        "await asyncio.sleep(len(text) / 100000)",
        "self.work = asyncio.ensure_future(asyncio.sleep(60 if len(text) == 1399 else 0))\n"
        "        await asyncio.shield(self.work)",
        {BackendContract.test_cancelled_call_leaves_nothing_running},
        "leaves no task behind",
    ),
    "leaves a process after cancelling": Wrong(
        "await asyncio.sleep(len(text) / 100000)",
        'import subprocess\n        child = subprocess.Popen(["sleep", "5" if len(text) == 1399 else "0"])\n'
        "        while child.poll() is None:\n            await asyncio.sleep(0.005)",
        {BackendContract.test_cancelled_call_leaves_nothing_running},
        "a cancelled call leaves no process behind: kill it, and wait for it",
    ),
    "breaks after cancelling": Wrong(
        "await asyncio.sleep(len(text) / 100000)",
        'if hasattr(self, "broken"):\n            raise RuntimeError("the session is broken")\n'
        "        try:\n            await asyncio.sleep(len(text) / 100000)\n"
        "        except asyncio.CancelledError:\n            self.broken = True\n            raise",
        {BackendContract.test_synthesizer_speaks_after_a_cancelled_call},
        "after cancelled calls, 24 of them at once",
    ),
    "closes only once": Wrong(
        "async def aclose(self):\n        pass",
        "async def aclose(self):\n        del self.api_key",
        {BackendContract.test_closing_at_any_time},
        "`async def aclose(self)` may be called at any time, more than once, in any loop",
    ),
    "leaves a socket open": Wrong(
        "await asyncio.sleep(len(text) / 100000)",
        'self.socket = __import__("socket").socket()\n        await asyncio.sleep(len(text) / 100000)',
        {BackendContract.test_nothing_is_left_open},
        "what a call opens is closed",
    ),
    "uses a lock of one event loop": Wrong(
        "await asyncio.sleep(len(text) / 100000)",
        'self.lock = getattr(self, "lock", None) or asyncio.Lock()\n        async with self.lock:\n'
        "            await asyncio.sleep(len(text) / 100000)",
        {BackendContract.test_many_calls_at_once_in_many_event_loops},
        "many calls at once may be made in many event loops",
    ),
    "loses a slot by a failure": Wrong(
        "await asyncio.sleep(len(text) / 100000)",
        'self.free = getattr(self, "free", 8)\n        while not self.free:\n            await asyncio.sleep(0.001)\n'
        "        self.free -= 1\n        try:\n            await asyncio.sleep(len(text) / 100000)\n"
        "        finally:\n            self.free += bool(text.strip())",
        {BackendContract.test_synthesizer_speaks_after_failed_calls},
        "24 calls at once, which may fail, end within 2 s",
    ),
    "loses a slot by cancelling": Wrong(
        "await asyncio.sleep(len(text) / 100000)",
        'self.free = getattr(self, "free", 8)\n        while not self.free:\n            await asyncio.sleep(0.001)\n'
        "        self.free -= 1\n        await asyncio.sleep(len(text) / 100000)\n        self.free += 1",
        {BackendContract.test_synthesizer_speaks_after_a_cancelled_call},
        "a call ends, with audio or an error, within 2 s",
    ),
    "cancels its task only after success": Wrong(
        "await asyncio.sleep(len(text) / 100000)",
        "work = asyncio.ensure_future(asyncio.sleep(60))\n        await asyncio.sleep(len(text) / 100000)\n"
        "        work.cancel()",
        {BackendContract.test_cancelled_call_leaves_nothing_running},
        "leaves no task behind",
    ),
    "closes forever": Wrong(
        "async def aclose(self):\n        pass",
        "async def aclose(self):\n        await asyncio.Event().wait()",
        {BackendContract.test_closing_at_any_time, BackendContract.test_nothing_is_left_open},
        "`aclose` ends within 2 s",
    ),
    "leaves a task after every call": Wrong(
        "await asyncio.sleep(len(text) / 100000)",
        "await asyncio.sleep(len(text) / 100000)\n        self.beat = asyncio.ensure_future(asyncio.sleep(60))",
        {BackendContract.test_ordinary_calls_leave_nothing_behind},
        "no task is still running after a call has ended",
    ),
    "leaves a file after every call": Wrong(
        "await asyncio.sleep(len(text) / 100000)",
        '__import__("tempfile").mkstemp()\n        await asyncio.sleep(len(text) / 100000)',
        {BackendContract.test_ordinary_calls_leave_nothing_behind},
        "4 temporary files more, 4 open files more",
    ),
    "leaves a thread after every call": Wrong(
        "await asyncio.sleep(len(text) / 100000)",
        'threading = __import__("threading")\n'
        "        threading.Thread(target=threading.Event().wait, daemon=True).start()\n"
        "        await asyncio.sleep(len(text) / 100000)",
        {BackendContract.test_ordinary_calls_leave_nothing_behind},
        "4 threads more",
    ),
    "sets an environment variable to its key": Wrong(
        "self.api_key = api_key",
        'self.api_key = api_key\n        __import__("os").environ["ENGINE_ACCOUNT"] = api_key or ""',
        {BackendContract.test_process_is_left_as_it_was},
        "changed: environment variables",
    ),
    "changes the working directory": Wrong(
        "await asyncio.sleep(len(text) / 100000)",
        '__import__("os").chdir("/")\n        await asyncio.sleep(len(text) / 100000)',
        {BackendContract.test_process_is_left_as_it_was},
        "changed: the working directory",
    ),
    "configures the root logger": Wrong(
        "await asyncio.sleep(len(text) / 100000)",
        '__import__("logging").basicConfig(level=10, force=True)\n        await asyncio.sleep(len(text) / 100000)',
        {BackendContract.test_process_is_left_as_it_was},
        "changed: the root logger",
    ),
}
