"""Checks of what is left: closing, and the process after ordinary calls."""

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

from .._server.loopback import LoopbackServer
from .base import Declared, Make, asked
from .deadlines import RAISED, comes_true, others, within
from .expect import expect, refuse
from .planted_key import PLANTED_KEY

_CALLS: Final = 4  # enough to tell what grows with the calls from what comes and goes
_TAIL: Final = 1.0  # seconds for what a call leaves to the loop: a connection's end, say
_LEFT: Final = "tests have loops of their own: what stays behind warns, leaks or pays in somebody else's test"


class LeavingChecks(Declared):
    """What holds after calls."""

    def test_closing_at_any_time(self, make: Make, speaking: Make, server: LoopbackServer | None) -> None:
        """Where ``aclose`` is offered, it may be called before any call, after calls, and again."""
        unused, used = make(), speaking()
        if getattr(unused, "aclose", None) is None:
            pytest.skip("the synthesizer offers no aclose, and need not")
        self.speak(used)
        for synthesizer in (unused, unused, used, used):
            self._close(synthesizer)
        if server is not None:
            expect(server.wait_closed(), "aclose releases connections", "one is open", _LEFT)

    def test_nothing_is_left_open(self, speaking: Make, server: LoopbackServer | None) -> None:
        """What a call opens is closed: sockets, files and transports, before the collector finds them."""
        gc.collect()
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always", ResourceWarning)
            self._speak_and_close(speaking())
            gc.collect()
        left = [str(each.message) for each in seen if issubclass(each.category, ResourceWarning)]
        expect(not left, "what a call opens is closed", f"{left}", _LEFT)
        if server is not None:
            expect(
                server.wait_closed(), "a call leaves no connection open after its loop", "one is open", _LEFT
            )

    def test_ordinary_calls_leave_nothing_behind(
        self, speaking: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """No task goes on after a call; threads, open and temporary files do not grow with the calls."""
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        monkeypatch.setenv("TMPDIR", str(tmp_path))
        synthesizer = speaking()

        async def speak(times: int) -> list[str]:
            for _ in range(times):
                await asked(synthesizer, self.prompt)
            return await others(_TAIL)

        # One call first: what is loaded once is not the later calls'.
        tasks = self._spoken(lambda: speak(1))
        expect(not tasks, "a call that has ended leaves no task running", f"{tasks}", _LEFT)
        gc.collect()
        before = _owned(tmp_path)
        self._spoken(lambda: speak(_CALLS))
        gc.collect()

        def grown() -> dict[str, int]:
            return {what: count - before[what] for what, count in _owned(tmp_path).items()}

        ended = comes_true(lambda: max(grown().values()) < _CALLS)
        expect(
            ended,
            f"calls leave nothing behind: no more of anything after {_CALLS} more calls",
            ", ".join(f"{count} {what} more" for what, count in grown().items()),
            "a run of hundreds of prompts ends for want of it",
        )

    def test_process_is_left_as_it_was(
        self, speaking: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Constructing and speaking change no environment variable, directory or root logger."""
        root = logging.getLogger()
        kept, level = list(root.handlers), root.level
        given = {"api_key": f"{PLANTED_KEY}-{time.monotonic_ns()}"} if self.accepts("api_key") else {}
        self.speak(speaking())  # an SDK may set what it likes when it is loaded
        monkeypatch.chdir(tmp_path)
        with mock.patch.dict(os.environ):
            before = _surroundings()
            try:
                self.speak(speaking(**given))
                after = _surroundings()
            finally:
                root.handlers[:], root.level = kept, level
        changed = sorted(name for name in before if before[name] != after[name])
        expect(
            not changed,
            "a backend leaves the process as it was; what it needs it keeps in its synthesizer",
            f"changed: {', '.join(changed)}",
            "it is the process of somebody's tests: other tests, child processes and other backends see it",
        )

    def _spoken(self, speak: Callable[[], Coroutine[Any, Any, list[str]]]) -> list[str]:
        try:
            return within(speak, self.patience)
        except RAISED as error:
            refuse("a synthesizer speaks, one call after another", error, _LEFT)

    def _speak_and_close(self, synthesizer: Any) -> None:
        self.speak(synthesizer)
        if getattr(synthesizer, "aclose", None) is not None:
            self._close(synthesizer)

    def _close(self, synthesizer: Any) -> None:
        try:
            within(lambda: _close(synthesizer), self.patience, "`aclose` ends")
        except RAISED as error:
            refuse(
                "`async def aclose(self)` may be called at any time, more than once, in any loop",
                error,
                "russo closes at the end of a run what the run may not have used, or somebody has closed",
            )


async def _close(synthesizer: Any) -> None:
    await synthesizer.aclose()


def _owned(directory: Path) -> dict[str, int]:
    """Count what this process owns, of each kind that the system lets us count."""
    files = Path("/proc/self/fd")
    return {
        "threads": threading.active_count(),
        "temporary files": len(list(directory.rglob("*"))),
        "open files": len(list(files.iterdir())) if files.exists() else 0,
    }


def _surroundings() -> dict[str, object]:
    """Return what all code of a process shares."""
    root = logging.getLogger()
    return {
        "environment variables": dict(os.environ),
        "the working directory": Path.cwd(),
        "the root logger": (root.level, list(root.handlers)),
    }
