import asyncio
import contextlib

import pytest

from russo import (
    AuthenticationError,
    CachedSynthesizer,
    ServiceError,
    SynthesisError,
    SynthesisFinish,
    SynthesisTimeoutError,
)
from russo._backends import attempts as attempts_module
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


def test_timed_out_attempts_are_counted_for_they_may_be_paid(cache, events, monkeypatch):
    monkeypatch.setattr(attempts_module, "_FIRST_DELAY", 0.001)
    with pytest.raises(SynthesisTimeoutError):
        synthesize(CachedSynthesizer(AttemptsBackend(never_reply, timeout=0.01, max_attempts=2), cache=cache))
    assert events.one(SynthesisFinish).backend_calls == 2


def test_attempts_of_concurrent_calls_are_counted_apart(cache, events):
    services = {"a": ScriptedService(failure_with_short_wait(), sound("a")), "b": ScriptedService(sound("b"))}

    class Two(AttemptsBackend):
        async def synthesize(self, text):
            return await self.calls.run(text, services[text])

    async def main():
        cached = CachedSynthesizer(Two(None), cache=cache)
        await asyncio.gather(cached.synthesize("a"), cached.synthesize("b"))

    run(main())
    assert {e.prompt: e.backend_calls for e in events.all(SynthesisFinish)} == {"a": 2, "b": 1}
