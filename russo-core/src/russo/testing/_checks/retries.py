"""Checks of attempts: which failures are tried again, how often, and how soon."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Final

import pytest

from ... import RateLimitError
from .._server.loopback import LoopbackServer, Reply
from .._server.request import Request
from .._server.service import HttpService
from .base import SAMPLES, Make, ServiceDeclared, asked
from .deadlines import RAISED, within
from .errors import PAID, TREE
from .expect import expect, refuse

# What every service means by these, and whether the same request may succeed later.
STATUSES: Final[Mapping[int, bool]] = {400: False, 402: False, 418: False, 422: False, 504: True}


class AttemptChecks(ServiceDeclared):
    """What holds of attempts; skipped where no ``service`` is declared."""

    def test_failure_is_typed_and_retried_only_if_it_can_pass(
        self, failure: str, running: LoopbackServer, http: HttpService, calling: Make
    ) -> None:
        """Each failure has its class, is chained to its cause, and is tried again only if it can pass."""
        told = http.all_failures()[failure]
        running.replies = told.reply
        attempts = 3 if told.retry_now else 1
        error = self.failed(calling(max_attempts=attempts), when=failure)
        expect(
            isinstance(error, told.error) and error.retryable is told.retried and error.reached,
            f"{failure} is a {told.error.__name__} with retryable={told.retried}, reached=True",
            error,
            TREE,
        )
        expected = attempts if told.retried else 1
        expect(
            len(running.requests) == expected,
            f"{failure} makes {expected} requests with max_attempts={attempts}; an SDK's retries are off",
            f"{len(running.requests)}",
            PAID,
        )
        expect(
            error.__cause__ is not None,
            "what the SDK raised is chained (`raise ... from error`)",
            error,
            "the vendor's support asks for it",
        )

    def test_refusal_is_not_retried_and_a_busy_gateway_is(
        self, status: str, running: LoopbackServer, http: HttpService, calling: Make
    ) -> None:
        """Status 400, 402, 418 and 422 are final; after 504, ``max_attempts=2`` makes two requests."""
        if f"status {status}" in http.failures:
            pytest.skip("the service declares what it means by it")
        retried = STATUSES[int(status)]
        running.replies = http.error_reply(int(status), "no", 0.0)
        error = self.failed(calling(max_attempts=2), when=f"status {status}")
        expect(
            error.retryable is retried and len(running.requests) == 1 + retried,
            f"status {status} is retryable={retried}, and makes {1 + retried} requests with max_attempts=2",
            f"{len(running.requests)} requests, retryable={error.retryable}: {error!r}",
            PAID,
        )

    def test_call_succeeds_after_a_failure_that_passed(
        self, running: LoopbackServer, http: HttpService, calling: Make
    ) -> None:
        """A service that was busy once is asked again."""
        running.replies = [http.error_reply(503, "busy", 0.0), http.good(SAMPLES)]
        self.speak(calling())
        expect(len(running.requests) == 2, "one retry makes 2 requests", f"{len(running.requests)}", PAID)

    def test_service_that_asks_to_wait_is_waited_for(
        self, running: LoopbackServer, http: HttpService, calling: Make
    ) -> None:
        """A retry comes no earlier than the service asks, whether it limits (429) or is busy (503)."""
        for status, waited in self._waits(running, http, calling, 1.0):
            expect(
                waited >= 1.0,  # the policy by itself waits half a second at most
                f"a service that asks by {status} to wait 1 s is asked again after 1 s; "
                "russo.authoring.seconds_to_wait",
                f"after {waited:.2f} s",
                "services lock out clients that do not wait",
            )

    def test_busy_service_is_not_asked_again_at_once(
        self, running: LoopbackServer, http: HttpService, calling: Make
    ) -> None:
        """A retry takes its time where the service asks for no wait, too."""
        for status, waited in self._waits(running, http, calling, None):
            expect(
                waited >= 0.1,
                f"a service that answers {status} and asks for no wait is left alone for a moment",
                f"asked again after {waited:.3f} s",
                "a thousand clients that come back at once keep a busy service down",
            )

    def _waits(
        self, running: LoopbackServer, http: HttpService, calling: Make, asked_for: float | None
    ) -> list[tuple[int, float]]:
        """Speak to a service that answers once by each status; return how long each of two calls took."""
        texts = {status: f"{self.prompt} {status}" for status in (429, 503)}
        told: set[int] = set()

        def reply(request: Request) -> Reply:
            status = next((each for each, text in texts.items() if self.carries(request, text)), 0)
            if not status or status in told:
                return http.good(SAMPLES)
            told.add(status)
            return http.error_reply(status, "slow down", asked_for)

        async def timed(text: str) -> float:
            start = time.monotonic()
            await asked(synthesizer, text)
            return time.monotonic() - start

        async def both() -> list[float]:
            return await asyncio.gather(*map(timed, texts.values()))

        running.replies, synthesizer = reply, calling()
        try:
            waits = within(both, self.patience)
        except RAISED as error:
            refuse("the synthesizer speaks after a service was busy once", error, PAID)
        expect(len(running.requests) == 4, "one retry makes 2 requests", f"{len(running.requests) / 2}", PAID)
        return list(zip(texts, waits, strict=True))

    def test_service_that_asks_to_wait_an_hour_is_not_waited_for(
        self, running: LoopbackServer, http: HttpService, calling: Make
    ) -> None:
        """A wait that no test run can afford is the error at once, with ``retry_after`` in seconds."""
        running.replies = http.error_reply(429, "slow down", 3600.0)
        error = self.failed(calling(), when="Retry-After: 3600")
        expect(
            isinstance(error, RateLimitError) and error.retry_after == 3600.0 and len(running.requests) == 1,
            "a service that asks to wait an hour is a RateLimitError, retry_after=3600.0, after 1 request",
            f"{error!r}, retry_after={error.retry_after}, {len(running.requests)} requests",
            PAID,
        )
