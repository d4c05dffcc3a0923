"""Roles that take, sweep and inherit the lock of a key."""

import asyncio
import collections
import os
import random
import time
import warnings
from pathlib import Path

from support.torture_roles.process import forked, send, status_of


def lock_holder(directory, referee, seconds, seed):
    """Take the lock of one key again and again; a second lock detects two holders at once."""
    import fcntl

    from russo._store.locks import KeyLock

    os.makedirs(directory, exist_ok=True)
    rng, loop = random.Random(seed), asyncio.new_event_loop()
    judge = os.open(referee, os.O_RDWR | os.O_CREAT)
    count = collections.Counter()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        place = KeyLock(Path(directory), "k", loop)
        if place.try_acquire():
            count["held"] += 1
            try:
                fcntl.flock(judge, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                count["at once"] += 1
            else:
                time.sleep(rng.uniform(0, 0.0005))
                fcntl.flock(judge, fcntl.LOCK_UN)
        place.release()
    loop.close()
    send(count)


def lock_sweeper(directory, seconds):
    """Sweep the locks again and again."""
    from russo._store.locks import sweep_locks

    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sweep_locks(directory, None)
        time.sleep(0.0001)
    send("done")


def fork_and_release(directory):
    """Fork while holding a lock; the child releases its inherited copy."""
    from russo._store.locks import KeyLock

    warnings.simplefilter("ignore")
    os.makedirs(directory)
    loop = asyncio.new_event_loop()
    place = KeyLock(Path(directory), "k", loop)
    assert place.try_acquire()

    with forked(place._let_go) as pid:
        assert status_of(pid) == 0
    other = KeyLock(Path(directory), "k", loop)
    taken = other.try_acquire()
    other.release()
    place.release()
    loop.close()
    send({"taken": taken})
