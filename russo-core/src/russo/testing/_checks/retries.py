"""Checks of retries: which failures are retried, how often, and how soon."""

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
from .base import SAMPLES, Make, ServiceContractBase, synthesize
from .deadlines import BACKEND_EXCEPTIONS, run_within
from .expect import expect, refuse
from .reasons import ERROR_CLASS, MAY_BE_BILLED

# Status codes that mean the same at every service: whether the same request may succeed later.
STATUSES: Final[Mapping[int, bool]] = {400: False, 402: False, 418: False, 422: False, 504: True}


class RetryChecks(ServiceContractBase):
    """Checks retries; skipped if no ``service`` is declared."""

    def test_failure_is_typed_and_retried_only_if_it_can_pass(
        self, failure: str, loopback: LoopbackServer, http: HttpService, speaking: Make
    ) -> None:
        """Each failure has its error class, is chained to its cause, and is retried if it is temporary."""
        expected = http.all_failures()[failure]
        loopback.replies = expected.reply
        attempts = 3 if expected.retry_now else 1
        error = self.error_of(speaking(max_attempts=attempts), when=failure)
        expect(
            isinstance(error, expected.error) and error.retryable is expected.retried and error.reached,
            f"{failure} is a {expected.error.__name__} with retryable={expected.retried}, reached=True",
            error,
            ERROR_CLASS,
        )
        requests = attempts if expected.retried else 1
        expect(
            len(loopback.requests) == requests,
            f"{failure} makes {requests} requests with max_attempts={attempts}; an SDK's retries are off",
            f"{len(loopback.requests)}",
            MAY_BE_BILLED,
        )
        expect(
            error.__cause__ is not None,
            "the SDK's error is chained (`raise ... from error`)",
            error,
            "the vendor's support asks for the SDK's error",
        )

    def test_refusal_is_not_retried_and_a_busy_gateway_is(
        self, status: str, loopback: LoopbackServer, http: HttpService, speaking: Make
    ) -> None:
        """Status 400, 402, 418 and 422 are final; status 504 is retried."""
        if f"status {status}" in http.failures:
            pytest.skip("the declared service gives this status another meaning")
        retried = STATUSES[int(status)]
        loopback.replies = http.error_reply(int(status), "no", 0.0)
        error = self.error_of(speaking(max_attempts=2), when=f"status {status}")
        expect(
            error.retryable is retried and len(loopback.requests) == 1 + retried,
            f"status {status} is retryable={retried}, and makes {1 + retried} requests with max_attempts=2",
            f"{len(loopback.requests)} requests, retryable={error.retryable}: {error!r}",
            MAY_BE_BILLED,
        )

    def test_call_succeeds_after_a_failure_that_passed(
        self, loopback: LoopbackServer, http: HttpService, speaking: Make
    ) -> None:
        """A call succeeds after the service was busy once."""
        loopback.replies = [http.error_reply(503, "busy", 0.0), http.good(SAMPLES)]
        self.speak(speaking())
        self.expect_one_retry(loopback)

    def test_service_that_asks_to_wait_is_waited_for(
        self, loopback: LoopbackServer, http: HttpService, speaking: Make
    ) -> None:
        """A retry waits as long as the service asks in a reply of status 429 or 503."""
        for status, waited in self._waits(loopback, http, speaking, 1.0):
            expect(
                waited >= 1.0,  # without Retry-After the first wait is at most half a second
                f"if a service asks by status {status} to wait 1 s, the retry comes after 1 s; "
                "russo.authoring.seconds_to_wait",
                f"after {waited:.2f} s",
                "services block clients that do not wait",
            )

    def test_busy_service_is_not_asked_again_at_once(
        self, loopback: LoopbackServer, http: HttpService, speaking: Make
    ) -> None:
        """A retry waits for a moment if the service does not ask for a wait."""
        for status, waited in self._waits(loopback, http, speaking, None):
            expect(
                waited >= 0.1,
                f"after a status {status} without Retry-After, the retry waits for a moment",
                f"the retry came after {waited:.3f} s",
                "many clients that retry at once overload a busy service",
            )

    def _waits(
        self, loopback: LoopbackServer, http: HttpService, speaking: Make, asked_for: float | None
    ) -> list[tuple[int, float]]:
        """Return the seconds of two calls whose first attempts get status 429 and status 503."""
        texts = {status: f"{self.prompt} {status}" for status in (429, 503)}
        answered: set[int] = set()

        def reply(request: Request) -> Reply:
            status = next((each for each, text in texts.items() if self.carries(request, text)), 0)
            if not status or status in answered:
                return http.good(SAMPLES)
            answered.add(status)
            return http.error_reply(status, "slow down", asked_for)

        async def timed(text: str) -> float:
            start = time.monotonic()
            await synthesize(synthesizer, text)
            return time.monotonic() - start

        async def both() -> list[float]:
            return await asyncio.gather(*map(timed, texts.values()))

        loopback.replies, synthesizer = reply, speaking()
        try:
            waits = run_within(both, self.patience)
        except BACKEND_EXCEPTIONS as error:
            refuse("the synthesizer speaks after a service was busy once", error, MAY_BE_BILLED)
        self.expect_one_retry(loopback, calls=2)
        return list(zip(texts, waits, strict=True))

    def test_service_that_asks_to_wait_an_hour_is_not_waited_for(
        self, loopback: LoopbackServer, http: HttpService, speaking: Make
    ) -> None:
        """If the service asks for a long wait, the call fails at once, with ``retry_after`` in seconds."""
        loopback.replies = http.error_reply(429, "slow down", 3600.0)
        error = self.error_of(speaking(), when="Retry-After: 3600")
        expect(
            isinstance(error, RateLimitError) and error.retry_after == 3600.0 and len(loopback.requests) == 1,
            "after a request to wait an hour, the call raises RateLimitError, retry_after=3600.0, "
            "without a retry",
            f"{error!r}, retry_after={error.retry_after}, {len(loopback.requests)} requests",
            MAY_BE_BILLED,
        )
