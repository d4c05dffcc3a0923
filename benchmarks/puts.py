"""Puts: new entries over a raw write of the same two files, and a whole miss with its single flight."""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from russo import Audio, AudioCache, CachedSynthesizer

from .entries import FIELDS, SIZES, Recorder, fill, noise, read, write
from .figures import Figure, Place, ratios
from .rounds import Subject, calls, measure

_RAW: Final = "raw pair"
_PROMPT: Final = "Book a flight from Berlin to Rome, please, and a seat at the window."
_FIELDS: Final = {"own": FIELDS, "given": None}
_SUFFIXES: Final = (".audio", ".meta")


def put(place: Place) -> Iterator[Figure]:
    """Measure `put` of new keys; then other writes separately, because a flushed file would slow all others.

    These are `put` over an entry, which ext4 flushes, and an awaited miss of a backend without delay.
    """
    for case, size in SIZES.items():
        (entry,) = fill(place.fresh("model"), size, 1)
        meta, data = (read(path) for path in entry.pair)
        raw = _raw_pairs(place.fresh("raw"), meta, data)
        subjects = {
            _RAW: raw,
            "raw pair, renamed": _renamed_pairs(place.fresh("renamed"), meta, data),
            "put": _puts(place.fresh("put"), data),
        }
        yield from _beside_raw(place, case, subjects)
        with asyncio.Runner() as runner:
            misses = _misses(runner, place.fresh("misses"), size)
            yield from _beside_raw(place, case, {_RAW: raw, "await a miss": misses})
        yield from _beside_raw(place, case, {_RAW: raw, "put over an entry": _replacing(place, data)})


def _beside_raw(place: Place, case: str, subjects: dict[str, Subject]) -> Iterator[Figure]:
    rounds = measure(subjects, base=_RAW, seconds=0.75 * place.seconds, block=0.006)
    yield from ratios("put", case, rounds, _RAW, [name for name in subjects if name != _RAW])


def _raw_pairs(directory: Path, meta: bytes, data: bytes) -> Subject:
    def work(key: str) -> None:
        write(f"{directory}/{key}.audio", data)
        write(f"{directory}/{key}.meta", meta)

    return new_files(directory, work)


def _renamed_pairs(directory: Path, meta: bytes, data: bytes) -> Subject:
    """Make a subject of the minimum that never shows a reader half a file."""

    def work(key: str) -> None:
        write(f"{directory}/{key}.a", data)
        write(f"{directory}/{key}.m", meta)
        os.replace(f"{directory}/{key}.a", f"{directory}/{key}.audio")
        os.replace(f"{directory}/{key}.m", f"{directory}/{key}.meta")

    return new_files(directory, work)


def _puts(directory: Path, data: bytes) -> Subject:
    cache, audio = AudioCache(directory), Audio(data, "pcm")
    return new_files(directory, lambda key: cache.put(key, audio, prompt=_PROMPT, fields=_FIELDS))


def _replacing(place: Place, data: bytes) -> Subject:
    cache, audio = AudioCache(place.fresh("replace")), Audio(data, "pcm")
    keys = [f"{number:064x}" for number in range(16)]
    for key in keys:
        cache.put(key, audio, prompt=_PROMPT, fields=_FIELDS)
    return calls(lambda key: cache.put(key, audio, prompt=_PROMPT, fields=_FIELDS), keys)


def new_files(directory: Path, work: Callable[[str], object], *, tidy: bool = True) -> Subject:
    """Make a subject that writes a new key at each call; the removal afterwards is not timed."""
    numbers = itertools.count()

    def run(number: int) -> float:
        keys = [f"{index:064x}" for index in itertools.islice(numbers, number)]
        start = time.perf_counter()
        for key in keys:
            work(key)
        took = time.perf_counter() - start
        if tidy:
            empty(directory)
        return took

    return run


def _misses(runner: asyncio.Runner, directory: Path, size: int) -> Subject:
    recorder = Ready(size)
    synthesizer = CachedSynthesizer(recorder, cache=AudioCache(directory))
    numbers = itertools.count()

    async def work(prompts: list[str]) -> float:
        start = time.perf_counter()
        for prompt in prompts:
            await synthesizer.synthesize(prompt)
        return time.perf_counter() - start

    def run(number: int) -> float:
        before = recorder.calls
        took = runner.run(work([f"Prompt {index}" for index in itertools.islice(numbers, number)]))
        assert recorder.calls == before + number
        empty(directory)
        return took

    return run


class Ready(Recorder):
    """A backend whose audio is made before the measurement."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self._audio = Audio(noise("ready", size), "pcm")

    async def synthesize(self, text: str) -> Audio:
        """Return the audio."""
        self.calls += 1
        return self._audio


def empty(directory: Path) -> None:
    """Remove the files of entries."""
    for name in os.listdir(directory):
        if name.endswith(_SUFFIXES):
            os.unlink(directory / name)
