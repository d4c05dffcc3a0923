"""Attempts whose outcomes a test chooses, and a backend that makes them."""

import asyncio
import time

from russo import RateLimitError
from russo.authoring import Attempts
from support.speakers import PROMPT


class ScriptedService:
    """Returns or raises its outcomes in turn, the last one repeatedly, and records when each attempt began."""

    def __init__(self, *outcomes):
        self.outcomes = list(outcomes)
        self.times = []

    async def __call__(self):
        self.times.append(time.monotonic())
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    @property
    def attempts(self):
        return len(self.times)

    @property
    def waits(self):
        return [after - before for before, after in zip(self.times, self.times[1:], strict=False)]


class AttemptsBackend:
    """A backend as a backend author writes it: it makes its attempts through `Attempts`."""

    cache_key_extra = {"backend": "acme"}  # noqa: RUF012 - as an author may write it

    def __init__(self, attempt, **limits):
        self.attempt = attempt
        self.calls = Attempts("acme", model="m-1", **limits)

    async def synthesize(self, text):
        return await self.calls.run(text, self.attempt)


def failure(kind, **values):
    return kind("HTTP 500", backend="acme", prompt=PROMPT, **values)


def failure_with_short_wait(kind=RateLimitError, **values):
    """Return a failure whose Retry-After is a millisecond."""
    return failure(kind, **{"retry_after": 0.001} | values)


async def never_reply():
    """Wait until the attempt is cancelled."""
    await asyncio.Event().wait()
