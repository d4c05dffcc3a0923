"""The event loop of a run: a failed start has a reason, and closing the loop waits for a bounded time."""

import asyncio
import os
import threading
import time
from concurrent.futures import CancelledError

import pytest

from russo import AudioCache, CachedSynthesizer, RussoError
from russo._flow import background_loop, event_loops
from russo._flow.background_loop import BackgroundLoop, StillRunningError
from russo._flow.run import RunContext
from russo._loops import is_gone
from russo._mode import Mode
from support.speakers import PROMPT, Speaker, run, sound


@pytest.fixture
def loop():
    loop = BackgroundLoop()
    yield loop
    loop.close({})


async def answer():
    return 42


def test_coroutine_runs_in_the_thread_of_the_loop(loop):
    async def thread():
        return threading.current_thread()

    assert loop.run(answer()) == 42
    assert loop.run(thread()) is not threading.current_thread()


def test_error_of_a_coroutine_is_raised_unchanged(loop):
    async def fail():
        raise TimeoutError("its own")

    with pytest.raises(TimeoutError, match="its own"):
        loop.run(fail())
    assert loop.is_usable


def refuse_thread(monkeypatch):
    def start(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)


def refuse_loop(monkeypatch):
    def make(threads):
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(background_loop, "new_event_loop", make)


def never_start(monkeypatch):
    monkeypatch.setattr(background_loop, "START_SECONDS", 0.1)
    monkeypatch.setattr(BackgroundLoop, "_serve", lambda self: None)


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        (refuse_thread, "can't start new thread"),
        (refuse_loop, "Too many open files"),
        (never_start, r"it did not start within 0\.1 s"),
    ],
)
def test_loop_that_cannot_start_raises_an_error_with_the_reason(monkeypatch, trouble, reason):
    trouble(monkeypatch)
    with pytest.raises(RussoError, match=f"the event loop for plain tests cannot start: .*{reason}"):
        BackgroundLoop()


def test_pytest_test_fails_with_the_reason_if_its_loop_cannot_start(project):
    project.tests(
        """
        import pytest
        from russo import RussoError
        from russo._flow import background_loop

        def test_it(russo_say, monkeypatch):
            monkeypatch.setattr(background_loop, "new_event_loop", lambda threads: 1 / 0)
            with pytest.raises(RussoError, match="cannot start: division by zero"):
                russo_say("Hello")
        """
    )
    project.run().assert_outcomes(passed=1)


def test_call_ends_if_its_loop_stops(loop, monkeypatch):
    monkeypatch.setattr(background_loop, "_CHECK_SECONDS", 0.02)

    async def stop():
        asyncio.get_running_loop().call_soon(asyncio.get_running_loop().stop)
        await asyncio.Event().wait()

    with pytest.raises((RussoError, CancelledError)):
        loop.run(stop())
    loop._thread.join(10)
    assert not loop.is_usable


def test_call_after_close_is_an_error(loop):
    loop.close({})
    with pytest.raises(RussoError, match="russo's event loop cannot run this"):
        loop.run(answer())


def test_call_from_inside_the_loop_is_an_error_and_not_a_deadlock(loop):
    async def outer():
        return loop.run(answer())

    with pytest.raises(RussoError, match="made in the event loop itself; await the coroutine instead"):
        loop.run(outer())


def test_call_with_a_time_limit_ends_in_time(loop):
    with pytest.raises(StillRunningError):
        loop.run(asyncio.Event().wait(), 0.05)
    assert loop.is_usable


def blocked_run(loop, tmp_path, speaker):
    """Let a backend block the loop; return the context of the run and the cached synthesizer."""
    context = RunContext(AudioCache(tmp_path), Mode.AUTO, report=print)
    cached = CachedSynthesizer(speaker).bound_to(context)
    with pytest.raises(StillRunningError):
        loop.run(cached.synthesize(PROMPT), 0.3)
    return context, cached


class Blocking(Speaker):
    """Blocks its event loop in the first call until `release` is set."""

    def __init__(self):
        super().__init__()
        self.release = threading.Event()

    async def synthesize(self, text):
        self.texts.append(text)
        if len(self.texts) == 1:
            self.release.wait(30)
        return sound(text)


@pytest.mark.parametrize(
    ("seconds", "where"),
    [(0.1, "which did not end within 0.1 s"), (0.0, "in an event loop that is blocked")],
)
def test_blocked_loop_is_abandoned_and_its_call_is_reported(tmp_path, monkeypatch, seconds, where):
    monkeypatch.setattr(background_loop, "_REPLY_SECONDS", 0.05)
    loop, speaker = BackgroundLoop(), Blocking()
    context, _ = blocked_run(loop, tmp_path, speaker)
    assert not loop.is_usable
    begun = time.monotonic()
    assert loop.close(context.calls, seconds) == [f"abandoned: a call of speaker for {PROMPT!r}, {where}"]
    assert time.monotonic() - begun < 5
    assert is_gone(loop._loop)
    speaker.release.set()
    loop._thread.join(10)


def test_prompt_is_synthesized_again_after_its_loop_was_abandoned(tmp_path, monkeypatch):
    monkeypatch.setattr("russo._store.locks._SIGN_OF_LIFE", 0.05)
    loop, speaker = BackgroundLoop(), Blocking()
    context, cached = blocked_run(loop, tmp_path, speaker)
    loop.close(context.calls, 0.05)
    assert run(cached.synthesize(PROMPT), seconds=5) == sound(PROMPT)
    assert len(speaker.texts) == 2
    speaker.release.set()
    loop._thread.join(10)


def test_loop_blocked_outside_a_call_is_reported():
    loop, release = BackgroundLoop(), threading.Event()

    async def block():
        release.wait(30)

    with pytest.raises(StillRunningError):
        loop.run(block(), 0.05)
    assert loop.close({}, 0.05) == [
        "abandoned: something blocks the event loop, and did not end within 0.05 s"
    ]
    release.set()
    loop._thread.join(10)


def test_abandoned_calls_are_counted_and_their_prompts_are_shortened_and_escaped():
    from russo._backends.backend_call import BackendCall

    calls = [
        BackendCall("acme\x1b[2J", f"{number}\x1b" + "x" * 500, frozenset(), None) for number in range(9)
    ]
    sentences = list(background_loop._sentences(calls, 5.0))
    assert len(sentences) == 6
    assert sentences[-1] == "abandoned: 4 more calls"
    assert "\x1b" not in "".join(sentences)
    assert max(map(len, sentences)) < 200


# -- threads of `asyncio.to_thread`


def test_calls_in_threads_run_at_once_return_and_raise():
    async def main():
        barrier = threading.Barrier(3, timeout=10)
        with pytest.raises(ZeroDivisionError):
            await asyncio.to_thread(lambda: 1 / 0)
        await asyncio.gather(*(asyncio.to_thread(barrier.wait) for _ in range(3)))
        return await asyncio.gather(*(asyncio.to_thread(pow, 2, number) for number in range(100)))

    assert event_loops.run_in_new_loop(main()) == [2**number for number in range(100)]


def test_idle_threads_end(loop):
    loop.run(asyncio.to_thread(answer().close))
    until = time.monotonic() + 5
    while any(each.name == "russo-thread" for each in threading.enumerate()):
        assert time.monotonic() < until
        time.sleep(0.01)


def test_to_thread_raises_at_once_if_no_thread_can_start(monkeypatch):
    async def main():
        refuse_thread(monkeypatch)
        try:
            await asyncio.to_thread(pow, 2, 2)
        finally:
            monkeypatch.undo()

    with pytest.raises(RuntimeError, match="can't start new thread"):
        event_loops.run_in_new_loop(main())


def test_blocked_thread_does_not_keep_a_new_loop_alive(monkeypatch):
    monkeypatch.setattr(event_loops, "SHUTDOWN_SECONDS", 0.1)
    release = threading.Event()

    async def main():
        await asyncio.wait([asyncio.ensure_future(asyncio.to_thread(release.wait, 30))], timeout=0.1)

    begun = time.monotonic()
    event_loops.run_in_new_loop(main())
    assert time.monotonic() - begun < 5
    release.set()


# -- forks


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_miss_in_a_forked_process_uses_its_own_loop(project):
    project.tests(
        """
        import os, signal

        def test_it(russo_say):
            russo_say("In the parent")
            child = os.fork()
            if not child:
                signal.alarm(10)  # kills a child that hangs
                os._exit(0 if russo_say("In the child").data else 1)
            assert os.waitpid(child, 0)[1] == 0
        """
    )
    project.run("-W", "ignore::DeprecationWarning", subprocess=True).assert_outcomes(passed=1)
    assert project.calls == ["a In the parent", "a In the child"]
