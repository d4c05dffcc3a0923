"""russo's own clock: it keeps running in a test that freezes or moves time.

freezegun replaces ``time.monotonic`` and ``time.perf_counter``, also in each module that has imported
them; a test may patch any name of ``time``. So every wait of russo uses the clock of this module.
"""

from __future__ import annotations

import time
from collections.abc import Callable


def _own_clocks() -> tuple[Callable[[], float], Callable[[], float]]:
    """Return two functions: one reads a monotonic clock, the other the time of day.

    The functions of ``time`` are kept in closures, where tests cannot replace them.
    """
    if hasattr(
        time, "clock_gettime"
    ):  # freezegun never replaces it, even if it starts before russo is imported
        read, clock, calendar = time.clock_gettime, time.CLOCK_MONOTONIC, time.CLOCK_REALTIME
        return lambda: read(clock), lambda: read(calendar)
    count, today = time.perf_counter, time.time  # Windows
    return lambda: 0.0 + count(), lambda: 0.0 + today()


monotonic, now = _own_clocks()
