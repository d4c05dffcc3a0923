"""Amount of work, seed and time limits of the torture tests.

RUSSO_TORTURE=10        ten times the work
RUSSO_TORTURE_SEED=7    the same random choices as in the run with this seed
RUSSO_TORTURE_BREAK=x   a deliberately broken store instead of the real one; see torture_broken
"""

import contextlib
import os
import random
import signal
import stat
import time

# Read at import, because the suite later removes the caller's variables from the environment.
FACTOR = float(os.environ.get("RUSSO_TORTURE", "1"))
SEED = int(os.environ.get("RUSSO_TORTURE_SEED") or random.SystemRandom().randrange(10**6))
BREAK = os.environ.get("RUSSO_TORTURE_BREAK", "")


def many(number: int) -> int:
    """Return how often to repeat work whose default is ``number`` times."""
    return max(1, round(number * FACTOR))


@contextlib.contextmanager
def within(seconds: float):
    """Fail if the work takes longer, even if it hangs in a system call."""

    def stop(*_: object) -> None:
        raise AssertionError(f"still running after {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def wait_until(holds, seconds: float = 30.0, *, what: str = "it"):
    """Call the function every few milliseconds until it returns a true value, and return that."""
    deadline = time.monotonic() + seconds
    while not (answer := holds()):
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s"
        time.sleep(0.002)
    return answer


def snapshot(directory) -> dict[str, tuple]:
    """Describe all files below a directory without following links: kinds, modes, times, targets, bytes."""
    seen: dict[str, tuple] = {}
    for folder, folders, files in os.walk(directory):
        for name in folders + files:
            path = os.path.join(folder, name)
            seen[os.path.relpath(path, directory)] = _describe(path)
    return seen


def _describe(path: str) -> tuple:
    status = os.lstat(path)
    kind, content = stat.S_IFMT(status.st_mode), None
    if kind == stat.S_IFLNK:
        content = os.readlink(path)
    elif kind == stat.S_IFREG and status.st_size < 1 << 24:
        with open(path, "rb") as file:
            content = file.read()
    # The time of a folder changes whenever russo adds or removes an entry in it.
    changed = None if kind == stat.S_IFDIR else status.st_mtime_ns
    return kind, stat.S_IMODE(status.st_mode), changed, content
