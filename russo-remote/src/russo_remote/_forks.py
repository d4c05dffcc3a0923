"""A forked child must not use obstore: its threads exist in the parent only, so a call would never return."""

from __future__ import annotations

import functools
import os

from russo import StoreError


def check_process() -> None:
    """Check that the process is the one that used obstore first; call it before each use of obstore.

    Raises:
        StoreError: The process is a fork of that process.
    """
    if _first_process() != os.getpid():
        raise StoreError("a forked process has no shared store", kind="refused")


@functools.cache
def _first_process() -> int:
    return os.getpid()
