"""CPU time of work whose growth is judged: the least of some runs, without what other tests left behind."""

import gc


def least(measure, times=3):
    """Return the least of what ``measure`` returns, while the collector leaves older objects alone.

    A collection looks through all objects of the process, which takes longer than the work that is judged.
    """
    gc.collect()
    gc.freeze()
    try:
        return min(measure() for _ in range(times))
    finally:
        gc.unfreeze()
