import asyncio
import contextlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from russo import (
    AudioCache,
    AuthenticationError,
    CachedSynthesizer,
    CacheHit,
    CacheMiss,
    EntryStored,
    SynthesisFinish,
    SynthesisStart,
)
from russo._flow import single_flight
from russo._flow.single_flight import SingleFlight
from russo._loops import give_up
from russo._store.locks import KeyLock
from support.cpu_time import least
from support.flow import FAILURE, FRESH, key_of, stored_files
from support.speakers import PROMPT, Speaker, run, sound, synthesize


async def wait_until_called(speaker):
    """Let the other tasks of the loop run until the speaker has been called."""
    while not speaker.texts:  # noqa: ASYNC110 - the speaker must not depend on the test
        await asyncio.sleep(0)


async def ask_at_once(cached, gate, number=50, prompts=(PROMPT,)):
    """Make many requests at once; let the backend call return after all are made."""
    tasks = [asyncio.create_task(cached.synthesize(prompts[at % len(prompts)])) for at in range(number)]
    await wait_until_called(cached.synthesizer)
    gate.set()
    return await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize("mode", ["auto", "refresh"])
def test_fifty_equal_requests_of_one_loop_make_one_call(cache, events, mode):
    async def main():
        speaker = Speaker(gate=asyncio.Event())
        cached = CachedSynthesizer(speaker, cache=cache, mode=mode)
        assert await ask_at_once(cached, speaker.gate) == [sound(PROMPT)] * 50
        return speaker.texts

    assert run(main()) == [PROMPT]
    assert len(events.all(SynthesisStart)) == len(events.all(CacheMiss)) == len(events.all(EntryStored)) == 1
    assert len(events.all(CacheHit)) == 49
    assert {hit.directory for hit in events.all(CacheHit)} == {None}


def test_different_requests_do_not_wait_for_each_other(cache):
    async def main():
        speaker = Speaker(gate=asyncio.Event())
        cached = CachedSynthesizer(speaker, cache=cache)
        tasks = [asyncio.create_task(cached.synthesize(f"prompt {at}")) for at in range(8)]
        while len(speaker.texts) < 8:  # noqa: ASYNC110 - all are in progress before any has returned
            await asyncio.sleep(0.001)
        speaker.gate.set()
        assert await asyncio.gather(*tasks) == [sound(f"prompt {at}") for at in range(8)]

    run(main())


def test_requests_of_different_voices_do_not_share_a_call(cache):
    async def main():
        speakers = [Speaker(voice=voice) for voice in "ab"]
        both = (CachedSynthesizer(each, cache=cache).synthesize(PROMPT) for each in speakers)
        assert await asyncio.gather(*both) == [sound(PROMPT, "a"), sound(PROMPT, "b")]

    run(main())


def test_mode_off_shares_nothing(cache):
    async def main():
        speaker = Speaker(gate=asyncio.Event())
        await ask_at_once(CachedSynthesizer(speaker, cache=cache, mode="off"), speaker.gate, 5)
        return len(speaker.texts)

    assert run(main()) == 5


def test_two_synthesizers_over_one_cache_share_the_call(cache):
    async def main():
        gate = asyncio.Event()
        speakers = [Speaker(gate=gate), Speaker(gate=gate)]
        tasks = [
            asyncio.create_task(CachedSynthesizer(each, cache=cache).synthesize(PROMPT)) for each in speakers
        ]
        await wait_until_called(speakers[0])
        gate.set()
        await asyncio.gather(*tasks)
        return [len(each.texts) for each in speakers]

    assert run(main()) == [1, 0]


@pytest.mark.parametrize("is_shared", [True, False], ids=["one cache object", "one directory"])
def test_fifty_equal_requests_of_many_threads_make_one_call(cache, is_shared):
    speaker, start = Speaker(), threading.Barrier(50)

    def ask(_):
        own = cache if is_shared else AudioCache(cache.directory)
        cached = CachedSynthesizer(speaker, cache=own)
        start.wait()
        return synthesize(cached)

    with ThreadPoolExecutor(50) as threads:
        assert set(threads.map(ask, range(50))) == {sound(PROMPT)}
    assert speaker.texts == [PROMPT]


class ThreadedSpeaker(Speaker):
    """Returns once another thread sets `may_return`; the first `hanging` calls never return."""

    def __init__(self, hanging=0):
        super().__init__()
        self.hanging = hanging
        self.called, self.may_return = threading.Event(), threading.Event()

    async def synthesize(self, text):
        self.texts.append(text)
        self.called.set()
        if len(self.texts) <= self.hanging:
            await asyncio.Event().wait()
        await asyncio.to_thread(self.may_return.wait)
        return sound(text)


async def synthesize_and_signal(cached, started):
    """Make a request; set the event when the request has started to wait."""
    task = asyncio.create_task(cached.synthesize(PROMPT))
    await asyncio.sleep(0)
    started.set()
    return await task


def test_waiter_in_another_event_loop_gets_the_same_audio(cache):
    speaker = ThreadedSpeaker()
    cached = CachedSynthesizer(speaker, cache=cache)
    with ThreadPoolExecutor(1) as thread:
        first = thread.submit(synthesize, cached)
        assert speaker.called.wait(10)
        second = run(synthesize_and_signal(cached, speaker.may_return))
        assert second == first.result(10) == sound(PROMPT)
    assert speaker.texts == [PROMPT]


def test_waiter_calls_the_backend_if_the_loop_of_the_first_caller_ends(cache):
    speaker, started = ThreadedSpeaker(hanging=1), threading.Event()
    speaker.may_return.set()
    cached = CachedSynthesizer(speaker, cache=cache)

    async def leave():
        asyncio.ensure_future(cached.synthesize(PROMPT))  # noqa: RUF006 - left behind on purpose
        await asyncio.to_thread(started.wait, 10)

    with ThreadPoolExecutor(1) as thread:
        caller = thread.submit(run, leave())
        assert speaker.called.wait(10)
        assert run(synthesize_and_signal(cached, started)) == sound(PROMPT)
        caller.result(10)
    assert len(speaker.texts) == 2


def test_cancelled_waiters_do_not_cancel_the_call_of_the_others(cache):
    async def main():
        speaker = Speaker(gate=asyncio.Event())
        cached = CachedSynthesizer(speaker, cache=cache)
        tasks = [asyncio.create_task(cached.synthesize(PROMPT)) for _ in range(5)]
        await wait_until_called(speaker)
        for task in (tasks[0], tasks[3]):  # the first waiter started the call
            task.cancel()
        for task in (tasks[0], tasks[3]):
            with pytest.raises(asyncio.CancelledError):
                await task
        speaker.gate.set()
        assert await asyncio.gather(tasks[1], tasks[2], tasks[4]) == [sound(PROMPT)] * 3
        return speaker.texts

    assert run(main()) == [PROMPT]


def test_call_without_waiters_continues_and_is_stored(cache, events):
    async def main():
        speaker = Speaker(gate=asyncio.Event())
        cached = CachedSynthesizer(speaker, cache=cache)
        task = asyncio.create_task(cached.synthesize(PROMPT))
        await wait_until_called(speaker)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        speaker.gate.set()
        assert await cached.synthesize(PROMPT) == sound(PROMPT)
        return speaker.texts

    assert run(main()) == [PROMPT]
    assert cache.size() == 1
    assert events.one(SynthesisFinish).error is None


def test_timeout_of_a_waiter_does_not_cancel_the_call(cache):
    async def main():
        speaker = Speaker(gate=asyncio.Event())
        cached = CachedSynthesizer(speaker, cache=cache)
        patient = asyncio.create_task(cached.synthesize(PROMPT))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(cached.synthesize(PROMPT), 0.01)
        speaker.gate.set()
        assert await patient == sound(PROMPT)

    run(main())


def test_failure_is_raised_in_every_waiter_and_never_stored(cache, events):
    async def main():
        speaker = Speaker(FAILURE, FRESH, gate=asyncio.Event())
        cached = CachedSynthesizer(speaker, cache=cache)
        outcomes = await ask_at_once(cached, speaker.gate, 20)
        assert all(outcome is FAILURE for outcome in outcomes)
        assert len(speaker.texts) == 1
        assert stored_files(cache) == {}
        assert await cached.synthesize(PROMPT) == FRESH

    run(main())
    assert not events.all(CacheHit)


def test_failure_is_raised_in_waiters_of_another_loop(cache):
    speaker = ThreadedSpeaker()
    cached = CachedSynthesizer(speaker, cache=cache)

    async def fail(text):
        await ThreadedSpeaker.synthesize(speaker, text)
        raise FAILURE

    speaker.synthesize = fail
    with ThreadPoolExecutor(1) as thread:
        first = thread.submit(synthesize, cached)
        assert speaker.called.wait(10)
        with pytest.raises(AuthenticationError):
            run(synthesize_and_signal(cached, speaker.may_return))
        assert first.exception(10) is FAILURE
    assert len(speaker.texts) == 1


def test_one_synthesizer_works_in_several_loops_in_turn(cache):
    speaker = Speaker()
    cached = CachedSynthesizer(speaker, cache=cache)
    for number in range(3):
        assert synthesize(cached, f"prompt {number}") == sound(f"prompt {number}")
    assert len(speaker.texts) == 3


def test_no_lock_file_is_left(cache):
    synthesize(CachedSynthesizer(Speaker(), cache=cache))
    with contextlib.suppress(AuthenticationError):
        synthesize(CachedSynthesizer(Speaker(FAILURE), cache=cache), "fails")
    assert not list(cache.directory.rglob("*.lock"))
    assert not list(cache.directory.rglob("*.russo-tmp"))


def test_flight_cancelled_before_its_first_step_is_started_again(cache):
    async def main():
        cached = CachedSynthesizer(Speaker(), cache=cache)
        others = asyncio.all_tasks()
        first = asyncio.create_task(cached.synthesize(PROMPT))
        await asyncio.sleep(0)  # the flight's task exists but has not begun
        for task in asyncio.all_tasks() - others:
            task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        return await cached.synthesize(PROMPT)

    assert run(main()).data


@pytest.mark.parametrize("names", [("one", "other"), ("one", "one")], ids=["two directories", "two objects"])
def test_each_cache_object_gets_the_audio_of_its_own_synthesizer(tmp_path, names):
    gate = asyncio.Event()
    caches = [AudioCache(tmp_path / name, read_only=names[0] == names[1]) for name in names]
    speakers = [Speaker(gate=gate), Speaker(FAILURE, gate=gate)]

    async def both():
        calls = [
            asyncio.ensure_future(CachedSynthesizer(speaker, cache=cache).synthesize(PROMPT))
            for speaker, cache in zip(speakers, caches, strict=True)
        ]
        for speaker in speakers:
            await wait_until_called(speaker)
        gate.set()
        return await asyncio.gather(*calls, return_exceptions=True)

    assert run(both()) == [sound(PROMPT), FAILURE]
    assert [len(speaker.texts) for speaker in speakers] == [1, 1]


def test_lookups_while_waiting_for_the_lock_are_not_patient(tmp_path, monkeypatch):
    cache, patience = AudioCache(tmp_path), []
    real = cache.lookup
    monkeypatch.setattr(
        cache, "lookup", lambda key, *, patient=True: patience.append(patient) or real(key, patient=patient)
    )

    async def wait_and_take_over():
        speaker = Speaker()
        holder = KeyLock(tmp_path, key_of(speaker), asyncio.get_running_loop())
        assert holder.try_acquire()
        waiting = asyncio.ensure_future(CachedSynthesizer(speaker, cache=cache).synthesize(PROMPT))
        while len(patience) < 4:  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.005)
        holder.release()
        await waiting

    run(wait_and_take_over())
    # The first lookup is the replay; the last lookup follows the lock.
    assert (patience[0], patience[-1]) == (True, True)
    assert set(patience[1:-1]) == {False}


def test_flights_of_closed_loops_are_forgotten(tmp_path):
    flights = SingleFlight()
    loop = asyncio.new_event_loop()

    async def never():
        await asyncio.Event().wait()

    left = loop.create_task(flights.join((AudioCache(tmp_path), "left"), never))
    loop.run_until_complete(asyncio.sleep(0.01))
    left.cancel()  # the waiter; the flight is a separate task that the closed loop leaves behind
    tasks = asyncio.all_tasks(loop)
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()

    async def landing():
        return "landed"

    assert run(flights.join((AudioCache(tmp_path), "next"), landing)) == ("landed", True)
    assert flights._flights == {}
    for task in tasks:
        task._log_destroy_pending = False


def test_waiters_call_again_if_the_flight_is_cancelled_before_its_first_step(cache):
    async def main():
        speaker = Speaker()
        cached = CachedSynthesizer(speaker, cache=cache)
        others = asyncio.all_tasks()
        first = asyncio.create_task(cached.synthesize(PROMPT))
        await asyncio.sleep(0)  # the flight's task exists but has not begun
        (flight,) = asyncio.all_tasks() - others - {first}
        second = asyncio.create_task(cached.synthesize(PROMPT))
        flight.cancel()
        return await asyncio.wait_for(asyncio.gather(first, second), 5), speaker.texts

    assert run(main()) == ([sound(PROMPT)] * 2, [PROMPT])


def test_late_result_of_an_abandoned_flight_does_not_end_the_next_flight(tmp_path, monkeypatch):
    monkeypatch.setattr(single_flight, "PATIENCE", 0.1)
    flights, name = SingleFlight(), (AudioCache(tmp_path), "key")
    stopped = asyncio.new_event_loop()
    old, new = asyncio.Event(), asyncio.Event()

    def make(gate, result):
        async def call():
            await gate.wait()
            return result

        return call

    left = stopped.create_task(flights.join(name, make(old, "old")))
    stopped.run_until_complete(asyncio.sleep(0.01))  # from here on its loop does not run

    async def main():
        second = asyncio.ensure_future(flights.join(name, make(new, "new")))
        while flights._flights[name].loop is stopped:  # noqa: ASYNC110 - until it was abandoned
            await asyncio.sleep(0.01)
        old.set()
        await asyncio.to_thread(stopped.run_until_complete, left)  # the old flight lands
        third = asyncio.ensure_future(flights.join(name, make(new, "a third call")))
        await asyncio.sleep(0.01)
        new.set()
        return await asyncio.gather(second, third)

    assert run(main()) == [("new", True), ("new", False)]
    stopped.close()


def test_flight_of_an_abandoned_loop_is_started_again(tmp_path):
    flights, name = SingleFlight(), (AudioCache(tmp_path), "key")
    blocked, release, begun = asyncio.new_event_loop(), threading.Event(), threading.Event()

    async def block():
        begun.set()
        release.wait(30)
        return "late"

    async def land():
        return "new"

    thread = threading.Thread(target=lambda: blocked.run_until_complete(flights.join(name, block)))
    thread.start()
    assert begun.wait(10)

    async def main():
        waiting = asyncio.ensure_future(flights.join(name, land))
        await asyncio.sleep(0.02)
        give_up(blocked)
        return await waiting

    assert run(main(), seconds=5) == ("new", True)
    release.set()
    thread.join(10)
    blocked.close()


@pytest.mark.parametrize("is_equal", [True, False], ids=["waiters of one flight", "flights"])
def test_work_per_request_does_not_depend_on_the_number_of_requests(tmp_path, is_equal):
    async def at_once(number):
        flights, cache, gate = SingleFlight(), AudioCache(tmp_path), asyncio.Event()

        async def call():
            await gate.wait()

        begun = time.process_time()
        names = ("key" if is_equal else f"key {at}" for at in range(number))
        joined = [asyncio.ensure_future(flights.join((cache, name), call)) for name in names]
        await asyncio.sleep(0)
        gate.set()
        await asyncio.gather(*joined)
        return time.process_time() - begun

    few, many = (least(lambda number=number: run(at_once(number))) for number in (250, 2000))
    assert many < 8 * 5 * max(few, 0.005)
