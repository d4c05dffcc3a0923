"""Roles that ask for the same prompt at once: one of them makes the backend call."""

import asyncio
import collections
import errno
import logging
import os
import random
import time
import warnings

import russo._flow.single_flight
import russo._store.locks
from russo import Audio, AudioCache, CachedSynthesizer
from support.torture_roles.process import forked, note, receive, send, status_of


def shorten_patience(patience, sign_of_life=0.2):
    """Shorten the time that waiters wait for another caller."""
    assert hasattr(russo._store.locks, "PATIENCE")
    assert hasattr(russo._flow.single_flight, "PATIENCE")
    russo._store.locks.PATIENCE = russo._flow.single_flight.PATIENCE = patience
    russo._store.locks._SIGN_OF_LIFE = sign_of_life


def take_locks_away():
    """Make every advisory lock of this process fail, as on a file system without locks."""
    import fcntl

    def flock(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    fcntl.flock = flock


class Speaker:
    """Returns audio after some time, or when a file exists, and notes when each call began and ended."""

    def __init__(self, calls, seconds, *, fails=False, blocks=False, until=None):
        self.cache_key_extra = {"backend": "speaker"}
        self.calls, self.seconds, self.fails, self.blocks = calls, seconds, fails, blocks
        self.until = until

    async def synthesize(self, text):
        note(self.calls, f"{os.getpid()} begin {time.time()} {text}")
        if self.blocks:
            time.sleep(self.seconds)  # noqa: ASYNC251 - to block the loop is the point
        else:
            await asyncio.sleep(self.seconds)
        while self.until and not os.path.exists(self.until):  # noqa: ASYNC110, ASYNC240 - of another process
            await asyncio.sleep(0.005)
        note(self.calls, f"{os.getpid()} end {time.time()} {text}")
        if self.fails:
            raise RuntimeError("the service is down")
        return Audio(text.encode() * 200, "pcm")


def caller(
    *,
    directory,
    calls,
    prompts,
    tasks=1,
    seconds=0.05,
    fails=False,
    blocks=False,
    patience=None,
    locks=True,
    timeout=None,
    until=None,
):
    """Synthesize prompts from many tasks; print "ready", then the outcomes and the time of the end."""
    logging.disable(logging.CRITICAL)
    if patience is not None:
        shorten_patience(patience)
    if not locks:
        take_locks_away()
    speaks = Speaker(calls, seconds, fails=fails, blocks=blocks, until=until)
    speaker = CachedSynthesizer(speaks, cache=AudioCache(directory))

    async def ask(prompt):
        try:
            async with asyncio.timeout(timeout):
                audio = await speaker.synthesize(prompt)
        except (RuntimeError, TimeoutError) as error:
            return f"{type(error).__name__}"
        assert audio.data == prompt.encode() * 200
        return "audio"

    async def main():
        order = [list(prompts) for _ in range(tasks)]
        for index, mine in enumerate(order):
            random.Random(index + os.getpid()).shuffle(mine)
        return await asyncio.gather(*(ask(prompt) for mine in order for prompt in mine))

    send("ready")
    receive()
    outcomes = asyncio.run(main())
    send({"outcomes": collections.Counter(outcomes), "time": time.time()})


def fork_in_flight(directory, calls):
    """Fork while a call is in flight; the child asks for the same prompt."""
    import threading

    warnings.simplefilter("ignore")  # users' tools fork while threads run
    shorten_patience(1.0)
    speaker = CachedSynthesizer(Speaker(calls, 3.0), cache=AudioCache(directory))
    thread = threading.Thread(target=lambda: asyncio.run(speaker.synthesize("hello")))
    thread.start()
    while not os.path.exists(calls):
        time.sleep(0.01)

    def child():
        audio = asyncio.run(asyncio.wait_for(speaker.synthesize("hello"), 8))
        assert audio.data == b"hello" * 200

    with forked(child) as pid:
        code = status_of(pid)
    thread.join()
    send(code)
