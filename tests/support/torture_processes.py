"""Processes of the torture: real ones, that can be killed and stopped for real.

    child = children.start("caller", directory=..., ...)
    child.expect("ready"); child.tell("go"); child.result()

A role is a function of `torture_roles`; it says one JSON value per line and hears one word per line.
"""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from support.torture_work import BREAK

TESTS = Path(__file__).parents[1]
PATIENCE = 100.0


def child_environment() -> dict[str, str]:
    """Return the environment of a child: where the roles are, and which store is to be tested."""
    paths = [str(TESTS), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), "RUSSO_TORTURE_BREAK": BREAK}


class Child:
    """One running role."""

    def __init__(self, role: str, arguments: dict, prefix: tuple[str, ...] = ()) -> None:
        self.role = role
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        command = [
            *prefix,
            sys.executable,
            "-W",
            "error",
            "-m",
            "support.torture_roles",
            role,
            json.dumps(arguments),
        ]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=child_environment(),
            text=True,
        )
        self._said: queue.Queue = queue.Queue()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        for line in self.process.stdout:
            self._said.put(json.loads(line))
        self._said.put(StopIteration)

    def hear(self, seconds: float = PATIENCE):
        """Return the next thing it says."""
        try:
            word = self._said.get(timeout=seconds)
        except queue.Empty:
            raise AssertionError(f"{self.role} said nothing for {seconds} s\n{self.errors}") from None
        assert word is not StopIteration, f"{self.role} ended early\n{self.errors}"
        return word

    def expect(self, word, seconds: float = PATIENCE) -> None:
        """Wait until it says this next."""
        heard = self.hear(seconds)
        assert heard == word, f"{self.role} said {heard!r} instead of {word!r}\n{self.errors}"

    def tell(self, word: str) -> None:
        """Tell it a word."""
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()

    def result(self, seconds: float = PATIENCE):
        """Wait for its end and return the last thing it said."""
        last, deadline = None, time.monotonic() + seconds
        while (word := self._next(deadline)) is not StopIteration:
            last = word
        code = self.process.wait(10)
        assert code == 0, f"{self.role} ended with {code}\n{self.errors}"
        return last

    def _next(self, deadline: float):
        try:
            return self._said.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            raise AssertionError(f"{self.role} did not end in time\n{self.errors}") from None

    def signal(self, number: int) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def kill(self) -> None:
        """Kill it by SIGKILL and wait for its end."""
        self.process.kill()
        self.process.wait()

    @property
    def errors(self) -> str:
        """What it wrote to stderr."""
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace")

    def close(self) -> None:
        """End it, if it still runs, and release what belongs to it."""
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGCONT)
            self.kill()
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        self._listener.join(10)
        self.process.stdout.close()
        self._errors.close()


class Children:
    """All children of one test."""

    def __init__(self) -> None:
        self._all: list[Child] = []

    def start(self, role: str, *, prefix: tuple[str, ...] = (), **arguments) -> Child:
        """Start a role; its arguments travel as JSON, paths as text."""
        plain = {name: str(value) if isinstance(value, Path) else value for name, value in arguments.items()}
        child = Child(role, plain, prefix)
        self._all.append(child)
        return child

    def run(self, role: str, *, prefix: tuple[str, ...] = (), **arguments):
        """Run a role to its end and return what it said last."""
        return self.start(role, prefix=prefix, **arguments).result()

    def close(self) -> None:
        """End them all."""
        for child in self._all:
            child.close()
