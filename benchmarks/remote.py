"""A shared store: its cost for a local hit, a remote hit, a prefetch, an upload, and a store that is down.

The store is a small object server in another process of this machine, so the time of the network is left
out, except where a delay is named.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from russo import (
    Audio,
    AudioCache,
    CachedSynthesizer,
    LayeredCache,
    RemoteCache,
    Store,
    StoreError,
    cache_key,
)
from russo._flow.cached import requests_of
from russo._flow.remote import prefetch
from russo._remote.objects import object_name, pack
from russo._store.entry import encode_meta
from russo._store.pair import Pair

from .entries import FIELDS, SIZES, Recorder, awaited, fill, noise
from .figures import Figure, Place, differences, ratios, single
from .rounds import Subject, measure

_SERVER: Final = Path(__file__).parent / "scripts" / "object_server.py"
_SIZE: Final = SIZES["150 KB"]
_DELAY: Final = 0.03
_STORED: Final = 200
_PREFETCHED: Final = 100
_UPLOADED: Final = 200


def remote(place: Place) -> Iterator[Figure]:
    """Measure a shared store."""
    if sys.platform == "win32":
        return
    prompts = [f"Prompt {number} that the team has" for number in range(_STORED)]
    with _server(0.0) as store:
        _fill(store, prompts)
        yield from _local_hits(place, store)
        yield from _remote_hits(place, store, prompts)
        yield _uploads(place, store)
    with _server(_DELAY) as store:
        _fill(store, prompts[:_PREFETCHED])
        yield _prefetch(place, store, prompts[:_PREFETCHED])
    yield from _misses_while_down(place)


@contextlib.contextmanager
def _server(delay: float) -> Iterator[Store]:
    """Yield the store of an object server in another process.

    Args:
        delay: Seconds before each of its replies.
    """
    from russo_remote import ObstoreStore

    command = [sys.executable, str(_SERVER), str(delay)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url, variables = json.loads(process.stdout.readline())
        before = dict(os.environ)
        os.environ.update(variables)
        try:
            store = ObstoreStore(url)
        finally:
            os.environ.clear()
            os.environ.update(before)
        yield store
        process.communicate()


def _fill(store: Store, prompts: list[str]) -> None:
    """Store the prompts."""

    def put(prompt: str) -> None:
        key, audio = cache_key(prompt, FIELDS, None), Audio(noise(prompt, _SIZE), "pcm")
        meta = encode_meta(key, audio, prompt=prompt, fields={"own": FIELDS, "given": None})
        store.put(object_name(key), pack(Pair(meta, audio.data, audio)), replace=True)

    with ThreadPoolExecutor(16) as threads:
        for _ in threads.map(put, prompts):
            pass


def _synthesizer(directory: Path, store: Store | None = None, *, write: bool = False) -> CachedSynthesizer:
    cache = AudioCache(directory)
    layered = cache if store is None else LayeredCache(cache, remote=RemoteCache(store, write=write))
    return CachedSynthesizer(Recorder(_SIZE), cache=layered)


def _local_hits(place: Place, store: Store) -> Iterator[Figure]:
    """Measure the ratio of a local hit with a shared store to a local hit without one."""
    directory = place.fresh("local")
    (entry,) = fill(directory, _SIZE, 1)
    base = "local hit"
    with asyncio.Runner() as runner:
        subjects = {
            base: awaited(runner, _synthesizer(directory), [entry.prompt]),
            "local hit with a remote": awaited(runner, _synthesizer(directory, store), [entry.prompt]),
        }
        rounds = measure(subjects, base=base, seconds=place.seconds)
    yield from ratios("remote", "150 KB", rounds, base, ["local hit with a remote"])


def _remote_hits(place: Place, store: Store, prompts: list[str]) -> Iterator[Figure]:
    """Measure the ratio of a hit of the store to a bare GET of its object and a miss without a store."""
    names = itertools.cycle([object_name(cache_key(prompt, FIELDS, None)) for prompt in prompts])
    base = "bare GET and miss"
    with asyncio.Runner() as runner:
        miss = _first_times(runner, _synthesizer(place.fresh("miss")), prompts)

        def get_and_miss(number: int) -> float:
            start = time.perf_counter()
            for _ in range(number):
                store.get(next(names), 1 << 30)
            return time.perf_counter() - start + miss(number)

        subjects = {
            base: get_and_miss,
            "remote hit": _first_times(runner, _synthesizer(place.fresh("hit"), store), prompts),
            "miss": miss,
        }
        rounds = measure(subjects, base=base, seconds=2 * place.seconds)
    yield from ratios("remote", "150 KB", rounds, base, ["remote hit", "miss"])


def _first_times(runner: asyncio.Runner, synthesizer: CachedSynthesizer, prompts: list[str]) -> Subject:
    """Make a subject that awaits prompts in turn, and removes each entry after it was measured."""
    turns = itertools.cycle(prompts)

    async def work(number: int) -> float:
        total = 0.0
        for prompt in itertools.islice(turns, number):
            start = time.perf_counter()
            await synthesizer.synthesize(prompt)
            total += time.perf_counter() - start
            synthesizer.cache.writable.remove(cache_key(prompt, FIELDS, None))
        return total

    return lambda number: runner.run(work(number))


def _prefetch(place: Place, store: Store, prompts: list[str]) -> Figure:
    """Measure a prefetch of 100 entries through a delay of 30 ms for each reply."""

    def run() -> None:
        cached = _synthesizer(place.fresh("prefetch"), store)
        asyncio.run(prefetch(requests_of(cached, prompts)))
        assert cached.cache.size() == len(prompts)

    return single("remote", "prefetch", f"{len(prompts)} entries, +30 ms", "s", *_timed(place, run))


def _uploads(place: Place, store: Store) -> Figure:
    """Measure the upload of 200 new entries, from their backend calls to the end of the flush."""
    turns = itertools.count()

    def run() -> None:
        turn = next(turns)
        cached = _synthesizer(place.fresh("upload"), store, write=True)

        async def speak() -> None:
            for number in range(_UPLOADED):
                await cached.synthesize(f"Prompt {number} of turn {turn}")

        asyncio.run(speak())
        assert isinstance(cached.cache, LayeredCache)
        assert cached.cache.remote is not None
        cached.cache.remote.close()

    return single("remote", "speak and upload", f"{_UPLOADED} entries", "s", *_timed(place, run))


def _timed(place: Place, run: Callable[[], None]) -> Iterator[float]:
    for _ in range(3 if place.seconds else 1):
        start = time.perf_counter()
        run()
        yield time.perf_counter() - start


class _Down:
    """A store that does not answer."""

    url = "memory://down"

    def get(self, name: str, limit: int) -> bytes | None:
        raise StoreError("it is down")

    def put(self, name: str, data: bytes, *, replace: bool) -> bool:
        raise StoreError("it is down")


def _misses_while_down(place: Place) -> Iterator[Figure]:
    """Measure how much longer a miss takes while the store is not asked, because it did not answer before."""
    prompts = [f"Prompt {number} that is new" for number in range(_STORED)]
    base = "miss without a remote"
    with asyncio.Runner() as runner:
        subjects = {
            base: _first_times(runner, _synthesizer(place.fresh("miss")), prompts),
            "miss while the store is down": _first_times(
                runner, _synthesizer(place.fresh("down"), _Down()), prompts
            ),
        }
        rounds = measure(subjects, base=base, seconds=place.seconds)
    yield from differences("remote", "150 KB", rounds, base, ["miss while the store is down"], unit="µs")
