"""CPU time for tests of growth: the minimum of several runs, without the cost of other tests' objects."""

import gc


def least(measure, times=3):
    """Return the minimum of the values of ``measure``, while the garbage collector ignores older objects.

    Otherwise a collection visits all objects of the process, which takes longer than the measured work.
    """
    gc.collect()
    gc.freeze()
    try:
        return min(measure() for _ in range(times))
    finally:
        gc.unfreeze()
