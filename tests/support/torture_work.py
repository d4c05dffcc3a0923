"""How much work the torture does, from which seed, and within which time.

RUSSO_TORTURE=10        ten times the work
RUSSO_TORTURE_SEED=7    the randomness of that run again
RUSSO_TORTURE_BREAK=x   a deliberately broken store instead of the real one; see torture_broken
"""

import contextlib
import os
import random
import signal
import stat
import time

# Read at import: the suite keeps the variables of whoever runs it away from the tests themselves.
FACTOR = float(os.environ.get("RUSSO_TORTURE", "1"))
SEED = int(os.environ.get("RUSSO_TORTURE_SEED") or random.SystemRandom().randrange(10**6))
BREAK = os.environ.get("RUSSO_TORTURE_BREAK", "")


def many(number: int) -> int:
    """Return how often to do what is done ``number`` times by default."""
    return max(1, round(number * FACTOR))


@contextlib.contextmanager
def within(seconds: float):
    """Fail where the work takes longer, also where it hangs in a system call."""

    def stop(*_: object) -> None:
        raise AssertionError(f"still at it after {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def wait_until(holds, seconds: float = 30.0, *, what: str = "it"):
    """Ask every few milliseconds until the answer is true, and return it."""
    deadline = time.monotonic() + seconds
    while not (answer := holds()):
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s"
        time.sleep(0.002)
    return answer


def snapshot(directory) -> dict[str, tuple]:
    """Describe everything below a directory, links not followed: kinds, modes, times, targets, bytes."""
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
    # The time of a folder changes with each entry that comes and goes beside a foreign one.
    changed = None if kind == stat.S_IFDIR else status.st_mtime_ns
    return kind, stat.S_IMODE(status.st_mode), changed, content
