"""Checks of what remains after calls: closing, open resources, the state of the process."""

from __future__ import annotations

import gc
import logging
import os
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final
from unittest import mock

import pytest

from ..._alarms import ALARM_THREAD
from .._server.loopback import LoopbackServer
from .base import ContractBase, Make, expect_connections_closed, synthesize
from .deadlines import BACKEND_EXCEPTIONS, other_tasks, run_within, wait_until
from .expect import expect, refuse
from .planted_key import PLANTED_KEY
from .reasons import LEFT_BEHIND

_CALLS: Final = 4  # enough to distinguish a number that grows with each call from chance
_TASK_END_SECONDS: Final = 1.0  # time for tasks that end after the call, such as closing a connection


class CleanupChecks(ContractBase):
    """Checks what remains after calls."""

    def test_closing_at_any_time(self, make: Make, speaking: Make, server: LoopbackServer | None) -> None:
        """If there is an ``aclose``, it may be called before any call, after calls, and more than once."""
        unused, used = make(), speaking()
        if getattr(unused, "aclose", None) is None:
            pytest.skip("the synthesizer has no aclose, which is optional")
        self.speak(used)
        for synthesizer in (unused, unused, used, used):
            self._close(synthesizer)
        expect_connections_closed(server, "aclose releases connections", LEFT_BEHIND)

    def test_nothing_is_left_open(self, speaking: Make, server: LoopbackServer | None) -> None:
        """A call closes the sockets, files and transports that it opens, without the garbage collector."""
        gc.collect()
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always", ResourceWarning)
            self._speak_and_close(speaking())
            gc.collect()
        left = [str(each.message) for each in seen if issubclass(each.category, ResourceWarning)]
        expect(not left, "what a call opens is closed", f"{left}", LEFT_BEHIND)
        expect_connections_closed(
            server, "a call leaves no connection open after its event loop has ended", LEFT_BEHIND
        )

    def test_ordinary_calls_leave_nothing_behind(
        self, speaking: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """No task is still running after a call; calls do not add threads, open files or temporary files."""
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        monkeypatch.setenv("TMPDIR", str(tmp_path))
        synthesizer = speaking()

        async def speak(times: int) -> list[str]:
            for _ in range(times):
                await synthesize(synthesizer, self.prompt)
            return await other_tasks(_TASK_END_SECONDS)

        # The first call loads what is loaded once; the later calls are measured.
        tasks = self._run(lambda: speak(1))
        expect(not tasks, "no task is still running after a call has ended", f"{tasks}", LEFT_BEHIND)
        gc.collect()
        before = _count_resources(tmp_path)
        self._run(lambda: speak(_CALLS))
        gc.collect()

        def grown() -> dict[str, int]:
            return {what: count - before[what] for what, count in _count_resources(tmp_path).items()}

        ended = wait_until(lambda: max(grown().values()) < _CALLS)
        expect(
            ended,
            f"calls leave nothing behind, also after {_CALLS} more calls",
            ", ".join(f"{count} {what} more" for what, count in grown().items()),
            "a run of hundreds of prompts would reach the limit of the system",
        )

    def test_process_is_left_as_it_was(
        self, speaking: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Constructing and speaking change no environment variable, working directory or root logger."""
        root = logging.getLogger()
        handlers, level = list(root.handlers), root.level
        other_key = {"api_key": f"{PLANTED_KEY}-{time.monotonic_ns()}"} if self.accepts("api_key") else {}
        self.speak(speaking())  # loading an SDK may change the process; calls may not
        monkeypatch.chdir(tmp_path)
        with mock.patch.dict(os.environ):
            before = _process_state()
            try:
                self.speak(speaking(**other_key))
                after = _process_state()
            finally:
                root.handlers[:], root.level = handlers, level
        changed = sorted(name for name in before if before[name] != after[name])
        expect(
            not changed,
            "a backend does not change the state of the process; it keeps its state in its synthesizer",
            f"changed: {', '.join(changed)}",
            "other tests, child processes and other backends share the process",
        )

    def _run(self, speak: Callable[[], Coroutine[Any, Any, list[str]]]) -> list[str]:
        try:
            return run_within(speak, self.patience)
        except BACKEND_EXCEPTIONS as error:
            refuse("a synthesizer speaks, one call after another", error, LEFT_BEHIND)

    def _speak_and_close(self, synthesizer: Any) -> None:
        self.speak(synthesizer)
        if getattr(synthesizer, "aclose", None) is not None:
            self._close(synthesizer)

    def _close(self, synthesizer: Any) -> None:
        try:
            run_within(lambda: _close(synthesizer), self.patience, "`aclose` ends")
        except BACKEND_EXCEPTIONS as error:
            refuse(
                "`async def aclose(self)` may be called at any time, more than once, in any loop",
                error,
                "at the end of a run russo also closes synthesizers that were never used or are "
                "closed already",
            )


async def _close(synthesizer: Any) -> None:
    await synthesizer.aclose()


def _count_resources(directory: Path) -> dict[str, int]:
    """Count the threads and files of this process; open files only if the system has ``/proc``."""
    files = Path("/proc/self/fd")
    return {
        "threads": sum(thread.name != ALARM_THREAD for thread in threading.enumerate()),
        "temporary files": len(list(directory.rglob("*"))),
        "open files": len(list(files.iterdir())) if files.exists() else 0,
    }


def _process_state() -> dict[str, object]:
    """Return the state that all code of a process shares."""
    root = logging.getLogger()
    return {
        "environment variables": dict(os.environ),
        "the working directory": Path.cwd(),
        "the root logger": (root.level, list(root.handlers)),
    }
