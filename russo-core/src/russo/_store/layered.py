"""Recordings before the cache: read-only directories that a team has committed, then a private cache."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .cache import AudioCache, Miss

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Sequence

    from .._audio import Audio
    from .._flow.single_flight import Flights
    from .key import Fields
    from .locks import Place


class LayeredCache:
    """A private cache behind read-only recordings.

    `get` looks into the recordings, in their order, then into the cache. Everything that writes or
    removes goes to the cache alone; recordings are never touched.

    Args:
        cache: The private cache.
        recordings: Caches to look into first; each is only ever read.
    """

    def __init__(self, cache: AudioCache, recordings: Sequence[AudioCache]) -> None:
        self.cache: Final = cache
        self.recordings: Final = tuple(recordings)

    def __repr__(self) -> str:
        return f"LayeredCache({self.cache!r}, recordings={list(self.recordings)!r})"

    def get(self, key: str) -> Audio | None:
        """Return the audio stored under a key in the first layer that has it, or ``None``."""
        found = self.lookup(key)
        return None if isinstance(found, Miss) else found

    def lookup(self, key: str) -> Audio | Miss:
        """Like `get`, but a miss says why; a damaged recording counts even where nothing else lies."""
        return self.find(key)[0]

    def find(self, key: str, *, patient: bool = True) -> tuple[Audio | Miss, AudioCache]:
        """Look a key up and name the layer that answered, or whose miss is worth telling."""
        telling: tuple[Miss, AudioCache] | None = None
        for layer in self.layers:
            found = layer.lookup(key, patient=patient)
            if not isinstance(found, Miss):
                return found, layer
            if telling is None or (found.reason != "absent" and telling[0].reason == "absent"):
                telling = found, layer
        assert telling is not None
        return telling

    @property
    def layers(self) -> tuple[AudioCache, ...]:
        """All caches in the order they are looked into."""
        return (*self.recordings, self.cache)

    def put(self, key: str, audio: Audio, *, prompt: str | None = None, fields: Fields | None = None) -> bool:
        """Store audio in the private cache; see `AudioCache.put`."""
        return self.cache.put(key, audio, prompt=prompt, fields=fields)

    def size(self) -> int:
        """Count the keys that any layer has an entry for."""
        return len({key for layer in self.layers for key in layer.stored_keys()})

    def clear(self) -> int:
        """Remove the entries of the private cache; recordings stay. Return how many were removed."""
        return self.cache.clear()

    @property
    def _flights(self) -> Flights:
        """The requests in flight over the private cache."""
        return self.cache._flights

    def _place(self, key: str, loop: AbstractEventLoop) -> Place | None:
        """Take a place in line; see `AudioCache._place`."""
        return self.cache._place(key, loop)
