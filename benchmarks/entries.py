"""Entries as real runs store them, and the raw reads and writes for comparison."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from russo import Audio, AudioCache, CachedSynthesizer, cache_key

from .rounds import Subject

SIZES: Final = {"10 KB": 10_000, "150 KB": 150_000, "500 KB": 500_000, "5 MB": 5_000_000}
FIELDS: Final = {
    "backend": "bench",
    "model": "tts-of-november",
    "voice": "anna",
    "language": "en",
    "speed": 1.0,
}


class Recorder:
    """A backend that returns audio of one size at once.

    Args:
        size: In bytes.
    """

    cache_key_extra: Mapping[str, Any] = FIELDS

    def __init__(self, size: int) -> None:
        self.size = size
        self.calls = 0

    async def synthesize(self, text: str) -> Audio:
        """Return noise of the size, different for each prompt."""
        self.calls += 1
        return Audio(noise(text, self.size), "pcm")


@dataclass(frozen=True, slots=True)
class Entry:
    """One stored prompt.

    Attributes:
        prompt: The prompt.
        key: Its key.
        pair: The paths of its two files: metadata, audio.
    """

    prompt: str
    key: str
    pair: tuple[str, str]


def noise(text: str, size: int) -> bytes:
    """Make incompressible bytes, the same for the same text."""
    return hashlib.shake_128(text.encode()).digest(size)


def fill(directory: Path, size: int, number: int) -> list[Entry]:
    """Store this many prompts, each with different audio."""
    cache = AudioCache(directory)
    entries = []
    for index in range(number):
        prompt = f"Book flight number {index} from Berlin to Rome, please, and a seat at the window."
        key = cache_key(prompt, FIELDS, None)
        fields = {"own": FIELDS, "given": None}
        if not cache.put(key, Audio(noise(prompt, size), "pcm"), prompt=prompt, fields=fields):
            raise OSError(f"cannot store the entries for the benchmark in {directory}")
        path = str(directory / key)
        entries.append(Entry(prompt, key, (f"{path}.meta", f"{path}.audio")))
    return entries


def crowd(directory: Path, number: int, real: int = 100) -> list[Entry]:
    """Make a directory of this many entries fast: a few real ones, and hard links for the rest."""
    entries = fill(directory, SIZES["10 KB"], real)
    source = ""
    for index in range(number - real):
        if index % 20_000 == 0:  # a file may have at most 65,000 names
            source = str(directory.with_name(f"{directory.name}-source-{index}"))
            Path(source).write_bytes(b"x")
        stem = str(directory / hashlib.sha256(b"%d" % index).hexdigest())
        os.link(source, f"{stem}.audio")
        os.link(source, f"{stem}.meta")
    return entries


def read(path: str) -> bytes:
    """Read a file as fast as Python can: open, fstat, read, close."""
    descriptor = os.open(path, os.O_RDONLY)
    data = os.read(descriptor, os.fstat(descriptor).st_size)
    os.close(descriptor)
    return data


def read_pair(pair: tuple[str, str]) -> tuple[bytes, bytes]:
    """Read both files of an entry without verifying them."""
    return read(pair[0]), read(pair[1])


def write(path: str, data: bytes) -> None:
    """Write a new file as fast as Python can: open, write, close; no fsync."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    os.write(descriptor, data)
    os.close(descriptor)


def awaited(runner: asyncio.Runner, synthesizer: CachedSynthesizer, prompts: Sequence[str]) -> Subject:
    """Make a subject that awaits prompts in turn, in one event loop."""
    turns: Iterator[str] = itertools.cycle(prompts)

    async def work(number: int) -> float:
        now = list(itertools.islice(turns, number))
        start = time.perf_counter()
        for prompt in now:
            await synthesizer.synthesize(prompt)
        return time.perf_counter() - start

    return lambda number: runner.run(work(number))
