"""Adoption: at the end of a run, the entries that the store already had replace those of this run."""

from __future__ import annotations

import contextlib
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import TYPE_CHECKING, Final

from .._clock import monotonic
from .._store.cache import AudioCache, Miss, read_entry, store_entry
from .threads import CALL_SECONDS, start

if TYPE_CHECKING:
    from pathlib import Path

    from .access import StoreAccess

_AT_ONCE: Final = 16
_SECONDS: Final = 30.0


def adopt(access: StoreAccess) -> int:
    """Replace the entries of lost races by those of the store; return how many have other audio now.

    Call it when no test of any process runs any more. After 30 s no further entry is replaced.
    """
    if access.skipped() is not None:  # a forked child must leave the list to its parent
        return 0
    lost = list(access.lost.take().items())
    deadline = monotonic() + _SECONDS
    adopted: list[str] = []

    def work() -> None:
        while monotonic() < deadline:
            try:
                key, directory = lost.pop()
            except IndexError:
                return
            if _adopt_one(access, key, directory):
                adopted.append(key)

    threads: list[Future[None]] = []
    with contextlib.suppress(RuntimeError):  # the interpreter ends, and starts no thread
        threads.extend(start(work) for _ in range(min(_AT_ONCE, len(lost))))
    for thread in threads:
        with contextlib.suppress(FutureTimeoutError):
            thread.exception(max(0.0, deadline - monotonic()) + CALL_SECONDS)
    return len(adopted)


def _adopt_one(access: StoreAccess, key: str, directory: Path) -> bool:
    entry = access.fetch(key).entry
    if entry is None:
        return False
    cache = AudioCache(directory)
    own = read_entry(cache, key)
    if isinstance(own, Miss) or own.audio == entry.audio:  # an entry that was removed stays removed
        return False
    try:
        store_entry(cache, key, entry)
    except OSError:  # it is logged
        return False
    return True
