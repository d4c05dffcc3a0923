"""Recordings, then a private cache, then a store that the team shares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from .cache import AudioCache, Miss

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._audio import Audio
    from .._fields import Fields
    from .._remote.remote import RemoteCache


class LayeredCache:
    """A private cache behind read-only recordings, and before a shared store.

    `get` reads the recordings, in their order, then the cache. Entries are stored and removed only in the
    cache; recordings are never changed. Only a `CachedSynthesizer` asks the shared store, for a prompt that
    no layer has: `get` and `find` use no network.

    Args:
        cache: The private cache.
        recordings: Caches that are read first, and never written to.
        remote: The shared store.
    """

    def __init__(
        self, cache: AudioCache, recordings: Sequence[AudioCache] = (), remote: RemoteCache | None = None
    ) -> None:
        self.cache: Final = cache
        self.recordings: Final = tuple(recordings)
        self.remote: Final = remote

    def __repr__(self) -> str:
        remote = "" if self.remote is None else f", remote={self.remote!r}"
        return f"LayeredCache({self.cache!r}, recordings={list(self.recordings)!r}{remote})"

    @property
    def layers(self) -> tuple[AudioCache, ...]:
        """All caches, in the order in which they are read."""
        return (*self.recordings, self.cache)

    @property
    def writable(self) -> AudioCache:
        """The private cache: the only layer that is written to."""
        return self.cache

    def get(self, key: str) -> Audio | None:
        """Return the audio stored under a key, from the first layer that has it, or ``None``."""
        found = self.lookup(key)
        return None if isinstance(found, Miss) else found

    def lookup(self, key: str) -> Audio | Miss:
        """Return the audio stored under a key, or why there is none; see `find`."""
        return self.find(key)[0]

    def find(self, key: str, *, patient: bool = True) -> tuple[Audio | Miss, AudioCache]:
        """Look a key up, and return the result with the layer that it comes from.

        If no layer has a usable entry, return the first miss whose reason is not ``absent``, such as a
        damaged entry; if all are ``absent``, return the first one.
        """
        reported: tuple[Miss, AudioCache] | None = None
        for layer in self.layers:
            found = layer.lookup(key, patient=patient)
            if not isinstance(found, Miss):
                return found, layer
            if reported is None or (found.reason != "absent" and reported[0].reason == "absent"):
                reported = found, layer
        assert reported is not None
        return reported

    def put(self, key: str, audio: Audio, *, prompt: str | None = None, fields: Fields | None = None) -> bool:
        """Store audio in the private cache; see `AudioCache.put`."""
        return self.cache.put(key, audio, prompt=prompt, fields=fields)

    def size(self) -> int:
        """Count the keys that any layer has an entry for."""
        return len({key for layer in self.layers for key in layer.stored_keys()})

    def clear(self) -> int:
        """Remove the entries of the private cache; recordings stay. Return how many were removed."""
        return self.cache.clear()


Cache: TypeAlias = AudioCache | LayeredCache
"""The type of the fixture ``russo_cache``, and of the argument ``cache`` of a `CachedSynthesizer`."""
