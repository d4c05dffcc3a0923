"""Scale: costs that grow with the number of entries, and costs that must not."""

from __future__ import annotations

import asyncio
import operator
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from russo import AudioCache, CachedSynthesizer

from .entries import SIZES, Entry, Recorder, awaited, crowd, fill, read_pair
from .figures import Figure, Place, ratios, single
from .rounds import Subject, calls, measure

_FEW: Final = 1_000
_MANY: Final = (10_000, 100_000)


def scale(place: Place) -> Iterator[Figure]:
    """Measure a hit and a miss among many entries over those among 1,000, and `size` over listdir."""
    few = place.fresh("few")
    among_few = crowd(few, _FEW)
    yield from _size(place, f"{_FEW:,} entries", few)
    for number in _MANY if place.full else _MANY[-1:]:
        many, case = place.fresh("many"), f"{number:,} entries"
        among_many = crowd(many, number)
        with asyncio.Runner() as runner:
            for what, subject in {"hit": _hits, "awaited hit": _awaited_hits, "miss": _misses}.items():
                base = f"{what} among {_FEW:,}"
                subjects = {base: subject(few, among_few, runner), what: subject(many, among_many, runner)}
                rounds = measure(subjects, base=base, seconds=place.seconds)
                yield from ratios("scale", case, rounds, base, [what])
        yield from _size(place, case, many)


def _hits(directory: Path, entries: list[Entry], _: asyncio.Runner) -> Subject:
    return calls(AudioCache(directory).get, [entry.key for entry in entries])


def _awaited_hits(directory: Path, entries: list[Entry], runner: asyncio.Runner) -> Subject:
    synthesizer = CachedSynthesizer(Recorder(0), cache=AudioCache(directory))
    return awaited(runner, synthesizer, [entry.prompt for entry in entries])


def _misses(directory: Path, entries: list[Entry], _: asyncio.Runner) -> Subject:
    return calls(AudioCache(directory).get, [entry.key[::-1] for entry in entries])


def _size(place: Place, case: str, directory: Path) -> Iterator[Figure]:
    cache = AudioCache(directory)
    stem = operator.itemgetter(slice(64))
    # The minimum that finds pairs: a set of the beginnings of the names.
    paired = "listdir, and a set of its names"
    subjects = {
        "listdir": calls(os.listdir, [directory]),
        paired: calls(lambda path: len(set(map(stem, os.listdir(path)))), [directory]),
        "size": calls(lambda _: cache.size(), [None]),
    }
    rounds = measure(subjects, base="listdir", seconds=place.seconds)
    yield from ratios("scale", case, rounds, "listdir", [paired, "size"])


def clear(place: Place) -> Iterator[Figure]:
    """Measure `clear` over listdir and unlink."""
    for number in (2_000, 20_000, 100_000) if place.full else (2_000,):
        base = "listdir and unlink"
        subjects = {base: _emptied(place, number, _unlink_all), "clear": _emptied(place, number, _clear)}
        rounds = measure(subjects, base=base, seconds=2 * place.seconds, least=5, block=0)
        yield from ratios("clear", f"{number:,} entries", rounds, base, ["clear"])


def _emptied(place: Place, number: int, work: Callable[[Path], object]) -> Subject:
    """Make a subject that fills a directory, which is not timed, and empties it."""

    def run(times: int) -> float:
        took = 0.0
        for _ in range(times):
            directory = place.fresh("clear")
            crowd(directory, number, real=0)
            start = time.perf_counter()
            work(directory)
            took += time.perf_counter() - start
        return took

    return run


def _unlink_all(directory: Path) -> None:
    for name in os.listdir(directory):
        os.unlink(f"{directory}/{name}")


def _clear(directory: Path) -> None:
    AudioCache(directory).clear()


def verify(place: Place) -> Iterator[Figure]:
    """Measure ``russo cache verify`` of 150 KB entries, including the process start, over raw reads."""
    number = 1_000 if place.full else 400
    directory = place.fresh("verify")
    entries = fill(directory, SIZES["150 KB"], number)
    command = [sys.executable, "-m", "russo", "cache", "verify", "--cache-dir", str(directory)]
    raw = calls(read_pair, [entry.pair for entry in entries])

    def run(times: int) -> float:
        start = time.perf_counter()
        for _ in range(times):
            subprocess.run(command, cwd=place.directory, capture_output=True, check=True)
        return time.perf_counter() - start

    def lookups(times: int) -> float:
        cache = AudioCache(directory)
        start = time.perf_counter()
        for _ in range(times):
            found = sum(cache.get(key) is not None for key in cache.stored_keys())
        assert found == number
        return time.perf_counter() - start

    base, case = "raw pairs", f"{number:,} entries of 150 KB"
    subjects = {base: lambda times: raw(times * number), "verify": run, "get of each": lookups}
    rounds = measure(subjects, base=base, seconds=2 * place.seconds, block=0)
    yield from ratios("verify", case, rounds, base, ["verify", "get of each"])
    yield single("verify", "verify", f"{case}, seconds", "s", rounds.each("verify").median)
