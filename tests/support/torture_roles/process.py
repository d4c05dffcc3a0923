"""Functions that every role needs: messages to and from its test, and forking."""

import contextlib
import json
import os
import signal
import sys


def send(word):
    """Send one value to the test."""
    print(json.dumps(word), flush=True)


def receive():
    """Wait for a word from the test."""
    return sys.stdin.readline().strip()


@contextlib.contextmanager
def forked(work):
    """Run work in a forked child; its exit status is 0, or 1 after an error, which it prints."""
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        except BaseException as error:  # noqa: BLE001 - reported by the exit status
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        finally:
            os._exit(code)
    try:
        yield pid
    finally:
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def status_of(pid):
    """Wait for a child; return its exit code, which is negative if a signal ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def in_child(work):
    """Run work in a forked child, and assert that it succeeds."""
    with forked(work) as pid:
        assert status_of(pid) == 0


def note(path, line):
    """Add a line to a file that many processes write to."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    os.write(descriptor, (line + "\n").encode())
    os.close(descriptor)
