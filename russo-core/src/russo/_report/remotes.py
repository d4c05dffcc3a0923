"""The shared stores of a run in its document: numbers of lookups and uploads, and what went wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._flow.remote_summary import facts_of, stores_of
from .._foreign import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .._statistics import Counts

_LONGEST_URL = 1000


def remotes_of(total: Counts, adopted: Mapping[str, int]) -> list[dict[str, Any]]:
    """Return each shared store of a run as JSON values.

    Args:
        total: The counts of the run.
        adopted: How many entries of the run were replaced by those of a store, by its URL.
    """
    return [
        {
            "url": shown(store.url, _LONGEST_URL),
            "hits": store.lookups["hit"],
            "misses": store.lookups.total() - store.lookups["hit"],
            "skipped": store.skipped.total(),
            "uploaded": store.uploads["uploaded"],
            "not_uploaded": store.not_uploaded.total(),
            "adopted": adopted.get(store.url, 0),
            "problem": ", ".join(facts_of(store)) or None,
        }
        for store in stores_of(total)
    ]
