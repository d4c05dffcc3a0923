"""Ctrl-C and timeouts of other plugins in the middle of a turn: real signals to real processes."""

import functools
import json
import os
import signal
import subprocess
import sys
import time

import pytest

# The agent never answers, so that the signal comes in the middle of a turn.
NEVER = """
    import asyncio
    from pathlib import Path
    import shop

    class Silent(shop.Line):
        async def answer(self, events):
            Path("waits").touch()
            await asyncio.sleep(3600)

    @pytest.fixture
    def russo_agent(monkeypatch):
        monkeypatch.setattr(shop, "Line", Silent)
        return shop.Shop()

    @pytest.fixture(autouse=True)
    def closed():
        yield
        Path("closed").write_text(str(shop.Shop.opened - shop.Shop.closed))
"""
SYNC = """
    def test_it(russo_call):
        russo_call.say("Hello")
"""
PENDING = """
    def test_it(russo_call):
        pending = russo_call.say("Hello", wait=False)
        pending.turn()
"""
ASYNC = """
    import pytest

    @pytest.mark.asyncio
    async def test_it(russo_async_call):
        async with russo_async_call() as call:
            await call.say("Hello")
"""


def started(project, *arguments):
    """Start pytest in a project, and wait until the agent has heard the prompt."""
    child = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        cwd=project.path,
        env={**os.environ, "PYTHONPATH": str(project.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # A test suite started in the background ignores SIGINT, and its children inherit that.
        preexec_fn=functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )
    until = time.monotonic() + 60
    while not (project.path / "waits").exists():
        assert time.monotonic() < until, child.communicate(timeout=1)
        assert child.poll() is None, child.communicate(timeout=1)
        time.sleep(0.02)
    return child


def interrupted(project, *arguments):
    """Return the output and the exit code of a run that is interrupted in the middle of a turn."""
    child = started(project, *arguments)
    try:
        time.sleep(0.3)
        child.send_signal(signal.SIGINT)
        output = child.communicate(timeout=60)[0]
    finally:
        child.kill()
        child.wait()
    return output.splitlines(), child.returncode


@pytest.mark.parametrize("test", [SYNC, PENDING, ASYNC], ids=["plain", "pending", "async"])
def test_interrupt_ends_the_run_and_shows_the_conversation(agent_project, test):
    agent_project.agent(NEVER)
    agent_project.tests(test)
    began = time.monotonic()
    lines, code = interrupted(agent_project)
    assert time.monotonic() - began < 60
    assert code == pytest.ExitCode.INTERRUPTED
    start = next(
        number for number, line in enumerate(lines) if "russo: the conversation until the interrupt" in line
    )
    assert lines[start + 1] == "test: test_it.py::test_it"
    assert lines[start + 2].split()[1:] == ["caller", "Hello"]
    assert (agent_project.path / "closed").read_text() == "0"
    (path,) = (agent_project.path / ".russo_calls").glob("*/call.json")
    assert json.loads(path.read_text())["outcome"] == "interrupted"
    assert any(line.startswith("russo: 1 call with ") for line in lines)
    assert not any("Task was destroyed" in line or "Traceback" in line for line in lines)


def test_interrupt_ends_a_run_with_workers(agent_project):
    agent_project.agent(NEVER)
    agent_project.tests(SYNC)
    lines, code = interrupted(agent_project, "-n", "2")
    assert code == pytest.ExitCode.INTERRUPTED
    assert any("KeyboardInterrupt" in line for line in lines)


def test_run_without_an_open_call_shows_nothing_at_an_interrupt(agent_project):
    agent_project.tests(
        """
        def test_first(russo_call):
            russo_call.say("Hello")

        def test_second():
            raise KeyboardInterrupt
        """
    )
    result = agent_project.run(subprocess=True)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert not any("the conversation" in line for line in result.outlines)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no such signal on this system")
@pytest.mark.parametrize("test", [SYNC, ASYNC], ids=["plain", "async"])
def test_failure_raised_by_a_signal_shows_the_conversation(agent_project, test):
    # pytest-timeout does this with its method "signal".
    agent_project.agent(
        NEVER
        + """
    import signal

    def expire(number, frame):
        pytest.fail("Timeout (>0.5s) from pytest-timeout.")

    @pytest.fixture(autouse=True)
    def limit():
        signal.signal(signal.SIGALRM, expire)
        yield
        signal.setitimer(signal.ITIMER_REAL, 0)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_call():
        signal.setitimer(signal.ITIMER_REAL, 0.5)
"""
    )
    agent_project.tests(test)
    result = agent_project.run(subprocess=True)
    result.assert_outcomes(failed=1)
    lines = [line.split() for line in result.outlines]
    assert any(line[1:] == ["caller", "Hello"] for line in lines)
    assert (agent_project.path / "closed").read_text() == "0"
    if test is SYNC:  # in an async test, the signal interrupts the loop of another plugin
        marked = [line.removeprefix(">").strip() for line in result.outlines if line.startswith(">")]
        assert marked == ['russo_call.say("Hello")']
