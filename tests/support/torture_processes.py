"""Real processes for the torture tests, which can be killed and stopped.

    child = children.start("caller", directory=..., ...)
    child.expect("ready"); child.send("go"); child.result()

A role is a function of `torture_roles`; it prints one JSON value per line and reads one word per line.
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
    """Return the environment of a child: the path of the roles, and the store to be tested."""
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

    def receive(self, seconds: float = PATIENCE):
        """Return the next value that the child prints."""
        try:
            word = self._said.get(timeout=seconds)
        except queue.Empty:
            raise AssertionError(f"{self.role} said nothing for {seconds} s\n{self.errors}") from None
        assert word is not StopIteration, f"{self.role} ended early\n{self.errors}"
        return word

    def expect(self, word, seconds: float = PATIENCE) -> None:
        """Wait for the next value of the child, which must be this one."""
        value = self.receive(seconds)
        assert value == word, f"{self.role} said {value!r} instead of {word!r}\n{self.errors}"

    def send(self, word: str) -> None:
        """Send the child a word."""
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()

    def result(self, seconds: float = PATIENCE):
        """Wait for the end of the child and return its last value."""
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
        """Send the child a signal."""
        self.process.send_signal(number)

    def kill(self) -> None:
        """Kill the child by SIGKILL and wait for its end."""
        self.process.kill()
        self.process.wait()

    @property
    def errors(self) -> str:
        """The text that the child wrote to stderr."""
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace")

    def close(self) -> None:
        """Kill the child if it still runs, and close its pipes."""
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
        """Start a role; its arguments are passed as JSON, paths as text."""
        plain = {name: str(value) if isinstance(value, Path) else value for name, value in arguments.items()}
        child = Child(role, plain, prefix)
        self._all.append(child)
        return child

    def run(self, role: str, *, prefix: tuple[str, ...] = (), **arguments):
        """Run a role to its end and return its last value."""
        return self.start(role, prefix=prefix, **arguments).result()

    def close(self) -> None:
        """Close all children."""
        for child in self._all:
            child.close()
