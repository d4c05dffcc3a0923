"""Calls in daemon threads: used again, without a limit of their number, and never waited for at exit."""

import gc
import subprocess
import sys
import threading
import time
import weakref
from concurrent.futures import TimeoutError as FutureTimeoutError

import pytest

from russo._remote import threads as threads_module
from russo._remote.threads import _Threads, start


def names():
    return [thread for thread in threading.enumerate() if thread.name == "russo-remote"]


def test_the_future_gets_the_result():
    assert start(lambda: 3).result(10) == 3


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(3), KeyboardInterrupt(), StopIteration(1)])
def test_the_future_gets_any_exception(error):
    def fail():
        raise error

    assert start(fail).exception(10) is error


def test_a_call_cannot_be_cancelled():
    go_on = threading.Event()
    future = start(lambda: go_on.wait(10))
    assert not future.cancel()
    go_on.set()
    assert future.result(10) is True


def test_calls_in_turn_use_few_threads():
    threads, used = _Threads(), set()
    for _ in range(50):
        used.add(threads.start(threading.get_ident).result(10))
    assert len(used) < 10


def test_calls_that_never_return_keep_no_other_call_from_its_thread():
    go_on = threading.Event()
    stuck = [start(lambda: go_on.wait(20)) for _ in range(100)]
    assert start(lambda: 3).result(10) == 3
    go_on.set()
    for each in stuck:
        each.result(10)


def test_a_thread_without_calls_ends(monkeypatch):
    monkeypatch.setattr(threads_module, "_IDLE_SECONDS", 0.02)
    thread = start(threading.current_thread).result(10)
    assert thread.daemon
    thread.join(10)
    assert not thread.is_alive()
    assert start(lambda: 3).result(10) == 3


def test_no_call_is_lost_when_threads_end_at_the_same_time(monkeypatch):
    monkeypatch.setattr(threads_module, "_IDLE_SECONDS", 0.0005)
    threads, pause = _Threads(), threading.Event()
    for number in range(200):
        assert threads.start(lambda number=number: number).result(10) == number
        pause.wait(0.0005)


def test_if_no_thread_can_be_started_the_call_raises(monkeypatch):
    def refuse(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(RuntimeError, match="can't start"):
        _Threads().start(lambda: 3)


def test_a_thread_that_waits_keeps_no_result():
    class Result:
        pass

    threads = _Threads()
    seen = weakref.ref(threads.start(Result).result(10))
    deadline = time.monotonic() + 10
    while not threads._idle and time.monotonic() < deadline:
        time.sleep(0.001)
    gc.collect()
    assert (len(threads._idle), seen()) == (1, None)


def test_a_call_that_never_returns_does_not_hold_up_the_exit():
    code = """
import threading
from concurrent.futures import TimeoutError
from russo._remote.threads import start
try:
    start(threading.Event().wait).result(0.1)
except TimeoutError:
    print("given up")
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout == "given up\n"
    assert issubclass(FutureTimeoutError, TimeoutError)


def test_a_forked_child_has_its_own_threads():
    code = """
import os
from russo._remote.threads import start
assert start(lambda: 1).result(10) == 1
child = os.fork()
if child == 0:
    os._exit(start(lambda: 7).result(10))
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout == "7\n"
