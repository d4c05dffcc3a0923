"""`Breaker`: after three calls in a row that reached nothing, calls fail at once for 30 s.

Without it, every call of a run that has no network would make all its attempts and wait between them.
"""

from __future__ import annotations

import math
import os
import threading
from typing import Final, Generic, TypeVar

from ._clock import monotonic

# Failed calls in a row. Each began after the failure before it ended.
_FAILURES: Final = 3
OPEN_SECONDS: Final = 30.0
OutageT = TypeVar("OutageT")


class Breaker(Generic[OutageT]):
    """Counts the failed calls to one place: opens after three in a row, and lets one call pass every 30 s.

    May be used from any number of threads and event loops. The lock is held for moments only.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._failures = 0
        self._last_failure = -math.inf
        self._open_until: float | None = None
        self._trial: float | None = None
        self._outage: OutageT | None = None

    def outage(self) -> OutageT | None:
        """Return why a call must fail at once now, or ``None`` if a call may be made."""
        with self._locked():
            return self._outage if self._is_open(monotonic()) else None

    def begin(self) -> float | OutageT:
        """Return the time at which a call begins, or an outage if the call must fail at once.

        The first call after 30 s is the trial. If it never ends, because its event loop was closed, another
        call is the trial 30 s later.
        """
        now = monotonic()
        with self._locked():
            if self._outage is not None and self._is_open(now):
                return self._outage
            if self._open_until is not None:
                self._trial, self._open_until = now, now + OPEN_SECONDS
        return now

    def end(self, began: float, outage: OutageT | None = None) -> None:
        """Note how a call ended; if there was a reply, call `note_reply` first.

        A call that ended without a reply and without an outage, such as a cancelled one, changes nothing.

        Args:
            began: What `begin` returned.
            outage: Why nothing was reached.
        """
        if outage is not None:
            self._note_outage(began, outage)
        with self._locked():
            if self._trial == began:  # it ended without a result, so another call may be the trial
                self._trial, self._open_until = None, monotonic()

    def note_reply(self) -> None:
        """Close the breaker and forget the failures, because there was a reply."""
        with self._locked():
            self._failures, self._open_until, self._trial = 0, None, None

    def _note_outage(self, began: float, outage: OutageT) -> None:
        with self._locked():
            is_trial = self._trial == began
            if began < self._last_failure and not is_trial:  # calls that fail together count once
                return
            self._last_failure = now = monotonic()
            self._failures += 1
            self._outage = outage
            if is_trial or (self._trial is None and self._failures >= _FAILURES):
                self._open_until, self._trial = now + OPEN_SECONDS, None

    def _is_open(self, now: float) -> bool:
        return self._open_until is not None and now < self._open_until

    def _locked(self) -> threading.Lock:
        if self._pid != os.getpid():  # a forked child: a thread of the parent may hold the lock
            self._pid, self._lock = os.getpid(), threading.Lock()
        return self._lock
