"""russo's own clock: it goes on in a test that freezes or moves time.

freezegun replaces ``time.monotonic`` and ``time.perf_counter``, also in each module that has imported
them; a test may patch any name of ``time``. So no other module of russo reads a clock for its waits.
"""

from __future__ import annotations

import time
from collections.abc import Callable


def _own_clocks() -> tuple[Callable[[], float], Callable[[], float]]:
    """Return what reads a monotonic clock and the time of day.

    The functions of ``time`` are held in closures, where nothing replaces them.
    """
    if hasattr(time, "clock_gettime"):  # freezegun leaves it alone, also before russo is imported
        read, clock, calendar = time.clock_gettime, time.CLOCK_MONOTONIC, time.CLOCK_REALTIME
        return lambda: read(clock), lambda: read(calendar)
    count, today = time.perf_counter, time.time  # Windows
    return lambda: 0.0 + count(), lambda: 0.0 + today()


monotonic, now = _own_clocks()
