"""One backend call for equal requests, across tasks, threads, event loops and killed or stopped processes."""

import asyncio
import functools
import itertools
import os
import signal
import statistics
import threading
import time
from collections import Counter

import pytest

from russo import AudioCache, CachedSynthesizer
from support.torture_faults import Worker, each_call
from support.torture_roles.calling import Speaker
from support.torture_work import many, wait_until, within

PROMPTS = [f"Book a flight to city {number}" for number in range(20)]


@pytest.fixture
def calls(tmp_path):
    return Calls(tmp_path / "calls")


class Calls:
    """The backend calls of all processes, from the file in which they note them."""

    def __init__(self, path):
        self.path = path

    def lines(self):
        text = self.path.read_text() if self.path.exists() else ""
        return [line.split(" ", 3) for line in text.splitlines()]

    def begun(self):
        """Return the prompts of the calls, in order."""
        return [prompt for _, what, _, prompt in self.lines() if what == "begin"]

    def spans(self):
        """Return when each call began and ended, in order; the end is infinite if its process was killed."""
        ends = {(pid, prompt): float(at) for pid, what, at, prompt in self.lines() if what == "end"}
        return [
            (float(at), ends.get((pid, prompt), float("inf")))
            for pid, what, at, prompt in self.lines()
            if what == "begin"
        ]


def ready(children, number, directory, calls, prompts=("hello",), **options):
    """Start callers, which wait for "go" before they call."""
    group = [
        children.start("caller", directory=directory, calls=calls.path, prompts=list(prompts), **options)
        for _ in range(number)
    ]
    for child in group:
        child.expect("ready")
    return group


def start(*arguments, **options):
    """Start callers, and let all of them call at the same moment."""
    group = ready(*arguments, **options)
    for child in group:
        child.send("go")
    return group


async def call_begun(calls):
    """Wait in an event loop until the file shows that a call has begun."""
    while not calls.begun():  # noqa: ASYNC110 - there is no event to wait for
        await asyncio.sleep(0.01)


def test_eight_processes_of_eight_tasks_call_once_per_prompt(children, tmp_path, calls, report_figure):
    began = time.monotonic()
    group = start(children, 8, tmp_path / "cache", calls, PROMPTS, tasks=8)
    outcomes = [child.result()["outcomes"] for child in group]
    assert outcomes == [{"audio": 160}] * 8
    assert Counter(calls.begun()) == dict.fromkeys(PROMPTS, 1)
    assert AudioCache(tmp_path / "cache").size() == 20
    assert os.listdir(tmp_path / "cache" / ".russo-locks") == [], "a lock was left behind"
    report_figure("8 x 8 x 20", f"{len(calls.begun())} calls, {time.monotonic() - began:.1f} s")


@pytest.mark.parametrize("caches", ["one-cache", "a-cache-each"])
def test_threads_with_own_event_loops_call_once(tmp_path, calls, caches):
    shared = AudioCache(tmp_path / "cache")
    errors = []

    async def ask(speaker):
        audios = await asyncio.gather(
            *(speaker.synthesize(prompt) for prompt in PROMPTS[:5] for _ in range(8))
        )
        assert len({audio.data for audio in audios}) == 5

    def run():
        try:
            cache = shared if caches == "one-cache" else AudioCache(tmp_path / "cache")
            speaker = CachedSynthesizer(Speaker(calls.path, 0.05), cache=cache)
            gate.wait()
            asyncio.run(ask(speaker))
        except BaseException as error:  # noqa: BLE001 - asserted below
            errors.append(error)

    gate = threading.Barrier(8)
    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert Counter(calls.begun()) == dict.fromkeys(PROMPTS[:5], 1)


def test_killed_caller_is_replaced_at_once(children, tmp_path, calls, report_figure):
    took = []
    for number in range(many(3)):
        prompt = f"prompt {number}"
        (caller,) = start(children, 1, tmp_path / "cache", calls, [prompt], seconds=60)
        wait_until(lambda p=prompt: p in calls.begun(), what="the call")
        waiters = start(children, 3, tmp_path / "cache", calls, [prompt], seconds=0.01)
        caller.kill()
        killed = time.time()
        assert [waiter.result()["outcomes"] for waiter in waiters] == [{"audio": 1}] * 3
        assert calls.begun().count(prompt) == 2, "one call of the killed caller, and one of all the others"
        took.append(calls.spans()[-1][0] - killed)
    assert statistics.median(took) < 2.0, took
    report_figure("take-over after kill -9, seconds", [round(seconds, 3) for seconds in took])


def test_stopped_caller_costs_one_bounded_wait_and_one_more_call(children, tmp_path, calls):
    (caller,) = start(children, 1, tmp_path / "cache", calls, seconds=1.5, patience=1.0)
    wait_until(calls.begun, what="the call")
    caller.signal(signal.SIGSTOP)
    stopped = time.time()
    waiters = start(children, 4, tmp_path / "cache", calls, seconds=0.1, patience=1.0)
    assert [waiter.result(12)["outcomes"] for waiter in waiters] == [{"audio": 1}] * 4
    assert len(calls.begun()) == 2, "one call of the stopped caller, and one of all the others"
    assert 0.8 < calls.spans()[1][0] - stopped < 20
    caller.signal(signal.SIGCONT)
    assert caller.result()["outcomes"] == {"audio": 1}


@pytest.mark.parametrize("locks", [True, False], ids=["locks", "no-locks"])
def test_waiters_of_a_stopped_caller_call_one_at_a_time(children, tmp_path, calls, locks):
    (caller,) = start(children, 1, tmp_path / "cache", calls, seconds=1.5, patience=1.0, locks=locks)
    wait_until(calls.begun, what="the call")
    caller.signal(signal.SIGSTOP)
    # Failed calls store nothing, so each of the others must make its own call.
    waiters = start(
        children, 4, tmp_path / "cache", calls, seconds=0.2, patience=1.0, fails=True, locks=locks
    )
    assert [waiter.result(12)["outcomes"] for waiter in waiters] == [{"RuntimeError": 1}] * 4
    spans = sorted(calls.spans())[1:]
    assert len(spans) == 4
    for (_, end), (begin, _) in itertools.pairwise(spans):
        assert begin > end - 0.001, f"two calls at once: {spans}"
    caller.signal(signal.SIGCONT)
    assert caller.result()["outcomes"] == {"audio": 1}


def test_file_system_without_locks_calls_once(children, tmp_path, calls):
    group = start(children, 4, tmp_path / "cache", calls, PROMPTS[:5], tasks=4, locks=False, patience=5.0)
    assert [child.result()["outcomes"] for child in group] == [{"audio": 20}] * 4
    assert Counter(calls.begun()) == dict.fromkeys(PROMPTS[:5], 1)


def test_killed_caller_without_locks_costs_one_bounded_wait(children, tmp_path, calls):
    (caller,) = start(children, 1, tmp_path / "cache", calls, seconds=60, locks=False, patience=1.0)
    wait_until(calls.begun, what="the call")
    caller.kill()
    waiters = start(children, 3, tmp_path / "cache", calls, seconds=0.1, locks=False, patience=1.0)
    assert [waiter.result(12)["outcomes"] for waiter in waiters] == [{"audio": 1}] * 3
    assert len(calls.begun()) == 2


def test_waiters_wait_for_a_slow_running_caller(children, tmp_path):
    # The call takes four times the waiters' patience (30 s and minutes in real use). All kinds run at once.
    kinds = [
        {"patience": 1.0, "locks": locks, "blocks": blocks}
        for locks in (True, False)
        for blocks in (True, False)
    ]
    calls = [Calls(tmp_path / f"calls{number}") for number in range(4)]
    places = [tmp_path / f"cache{number}" for number in range(4)]
    group = []
    for place, noted, kind in zip(places, calls, kinds, strict=True):
        group += start(children, 1, place, noted, seconds=4.0, **kind)
    wait_until(lambda: all(noted.begun() for noted in calls), what="the calls")
    for place, noted, kind in zip(places, calls, kinds, strict=True):
        group += start(children, 2, place, noted, seconds=0.1, **kind)
    assert [child.result()["outcomes"] for child in group] == [{"audio": 1}] * 12
    assert [len(noted.begun()) for noted in calls] == [1] * 4, (
        "waiters did not wait for a caller that was still running"
    )


def test_processes_stopped_and_continued_together_call_once(children, tmp_path, calls):
    # Ctrl-Z and fg: the caller did not touch its lock, but no waiter was running either.
    (caller,) = start(children, 1, tmp_path / "cache", calls, seconds=4.0, patience=1.5)
    wait_until(calls.begun, what="the call")
    waiters = start(children, 2, tmp_path / "cache", calls, seconds=0.1, patience=1.5)
    time.sleep(0.3)  # the waiters look for the first time
    group = [caller, *waiters]
    for child in reversed(group):
        child.signal(signal.SIGSTOP)
    time.sleep(2.5)  # longer than their patience
    for child in reversed(group):
        child.signal(signal.SIGCONT)
    assert [child.result()["outcomes"] for child in group] == [{"audio": 1}] * 3
    assert len(calls.begun()) == 1


def test_cancelled_waiters_lose_nothing_across_processes(children, tmp_path, calls):
    answered = tmp_path / "answered"
    (caller,) = start(children, 1, tmp_path / "cache", calls, until=answered)
    wait_until(calls.begun, what="the call")
    waiters = start(children, 2, tmp_path / "cache", calls, tasks=3, timeout=0.2)
    assert [waiter.result()["outcomes"] for waiter in waiters] == [{"TimeoutError": 3}] * 2
    answered.touch()
    assert caller.result()["outcomes"] == {"audio": 1}
    (late,) = start(children, 1, tmp_path / "cache", calls)
    assert late.result()["outcomes"] == {"audio": 1}
    assert len(calls.begun()) == 1


def test_caller_whose_waiters_all_give_up_still_stores_its_audio(cache, calls):
    speaker = CachedSynthesizer(Speaker(calls.path, 0.5), cache=cache)

    async def main():
        tasks = [asyncio.ensure_future(speaker.synthesize("hello")) for _ in range(5)]
        await call_begun(calls)
        for task in tasks:
            task.cancel()
        assert all(
            isinstance(r, asyncio.CancelledError)
            for r in await asyncio.gather(*tasks, return_exceptions=True)
        )
        return await speaker.synthesize("hello")

    assert asyncio.run(main()).data == b"hello" * 200
    assert len(calls.begun()) == 1


def test_failure_reaches_all_waiters_and_the_next_call_retries(cache, calls):
    failing = Speaker(calls.path, 0.1, fails=True)
    speaker = CachedSynthesizer(failing, cache=cache)

    async def main():
        errors = await asyncio.gather(
            *(speaker.synthesize("hello") for _ in range(8)), return_exceptions=True
        )
        assert [type(error) for error in errors] == [RuntimeError] * 8
        assert len(calls.begun()) == 1
        assert cache.size() == 0
        failing.fails = False
        return await speaker.synthesize("hello")

    assert asyncio.run(main()).data == b"hello" * 200
    assert len(calls.begun()) == 2


def test_failing_calls_of_several_processes_run_one_at_a_time(children, tmp_path, calls):
    group = start(children, 4, tmp_path / "cache", calls, seconds=0.1, fails=True)
    assert [child.result()["outcomes"] for child in group] == [{"RuntimeError": 1}] * 4
    spans = sorted(calls.spans())
    assert all(begin > end - 0.001 for (_, end), (begin, _) in itertools.pairwise(spans)), spans
    (late,) = start(children, 1, tmp_path / "cache", calls)
    assert late.result()["outcomes"] == {"audio": 1}


def test_waiters_return_soon_after_the_caller(children, tmp_path, calls, report_figure):
    late = []
    for number in range(many(5)):
        prompt = f"prompt {number}"
        waiters = ready(children, 2, tmp_path / "cache", calls, [prompt])
        (caller,) = start(children, 1, tmp_path / "cache", calls, [prompt], seconds=0.7)
        wait_until(lambda p=prompt: p in calls.begun(), what="the call")
        for waiter in waiters:
            waiter.send("go")
        done = caller.result()["time"]
        late += [waiter.result()["time"] - done for waiter in waiters]
    # The promise is 60 ms; the rest is for a busy machine.
    assert statistics.median(late) < 0.25, late
    report_figure(
        "added seconds of waiters, median and maximum",
        (round(statistics.median(late), 4), round(max(late), 4)),
    )


def test_lock_never_has_two_holders(children, tmp_path, seed, report_figure):
    seconds = min(60.0, 2.0 * many(10) / 10)
    options = {"directory": tmp_path / "cache", "seconds": seconds}
    holders = [
        children.start("lock_holder", referee=tmp_path / "referee", seed=seed + number, **options)
        for number in range(4)
    ]
    sweeper = children.start("lock_sweeper", **options)
    counts = [holder.result() for holder in holders]
    sweeper.result()
    held = sum(count.get("held", 0) for count in counts)
    assert held > 20, counts  # some dozens on a busy machine, thousands on an idle one
    assert sum(count.get("at once", 0) for count in counts) == 0, counts
    report_figure("places held in turn", held)


def test_lock_released_at_any_moment_has_one_next_holder(tmp_path):
    from russo._store.locks import KeyLock

    loop = asyncio.new_event_loop()

    def work(at, *, after):
        holder, heir, other = (KeyLock(tmp_path, "k", loop) for _ in range(3))
        assert holder.try_acquire()
        worker = Worker(heir.try_acquire, at, after=after)
        holder.release()
        taken = other.try_acquire()
        assert not (worker.finish() and taken), f"two holders, if the next holder is stopped at its call {at}"
        heir.release()
        other.release()
        return worker.was_stopped

    try:
        for after in (False, True):
            each_call(functools.partial(work, after=after), limit=100)
    finally:
        loop.close()


@pytest.mark.parametrize("ending", ["closed", "left"])
def test_event_loop_that_ends_during_a_call_costs_a_bounded_wait(cache, calls, monkeypatch, ending):
    for module in ("_store.locks", "_flow.single_flight"):
        monkeypatch.setattr(f"russo.{module}.PATIENCE", 1.0)
    monkeypatch.setattr("russo._store.locks._SIGN_OF_LIFE", 0.1)
    monkeypatch.setattr(
        "asyncio.base_events.logger.disabled", True
    )  # it logs the tasks that the test leaves behind
    slow = Speaker(calls.path, 3600)
    speaker = CachedSynthesizer(slow, cache=cache)
    loop = asyncio.new_event_loop()

    async def begin():
        task = asyncio.ensure_future(speaker.synthesize("hello"))
        await call_begun(calls)
        return task

    task = loop.run_until_complete(begin())
    if ending == "closed":
        loop.close()
    slow.seconds = 0.01
    with within(20):
        assert asyncio.run(speaker.synthesize("hello")).data == b"hello" * 200
    assert len(calls.begun()) == 2
    if ending == "left":
        rest = asyncio.all_tasks(loop)
        for each in rest:
            each.cancel()
        loop.run_until_complete(asyncio.gather(*rest, return_exceptions=True))
        loop.close()
    del task


def test_forked_child_does_not_wait_forever_for_a_flight_of_its_parent(children, tmp_path, calls):
    assert children.run("fork_in_flight", directory=tmp_path / "cache", calls=calls.path) == 0


def test_forked_child_does_not_release_a_lock_of_its_parent(children, tmp_path):
    assert children.run("fork_and_release", directory=tmp_path / "cache") == {"taken": False}


def test_nested_synthesizers_do_not_wait_for_each_other(tmp_path, calls):
    cache = AudioCache(tmp_path / "cache")
    for other in (cache, AudioCache(tmp_path / "cache")):
        inner = CachedSynthesizer(Speaker(calls.path, 0.01), cache=cache)
        outer = CachedSynthesizer(inner, cache=other)
        with within(20):
            assert asyncio.run(outer.synthesize("hello")).data == b"hello" * 200
    assert len(calls.begun()) == 1


def test_backend_that_cancels_itself_is_called_once(cache):
    class Lost:
        calls = 0

        async def synthesize(self, text):
            Lost.calls += 1
            await asyncio.sleep(0)
            raise asyncio.CancelledError

    async def main():
        with pytest.raises(Exception, match="cancel"):
            await asyncio.wait_for(CachedSynthesizer(Lost(), cache=cache).synthesize("hello"), 10)

    asyncio.run(main())
    assert Lost.calls == 1
