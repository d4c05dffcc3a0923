"""Adoption: at the end of a run, the entries that the store already had replace those of this run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .._store.cache import AudioCache, Miss, read_entry, store_entry

if TYPE_CHECKING:
    from pathlib import Path

    from .access import StoreAccess

_AT_ONCE: Final = 16


def adopt(access: StoreAccess) -> int:
    """Replace the entries of lost races by those of the store; return how many have other audio now.

    Call it when no test of any process runs any more.
    """
    lost = access.lost.take()
    if not lost:
        return 0
    from concurrent.futures import ThreadPoolExecutor  # most runs lose no race

    with ThreadPoolExecutor(_AT_ONCE) as threads:
        return sum(threads.map(lambda each: _adopt_one(access, *each), lost.items()))


def _adopt_one(access: StoreAccess, key: str, directory: Path) -> bool:
    entry = access.fetch(key).entry
    if entry is None:
        return False
    cache = AudioCache(directory)
    own = read_entry(cache, key)
    if isinstance(own, Miss) or own.data == entry.data:  # an entry that was removed stays removed
        return False
    try:
        store_entry(cache, key, entry)
    except OSError:  # it is logged
        return False
    return True
