"""Roles that clear a cache, and roles that leave files behind."""

import asyncio
import contextlib
import logging
import os
import random
import signal
import time
from pathlib import Path

from russo import AudioCache
from support.torture_audio import make_audio
from support.torture_roles.process import forked, receive, send, status_of
from support.torture_roles.readers import KEYS, Readers


def clear_storm(directory, seed, seconds):
    """Clear, put and read at once, in many processes."""
    logging.disable(logging.CRITICAL)
    end = time.monotonic() + seconds

    def write(writer):
        cache, rng, serial = AudioCache(directory), random.Random(seed + writer), 0
        while time.monotonic() < end:
            serial += 1
            key = rng.choice(KEYS)
            assert cache.put(key, make_audio(key, writer, serial)), "a clear made a put fail"

    def clear():
        while time.monotonic() < end:
            AudioCache(directory).clear()

    readers = Readers(directory, 1)
    with contextlib.ExitStack() as stack:
        pids = [stack.enter_context(forked(lambda w=writer: write(w))) for writer in (1, 2)]
        pids += [stack.enter_context(forked(clear)) for _ in range(2)]
        codes = [status_of(pid) for pid in pids]
    result = readers.end()
    send(
        {
            **result,
            "problems": result["problems"]
            + [f"process {i} ended with {c}" for i, c in enumerate(codes) if c],
        }
    )


def die_in_a_put(directory):
    """Leave a temporary and a lock behind."""
    from russo._store.files import write_temporary
    from russo._store.locks import KeyLock

    place = KeyLock(Path(directory), "dead", asyncio.new_event_loop())
    assert place.try_acquire()
    path, _ = write_temporary(directory, "dead", b"half of it")
    send(os.path.basename(path))
    os.kill(os.getpid(), signal.SIGKILL)


def hold(directory):
    """Hold a temporary and a lock until the test sends a word."""
    from russo._store.files import write_temporary
    from russo._store.locks import KeyLock

    loop = asyncio.new_event_loop()
    place = KeyLock(Path(directory), "living", loop)
    assert place.try_acquire()
    send(os.path.basename(write_temporary(directory, "living", b"half of it")[0]))
    receive()
    place.release()
    loop.close()
    send("done")


def store(directory, prompts):
    """Put entries."""
    cache = AudioCache(directory)
    for number, prompt in enumerate(prompts):
        cache.put(f"k{number}", make_audio(f"k{number}", 1, number), prompt=prompt, fields={"b": 1, "a": [2]})
    send("done")
