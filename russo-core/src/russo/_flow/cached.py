"""The flow of a prompt: key, lookup, and on a miss one paid call, whose audio is stored.

    synthesize -> _replay (hit: return) -> _share (flight) -> _fly (in line, look again) -> _pay -> _keep

A hit touches no event loop, no lock, no backend and no credential. Whatever the cache does, audio
that was paid for reaches the caller.
"""

from __future__ import annotations

import functools
import inspect
import logging
import random
import sys
import time
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from .._audio import Audio
from .._backends.backend_call import Call, current_call
from .._backends.synthesizer import Synthesizer, check_synthesizer
from .._errors import NoAudioError, ServiceError, TextRejectedError, shorten
from .._events import (
    CacheHit,
    CacheMiss,
    EntryDamaged,
    EntryStored,
    Event,
    StoreFailed,
    SynthesisFinish,
    SynthesisStart,
)
from .._hooks import is_heard, notify, plugin_manager
from .._mode import Mode
from .._store.cache import AudioCache, Miss
from .._store.key import Fields, derive, frozen, plain
from .._store.layered import LayeredCache
from .run import Cache, Refreshed, Run

if TYPE_CHECKING:
    from pathlib import Path

    from .single_flight import Landing

_log = logging.getLogger(__name__)
EventT = TypeVar("EventT", bound=Event)

# Waiters look whether the payer is done every 10 to 50 ms.
_SHORTEST_LOOK: Final = 0.01
_LONGEST_LOOK: Final = 0.05


class _Request(NamedTuple):
    """One prompt on its way, with all that events and entries tell of it."""

    prompt: str
    key: str
    synthesizer: str
    fields: dict[str, dict[str, Any] | None]
    declared: bool
    outer: Call | None
    cache: Cache
    mode: Mode
    run: Run | None

    @property
    def backend(self) -> str | None:
        """What the synthesizer declares as its backend."""
        name = (self.fields["own"] or {}).get("backend")
        return name if isinstance(name, str) else None


class CachedSynthesizer:
    """A synthesizer that speaks each prompt once and replays it ever after.

    The key holds the exact prompt, what the wrapped synthesizer declares in its ``cache_key_extra``
    and what is given here, so that a changed voice can never replay the old one.

    Args:
        synthesizer: What to wrap: any object with ``async def synthesize(self, text) -> Audio``.
        cache: Where audio is kept. ``None`` means the pytest run's cache where the plugin wraps or
            finds this object, else ``AudioCache()``.
        enabled: False means mode ``off``, whatever the mode; may be changed at any time.
        cache_key_extra: More fields for the key: names to JSON values.
        mode: ``auto``, ``replay``, ``refresh`` or ``off``. ``None`` means the pytest run's where the
            plugin wraps or finds this object, else ``auto``. There, and only there, the run's ``replay``
            and ``off`` win over what is given.

    Raises:
        TypeError: ``synthesizer`` is none, or ``cache_key_extra`` holds what JSON cannot.
        ValueError: There is no such mode.
    """

    def __init__(
        self,
        synthesizer: Synthesizer,
        *,
        cache: Cache | None = None,
        enabled: bool = True,
        cache_key_extra: Fields | None = None,
        mode: str | None = None,
    ) -> None:
        check_synthesizer(synthesizer)
        if cache is not None and not isinstance(cache, (AudioCache, LayeredCache)):
            raise TypeError(f"cache is {type(cache).__name__}, not an AudioCache or a LayeredCache")
        self.synthesizer: Final = synthesizer
        self.enabled = enabled
        self._cache = cache
        self._given = plain(cache_key_extra)
        self._mode = None if mode is None else Mode.parse(mode)
        self._run: Run | None = None
        self._refreshed = Refreshed()

    def __repr__(self) -> str:
        return f"CachedSynthesizer({self.synthesizer!r}, cache={self.cache!r}, mode={str(self.mode)!r})"

    @property
    def cache(self) -> Cache:
        """Where audio is kept."""
        if self._cache is not None:
            return self._cache
        return self._run.cache if self._run is not None else self._own_cache

    @functools.cached_property
    def _own_cache(self) -> AudioCache:
        return AudioCache()

    @property
    def mode(self) -> Mode:
        """The mode in force: the run's ``replay`` and ``off`` win over what was given here."""
        run = self._run.mode if self._run is not None else None
        if run is Mode.REPLAY or run is Mode.OFF:
            return run
        if not self.enabled:
            return Mode.OFF
        return self._mode or run or Mode.AUTO

    @property
    def cache_key_extra(self) -> Fields:
        """What the wrapped synthesizer declares, and what was given here, for whoever wraps this one."""
        own, _ = declared_fields(self.synthesizer)
        return own if self._given is None else {"own": own, "given": frozen(self._given)}

    async def synthesize(self, text: str) -> Audio:
        """Speak a text: replay it, or synthesize and store it, as the mode says.

        Args:
            text: The prompt, exactly as it is to be spoken.

        Raises:
            TypeError: ``text`` is no string.
            CacheMissError: Mode ``replay`` has nothing stored for it.
            SynthesisError: The backend could not speak it (`TextRejectedError` for an empty prompt).
            ValueError: Mode ``refresh`` with recordings, which are never written.
        """
        __tracebackhide__ = True  # a miss in mode replay is shown at the test's line
        request = self._request(text)
        audio = self._replay(request)
        return audio if audio is not None else await self._call(request)

    def _synthesize_with(self, run: Callable[[Coroutine[Any, Any, Audio]], Audio], text: str) -> Audio:
        """Like `synthesize`, for callers without an event loop: a hit needs none, ``run`` does the rest."""
        __tracebackhide__ = True  # a miss in mode replay is shown at the test's line
        request = self._request(text)
        audio = self._replay(request)
        return audio if audio is not None else run(self._call(request))

    async def aclose(self) -> None:
        """Release what the wrapped synthesizer holds, if it offers to."""
        close = getattr(self.synthesizer, "aclose", None)
        if close is not None:
            await close()

    def _request(self, text: str) -> _Request:
        if not isinstance(text, str):
            raise TypeError(f"a prompt is text, not {type(text).__name__}")
        outer = current_call.get()
        if outer is not None:
            outer.delegated = True
        own, declared = declared_fields(self.synthesizer)
        name = type(self.synthesizer).__qualname__
        if not text.strip():
            backend = str(own.get("backend", name))
            raise TextRejectedError("the prompt is empty", backend=backend, prompt=text, reached=False)
        key, plain_own = derive(text, own, self._given)
        mode, cache = self.mode, self.cache
        if mode is Mode.REFRESH and isinstance(cache, LayeredCache) and cache.recordings:
            raise ValueError(
                f"mode 'refresh' cannot replace recordings ({cache.recordings[0].directory}), which are "
                "read-only; refresh with an AudioCache of that directory"
            )
        return _Request(
            prompt=text,
            key=key,
            synthesizer=name,
            fields={"own": plain_own, "given": self._given},
            declared=declared,
            outer=outer,
            cache=cache,
            mode=mode,
            run=self._run,
        )

    def _replay(self, request: _Request) -> Audio | None:
        """Answer from the cache, or return ``None`` where the mode allows a call."""
        __tracebackhide__ = True
        if request.mode is Mode.OFF or self._is_due(request):
            return None
        found, directory = _look(request.cache, request.key)
        if not isinstance(found, Miss):
            self._tell(request, CacheHit, audio=found, directory=directory)
            if _log.isEnabledFor(logging.DEBUG):
                _log.debug("hit %s for %s", request.key, shorten(request.prompt))
            return found
        if found.damaged:
            self._tell(request, EntryDamaged, reason=found.reason, directory=directory)
        if request.mode is Mode.REPLAY:
            self._tell(request, CacheMiss, reason=found.reason)
            from .explain import explain_miss

            raise explain_miss(request.prompt, request.key, request.fields, request.cache, found)
        return None

    def _is_due(self, request: _Request) -> bool:
        """Tell whether mode ``refresh`` has yet to pay for the key."""
        return request.mode is Mode.REFRESH and request.key not in self._refreshed_keys

    @property
    def _refreshed_keys(self) -> Refreshed:
        return self._run.refreshed if self._run is not None else self._refreshed

    async def _call(self, request: _Request) -> Audio:
        # An outer layer that pays for the same key is waiting for this call, not the other way round.
        inside = request.outer is not None and request.key in request.outer.keys
        call = self._pay if inside or request.mode is Mode.OFF else self._share
        return await (call(request) if _in_asyncio() else _in_thread(call, request))

    async def _share(self, request: _Request) -> Audio:
        """Join the equal request in flight, or start one."""
        landing, mine = await request.cache._flights.join(request.key, lambda: self._fly(request))
        if not (landing.paid and mine):
            self._tell(request, CacheHit, audio=landing.audio, directory=landing.directory)
        return landing.audio

    async def _fly(self, request: _Request) -> Landing:
        """Wait in line, look again, and pay if nobody else has."""
        import asyncio

        from .single_flight import Landing

        place = request.cache._place(request.key, asyncio.get_running_loop())
        try:
            while True:
                acquired = place is None or place.try_acquire()
                reason = "refresh"
                if not self._is_due(request):
                    found, directory = _look(request.cache, request.key, patient=acquired)
                    if not isinstance(found, Miss):
                        return Landing(found, directory, paid=False)
                    reason = found.reason
                if acquired:
                    break
                await asyncio.sleep(random.uniform(_SHORTEST_LOOK, _LONGEST_LOOK))
            self._tell(request, CacheMiss, reason=reason)
            _log.debug("miss %s for %s: %s", request.key, shorten(request.prompt), reason)
            return Landing(await self._pay(request), None, paid=True)
        finally:
            if place is not None:
                place.release()

    async def _pay(self, request: _Request) -> Audio:
        """Call the synthesizer, tell the hooks, and keep the audio."""
        self._tell(request, SynthesisStart)
        outer = request.outer
        keys = (outer.keys if outer is not None else frozenset()) | {request.key}
        call = Call(request.prompt, keys, request.run.budget if request.run is not None else None)
        token = current_call.set(call)
        start, audio = time.monotonic(), None
        problem: BaseException | None = None
        try:
            call.open(outer)
            audio = await self._ask(request)
            return audio
        except BaseException as error:
            problem = error
            raise
        finally:
            current_call.reset(token)
            try:
                self._tell(
                    request,
                    SynthesisFinish,
                    attempts=call.close(problem),
                    seconds=time.monotonic() - start,
                    characters=len(request.prompt),
                    audio=audio,
                    error=problem,
                )
            finally:  # even where a Ctrl-C ends a listener: the audio is paid for
                if audio is not None and request.mode is not Mode.OFF:
                    self._keep(request, audio)

    async def _ask(self, request: _Request) -> Audio:
        """Call the synthesizer and look at what it returns."""
        import asyncio

        reply = self.synthesizer.synthesize(request.prompt)
        if not inspect.isawaitable(reply):
            raise TypeError(f"{request.synthesizer}.synthesize is not async: write `async def`")
        try:
            return _check_audio(await reply, request)
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            # Nobody cancelled this call: an SDK lost a task of its own. No waiter is to look cancelled.
            backend = request.backend or request.synthesizer
            what = "its call was cancelled from within"
            raise ServiceError(what, backend=backend, prompt=request.prompt) from error

    def _keep(self, request: _Request, audio: Audio) -> None:
        """Store paid audio; whatever goes wrong here costs only the cache."""
        cache = request.cache.cache if isinstance(request.cache, LayeredCache) else request.cache
        try:
            cache._store(request.key, audio, prompt=request.prompt, fields=request.fields)
            if request.mode is Mode.REFRESH:
                self._refreshed_keys.add(request.key)
        except Exception as error:  # noqa: BLE001 - the audio is paid for and must reach the caller
            reason = getattr(error, "strerror", None) or str(error)
            if not isinstance(error, OSError):  # those the cache has told of already
                _log.warning("audio for %s is not kept: %s", shorten(request.prompt), reason)
            self._tell(request, StoreFailed, reason=reason, directory=cache.directory)
        else:
            self._tell(request, EntryStored, audio=audio, directory=cache.directory)

    def _tell(self, request: _Request, kind: type[EventT], **values: Any) -> None:
        run = request.run
        managers = [plugin_manager()]
        if run is not None and run.manager is not None:
            managers.append(run.manager)
        listening = [manager for manager in managers if is_heard(manager, kind)]
        if not listening:
            return
        event = kind(
            prompt=request.prompt,
            key=request.key,
            synthesizer=request.synthesizer,
            backend=request.backend,
            fields=frozen(request.fields),
            declared=request.declared,
            nested=request.outer is not None,
            **values,
        )
        for manager in listening:
            notify(manager, event, run.report if run is not None else _log.warning)


def declared_fields(synthesizer: object) -> tuple[Fields, bool]:
    """Return what shapes the synthesizer's sound, and whether it declares that itself.

    A class that declares nothing is keyed by its module and qualified name.
    """
    own = getattr(synthesizer, "cache_key_extra", None)
    if own is not None:
        if not isinstance(own, Mapping):
            raise TypeError(
                f"{type(synthesizer).__name__}.cache_key_extra is {type(own).__name__}, "
                "not a mapping of names to JSON values"
            )
        return own, True
    kind = type(synthesizer)
    return {"class": f"{kind.__module__}.{kind.__qualname__}"}, False


def _look(cache: Cache, key: str, *, patient: bool = True) -> tuple[Audio | Miss, Path]:
    if isinstance(cache, LayeredCache):
        found, layer = cache.find(key, patient=patient)
        return found, layer.directory
    return cache.lookup(key, patient=patient), cache.directory


def _check_audio(audio: object, request: _Request) -> Audio:
    backend = request.backend or request.synthesizer
    if not isinstance(audio, Audio):
        raise NoAudioError(
            f"{request.synthesizer}.synthesize returned {type(audio).__name__}",
            backend=backend,
            prompt=request.prompt,
            advice="it must return a russo.Audio",
            retryable=False,
        )
    if not audio.data:
        raise NoAudioError("the audio is empty", backend=backend, prompt=request.prompt)
    return audio


def _in_asyncio() -> bool:
    import asyncio

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


async def _in_thread(call: Callable[[_Request], Coroutine[Any, Any, Audio]], request: _Request) -> Audio:
    """Make an asyncio call from another async library's loop; trio is the one pytest users meet."""
    import asyncio

    trio = sys.modules.get("trio")
    if trio is None:
        raise RuntimeError("CachedSynthesizer.synthesize needs a running asyncio or trio event loop")
    audio: Audio = await trio.to_thread.run_sync(asyncio.run, call(request))
    return audio
