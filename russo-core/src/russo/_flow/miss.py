"""A request that the cache could not answer: one backend call, whose audio is stored.

    synthesize_request -> _join (single flight) -> _fly (key lock, look again) -> _call_backend -> _store

Equal requests make one backend call, over tasks, threads and processes. An error of the cache never keeps
synthesized audio from the caller.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import random
import sys
from collections.abc import Callable, Coroutine
from typing import Any, Final

from .._alarms import sleep
from .._audio import Audio
from .._backends.backend_call import BackendCall, current_backend_call
from .._backends.model_ends import announced_end
from .._clock import monotonic
from .._errors import ServiceError, shorten
from .._events import CacheHit, CacheMiss, EntryStored, StoreFailed, SynthesisFinish, SynthesisStart
from .._foreign import shown
from .._mode import Mode
from .._store.cache import Miss, store
from .._store.locks import KeyLock
from .event_loops import run_in_new_loop
from .request import Request
from .single_flight import Landing, flights

_log = logging.getLogger(__name__)

# A waiter looks for the entry again every 10 to 50 ms.
_SHORTEST_LOOK: Final = 0.01
_LONGEST_LOOK: Final = 0.05
_RANDOM: Final = random.SystemRandom()  # a test may have seeded the generator of module random


async def synthesize_request(request: Request) -> Audio:
    """Return the audio of a request that was not replayed."""
    call = _join
    if request.mode is Mode.OFF:
        call = _call_backend
    elif request.key in request.enclosing_keys:
        # The enclosing call holds this key's flight, so joining it would deadlock.
        call = _fetch_only if request.mode is Mode.REPLAY else _call_backend
    return await (call(request) if _in_asyncio() else _in_thread(call, request))


async def _join(request: Request) -> Audio:
    """Wait for an equal request in flight, or start a flight."""
    flight = request.cache.writable, request.key
    landing, is_mine = await flights().join(flight, lambda: _fly(request))
    if not (landing.is_new and is_mine):
        request.notify(CacheHit, audio=landing.audio, directory=landing.directory, remote=landing.remote)
    return landing.audio


async def _fetch_only(request: Request) -> Audio:
    """Return what the shared store has; the mode is ``replay``.

    Raises:
        CacheMissError: The store does not have the entry.
    """
    found, layer = request.cache.find(request.key)
    landing = await _ask_remote(request, found) if isinstance(found, Miss) else None
    if landing is None:
        assert not isinstance(found, Miss)
        landing = Landing(found, layer.directory, is_new=False)
    request.notify(CacheHit, audio=landing.audio, directory=landing.directory, remote=landing.remote)
    return landing.audio


async def _fly(request: Request) -> Landing:
    """Wait for the key's lock, look again, ask the shared store, and call the backend if nothing has it.

    Raises:
        CacheMissError: The mode is ``replay``, and the shared store does not have the entry either.
    """
    cache = request.cache.writable
    loop = asyncio.get_running_loop()
    lock = None if cache.read_only else KeyLock(cache.directory, request.key, loop)
    try:
        while True:
            acquired = lock is None or lock.try_acquire()
            reason = "refresh"
            if not request.is_due:
                found, layer = request.cache.find(request.key, patient=acquired)
                if not isinstance(found, Miss):
                    return Landing(found, layer.directory, is_new=False)
                reason = found.reason
                request.is_absent = reason == "absent"
                if acquired and (landing := await _ask_remote(request, found)) is not None:
                    return landing
            if acquired:
                break
            await sleep(_RANDOM.uniform(_SHORTEST_LOOK, _LONGEST_LOOK))
        request.notify(CacheMiss, reason=reason)
        _log.debug("miss %s for %s: %s", request.key, shorten(request.prompt), reason)
        return Landing(await _call_backend(request), None, is_new=True)
    finally:
        if lock is not None:
            lock.release()


async def _call_backend(request: Request) -> Audio:
    """Call the synthesizer, call the hooks, and store the audio."""
    request.notify(SynthesisStart)
    context = request.context
    call = BackendCall(
        request.backend,
        request.prompt,
        request.enclosing_keys | {request.key},
        context.budget if context is not None else None,
        context.breakers if context is not None else None,
        is_absent=request.is_absent,
        replay_command=context.replay_command if context is not None else None,
    )
    token = current_backend_call.set(call)
    start, audio = monotonic(), None
    problem: BaseException | None = None
    try:
        call.open(request.outer)
        if context is not None and request.outer is None:
            context.calls[call] = asyncio.get_running_loop()
        audio = await _await_reply(request)
        return audio
    except BaseException as error:
        problem = error
        raise
    finally:
        current_backend_call.reset(token)
        if context is not None:
            context.calls.pop(call, None)
        try:
            request.notify(
                SynthesisFinish,
                backend_calls=call.close(problem),
                seconds=monotonic() - start,
                characters=len(request.prompt),
                audio=audio,
                error=problem,
                model_end=announced_end(request.synthesizer),
            )
        finally:  # also if Ctrl-C interrupts a listener: the audio may have been billed
            if audio is not None and request.mode is not Mode.OFF:
                _store(request, audio)


async def _await_reply(request: Request) -> Audio:
    """Call the synthesizer and check what it returns."""
    reply = request.synthesizer.synthesize(request.prompt)
    if not inspect.isawaitable(reply):
        raise TypeError(f"{request.class_name}.synthesize is not async: write `async def`")
    try:
        return request.check_audio(await reply)
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        # The SDK cancelled its own task. Report a failure, so that waiters do not look cancelled.
        raise request.error(ServiceError, "the synthesizer cancelled its own call") from error


def _store(request: Request, audio: Audio) -> None:
    """Store new audio. An error here costs only the cache, never the audio."""
    cache = request.cache.writable
    try:
        store(cache, request.key, audio, prompt=request.prompt, fields=request.fields)
        if request.mode is Mode.REFRESH:
            request.refreshed.add(request.key)
    except Exception as error:  # noqa: BLE001 - the audio may have been billed and must reach the caller
        reason = shown(getattr(error, "strerror", None) or str(error), 500)
        if not isinstance(error, OSError):  # the cache logs those
            _log.warning("audio for %s is not stored: %s", shorten(request.prompt), reason)
        request.notify(StoreFailed, reason=reason, directory=cache.directory)
    else:
        request.notify(EntryStored, audio=audio, directory=cache.directory)
        _upload(request)


# A run without a shared store does not load its modules.
async def _ask_remote(request: Request, miss: Miss) -> Landing | None:
    if request.cache.remote is None:
        return None
    from .remote import ask_remote

    return await ask_remote(request, miss)


def _upload(request: Request) -> None:
    if request.cache.remote is not None:
        from .remote import upload

        upload(request)


def _in_asyncio() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def run_alone(call: Coroutine[Any, Any, Audio]) -> Audio:
    """Run a coroutine to its end in a new event loop.

    Raises:
        RuntimeError: An event loop runs in this thread already.
    """
    if _in_asyncio():
        call.close()  # else Python warns that it was never awaited
        raise RuntimeError("an event loop runs here: await synthesize(…) instead of synthesize_sync(…)")
    return run_in_new_loop(call)


async def _in_thread(call: Callable[[Request], Coroutine[Any, Any, Audio]], request: Request) -> Audio:
    """Run an asyncio call from another async library's loop. trio is the one that pytest users meet."""
    trio = sys.modules.get("trio")
    if trio is None:
        raise RuntimeError("CachedSynthesizer.synthesize needs a running asyncio or trio event loop")
    run_sync = trio.to_thread.run_sync
    # A test that is cancelled does not wait for the backend; the flight continues in its thread.
    current = "abandon_on_cancel" in inspect.signature(run_sync).parameters
    options = {"abandon_on_cancel" if current else "cancellable": True}
    audio: Audio = await run_sync(run_in_new_loop, call(request), **options)
    return audio
