import asyncio
import time

import pytest

from russo import (
    AuthenticationError,
    CachedSynthesizer,
    NoAudioError,
    QuotaExceededError,
    RateLimitError,
    RequestRejectedError,
    RussoError,
    ServiceError,
    SynthesisError,
    SynthesisFinish,
    SynthesisTimeoutError,
    TextRejectedError,
)
from russo._backends import attempts as attempts_module
from russo.authoring import Attempts
from support.attempts import AttemptsBackend, ScriptedService, failure, failure_with_short_wait, never_reply
from support.speakers import PROMPT, run, sound, synthesize

WILL_PASS = (RateLimitError, ServiceError, SynthesisTimeoutError, NoAudioError)
WILL_NOT = (AuthenticationError, QuotaExceededError, TextRejectedError, RequestRejectedError)


def attempt_with(service, **limits):
    return run(Attempts("acme", **limits).run(PROMPT, service))


@pytest.mark.parametrize("kind", WILL_PASS)
@pytest.mark.parametrize("most", [1, 2, 4])
def test_temporary_failure_is_retried_up_to_the_limit(kind, most):
    service = ScriptedService(failure_with_short_wait(kind))
    with pytest.raises(kind):
        attempt_with(service, max_attempts=most)
    assert service.attempts == most


@pytest.mark.parametrize(("timeout", "seconds"), [(60, 5), (6, 5), (5, 4.5), (1, 0.9)])
def test_a_connection_must_open_before_the_attempt_times_out(timeout, seconds):
    assert Attempts("acme", timeout=timeout).connect_timeout == pytest.approx(seconds)


@pytest.mark.parametrize("kind", WILL_NOT)
def test_permanent_failure_is_not_retried(kind):
    service = ScriptedService(failure_with_short_wait(kind))
    with pytest.raises(kind):
        attempt_with(service, max_attempts=5)
    assert service.attempts == 1


def test_default_is_three_attempts():
    service = ScriptedService(failure_with_short_wait())
    with pytest.raises(RateLimitError):
        attempt_with(service)
    assert service.attempts == 3


@pytest.mark.parametrize("kind", [ServiceError, AuthenticationError])
@pytest.mark.parametrize(("retryable", "attempts"), [(True, 3), (False, 1)])
def test_retryable_attribute_of_an_error_decides_about_a_retry(kind, retryable, attempts):
    service = ScriptedService(failure_with_short_wait(kind, retryable=retryable))
    with pytest.raises(kind):
        attempt_with(service)
    assert service.attempts == attempts


def test_success_ends_the_attempts():
    service = ScriptedService(failure_with_short_wait(), failure_with_short_wait(ServiceError), "audio")
    assert attempt_with(service, max_attempts=9) == "audio"
    assert service.attempts == 3


def test_error_of_the_last_attempt_is_raised():
    last = failure_with_short_wait(ServiceError)
    with pytest.raises(SynthesisError) as caught:
        attempt_with(ScriptedService(failure_with_short_wait(), failure_with_short_wait(NoAudioError), last))
    assert caught.value is last


@pytest.mark.parametrize("error", [ValueError("a bug"), OSError("raw"), KeyError("x"), RussoError("other")])
def test_exception_that_is_not_a_russo_error_is_not_retried(error):
    service = ScriptedService(error)
    with pytest.raises(type(error)) as caught:
        attempt_with(service)
    assert caught.value is error
    assert service.attempts == 1


def test_waits_grow_and_jitter_shortens_them_by_up_to_half():
    service = ScriptedService(failure(ServiceError))
    with pytest.raises(ServiceError):
        attempt_with(service, max_attempts=3)
    first, second = service.waits
    assert 0.25 <= first < 0.75
    assert 0.5 <= second < 1.25


def test_waits_of_concurrent_clients_differ():
    async def main():
        services = [ScriptedService(failure(ServiceError)) for _ in range(20)]
        calls = Attempts("acme", max_attempts=2, max_concurrency=20)
        runs = (calls.run(PROMPT, service) for service in services)
        await asyncio.gather(*runs, return_exceptions=True)
        return [service.waits[0] for service in services]

    waits = run(main())
    assert max(waits) - min(waits) > 0.02


def test_waits_are_bounded(monkeypatch):
    monkeypatch.setattr(attempts_module, "_LONGEST_DELAY", 0.02)
    service = ScriptedService(failure(ServiceError))
    start = time.monotonic()
    with pytest.raises(ServiceError):
        attempt_with(service, max_attempts=12)
    assert service.attempts == 12
    assert time.monotonic() - start < 2


@pytest.mark.parametrize("seconds", [0.05, 0.4])
def test_retry_after_is_honoured(seconds):
    service = ScriptedService(failure(RateLimitError, retry_after=seconds), "audio")
    attempt_with(service)
    assert seconds <= service.waits[0] < seconds + 0.25


@pytest.mark.parametrize("seconds", [0, -3.0])
def test_retry_after_of_zero_retries_at_once(seconds):
    service = ScriptedService(failure(RateLimitError, retry_after=seconds), "audio")
    attempt_with(service)
    assert service.waits[0] < 0.2


@pytest.mark.parametrize("seconds", [60.5, 3600, float("inf")])
def test_retry_after_that_is_too_long_is_not_waited_for(seconds):
    service = ScriptedService(failure(RateLimitError, retry_after=seconds))
    start = time.monotonic()
    with pytest.raises(RateLimitError):
        attempt_with(service)
    assert service.attempts == 1
    assert time.monotonic() - start < 5


def test_retry_after_of_the_longest_delay_is_waited_for():
    assert attempts_module._delay(1, 60.0) == 60.0


def test_attempt_without_a_reply_in_time_is_a_timeout():
    with pytest.raises(SynthesisTimeoutError, match=r"no reply within 0\.01 s") as caught:
        attempt_with(never_reply, timeout=0.01, max_attempts=1)
    assert isinstance(caught.value.__cause__, TimeoutError)
    assert caught.value.retryable


def test_timeout_bounds_each_attempt_and_not_the_whole_call(monkeypatch):
    monkeypatch.setattr(attempts_module, "_FIRST_DELAY", 0.001)
    begun = []

    async def attempt():
        begun.append(time.monotonic())
        await never_reply()

    with pytest.raises(SynthesisTimeoutError):
        attempt_with(attempt, timeout=0.05, max_attempts=3)
    assert len(begun) == 3
    assert begun[2] - begun[0] >= 0.1


def test_timeout_does_not_include_the_wait_for_a_slot():
    async def slow():
        await asyncio.sleep(0.06)
        return "audio"

    async def main():
        calls = Attempts("acme", timeout=0.15, max_attempts=1, max_concurrency=1)
        return await asyncio.gather(*(calls.run(PROMPT, slow) for _ in range(4)))

    assert run(main()) == ["audio"] * 4


def test_cancellation_is_raised_and_frees_the_slot():
    async def main():
        calls = Attempts("acme", max_concurrency=1)
        stuck = asyncio.create_task(calls.run(PROMPT, never_reply))
        waiting = asyncio.create_task(calls.run(PROMPT, never_reply))
        await asyncio.sleep(0)
        for task in (stuck, waiting):
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        return await calls.run(PROMPT, ScriptedService("audio"))

    assert run(main()) == "audio"


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"timeout": 0}, "timeout is 0; it must be more than 0 seconds"),
        ({"timeout": -1.5}, "timeout is -1.5"),
        ({"timeout": float("nan")}, "timeout is nan"),
        ({"max_attempts": 0}, "max_attempts is 0; it must be 1 or more"),
        ({"max_attempts": -1}, "max_attempts is -1"),
        ({"max_concurrency": 0}, "max_concurrency is 0; it must be 1 or more"),
    ],
)
def test_limit_below_the_minimum_is_refused(limits, message):
    with pytest.raises(ValueError, match="must be") as caught:
        Attempts("acme", **limits)
    assert message in str(caught.value)


def test_text_that_cannot_be_encoded_is_refused_before_any_attempt(cache, events):
    service = ScriptedService(sound(PROMPT))
    with pytest.raises(TextRejectedError, match="character 3 is a lone surrogate") as caught:
        synthesize(CachedSynthesizer(AttemptsBackend(service), cache=cache), "abc\ud800")
    assert (caught.value.backend, caught.value.model, caught.value.reached) == ("acme", "m-1", False)
    assert service.attempts == 0
    assert events.one(SynthesisFinish).backend_calls == 0


def test_error_carries_backend_and_model():
    error = Attempts("acme", model="m-1").error(
        RateLimitError,
        "HTTP 429",
        prompt=PROMPT,
        advice="wait",
        retry_after=2.0,
        reached=False,
        retryable=False,
    )
    assert type(error) is RateLimitError
    assert str(error) == f"acme (m-1) could not speak {PROMPT!r}: HTTP 429; wait"
    assert (error.retry_after, error.reached, error.retryable) == (2.0, False, False)
