"""Trials of broken stores: the tests of each store run in their own process. It is forked from a process that
has imported pytest already, because the imports take most of the time.

    python -m torture_trials '[[["no_lock", ["-q", "test_one_backend_call.py::..."], "/tmp/no_lock"], …], 2]'

prints one line, ``no_lock 1``, when a trial has ended: its name and pytest's exit code.
"""

import importlib
import json
import os
import pkgutil
import subprocess
import sys
import traceback
from pathlib import Path

FACTOR = "0.3"
# Imported once instead of in every trial.
_ONCE = ("_pytest.pytester", "hypothesis.stateful", "pytest_asyncio", "xdist.plugin")


def main(trials, at_once):
    """Run trials, several at once."""
    import pytest

    import russo

    for module in (*_ONCE, *(f"russo.{found.name}" for found in pkgutil.iter_modules(russo.__path__))):
        importlib.import_module(module)
    running = {}
    for name, arguments, output in trials:
        if len(running) == at_once:
            _wait_for_one(running)
        pid = os.fork()
        if pid == 0:
            _run(pytest, name, arguments, output)
        running[pid] = name
    while running:
        _wait_for_one(running)


def _run(pytest, name, arguments, output):
    os.environ.update(RUSSO_TORTURE_BREAK=name, RUSSO_TORTURE=FACTOR)
    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    code = 99
    try:
        code = int(pytest.main(arguments))
    except BaseException:  # noqa: BLE001 - it goes into the output
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _wait_for_one(running):
    pid, status = os.wait()
    print(running.pop(pid), os.waitstatus_to_exitcode(status), flush=True)


class Trials:
    """Running trials.

    Args:
        wanted: The tests of each broken store, by its name.
        directory: The directory that they may write to.
        at_once: The number of trials that run at the same time.
        environment: The environment of the trials.
        root: The directory with the configuration of pytest.
    """

    def __init__(
        self, wanted, directory: Path, *, at_once: int, environment: dict[str, str], root: Path
    ) -> None:
        self._directory, self._ended = directory, set()
        options = ["-rA", "--tb=short", "-m", "", "-p", "no:cacheprovider", "-p", "no:anyio"]
        options += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]  # plugins that are imported already
        trials = [
            (name, [*options, f"--basetemp={directory / name}", *nodes], str(directory / f"{name}.out"))
            for name, nodes in wanted.items()
        ]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "support.torture_trials", json.dumps([trials, at_once])],
            cwd=root,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )

    def output(self, name: str) -> str:
        """Wait for a trial and return its output."""
        while name not in self._ended:
            line = self._process.stdout.readline()
            assert line, "the trials ended early"
            self._ended.add(line.split()[0])
        return (self._directory / f"{name}.out").read_text(errors="replace")

    def close(self) -> None:
        """End the trials."""
        self._process.terminate()
        self._process.wait()
        self._process.stdout.close()


if __name__ == "__main__":
    main(*json.loads(sys.argv[1]))
