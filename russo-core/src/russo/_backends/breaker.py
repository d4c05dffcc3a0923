"""`Breakers`: after three calls that did not reach a host, calls to it fail at once for 30 s.

Without a network, every call would make all its attempts and wait between them. The breakers belong to a
run: `RunContext` makes them, and the flow passes them on in the `BackendCall`.
"""

from __future__ import annotations

import math
import os
import threading
from typing import Final, NamedTuple, Self

from .._clock import monotonic
from .._errors import ServiceError, SynthesisError, SynthesisTimeoutError

# Failed calls in a row. Each began after the failure before it ended.
_FAILURES: Final = 3
_OPEN_SECONDS: Final = 30.0


class Outage(NamedTuple):
    """Why a host was not reached, as the last failed call reported it."""

    kind: type[SynthesisError]
    what: str
    advice: str

    @classmethod
    def of(cls, error: BaseException | None) -> Self | None:
        """Return the outage that an error reports, or ``None`` if it has another cause.

        Missing credentials and rejected texts do not reach the host either, but their classes differ. A
        certificate that is not trusted, and a client that cannot be made, are not retryable.
        """
        if not isinstance(error, (ServiceError, SynthesisTimeoutError)):
            return None
        if error.reached or not error.retryable:
            return None
        # The constructor of another package's subclass may have other arguments.
        kind = ServiceError if isinstance(error, ServiceError) else SynthesisTimeoutError
        return cls(kind, error.what, error.advice)


def has_replied(error: SynthesisError) -> bool:
    """Return whether an error shows that the host was reached. A timeout does not show it."""
    return error.reached and not isinstance(error, SynthesisTimeoutError)


class Breaker:
    """Counts the failed calls to one host: opens after three in a row, and lets one call pass every 30 s.

    May be used from any number of threads and event loops. The lock is held for moments only.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._failures = 0
        self._last_failure = -math.inf
        self._open_until: float | None = None
        self._trial: float | None = None
        self._outage: Outage | None = None

    def outage(self) -> Outage | None:
        """Return why a call must fail at once now, or ``None`` if a call may be made."""
        with self._locked():
            return self._outage if self._is_open(monotonic()) else None

    def begin(self) -> float | Outage:
        """Return the time at which a call begins, or an outage if the call must fail at once.

        The first call after 30 s is the trial. If it never ends, because its event loop was closed, another
        call is the trial 30 s later.
        """
        now = monotonic()
        with self._locked():
            if self._outage is not None and self._is_open(now):
                return self._outage
            if self._open_until is not None:
                self._trial, self._open_until = now, now + _OPEN_SECONDS
        return now

    def end(self, began: float, error: BaseException | None) -> None:
        """Note how a call ended.

        Args:
            began: What `begin` returned.
            error: The error of the last attempt. A cancelled call neither counts nor resets the count.
        """
        if error is None:
            self.note_reply()
        elif (outage := Outage.of(error)) is not None:
            self._note_outage(began, outage)
        with self._locked():
            if self._trial == began:  # it ended without a result, so another call may be the trial
                self._trial, self._open_until = None, monotonic()

    def note_reply(self) -> None:
        """Close the breaker and forget the failures, because the host replied."""
        with self._locked():
            self._failures, self._open_until, self._trial = 0, None, None

    def _note_outage(self, began: float, outage: Outage) -> None:
        with self._locked():
            is_trial = self._trial == began
            if began < self._last_failure and not is_trial:  # calls that fail together count once
                return
            self._last_failure = now = monotonic()
            self._failures += 1
            self._outage = outage
            if is_trial or (self._trial is None and self._failures >= _FAILURES):
                self._open_until, self._trial = now + _OPEN_SECONDS, None

    def _is_open(self, now: float) -> bool:
        return self._open_until is not None and now < self._open_until

    def _locked(self) -> threading.Lock:
        if self._pid != os.getpid():  # a forked child: a thread of the parent may hold the lock
            self._pid, self._lock = os.getpid(), threading.Lock()
        return self._lock


class Breakers:
    """The breakers of one run, one for each host."""

    def __init__(self) -> None:
        self._breakers: dict[str, Breaker] = {}

    def of(self, host: str) -> Breaker:
        """Return the breaker of a host and port."""
        return self._breakers.setdefault(host, Breaker())
