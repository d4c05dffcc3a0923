"""The hooks of `russo.hookspecs` for a ``conftest.py``: plain functions without a decorator.

pytest's own plugin manager calls them, so that a ``conftest.py`` gets the events of the tests in its
directory, and a misspelt name is an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .._events import (
        CacheHit,
        CacheMiss,
        EntryDamaged,
        EntryStored,
        RemoteLookup,
        RemoteUpload,
        StoreFailed,
        SynthesisFinish,
        SynthesisStart,
    )


def pytest_russo_cache_hit(event: CacheHit) -> None:
    """See `russo.hookspecs.russo_cache_hit`."""


def pytest_russo_cache_miss(event: CacheMiss) -> None:
    """See `russo.hookspecs.russo_cache_miss`."""


def pytest_russo_synthesis_start(event: SynthesisStart) -> None:
    """See `russo.hookspecs.russo_synthesis_start`."""


def pytest_russo_synthesis_finish(event: SynthesisFinish) -> None:
    """See `russo.hookspecs.russo_synthesis_finish`."""


def pytest_russo_entry_stored(event: EntryStored) -> None:
    """See `russo.hookspecs.russo_entry_stored`."""


def pytest_russo_entry_damaged(event: EntryDamaged) -> None:
    """See `russo.hookspecs.russo_entry_damaged`."""


def pytest_russo_store_failed(event: StoreFailed) -> None:
    """See `russo.hookspecs.russo_store_failed`."""


def pytest_russo_remote_lookup(event: RemoteLookup) -> None:
    """See `russo.hookspecs.russo_remote_lookup`."""


def pytest_russo_remote_upload(event: RemoteUpload) -> None:
    """See `russo.hookspecs.russo_remote_upload`."""
