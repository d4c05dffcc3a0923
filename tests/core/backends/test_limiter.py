import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import trio

from russo import CachedSynthesizer
from russo.authoring import Attempts
from support.attempts import AttemptsBackend, ScriptedService, never_reply
from support.speakers import PROMPT, run, sound


class ConcurrencyCounter:
    """Counts how many attempts are in progress at once, over every loop and thread."""

    def __init__(self):
        self.lock = threading.Lock()
        self.active = self.most = self.total = 0

    async def __call__(self):
        with self.lock:
            self.active += 1
            self.total += 1
            self.most = max(self.most, self.active)
        await asyncio.sleep(0.01)
        with self.lock:
            self.active -= 1
        return sound(PROMPT)


async def run_at_once(calls, counter, number):
    await asyncio.gather(*(calls.run(PROMPT, counter) for _ in range(number)))


@pytest.mark.parametrize("cap", [1, 2, 5])
def test_cap_is_reached_and_never_passed(cap):
    counter = ConcurrencyCounter()
    run(run_at_once(Attempts("acme", max_concurrency=cap), counter, 4 * cap))
    assert (counter.most, counter.total) == (cap, 4 * cap)


def test_cap_is_eight_by_default():
    counter = ConcurrencyCounter()
    run(run_at_once(Attempts("acme"), counter, 20))
    assert counter.most == 8


def test_cap_holds_over_two_loops_one_after_another():
    counter, calls = ConcurrencyCounter(), Attempts("acme", max_concurrency=2)
    for _ in range(2):
        run(run_at_once(calls, counter, 6))
    assert (counter.most, counter.total) == (2, 12)


def test_cap_holds_over_two_loops_at_once():
    counter, calls = ConcurrencyCounter(), Attempts("acme", max_concurrency=2)
    with ThreadPoolExecutor(2) as threads:
        for done in [threads.submit(run, run_at_once(calls, counter, 10)) for _ in range(2)]:
            done.result()
    assert (counter.most, counter.total) == (2, 20)


def test_cap_holds_under_trio(cache):
    counter = ConcurrencyCounter()
    cached = CachedSynthesizer(AttemptsBackend(counter, max_concurrency=2), cache=cache)

    async def main():
        async with trio.open_nursery() as nursery:
            for number in range(8):
                nursery.start_soon(cached.synthesize, f"prompt {number}")

    trio.run(main)
    assert (counter.most, counter.total) == (2, 8)


def test_loop_that_ends_under_its_calls_gives_their_turns_back():
    calls = Attempts("acme", max_concurrency=1)

    async def leave():
        asyncio.ensure_future(calls.run(PROMPT, never_reply))  # noqa: RUF006 - left behind on purpose
        await asyncio.sleep(0)

    run(leave())
    assert run(calls.run(PROMPT, ScriptedService("audio")), seconds=5) == "audio"
