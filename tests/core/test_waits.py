"""No wait without a bound: each call that may wait for something has one, or is listed with the reason."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = [path for path in sorted(ROOT.glob("russo-*/src/**/*.py")) if "testing" not in path.parts]

# Calls that wait as long as it takes if they are given no limit.
WAITING = {"wait", "join", "result", "acquire", "select", "communicate"}
ALLOWED = {
    ("russo/_flow/single_flight.py", "landed.wait"): (
        "ends with the backend call; a waiter in another loop looks every 50 ms whether that loop is gone"
    ),
    ("russo/_flow/single_flight.py", "self.outcome.result"): "called when the outcome is there",
    ("russo/_flow/single_flight.py", "flight.wait"): "a flight's own wait, see `landed.wait`",
    ("russo/_flow/background_loop.py", "future.result"): "called when the future is done",
    (
        "russo/_flow/background_loop.py",
        "self._closing.wait",
    ): "the loop's own task: ends when the run closes it",
}

# Endless loops, by function, with what ends each.
LOOPS = {
    ("russo/_flow/miss.py", "_fly"): "KeyLock.try_acquire: signs of life, `_OWN_PATIENCE`, `_MOST_VANISHED`",
    ("russo/_flow/single_flight.py", "join"): "each round needs a flight whose loop is gone or was cancelled",
    ("russo/_flow/event_loops.py", "_work"): "the queue of calls gets empty",
    ("russo/_store/files.py", "replace"): "`_WINDOWS_PATIENCE`",
}


def calls(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield node


def unbounded(tree):
    """Yield the calls that wait and are given no limit."""
    for node in calls(tree):
        if node.func.attr in WAITING and not node.args and not node.keywords:
            yield ast.unparse(node.func)


def endless(tree):
    """Yield the functions with a loop that only its body ends."""
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


def test_every_wait_has_a_limit_or_a_reason():
    assert found_by(unbounded) == set(ALLOWED)
    assert all(ALLOWED.values())


def test_every_endless_loop_has_an_end():
    assert {each for each in found_by(endless) if each[0].startswith("russo/")} == set(LOOPS)


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
def test_the_search_finds_what_it_is_for(source, expected):
    assert list(unbounded(ast.parse(source))) == expected
