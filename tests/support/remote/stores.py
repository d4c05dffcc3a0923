"""A store in memory that records its calls and fails on request, and the entries that tests put into it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

from russo import AudioCache, CachedSynthesizer, LayeredCache, RemoteCache, StoredObject
from russo._remote.access import StoreAccess
from russo._remote.objects import MARKER, object_name, pack
from russo._store.entry import encode_meta
from russo._store.pair import Pair
from support.cache_files import KEY
from support.flow import key_of
from support.speakers import PROMPT, Speaker, sound

URL = "memory://team/voice"


class MemoryStore:
    """Objects in memory.

    Attributes:
        url: Its URL.
        objects: The objects by name.
        calls: ``("get", name)`` and ``("put", name)``, in order.
        before: Called with the operation and the name at the begin of each call; it may raise or wait.
    """

    def __init__(self, objects: dict[str, bytes] | None = None, *, url: str = URL) -> None:
        self.url = url
        self.objects = {} if objects is None else objects
        self.calls: list[tuple[str, str]] = []
        self.before: Callable[[str, str], object] = lambda operation, name: None
        self._lock = threading.Lock()

    @property
    def gets(self) -> list[str]:
        return [name for operation, name in self.calls if operation == "get"]

    @property
    def puts(self) -> list[str]:
        """The names of all puts but that of the marker."""
        return [name for operation, name in self.calls if operation == "put" and name != MARKER]

    def get(self, name: str, limit: int) -> bytes | None:
        self.calls.append(("get", name))
        self.before("get", name)
        found = self.objects.get(name)
        return None if found is None else found[:limit]

    def put(self, name: str, data: bytes, *, replace: bool) -> bool:
        self.calls.append(("put", name))
        self.before("put", name)
        with self._lock:
            if name in self.objects and not replace:
                return False
            self.objects[name] = data
            return True

    def list(self, prefix: str) -> Iterator[StoredObject]:
        for name, data in self.objects.items():
            if name.startswith(prefix):
                yield StoredObject(name, len(data))


def raises(error: BaseException) -> Callable[[str, str], object]:
    """Return a `MemoryStore.before` that raises for every call."""

    def fail(operation: str, name: str) -> object:
        raise error

    return fail


def pair_of(key: str = KEY, audio=None, prompt: str | None = PROMPT) -> Pair:
    """Return the pair of an entry."""
    audio = sound(PROMPT) if audio is None else audio
    return Pair(encode_meta(key, audio, prompt=prompt, fields={"voice": "anna"}), audio.data, audio)


def objects_of(*prompts: str, speaker=None, audio=None) -> dict[str, bytes]:
    """Return the objects of a store that has the prompts of a speaker."""
    speaker = Speaker() if speaker is None else speaker
    keys = {prompt: key_of(speaker, prompt) for prompt in prompts}
    return {
        object_name(key): pack(pair_of(key, speaker.sound(prompt) if audio is None else audio, prompt))
        for prompt, key in keys.items()
    }


def access_to(store, *, write: bool = False, lock_file=None) -> StoreAccess:
    """Return the access of one process to a store."""
    return StoreAccess(store, write=write, lock_file=lock_file)


def synthesizer_with(directory, store, *, speaker=None, mode="auto", **options) -> CachedSynthesizer:
    """Return a synthesizer of one machine, whose cache is in a directory, before a store.

    Args:
        directory: The directory of the cache.
        store: A store, a URL, or a `RemoteCache`.
        speaker: The backend.
        mode: The mode.
        options: Options of the `RemoteCache`.
    """
    remote = store if isinstance(store, RemoteCache) else RemoteCache(store, **options)
    cache = LayeredCache(AudioCache(directory), remote=remote)
    return CachedSynthesizer(Speaker() if speaker is None else speaker, cache=cache, mode=mode)
