"""The shared store in the flow of a prompt: a lookup after a local miss, an upload after a backend call."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from typing import TYPE_CHECKING, Final

from .._events import EntryStored, RemoteLookup, RemoteUpload, StoreFailed
from .._foreign import shown
from .._mode import Mode
from .._remote.remote import access_of
from .._remote.results import Fetched
from .._remote.threads import start
from .._remote.uploads import Upload
from .._store.cache import Miss, store_entry
from .._store.locks import KeyLock
from .single_flight import Landing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .._remote.access import StoreAccess
    from .._remote.remote import RemoteCache
    from .._remote.results import Uploaded
    from .._store.pair import Pair
    from .request import Request

_AT_ONCE: Final = 32
_MODES: Final = (Mode.AUTO, Mode.REPLAY)
_ANSWERS: Final = ("absent", "damaged", "refused")
_NO_ANSWERS: Final = ("failed", "skipped")


async def ask_remote(request: Request, miss: Miss) -> Landing | None:
    """Ask the shared store for the entry of a request, and write it into the local cache.

    Args:
        request: The request. The caller has the lock of its key.
        miss: Why no layer of the cache has the entry.

    Returns:
        The entry, or ``None`` if the backend must be called.

    Raises:
        CacheMissError: The mode is ``replay``, and the store does not have the entry.
    """
    remote = request.cache.remote
    if remote is None or request.mode not in _MODES:
        return None
    context = request.context
    fetched = None if context is None else context.asked.pop((remote, request.key), None)
    if fetched is None:
        fetched = await _bring(request, remote)
    if fetched.entry is not None:
        directory = request.cache.writable.directory
        return Landing(fetched.entry.audio, directory, is_new=False, remote=remote.url)
    if request.mode is Mode.REPLAY:
        raise request.replay_miss(miss, fetched)
    return None


async def prefetch(requests: Iterable[Request]) -> int:
    """Fetch the entries that no layer of the cache has, many at once, so that later requests find them.

    If the store does not have an entry, the next request of the key does not ask again. If the store does not
    answer, the next request asks again and reports the fault.

    Returns:
        The number of fetched entries.
    """
    waiting = iter(requests)

    async def work() -> int:
        number = 0
        for request in waiting:
            remote = request.cache.remote
            if remote is None or request.mode not in _MODES:
                continue
            if isinstance(request.cache.find(request.key)[0], Miss):
                number += await _prefetch_one(request, remote)
        return number

    return sum(await asyncio.gather(*(work() for _ in range(_AT_ONCE))))


async def _prefetch_one(request: Request, remote: RemoteCache) -> bool:
    """Fetch one entry, unless another request of its key is in progress; return whether it was fetched."""
    cache = request.cache.writable
    lock = None if cache.read_only else KeyLock(cache.directory, request.key, asyncio.get_running_loop())
    if lock is not None and not lock.try_acquire():
        return False
    try:
        if not isinstance(request.cache.find(request.key)[0], Miss):
            return False
        fetched = await _bring(request, remote, reports=False)
    finally:
        if lock is not None:
            lock.release()
    if request.context is not None and fetched.outcome in _ANSWERS:
        request.context.asked[remote, request.key] = fetched
    return fetched.entry is not None


async def _bring(request: Request, remote: RemoteCache, *, reports: bool = True) -> Fetched:
    """Ask a shared store for the entry of a request, and write it into the local cache.

    Args:
        request: The request.
        remote: The store.
        reports: Whether the hook is called even if the store did not answer.
    """
    access = access_of(remote)
    _note_use(request, remote)
    fetched = await _fetch(access, request.key)
    if reports or fetched.outcome not in _NO_ANSWERS:
        request.notify(
            RemoteLookup,
            url=access.url,
            outcome=fetched.outcome,
            reason=fetched.reason,
            seconds=fetched.seconds,
            size=fetched.size,
            pinned=access.is_pinned(request.key),
        )
    # `prefetch` may have no lock: an entry that was stored meanwhile stays, because a test may have used it.
    if fetched.entry is not None and isinstance(request.cache.find(request.key, patient=False)[0], Miss):
        _keep(request, fetched.entry)
    return fetched


def _note_use(request: Request, remote: RemoteCache) -> None:
    """Note a store that the run uses; if it has no lock file, that of the run applies to it.

    Raises:
        SettingsError: The lock file is invalid.
    """
    context = request.context
    if context is None or remote in context.remotes:
        return
    if context.lock_file is not None:
        access_of(remote).use_lock_file(context.lock_file)
    context.remotes.add(remote)


async def _fetch(access: StoreAccess, key: str) -> Fetched:
    if (skipped := access.skipped()) is not None:
        return skipped  # no thread is needed
    try:
        future = start(functools.partial(access.fetch, key))
    except RuntimeError:
        return Fetched("skipped", "no thread can be started")
    loop = asyncio.get_running_loop()
    ended = loop.create_future()

    def end() -> None:
        if not ended.done():  # the task that waits may have been cancelled
            ended.set_result(None)

    def wake(_: object) -> None:
        with contextlib.suppress(RuntimeError):  # the event loop was closed
            loop.call_soon_threadsafe(end)

    future.add_done_callback(wake)  # `asyncio.wrap_future` would log an error if the loop was closed
    await ended
    return future.result(0)


def _keep(request: Request, entry: Pair) -> None:
    """Write an entry into the local cache. An error costs only the cache, never the audio."""
    cache = request.cache.writable
    try:
        store_entry(cache, request.key, entry)
    except OSError as error:
        reason = shown(error.strerror or str(error), 500)
        request.notify(StoreFailed, reason=reason, directory=cache.directory)
    else:
        request.notify(EntryStored, audio=entry.audio, directory=cache.directory)


def upload(request: Request) -> None:
    """Upload new audio in the background, if the run may write to the shared store."""
    remote = request.cache.remote
    if remote is None or not remote.write:
        return
    _note_use(request, remote)

    def done(result: Uploaded) -> None:
        request.notify(
            RemoteUpload,
            url=remote.url,
            outcome=result.outcome,
            reason=result.reason,
            seconds=result.seconds,
            size=result.size,
        )

    access_of(remote).uploads.add(
        Upload(request.key, request.cache.writable, request.mode is Mode.REFRESH, done)
    )
