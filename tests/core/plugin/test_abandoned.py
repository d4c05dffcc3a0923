"""A blocking backend does not keep a finished run alive, and the summary names its call."""

import functools
import os
import signal
import subprocess
import sys
import time

import pytest

BLOCKING = {
    "the event loop": "time.sleep(600)",
    "a thread": "await asyncio.to_thread(time.sleep, 600)",
    "its cancellation": "await never_end()",
}
BACKEND = """
    import asyncio, os, time
    import russo._flow.background_loop
    from russo import Audio

    russo._flow.background_loop.CLOSE_SECONDS = 0.6
    russo._flow.background_loop._REPLY_SECONDS = 0.2

    async def never_end():
        while True:
            try:
                await asyncio.sleep(600)
            except asyncio.CancelledError:
                pass

    class Acme:
        cache_key_extra = {{"backend": "acme"}}

        async def synthesize(self, text):
            if text == "Blocks":
                open("blocks", "w").close()
                {work}
            return Audio(b"ab" * 100, "pcm", 8000, 1, 1)

        async def aclose(self):
            {close}
"""
TESTS = """
    import os, pathlib, signal, threading, time
    import pytest

    def interrupt_when_it_blocks():
        while not pathlib.Path("blocks").exists():
            time.sleep(0.01)
        time.sleep(0.1)
        os.kill(os.getpid(), signal.SIGALRM)

    def stop(*_):
        pytest.fail("the test took too long")

    def test_blocks(russo_say):
        signal.signal(signal.SIGALRM, stop)
        threading.Thread(target=interrupt_when_it_blocks, daemon=True).start()
        russo_say("Blocks")

    def test_next(russo_say):
        assert russo_say("Next").data
"""
BLOCKED = "russo: abandoned: a call of acme for 'Blocks', which did not end within *"


@pytest.fixture
def make(project):
    """Return a function that writes a project with a blocking backend."""

    def write(work="pass", close="pass"):
        project.conftest("")
        project.pytester.makepyfile(acme=BACKEND.format(work=work, close=close))
        project.ini("russo_synth = acme:Acme")
        project.tests(TESTS)
        return project

    return write


def timed_run(project, *arguments):
    begun = time.monotonic()
    env = {**os.environ, "PYTHONPATH": str(project.path)}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    done = subprocess.run(
        command, cwd=project.path, env=env, capture_output=True, text=True, timeout=60, check=False
    )
    return done.stdout + done.stderr, time.monotonic() - begun


def matching(output, pattern):
    return pytest.LineMatcher(output.splitlines()).fnmatch_lines([pattern])


@pytest.mark.parametrize(
    ("work", "workers"),
    [*((work, []) for work in BLOCKING.values()), (BLOCKING["the event loop"], ["-n", "1"])],
    ids=[*BLOCKING, "the event loop of a worker"],
)
def test_blocking_backend_is_abandoned_and_reported(make, work, workers):
    output, seconds = timed_run(make(work), *workers)
    assert "1 failed, 1 passed" in output
    assert "the test took too long" in output
    in_loop = "russo: abandoned: a call of acme for 'Blocks', in an event loop that is blocked"
    matching(output, in_loop if work == BLOCKING["the event loop"] else BLOCKED)
    assert seconds < 30


def test_blocking_aclose_is_abandoned_and_reported(make):
    project = make(close="time.sleep(600)")
    project.conftest("import russo._plugin.session as session\nsession._ACLOSE_SECONDS = 0.4\n")
    project.tests("def test_next(russo_say):\n    assert russo_say('Next').data")
    output, seconds = timed_run(project)
    assert "1 passed" in output
    assert "russo: abandoned: aclose of Acme, which took longer than 0.4 s" in output
    assert seconds < 30


def test_interrupt_while_speaking_ahead_ends_the_run(make):
    project = make("time.sleep(600)")
    project.ini("russo_synth = acme:Acme\nrusso_speak_ahead = 2")
    project.tests(
        """
        import pytest

        @pytest.mark.russo("Blocks")
        def test_it(russo_audio): pass
        """
    )
    output = interrupted(project, sys.executable, "-m", "pytest", "-p", "no:cacheprovider")
    assert "KeyboardInterrupt" in output
    matching(output, BLOCKED)


@pytest.mark.parametrize("work", BLOCKING.values(), ids=list(BLOCKING))
def test_one_interrupt_ends_say(make, work):
    project = make(work)
    output = interrupted(project, sys.executable, "-m", "russo", "say", "Blocks", "-o", "out.wav")
    assert "abandoned: a call of acme for 'Blocks', which did not end within 0.6 s" in output
    assert "Traceback" not in output


@pytest.mark.parametrize("work", BLOCKING.values(), ids=list(BLOCKING))
def test_second_interrupt_ends_record(make, work):
    project = make(work)
    (project.path / "prompts.txt").write_text("Blocks\n")
    output = interrupted(project, sys.executable, "-m", "russo", "record", "prompts.txt", times=2)
    assert "stopping: waiting for 1 prompt under way" in output
    assert "abandoned: a call of acme for 'Blocks', which did not end within 0.6 s" in output
    assert "Traceback" not in output


def interrupted(project, *command, times=1):
    """Start a command, send it SIGINT when the backend blocks, and return its output."""
    env = {**os.environ, "PYTHONPATH": str(project.path)}
    child = subprocess.Popen(
        command,
        cwd=project.path,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # A test suite started in the background ignores SIGINT, and its children inherit that.
        preexec_fn=functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )
    try:
        until = time.monotonic() + 30
        while not (project.path / "blocks").exists():
            assert time.monotonic() < until, child.communicate(timeout=1)
            time.sleep(0.02)
        for _ in range(times):
            time.sleep(0.3)
            assert child.poll() is None, child.communicate(timeout=1)
            child.send_signal(signal.SIGINT)
        return child.communicate(timeout=30)[0]
    finally:
        child.kill()
        child.wait()


def test_blocked_loop_is_an_error_that_names_the_place(project):
    project.tests(
        """
        import asyncio
        import time
        import pytest
        from russo import plugins

        async def block():
            time.sleep(3600)

        async def think():
            await asyncio.sleep(1.5)
            return "done"

        def test_it(request):
            assert plugins.wait_for(request.config, think(), blocked_seconds=0.5) == "done"
            with pytest.raises(plugins.LoopBlockedError, match=r"test_it.py:7 in block blocks russo's event loop") as caught:
                plugins.wait_for(request.config, block(), blocked_seconds=0.5)
            assert caught.value.place.endswith("test_it.py:7 in block")
            assert caught.value.seconds >= 0.5
            assert plugins.wait_for(request.config, think()) == "done"
        """
    )
    result = project.run(subprocess=True)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["russo: abandoned: something blocks the event loop*"])
