"""`Attempts`: runs a synthesizer's attempts, with one retry policy and one limit of concurrent calls.

A retry is one more backend call. Only this module decides what is retried, and after which delay.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar, Unpack

from .._alarms import sleep, timeout
from .._breaker import Breaker
from .._errors import ErrorDetails, SynthesisError, SynthesisTimeoutError, TextRejectedError
from .backend_call import current_backend_call
from .breaker import Outage, has_replied
from .limiter import Limiter
from .redaction import clear_locals

T = TypeVar("T")

_FIRST_DELAY: Final = 0.5
_LONGEST_DELAY: Final = 30.0
# A service that asks for a longer delay will not be available again within a test run.
_LONGEST_RETRY_AFTER: Final = 60.0
# Seconds. A server that has not opened the connection by then is down; nothing was billed.
_LONGEST_CONNECT: Final = 5.0
# Share of `timeout`, so that a connection that never opens is reported before the attempt's timeout.
_SHARE_TO_CONNECT: Final = 0.9
# Not the generator of module random: a test may have seeded it, and then expects its numbers.
_JITTER: Final = random.SystemRandom()


class Attempts:
    """Runs a synthesizer's calls: attempts have a timeout, failures are retried, concurrency is limited.

    May be used from any number of event loops and threads; ``max_concurrency`` holds over all of them.

    Args:
        backend: The backend's name, for messages.
        model: The model, for messages, if the backend has one.
        timeout: Seconds for one attempt.
        max_attempts: Attempts per call, including the first; 1 never retries.
        max_concurrency: Calls in progress at once; further calls wait.

    Raises:
        ValueError: A limit is not positive.
    """

    def __init__(
        self,
        backend: str,
        *,
        model: str | None = None,
        timeout: float = 60.0,
        max_attempts: int = 3,
        max_concurrency: int = 8,
    ) -> None:
        if not timeout > 0:
            raise ValueError(f"timeout is {timeout!r}; it must be more than 0 seconds")
        if max_attempts < 1:
            raise ValueError(f"max_attempts is {max_attempts!r}; it must be 1 or more")
        if max_concurrency < 1:
            raise ValueError(f"max_concurrency is {max_concurrency!r}; it must be 1 or more")
        self.backend: Final = backend
        self.model: Final = model
        self.timeout: Final = float(timeout)
        self.max_attempts: Final = max_attempts
        self.max_concurrency: Final = max_concurrency
        self._limiter = Limiter(max_concurrency)

    async def run(self, prompt: str, attempt: Callable[[], Awaitable[T]], *, host: str | None = None) -> T:
        """Run attempts until one succeeds, one fails with a non-retryable error, or all are used.

        The delays between attempts are 0.5 s, 1 s, 2 s … at most 30 s, each shortened by up to half at
        random. If the service asked for a delay (``retry_after``), that delay is used instead; if it is
        more than 60 s, the error is raised without a retry.

        In a run of pytest or of the command, three calls in a row that do not reach the host make further
        calls to it fail at once for 30 s; calls that fail together count once. Then one call is tried. Code
        that uses a synthesizer without a run makes every call.

        Args:
            prompt: The prompt. If it has no UTF-8 form, it is rejected before the first attempt.
            attempt: Makes one attempt; raises a `SynthesisError` for every failure it understands.
            host: The host that the attempts call, with its port (see `host_of`). Without it, every call is
                made.

        Raises:
            SynthesisError: The error of the last attempt; or, if no attempt was made, an error with the
                reason of an earlier call.
        """
        self._check_text(prompt)
        breaker = _breaker_of(host)
        if (outage := breaker.outage()) is not None:
            raise self._not_tried(prompt, outage)
        async with self._limiter:
            began = breaker.begin()
            if isinstance(began, Outage):
                raise self._not_tried(prompt, began)
            try:
                result = await self._repeat(prompt, attempt, breaker)
            except BaseException as error:
                breaker.end(began, Outage.of(error))
                raise
            breaker.note_reply()
            breaker.end(began)
            return result

    @property
    def connect_timeout(self) -> float:
        """Seconds to open a connection: 5, or 90 % of ``timeout`` if that is less.

        Give this limit to the client. Then a connection that does not open ends before the attempt's timeout,
        with an error of the client, and is not counted as a backend call.
        """
        return min(_LONGEST_CONNECT, _SHARE_TO_CONNECT * self.timeout)

    def error(
        self, kind: type[SynthesisError], what: str, *, prompt: str, **details: Unpack[ErrorDetails]
    ) -> SynthesisError:
        """Build an error that carries this synthesizer's backend and model.

        Args:
            kind: The class of the error.
            what: What happened.
            prompt: The prompt.
            **details: ``advice``, ``retryable``, ``retry_after`` and ``reached``, as in `SynthesisError`.
        """
        return kind(what, backend=self.backend, model=self.model, prompt=prompt, **details)

    async def _repeat(self, prompt: str, attempt: Callable[[], Awaitable[T]], breaker: Breaker[Outage]) -> T:
        for number in range(1, self.max_attempts + 1):
            try:
                return await self._attempt(prompt, attempt)
            except SynthesisError as error:
                if has_replied(error):
                    breaker.note_reply()
                is_last = number == self.max_attempts or breaker.outage() is not None
                if is_last or not error.retryable:
                    raise
                delay = _delay(number, error.retry_after)
                if delay is None:
                    raise
            await sleep(delay)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _not_tried(self, prompt: str, outage: Outage) -> SynthesisError:
        """Return the error of a call that is not made, with the reason of the last failed call."""
        reason = "earlier calls did not reach this host; one call is tried every 30 s"
        what = f"not tried: {outage.what} ({reason})"
        return self.error(outage.kind, what, prompt=prompt, advice=outage.advice, reached=False)

    async def _attempt(self, prompt: str, attempt: Callable[[], Awaitable[T]]) -> T:
        reached, handled = True, sys.exception()
        call = current_backend_call.get()
        if call is not None:
            call.begin_attempt()
        try:
            return await self._in_time(prompt, attempt)
        except BaseException as error:
            clear_locals(error, handled)  # frames of an HTTP client hold the key
            if isinstance(error, SynthesisError):
                reached = error.reached
            raise
        finally:
            if call is not None and reached:
                call.reached += 1

    async def _in_time(self, prompt: str, attempt: Callable[[], Awaitable[T]]) -> T:
        try:
            async with timeout(self.timeout):
                return await attempt()
        except TimeoutError as error:
            what = f"no reply within {self.timeout:g} s"
            raise self.error(SynthesisTimeoutError, what, prompt=prompt) from error

    def _check_text(self, prompt: str) -> None:
        try:
            prompt.encode()
        except UnicodeEncodeError as error:
            raise self.error(
                TextRejectedError,
                f"character {error.start} is a lone surrogate, which UTF-8 cannot encode",
                prompt=prompt,
                reached=False,
            ) from error


def _breaker_of(host: str | None) -> Breaker[Outage]:
    """Return the run's breaker of a host. Without a host or a run, return a new breaker that never opens."""
    call = current_backend_call.get()
    return Breaker() if host is None or call is None or call.breakers is None else call.breakers.of(host)


def _delay(number: int, retry_after: float | None) -> float | None:
    """Return the seconds to wait after attempt ``number``, or ``None`` to not retry."""
    if retry_after is not None:
        return max(0.0, retry_after) if retry_after <= _LONGEST_RETRY_AFTER else None
    return min(_LONGEST_DELAY, _FIRST_DELAY * 2.0 ** (number - 1)) * _JITTER.uniform(0.5, 1.0)
