"""Every wait is bounded: each call that may wait has a limit, or is listed with a reason."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = [path for path in sorted(ROOT.glob("russo-*/src/**/*.py")) if "testing" not in path.parts]

# Calls that wait without end if they get no limit.
WAITING = {"wait", "join", "result", "acquire", "select", "communicate"}
ALLOWED = {
    ("russo/_flow/single_flight.py", "landed.wait"): (
        "ends with the backend call; a waiter in another loop checks every 50 ms whether that loop has ended"
    ),
    ("russo/_flow/single_flight.py", "self.outcome.result"): "called after the outcome is set",
    ("russo/_flow/single_flight.py", "flight.wait"): "the wait of a flight, see `landed.wait`",
    ("russo/_flow/background_loop.py", "future.result"): "called after the future is done",
    (
        "russo/_flow/background_loop.py",
        "self._closing.wait",
    ): "the task of the loop: ends when the run closes the loop",
    (
        "russo_agents/_adapters/livekit/audio.py",
        "self._changed.wait",
    ): "the task that plays: `aclose` cancels it",
    ("russo_agents/_call/connection.py", "self._opened.result"): "called after the future is done",
    ("russo_agents/_call/connection.py", "self._task.result"): "called after the task is done",
    ("russo_agents/_call/connection.py", "task.result"): "called after the task is done",
    (
        "russo_agents/_call/connection.py",
        "self._closing.wait",
    ): "the task of the line: ends when the call closes the line, which `open_call` does in the end",
}

# `while True` loops by function, with the condition that ends each.
LOOPS = {
    ("russo/_flow/miss.py", "_fly"): "KeyLock.try_acquire: signs of life, `_OWN_PATIENCE`, `_MOST_VANISHED`",
    (
        "russo/_flow/single_flight.py",
        "join",
    ): "each round needs a flight that was cancelled or whose loop has ended",
    ("russo/_flow/event_loops.py", "_work"): "ends when the queue of calls is empty",
    ("russo/_remote/threads.py", "_work"): "ends when no call comes for `_IDLE_SECONDS`",
    ("russo/_remote/uploads.py", "_work"): "ends when no upload waits",
    ("russo/_store/files.py", "replace"): "`_WINDOWS_PATIENCE`",
    ("russo_agents/_adapters/livekit/audio.py", "_play"): "the task that plays: `aclose` cancels it",
    (
        "russo_agents/_call/microphone.py",
        "_run_free",
    ): "the task of the microphone: `Session.close` cancels it",
    (
        "russo_agents/_call/microphone.py",
        "_run_paced",
    ): "the task of the microphone: `Session.close` cancels it",
    ("russo_agents/_call/waiting.py", "wait"): (
        "`timeout` without a sign of the agent, `LONGEST_TURN_SECONDS`, the end of the line or of the call"
    ),
}


def calls(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield node


def unbounded(tree):
    """Yield the calls that wait without a limit."""
    for node in calls(tree):
        if node.func.attr in WAITING and not node.args and not node.keywords:
            yield ast.unparse(node.func)


def endless(tree):
    """Yield the functions with a loop that only its body can end."""
    for function in ast.walk(tree):
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            for node in ast.walk(function):
                if isinstance(node, ast.While) and isinstance(node.test, ast.Constant):
                    yield function.name


def found_by(search):
    return {
        (path.relative_to(next(each for each in path.parents if each.name == "src")).as_posix(), name)
        for path in SOURCES
        for name in search(ast.parse(path.read_text("utf-8")))
    }


def test_every_wait_has_a_limit_or_a_listed_reason():
    assert found_by(unbounded) == set(ALLOWED)
    assert all(ALLOWED.values())


def test_every_endless_loop_has_a_listed_end():
    packages = ("russo/", "russo_agents/")
    assert {each for each in found_by(endless) if each[0].startswith(packages)} == set(LOOPS)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("event.wait()", ["event.wait"]),
        ("event.wait(1)", []),
        ("thread.join(timeout=2)", []),
        ("', '.join(names)", []),
        ("lock.acquire()", ["lock.acquire"]),
        ("future.result()", ["future.result"]),
    ],
)
def test_search_finds_unbounded_waits(source, expected):
    assert list(unbounded(ast.parse(source))) == expected
