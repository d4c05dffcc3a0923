"""Requests that a run does not count, and which nevertheless show that a test uses an entry."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from .._hooks import plugin_manager
from ..hookspecs import hookimpl

if TYPE_CHECKING:
    from .._events import CacheHit, CacheMiss, SynthesisStart


class UsedKeys:
    """Notes the keys of all requests of this process, until it is closed.

    A test may make a `CachedSynthesizer` by itself, which takes nothing from the run and is not counted. If
    the run lists or removes unused entries, those that it asked for are none.

    Args:
        note: Called with the key of each request.
    """

    def __init__(self, note: Callable[[str], None]) -> None:
        self._note = note
        plugin_manager().register(self)

    def close(self) -> None:
        """Note no more requests."""
        if plugin_manager().is_registered(self):
            plugin_manager().unregister(self)

    @hookimpl
    def russo_cache_hit(self, event: CacheHit) -> None:
        """Note the key of a hit."""
        self._note(event.key)

    @hookimpl
    def russo_cache_miss(self, event: CacheMiss) -> None:
        """Note the key of a miss."""
        self._note(event.key)

    @hookimpl
    def russo_synthesis_start(self, event: SynthesisStart) -> None:
        """Note the key of a request that does not look into the cache first, as in mode ``refresh``."""
        self._note(event.key)
