"""The effect of hits on their process: its memory, and the delay of other tasks in its event loop."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Final

from russo import AudioCache, CachedSynthesizer

from .entries import SIZES, Entry, Recorder, fill, read_pair
from .figures import Figure, Place, ratios, single
from .rounds import Subject, measure

_MEMORY: Final = Path(__file__).parent / "scripts" / "memory.py"


def memory(place: Place) -> Iterator[Figure]:
    """Measure by how much one hit of 5 MB, and a thousand, raise the peak memory of a process."""
    if not Path("/proc/self/status").exists():
        return
    directory = place.fresh("memory")
    fill(directory, SIZES["5 MB"], 4)
    for hits in (1, 1000):
        command = [sys.executable, str(_MEMORY), str(directory), str(hits)]
        done = [subprocess.run(command, capture_output=True, text=True, check=True) for _ in range(3)]
        values = [int(each.stdout) / 1e6 for each in done]
        yield single("memory", "peak", f"hits of 5 MB: {hits:,}", "MB", *values)


def loop(place: Place) -> Iterator[Figure]:
    """Measure how long a hit blocks the other tasks of the event loop, over an unverified read in it."""
    base = "raw pair in the loop"
    for case, size in SIZES.items():
        (entry,) = fill(place.fresh("loop"), size, 1)
        with asyncio.Runner() as runner:
            subjects = {name: _delays(runner, work) for name, work in _reads(entry).items()}
            rounds = measure({base: subjects.pop("raw pair"), **subjects}, base=base, seconds=place.seconds)
        yield from ratios("loop", case, rounds, base, list(subjects))


def _reads(entry: Entry) -> dict[str, Callable[[], Awaitable[object]]]:
    cache = AudioCache(Path(entry.pair[0]).parent)
    synthesizer = CachedSynthesizer(Recorder(0), cache=cache)

    async def raw() -> object:
        return read_pair(entry.pair)

    return {
        "raw pair": raw,
        "hit": lambda: synthesizer.synthesize(entry.prompt),
        "raw pair in a thread": lambda: asyncio.to_thread(read_pair, entry.pair),
    }


def _delays(runner: asyncio.Runner, work: Callable[[], Awaitable[object]]) -> Subject:
    """Make a subject whose seconds are the longest delays of a ticker, one per call of the work."""

    async def measured(number: int) -> float:
        longest = 0.0
        last = time.perf_counter()

        async def tick() -> None:
            nonlocal longest, last
            while True:
                await asyncio.sleep(0)
                now = time.perf_counter()
                longest, last = max(longest, now - last), now

        ticker = asyncio.create_task(tick())
        total = 0.0
        for _ in range(number):
            await asyncio.sleep(0)
            longest = 0.0
            await work()
            await asyncio.sleep(0)
            total += longest
        ticker.cancel()
        return total

    return lambda number: runner.run(measured(number))
