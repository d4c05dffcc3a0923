import asyncio
import contextlib

import pytest

from russo import (
    AuthenticationError,
    BudgetExceededError,
    CachedSynthesizer,
    ServiceError,
    SynthesisError,
    SynthesisFinish,
    SynthesisTimeoutError,
)
from russo._backends import attempts as attempts_module
from russo._backends.backend_call import BackendCall
from russo._backends.budget import Budget
from support.attempts import AttemptsBackend, ScriptedService, failure, failure_with_short_wait, never_reply
from support.speakers import PROMPT, run, sound, synthesize


@pytest.mark.parametrize(
    ("outcomes", "attempts"),
    [
        (["audio"], 1),
        ([failure_with_short_wait(), "audio"], 2),
        ([failure_with_short_wait(), failure_with_short_wait(), failure_with_short_wait()], 3),
        ([failure(AuthenticationError)], 1),
        ([failure(AuthenticationError, reached=False)], 0),
        ([failure_with_short_wait(ServiceError, reached=False), "audio"], 1),
        ([failure_with_short_wait(ServiceError, reached=False)], 0),
    ],
)
def test_attempts_that_reached_the_service_are_counted(cache, events, outcomes, attempts):
    service = ScriptedService(*(sound(PROMPT) if outcome == "audio" else outcome for outcome in outcomes))
    with contextlib.suppress(SynthesisError):
        synthesize(CachedSynthesizer(AttemptsBackend(service), cache=cache))
    assert events.one(SynthesisFinish).backend_calls == attempts


def test_timed_out_attempts_are_counted_because_they_may_be_billed(cache, events, monkeypatch):
    monkeypatch.setattr(attempts_module, "_FIRST_DELAY", 0.001)
    with pytest.raises(SynthesisTimeoutError):
        synthesize(CachedSynthesizer(AttemptsBackend(never_reply, timeout=0.01, max_attempts=2), cache=cache))
    assert events.one(SynthesisFinish).backend_calls == 2


def test_attempts_of_concurrent_calls_are_counted_separately(cache, events):
    services = {"a": ScriptedService(failure_with_short_wait(), sound("a")), "b": ScriptedService(sound("b"))}

    class Two(AttemptsBackend):
        async def synthesize(self, text):
            return await self.calls.run(text, services[text])

    async def main():
        cached = CachedSynthesizer(Two(None), cache=cache)
        await asyncio.gather(cached.synthesize("a"), cached.synthesize("b"))

    run(main())
    assert {e.prompt: e.backend_calls for e in events.all(SynthesisFinish)} == {"a": 2, "b": 1}


@pytest.mark.parametrize(
    ("attempts", "slots"), [(0, 1), (1, 2)], ids=["outer made no attempt", "outer made an attempt"]
)
def test_inner_call_takes_the_outer_slot_only_if_the_outer_made_no_attempt(tmp_path, attempts, slots):
    budget = Budget(slots, tmp_path)
    outer, inner = (BackendCall("acme", PROMPT, frozenset(), budget) for _ in range(2))
    outer.open(None)
    for _ in range(attempts):
        outer.begin_attempt()
    inner.open(outer)
    with pytest.raises(BudgetExceededError):  # one slot is taken for each call that may be billed
        budget.claim(PROMPT)


def test_billed_outer_call_leaves_no_slot_for_an_inner_call(tmp_path):
    budget = Budget(1, tmp_path)
    outer, inner = (BackendCall("acme", PROMPT, frozenset(), budget) for _ in range(2))
    outer.open(None)
    outer.begin_attempt()
    with pytest.raises(BudgetExceededError):
        inner.open(outer)
