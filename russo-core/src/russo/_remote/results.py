"""The results of lookups in a store, and of uploads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .._events import LookupOutcome, UploadOutcome
    from .._store.pair import Pair


@dataclass(frozen=True, slots=True)
class Fetched:
    """The result of a lookup in a store.

    Attributes:
        outcome: ``hit``; ``absent``; ``damaged`` (the object is not the entry of this key); ``refused`` (it
            is whole, but ``russo.lock`` pins other audio); ``failed`` (the store did not answer); ``skipped``
            (the store was not asked).
        reason: Why there is no entry, in words; empty for a hit.
        entry: The entry of a hit.
        seconds: How long the store took.
        size: The size of the object in bytes; 0 if none came.
    """

    outcome: LookupOutcome
    reason: str = ""
    entry: Pair | None = None
    seconds: float = 0.0
    size: int = 0


@dataclass(frozen=True, slots=True)
class Uploaded:
    """The result of an upload.

    Attributes:
        outcome: ``uploaded``; ``exists`` (the store has an entry of this key, which stays); ``failed``;
            ``skipped`` (the store was not asked).
        reason: Why the entry was not uploaded, in words; empty after an upload.
        seconds: How long the store took.
        size: The size of the object in bytes.
    """

    outcome: UploadOutcome
    reason: str = ""
    seconds: float = 0.0
    size: int = 0
