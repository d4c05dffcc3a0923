import asyncio
import gc
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import trio

from russo import CachedSynthesizer
from russo._backends import limiter
from russo._loops import give_up
from russo.authoring import Attempts
from support.attempts import AttemptsBackend, ScriptedService, never_reply
from support.cpu_time import least
from support.speakers import PROMPT, run, sound


class ConcurrencyCounter:
    """Counts how many attempts run at once, across all loops and threads."""

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
def test_cap_is_reached_and_never_exceeded(cap):
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


def test_loop_that_ends_during_calls_frees_their_slots():
    calls = Attempts("acme", max_concurrency=1)

    async def leave():
        asyncio.ensure_future(calls.run(PROMPT, never_reply))  # noqa: RUF006 - left behind on purpose
        await asyncio.sleep(0)

    run(leave())
    assert run(calls.run(PROMPT, ScriptedService("audio")), seconds=5) == "audio"


def test_closed_loop_frees_the_slots_of_its_calls():
    calls = Attempts("acme", max_concurrency=1)
    loop = asyncio.new_event_loop()
    left = loop.create_task(calls.run(PROMPT, never_reply))
    loop.run_until_complete(asyncio.sleep(0.01))
    loop.close()  # the call is not cancelled and has not ended
    left._log_destroy_pending = False
    assert run(calls.run(PROMPT, ScriptedService("audio")), seconds=5) == "audio"


def test_waiting_caller_gets_the_slot_of_a_closed_loop(monkeypatch):
    monkeypatch.setattr(limiter, "_CHECK_SECONDS", 0.05)
    calls = Attempts("acme", max_concurrency=1)
    loop = asyncio.new_event_loop()
    left = loop.create_task(calls.run(PROMPT, never_reply))
    loop.run_until_complete(asyncio.sleep(0.01))

    async def wait_and_close():
        waiting = asyncio.ensure_future(calls.run(PROMPT, ScriptedService("audio")))
        await asyncio.sleep(0.02)
        assert not waiting.done()
        loop.close()
        return await waiting

    assert run(wait_and_close(), seconds=5) == "audio"
    left._log_destroy_pending = False


def test_waiter_of_a_closed_loop_is_skipped(monkeypatch):
    monkeypatch.setattr(
        limiter, "_CHECK_SECONDS", 60
    )  # otherwise the third caller would find the free slot by itself
    calls, closed = Attempts("acme", max_concurrency=1), asyncio.new_event_loop()

    async def main():
        release = asyncio.Event()

        async def hold():
            await release.wait()
            return "first"

        first = asyncio.ensure_future(calls.run(PROMPT, hold))
        await asyncio.sleep(0.01)
        await asyncio.to_thread(queue_in_closed_loop)
        third = asyncio.ensure_future(calls.run(PROMPT, ScriptedService("third")))
        await asyncio.sleep(0.01)
        release.set()
        return await asyncio.gather(first, third)

    def queue_in_closed_loop():
        second = closed.create_task(calls.run(PROMPT, ScriptedService("second")))
        closed.run_until_complete(asyncio.sleep(0.01))
        closed.close()
        second._log_destroy_pending = False

    assert run(main(), seconds=5) == ["first", "third"]


def test_abandoned_loop_counts_as_closed_and_may_still_leave():
    limit = limiter.Limiter(1)
    loop = asyncio.new_event_loop()
    loop.run_until_complete(limit.__aenter__())
    give_up(loop)

    async def enter_twice():
        async with limit:
            pass
        async with limit:
            await asyncio.to_thread(loop.run_until_complete, limit.__aexit__())
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(limit.__aenter__(), 0.05)

    run(enter_twice(), seconds=5)
    loop.close()


def test_callers_enter_in_the_order_of_their_requests():
    order, calls = [], Attempts("acme", max_concurrency=1)

    async def call(number):
        async def attempt():
            order.append(number)
            await asyncio.sleep(0.001)

        await calls.run(PROMPT, attempt)

    async def main():
        await asyncio.gather(*map(call, range(8)))

    run(main())
    assert order == list(range(8))


@pytest.mark.parametrize("room", [1, 8, 10_000])
def test_work_per_caller_does_not_depend_on_the_number_of_callers(room):
    async def at_once(number):
        limit = limiter.Limiter(room)

        async def enter():
            async with limit:
                await asyncio.sleep(0)

        begun = time.process_time()
        await asyncio.gather(*(enter() for _ in range(number)))
        return time.process_time() - begun

    few, many = (least(lambda number=number: run(at_once(number))) for number in (200, 1600))
    assert many < 8 * 5 * max(few, 0.005)


@pytest.mark.parametrize("is_closed", [True, False], ids=["closed", "not closed"])
def test_caller_destroyed_after_its_loop_leaves_without_an_error(monkeypatch, is_closed):
    unraisable = []
    monkeypatch.setattr(sys, "unraisablehook", unraisable.append)
    calls, loop = Attempts("acme", max_concurrency=1), asyncio.new_event_loop()
    caller = calls.run(PROMPT, never_reply)
    loop.run_until_complete(_begin(caller))
    if is_closed:
        loop.close()
    del caller
    gc.collect()
    assert unraisable == []

    async def attempt():
        return sound(PROMPT)

    assert run(asyncio.wait_for(calls.run(PROMPT, attempt), 5)) == sound(PROMPT)
    loop.close()


async def _begin(coroutine):
    """Run a coroutine up to its first wait and never resume it."""
    coroutine.send(None)
