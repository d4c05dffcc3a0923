"""Note the keys of all requests, also of those that the run does not count."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from .._hooks import plugin_manager
from ..hookspecs import hookimpl

if TYPE_CHECKING:
    from .._events import CacheHit, CacheMiss, SynthesisStart


class UsedKeys:
    """Notes the keys of all requests of this process, until it is closed.

    A test may make its own `CachedSynthesizer`, whose requests the run does not count. Their entries are in
    use all the same, so a run that lists or removes unused entries must know them.

    Args:
        note: Called with the key of each request.
    """

    def __init__(self, note: Callable[[str], None]) -> None:
        self._note = note
        plugin_manager().register(self)

    def close(self) -> None:
        """Stop noting requests."""
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
        """Note the key of a request that skips the lookup, as in mode ``refresh``."""
        self._note(event.key)
