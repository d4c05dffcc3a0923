"""Faults of the operating system: a test makes the n-th call of a piece of work fail, stop or kill.

The calls are those that Python code makes through the ``os`` module, counted in one thread. So a test can
reach every moment of a put, a get or a clear in turn.
"""

import contextlib
import os
import signal
import threading

NAMES = (
    "open",
    "read",
    "write",
    "close",
    "stat",
    "lstat",
    "fstat",
    "replace",
    "unlink",
    "mkdir",
    "rmdir",
    "scandir",
    "listdir",
)
# Closing changes nothing on disk; a fault that left files open would only break the tests.
_ALWAYS = {"close"}


class Crash(BaseException):
    """Stands for the end of the process: no later call reaches the disk."""


class Calls:
    """Counts the calls of the thread that created it, and acts at one of them.

    Args:
        at: The number of the call, from 1; 0 only counts.
        act: Called with the call's name and its arguments; may raise.
        after: Act after the call instead of before.
        ever: Act at every later call, too.
        only: Count only calls with these names.
    """

    def __init__(self, at=0, act=None, *, after=False, ever=False, only=NAMES):
        self.at, self.act, self.after, self.ever = at, act, after, ever
        self.names = tuple(name for name in NAMES if name in only)
        self.thread = threading.get_ident()
        self.count = 0
        self.trace: list[str] = []

    def begin(self):
        """Count the calls of this thread from now on."""
        self.thread = threading.get_ident()

    def is_due(self, name, arguments):
        """Count a call; return whether to act at it."""
        if threading.get_ident() != self.thread:
            return False
        self.count += 1
        self.trace.append(f"{name} {arguments[0] if arguments else ''}")
        return self.act is not None and (self.count == self.at or (self.ever and self.count > self.at > 0))

    def wrap(self, name, real):
        """Return the call with the fault in it."""

        def call(*arguments, **options):
            due = self.is_due(name, arguments)
            if due and not self.after:
                self.do(name, real, arguments)
            try:
                return real(*arguments, **options)
            finally:
                if due and self.after:
                    self.do(name, real, arguments, made=True)

        return call

    def do(self, name, real, arguments, *, made=False):
        """Act; if that raises at a close, close the file anyway."""
        try:
            self.act(name, arguments)
        except BaseException:
            if name in _ALWAYS and not made:
                real(*arguments)
            raise


_installing = threading.Lock()
_active: list[Calls] = []


@contextlib.contextmanager
def counted(calls: Calls):
    """Install the fault for the thread that enters."""
    calls.begin()
    with _installing:
        before = {name: getattr(os, name) for name in calls.names}
        for name, real in before.items():
            setattr(os, name, calls.wrap(name, real))
        _active.append(calls)
    try:
        yield calls
    finally:
        calls.thread = -1
        with _installing:
            _active.remove(calls)
            if not _active:
                _restore()


_REAL = {name: getattr(os, name) for name in NAMES}


def _restore():
    # Called when no thread uses the replacements any more: two threads may leave in another order than they
    # entered.
    for name, real in _REAL.items():
        setattr(os, name, real)


def kill(_name, _arguments):
    """Kill the process at once with SIGKILL."""
    os.kill(os.getpid(), signal.SIGKILL)


def crash(_name, _arguments):
    """Raise `Crash` instead of killing this process: use with ``ever``."""
    raise Crash


def fail(number):
    """Return an act that makes the call fail with this errno."""

    def act(_name, arguments):
        raise OSError(number, os.strerror(number), *(arguments[:1] if isinstance(arguments[0], str) else ()))

    return act


def each_call(work, *, limit=400):
    """Run ``work(n)`` for n = 1, 2, 3 … until it returns that call n was not reached."""
    for number in range(1, limit):
        if not work(number):
            assert number > 3, "the work made no calls: the faults are installed at the wrong place"
            return number - 1
    raise AssertionError(f"the work makes more than {limit} calls")


class Stop:
    """An act that stops the thread at a call until the test lets it go on."""

    def __init__(self):
        self.reached = threading.Event()
        self.go = threading.Event()

    def __call__(self, _name, _arguments):
        self.reached.set()
        assert self.go.wait(60), "the test did not let the thread go on"


class Worker:
    """Runs work in its own thread, stopped at one of its calls.

    Args:
        work: The function to run.
        at: The number of the call to stop at.
        after: Stop after the call instead of before.
    """

    def __init__(self, work, at, *, after=False):
        self.result, self.error = None, None
        self._stop = Stop()
        self._calls = Calls(at, self._stop, after=after)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(work,))
        self._thread.start()
        while not (self._stop.reached.wait(0.0005) or self._done.is_set()):
            pass

    @property
    def was_stopped(self):
        """Whether the work reached that call."""
        return self._stop.reached.is_set()

    def _run(self, work):
        try:
            with counted(self._calls):
                self.result = work()
        except BaseException as error:  # noqa: BLE001 - handed to the test
            self.error = error
        finally:
            self._done.set()

    def finish(self):
        """Let the work go on, wait for its end and return its result."""
        self._stop.go.set()
        self._thread.join(60)
        assert not self._thread.is_alive(), f"the work hangs: {self._calls.trace[-5:]}"
        if self.error is not None:
            raise self.error
        return self.result
