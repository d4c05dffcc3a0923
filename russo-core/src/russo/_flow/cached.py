"""The flow of a prompt: key, lookup, and on a miss one backend call, whose audio is stored.

    synthesize -> _request (key) -> _replay (lookup; hit: return) -> miss.synthesize_request

A hit touches no event loop, no lock, no backend and no credential.
"""

from __future__ import annotations

import contextlib
import functools
import logging
from collections.abc import Callable, Coroutine, Iterable, Iterator
from typing import Any, Final, Self

from .._audio import Audio
from .._backends.backend_call import current_backend_call
from .._backends.synthesizer import Synthesizer, check_synthesizer
from .._errors import TextRejectedError, shorten
from .._events import CacheHit, EntryDamaged
from .._fields import Fields, backend_of, frozen, plain
from .._mode import Mode, ModeName
from .._store.cache import AudioCache, Miss
from .._store.key import derive
from .._store.layered import Cache, LayeredCache
from .request import Request, declared_fields
from .run import Refreshed, RunContext

_log = logging.getLogger(__name__)


class CachedSynthesizer:
    """A synthesizer that synthesizes each prompt once and replays it on every later call.

    The key contains the exact prompt, the ``cache_key_extra`` that the wrapped synthesizer declares, and
    the argument ``cache_key_extra``, so that a changed voice can never replay the old one.

    Args:
        synthesizer: What to wrap: any object with ``async def synthesize(self, text) -> Audio``.
        cache: Where audio is stored. ``None`` means the pytest run's cache if the plugin wraps or finds
            this object, else ``AudioCache()``.
        enabled: False means mode ``off``, and replaces ``mode``; may be changed at any time.
        cache_key_extra: More fields for the key: names to JSON values.
        mode: A `Mode` or its name: ``auto``, ``replay``, ``refresh`` or ``off``. ``None`` means the
            pytest run's mode if the plugin wraps or finds this object, else ``auto``. If the plugin does so,
            and the run's mode is ``replay`` or ``off``, it replaces this mode.

    Raises:
        TypeError: ``synthesizer`` is not a synthesizer, or ``cache_key_extra`` is not JSON.
        ValueError: The mode does not exist.
    """

    def __init__(
        self,
        synthesizer: Synthesizer,
        *,
        cache: Cache | None = None,
        enabled: bool = True,
        cache_key_extra: Fields | None = None,
        mode: Mode | ModeName | None = None,
    ) -> None:
        check_synthesizer(synthesizer)
        if cache is not None and not isinstance(cache, (AudioCache, LayeredCache)):
            raise TypeError(f"cache is {type(cache).__name__}, not an AudioCache or a LayeredCache")
        self.synthesizer: Final = synthesizer
        self.enabled = enabled
        self._cache = cache
        self._given = plain(cache_key_extra)
        self._mode = None if mode is None else Mode.parse(mode)
        self._context: RunContext | None = None
        self._own_refreshed = Refreshed()

    def __repr__(self) -> str:
        return f"CachedSynthesizer({self.synthesizer!r}, cache={self.cache!r}, mode={str(self.mode)!r})"

    @property
    def cache(self) -> Cache:
        """Where audio is stored."""
        if self._cache is not None:
            return self._cache
        return self._context.cache if self._context is not None else self._own_cache

    @functools.cached_property
    def _own_cache(self) -> AudioCache:
        return AudioCache()

    @property
    def mode(self) -> Mode:
        """The mode that applies: the run's ``replay`` or ``off``, else the mode of this object."""
        run_mode = self._context.mode if self._context is not None else None
        if run_mode is Mode.REPLAY or run_mode is Mode.OFF:
            return run_mode
        if not self.enabled:
            return Mode.OFF
        return self._mode or run_mode or Mode.AUTO

    @property
    def cache_key_extra(self) -> Fields:
        """The wrapped synthesizer's fields and the argument of this object, for an object that wraps it."""
        own, _ = declared_fields(self.synthesizer)
        return own if self._given is None else {"own": own, "given": frozen(self._given)}

    @property
    def has_own_cache(self) -> bool:
        """Whether the constructor got a cache, also those of each `CachedSynthesizer` that this one wraps."""
        return self._cache is not None and (
            not isinstance(self.synthesizer, CachedSynthesizer) or self.synthesizer.has_own_cache
        )

    def bound_to(self, context: RunContext | None) -> Self:
        """Use a run's cache and mode if the constructor got none, in this object and in those it wraps.

        The pytest plugin and the command use this. It changes the object itself.

        Args:
            context: The run: its cache, its mode, its listeners and its limit of backend calls. ``None``
                means no run, as after the constructor.

        Returns:
            This object.
        """
        layer: object = self
        while isinstance(layer, CachedSynthesizer):
            layer._context = context
            layer = layer.synthesizer
        return self

    async def synthesize(self, text: str) -> Audio:
        """Return the audio of a text: replay it, or synthesize and store it, depending on the mode.

        Args:
            text: The exact prompt.

        Raises:
            TypeError: ``text`` is not a string.
            CacheMissError: The mode is ``replay``, and the prompt is not stored.
            SynthesisError: The backend could not synthesize it (`TextRejectedError` for an empty prompt).
            ValueError: The mode is ``refresh``, and there are recordings, which are never written.
        """
        __tracebackhide__ = True  # a miss in mode replay is shown at the test's line
        request = self._request(text)
        audio = self._replay(request)
        if audio is not None:
            return audio
        from .miss import synthesize_request  # it imports asyncio, which a hit does not need

        return await synthesize_request(request)

    def synthesize_sync(
        self, text: str, *, wait_for: Callable[[Coroutine[Any, Any, Audio]], Audio] | None = None
    ) -> Audio:
        """Return the audio of a text as `synthesize` does, for a caller that is not async.

        A hit needs no event loop.

        Args:
            text: The exact prompt.
            wait_for: Runs a coroutine to its end and returns its result. ``None`` means ``asyncio.run``,
                which fails if an event loop already runs in this thread.

        Raises:
            RuntimeError: The prompt is not stored, ``wait_for`` is ``None``, and an event loop runs already
                in this thread.
            RussoError: As for `synthesize`.
        """
        __tracebackhide__ = True  # a miss in mode replay is shown at the test's line
        request = self._request(text)
        audio = self._replay(request)
        if audio is not None:
            return audio
        from .miss import run_alone, synthesize_request

        return (wait_for or run_alone)(synthesize_request(request))

    async def aclose(self) -> None:
        """Close the wrapped synthesizer, if it has an ``aclose``."""
        close = getattr(self.synthesizer, "aclose", None)
        if close is not None:
            await close()

    def _request(self, text: str) -> Request:
        if not isinstance(text, str):
            raise TypeError(f"a prompt is text, not {type(text).__name__}")
        outer = current_backend_call.get()
        if outer is not None:
            outer.delegated = True
        own, declares_settings = declared_fields(self.synthesizer)
        name = type(self.synthesizer).__qualname__
        if not text.strip():
            backend = backend_of({"own": own}) or name
            raise TextRejectedError("the prompt is empty", backend=backend, prompt=text, reached=False)
        key, plain_own = derive(text, own, self._given)
        mode, cache = self.mode, self.cache
        if mode is Mode.REFRESH and len(cache.layers) > 1:
            raise ValueError(
                f"mode 'refresh' cannot replace recordings ({cache.layers[0].directory}), which are "
                "read-only; refresh with an AudioCache of that directory"
            )
        return Request(
            prompt=text,
            key=key,
            synthesizer=self.synthesizer,
            class_name=name,
            fields={"own": plain_own, "given": self._given},
            declares_settings=declares_settings,
            outer=outer,
            cache=cache,
            mode=mode,
            context=self._context,
            refreshed=self._own_refreshed if self._context is None else self._context.refreshed,
        )

    def _replay(self, request: Request) -> Audio | None:
        """Return the stored audio, or ``None`` if the mode allows a backend call."""
        __tracebackhide__ = True
        if request.mode is Mode.OFF or request.is_due:
            return None
        found, layer = request.cache.find(request.key)
        if not isinstance(found, Miss):
            request.notify(CacheHit, audio=found, directory=layer.directory)
            if _log.isEnabledFor(logging.DEBUG):
                _log.debug("hit %s for %s", request.key, shorten(request.prompt))
            return found
        request.is_absent = found.reason == "absent"
        if found.damaged:
            request.notify(EntryDamaged, reason=found.reason, directory=layer.directory)
        if request.mode is Mode.REPLAY and request.cache.remote is None:
            raise request.replay_miss(found)
        return None


def requests_of(cached: CachedSynthesizer, texts: Iterable[str]) -> Iterator[Request]:
    """Yield the request of each text that is not empty."""
    for text in texts:
        with contextlib.suppress(TextRejectedError):
            yield cached._request(text)


def key_of(cached: CachedSynthesizer, text: str) -> str:
    """Return the key under which an object stores the audio of a text.

    Raises:
        TextRejectedError: The text is empty.
    """
    return cached._request(text).key
