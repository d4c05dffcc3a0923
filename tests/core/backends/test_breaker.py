"""A host that cannot be reached: after three calls, further calls to it fail at once, for 30 s."""

import asyncio
import threading

import pytest

from russo import (
    AudioCache,
    AuthenticationError,
    CachedSynthesizer,
    Mode,
    RequestRejectedError,
    ServiceError,
    SynthesisError,
    SynthesisFinish,
    SynthesisTimeoutError,
    TextRejectedError,
)
from russo import _breaker as breaker_module
from russo._backends import attempts as attempts_module
from russo._backends.budget import Budget
from russo._flow.run import RunContext
from russo.authoring import Attempts
from support.speakers import PROMPT, run, sound, synthesize

HOST = "speech.example:8443"
DOWN = f"no connection to {HOST}: refused"
NOT_TRIED = f"not tried: {DOWN} (earlier calls did not reach this host; one call is tried every 30 s)"


def down(kind=ServiceError, **values):
    values = {"reached": False, "advice": "look at the cable"} | values
    return kind(DOWN, backend="acme", prompt="another", **values)


class Host:
    """A backend of one host, whose attempts fail with ``outcome``, or return audio if that is None."""

    cache_key_extra = {"backend": "acme"}  # noqa: RUF012 - as an author may write it

    def __init__(self, host=HOST, **limits):
        self.host, self.outcome, self.attempts = host, down(), 0
        self.calls = Attempts("acme", **{"max_attempts": 1} | limits)

    async def attempt(self):
        self.attempts += 1
        if self.outcome is not None:
            raise self.outcome
        return sound(PROMPT)

    async def synthesize(self, text):
        return await self.calls.run(text, self.attempt, host=self.host)


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(breaker_module, "monotonic", clock)
    return clock


@pytest.fixture(autouse=True)
def _short_delays(monkeypatch):
    monkeypatch.setattr(attempts_module, "_FIRST_DELAY", 0.001)


@pytest.fixture
def context(tmp_path):
    return RunContext(AudioCache(tmp_path / "cache"), Mode.AUTO, report=print)


def in_run(context, host):
    return CachedSynthesizer(host, mode="off").bound_to(context)


def fail(cached, kind=SynthesisError, prompt=PROMPT):
    with pytest.raises(kind) as caught:
        synthesize(cached, prompt)
    return caught.value


def fail_times(number, cached):
    return [fail(cached) for _ in range(number)]


def open_breaker(context, **limits):
    """Return a host whose breaker is open, and its synthesizer in the run."""
    host = Host(**limits)
    cached = in_run(context, host)
    fail_times(3, cached)
    return host, cached


def test_the_fourth_call_fails_at_once_with_the_reason_of_the_third(context, clock):
    host, cached = open_breaker(context)
    error = fail(cached)
    assert host.attempts == 3
    assert type(error) is ServiceError
    assert (error.reached, error.retryable, error.prompt) == (False, True, PROMPT)
    assert str(error) == f"acme could not speak {PROMPT!r}: {NOT_TRIED}; look at the cable"


def test_a_timeout_of_connecting_stays_a_timeout(context, clock):
    host = Host()
    host.outcome = down(SynthesisTimeoutError)
    *_, error = fail_times(4, in_run(context, host))
    assert (type(error), host.attempts) == (SynthesisTimeoutError, 3)


def test_a_call_with_retries_counts_once(context, clock):
    host = Host(max_attempts=3)
    fail_times(4, in_run(context, host))
    assert host.attempts == 9


def test_a_call_that_fails_at_once_is_not_billed_and_keeps_no_slot_of_the_limit(
    context, clock, events, tmp_path
):
    (tmp_path / "slots").mkdir()
    context.budget = Budget(1, tmp_path / "slots")
    host, cached = open_breaker(context)
    fail(cached, ServiceError)
    assert [event.backend_calls for event in events.all(SynthesisFinish)] == [0, 0, 0, 0]
    host.outcome, clock.now = None, clock.now + 30
    synthesize(cached)


def test_another_host_is_called(context, clock):
    open_breaker(context)
    other = Host("other.example")
    fail(in_run(context, other))
    assert other.attempts == 1


def test_the_breaker_belongs_to_the_run_and_to_the_host_not_to_the_synthesizer(context, clock, tmp_path):
    open_breaker(context)
    same_run, other_run = Host(), Host()
    fail(in_run(context, same_run))
    fail(in_run(RunContext(AudioCache(tmp_path), Mode.AUTO, report=print), other_run))
    assert (same_run.attempts, other_run.attempts) == (0, 1)


@pytest.mark.parametrize("wrapped", [True, False])
def test_without_a_run_every_call_is_made(wrapped):
    host = Host()
    fail_times(5, CachedSynthesizer(host, mode="off") if wrapped else host)
    assert host.attempts == 5


def test_without_a_host_every_call_is_made(context):
    host = Host(None)
    fail_times(5, in_run(context, host))
    assert host.attempts == 5


def test_stored_prompts_are_replayed(context, clock):
    host = Host()
    host.outcome = None
    cached = CachedSynthesizer(host).bound_to(context)
    synthesize(cached)
    host.outcome = down()
    for number in range(4):
        fail(cached, prompt=f"new {number}")
    assert host.attempts == 4
    assert synthesize(cached) == sound(PROMPT)


# -- what counts


@pytest.mark.parametrize(
    "outcome",
    [
        down(reached=True),
        down(SynthesisTimeoutError, reached=True),
        down(retryable=False),  # a certificate that is not trusted
        down(AuthenticationError),
        down(RequestRejectedError),
        down(TextRejectedError),
        ValueError("a fault of the backend"),
    ],
    ids=lambda outcome: type(outcome).__name__,
)
def test_other_failures_do_not_count(context, clock, outcome):
    host = Host()
    host.outcome = outcome
    for _ in range(5):
        with pytest.raises(type(outcome)):
            synthesize(in_run(context, host))
    assert host.attempts == 5


@pytest.mark.parametrize("reply", [None, down(reached=True), down(TextRejectedError, reached=True)])
def test_a_reply_resets_the_count(context, clock, reply):
    host = Host()
    cached = in_run(context, host)
    fail_times(2, cached)
    host.outcome = reply
    if reply is None:
        synthesize(cached)
    else:
        fail(cached)
    host.outcome = down()
    fail_times(4, cached)
    assert host.attempts == 6


def test_missing_keys_and_timeouts_do_not_reset_the_count(context, clock):
    host = Host()
    cached = in_run(context, host)
    fail_times(2, cached)
    for host.outcome in (down(AuthenticationError), down(SynthesisTimeoutError, reached=True)):
        fail(cached)
    host.outcome = down()
    fail_times(2, cached)
    assert host.attempts == 5


def test_a_reply_to_an_earlier_attempt_of_the_call_resets_the_count(context, clock):
    host = Host(max_attempts=2)
    cached = in_run(context, host)
    fail_times(2, cached)
    outcomes = iter([down(reached=True), down()])

    async def attempt():
        raise next(outcomes)

    plain, host.attempt = host.attempt, attempt
    fail(cached)
    host.attempt = plain
    fail_times(3, cached)
    assert host.attempts == 2 * 2 + 2 * 2


def test_calls_that_fail_together_count_once(context):
    """Eight calls at a time: the fourth eight fail at once, and the calls before do not."""
    host = Host(max_concurrency=8)
    cached = in_run(context, host)
    together = asyncio.Barrier(8)

    async def attempt():
        host.attempts += 1
        await together.wait()
        raise down()

    host.attempt = attempt

    async def main():
        for _ in range(4):
            await asyncio.gather(*(cached.synthesize(f"{n}") for n in range(8)), return_exceptions=True)

    run(main())
    assert host.attempts == 24


def test_calls_that_wait_for_their_turn_fail_at_once(context):
    host = Host(max_concurrency=2)
    cached = in_run(context, host)

    async def main():
        calls = (cached.synthesize(f"{number}") for number in range(50))
        return await asyncio.gather(*calls, return_exceptions=True)

    errors = run(main())
    assert {type(error) for error in errors} == {ServiceError}
    assert sum("not tried" in str(error) for error in errors) == 50 - host.attempts
    assert 3 <= host.attempts <= 6


def test_a_call_does_not_wait_for_its_turn_if_it_fails_at_once(context, clock):
    host, cached = open_breaker(context, max_concurrency=1)

    async def main():
        async with host.calls._limiter:
            with pytest.raises(ServiceError, match="not tried"):
                await asyncio.wait_for(cached.synthesize(PROMPT), 5)

    run(main())


def test_a_call_that_is_on_its_way_is_not_retried_once_the_breaker_is_open(context, clock):
    host, begun, go_on = Host(max_attempts=3), threading.Event(), threading.Event()
    slow, tries = Host(max_attempts=3), []

    async def attempt():
        tries.append(1)
        begun.set()
        await asyncio.to_thread(go_on.wait, 10)
        raise down()

    slow.attempt = attempt
    thread = threading.Thread(target=fail, args=(in_run(context, slow),))
    thread.start()
    begun.wait(10)
    fail_times(3, in_run(context, host))
    go_on.set()
    thread.join(10)
    assert tries == [1]


# -- the trial after 30 s


def test_after_30_s_one_call_is_tried_and_its_failure_keeps_the_others_off_for_30_s_more(context, clock):
    host, cached = open_breaker(context, max_attempts=3)
    made = host.attempts
    for seconds, attempts in [(29.9, 0), (0.2, 1), (29.9, 0), (0.2, 1)]:
        clock.now += seconds
        before = host.attempts
        fail_times(2, cached)
        assert host.attempts - before == attempts
    assert host.attempts == made + 2


def test_a_trial_that_succeeds_closes_the_breaker(context, clock):
    host, cached = open_breaker(context)
    host.outcome, clock.now = None, clock.now + 30
    synthesize(cached)
    host.outcome = down()
    fail_times(4, cached)
    assert host.attempts == 3 + 1 + 3


def test_a_trial_that_gets_a_refusal_closes_the_breaker(context, clock):
    host, cached = open_breaker(context)
    host.outcome, clock.now = down(reached=True, retryable=False), clock.now + 30
    fail_times(3, cached)
    assert host.attempts == 3 + 3


def test_other_calls_fail_at_once_while_the_trial_runs(context, clock):
    host, cached = open_breaker(context)
    clock.now += 30
    is_seen = []

    async def attempt():
        host.attempts += 1
        other = in_run(context, host)
        with pytest.raises(ServiceError, match="not tried"):
            await asyncio.to_thread(synthesize, other, "another thread")
        is_seen.append(True)
        return sound(PROMPT)

    host.attempt = attempt
    assert synthesize(cached) == sound(PROMPT)
    assert (is_seen, host.attempts) == ([True], 4)


@pytest.mark.parametrize("ending", ["cancelled", down(AuthenticationError), ValueError("a fault")])
def test_a_trial_without_a_result_leaves_room_for_another_trial(context, clock, ending):
    host, cached = open_breaker(context)
    clock.now += 30
    plain = host.attempt

    async def attempt():
        if ending != "cancelled":
            raise ending
        asyncio.current_task().cancel()
        await asyncio.sleep(0)

    host.attempt = attempt
    with pytest.raises(BaseException) as caught:  # noqa: PT011 - each ending has its own
        synthesize(cached)
    assert isinstance(caught.value, asyncio.CancelledError if ending == "cancelled" else type(ending))
    host.attempt = plain
    fail_times(2, cached)
    assert host.attempts == 4


def test_a_trial_that_never_ends_is_followed_by_another_after_30_s(context, clock):
    host, cached = open_breaker(context)
    clock.now += 30

    async def main():
        waiting = asyncio.Event()

        async def never():
            waiting.set()
            await asyncio.Event().wait()

        plain, host.attempt = host.attempt, never
        trial = asyncio.create_task(cached.synthesize("never"))
        await waiting.wait()
        host.attempt = plain
        for seconds, attempts in [(29.9, 3), (0.2, 4)]:
            clock.now += seconds
            with pytest.raises(ServiceError):
                await cached.synthesize(PROMPT)
            assert host.attempts == attempts
        trial.cancel()
        await asyncio.gather(trial, return_exceptions=True)
        with pytest.raises(ServiceError, match="not tried"):  # the second trial failed a moment ago
            await cached.synthesize(PROMPT)

    run(main())


def test_many_threads_make_one_trial(context, clock):
    host, _ = open_breaker(context)
    clock.now += 30
    barrier = threading.Barrier(8)

    def speak():
        cached = in_run(context, host)
        barrier.wait(10)
        fail(cached, ServiceError)

    threads = [threading.Thread(target=speak) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert host.attempts == 4
