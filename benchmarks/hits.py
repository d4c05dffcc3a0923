"""Hits: one entry repeatedly, many in turn, the first of a process; also a miss, and a key.

`AudioCache` remembers the decoded metadata of 512 entries by their bytes. So each kind of hit is
measured twice: with one key, for which this helps, and with more keys in turn than are remembered, for
which it cannot help.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from xxhash import xxh3_128_hexdigest

from russo import AudioCache, CachedSynthesizer, cache_key

from .entries import FIELDS, SIZES, Entry, Recorder, awaited, fill, noise, read, read_pair
from .figures import Figure, Place, differences, ratios
from .rounds import Subject, calls, measure

_RAW: Final = "raw pair"
_FIRST_HIT: Final = Path(__file__).parent / "scripts" / "first_hit.py"


def hit(place: Place) -> Iterator[Figure]:
    """Measure `get` and an awaited hit over a raw read of the same two files."""
    for case, size in SIZES.items():
        entries = fill(place.fresh("hit"), size, 1)
        yield from _hits(place, case, entries, together=True)
    many = {"10 KB": 2000, "150 KB": 600, **({"500 KB": 600} if place.full else {})}
    for case, number in many.items():
        entries = fill(place.fresh("hits"), SIZES[case], number)
        yield from _hits(place, f"{case}, {number:,} keys", entries, together=False)


def _hits(place: Place, case: str, entries: list[Entry], *, together: bool) -> Iterator[Figure]:
    """Measure hits of the entries in turn.

    Args:
        place: Where.
        case: The name of the case.
        entries: The entries.
        together: Measure `get` and the awaited hit in the same rounds. With many keys each has its own
            rounds, because one would find remembered what the other has read.
    """
    cache = AudioCache(Path(entries[0].pair[0]).parent)
    synthesizer = CachedSynthesizer(Recorder(0), cache=cache)
    with asyncio.Runner() as runner:
        raw = calls(read_pair, [entry.pair for entry in entries])
        get = calls(cache.get, [entry.key for entry in entries])
        wait = awaited(runner, synthesizer, [entry.prompt for entry in entries])
        # The minimum cost of verifying: no code around it can be faster.
        least = calls(_read_and_hash, [entry.pair for entry in entries])
        both = {"raw pair, hashed": least, "get": get, "await": wait}
        groups = [both] if together else [{"get": get}, {"await": wait}]
        for group in groups:
            rounds = measure({_RAW: raw, **group}, base=_RAW, seconds=place.seconds)
            yield from ratios("hit", case, rounds, _RAW, list(group))


def _read_and_hash(pair: tuple[str, str]) -> list[str]:
    return [xxh3_128_hexdigest(data) for data in read_pair(pair)]


def miss(place: Place) -> Iterator[Figure]:
    """Measure a `get` that misses over a raw read of 10 KB."""
    directory = place.fresh("miss")
    entries = fill(directory, SIZES["10 KB"], 100)
    cache = AudioCache(directory)
    absent = [hashlib.sha256(entry.key.encode()).hexdigest() for entry in entries]
    base = "raw read of 10 KB"
    subjects = {base: calls(read, [entry.pair[1] for entry in entries]), "get": calls(cache.get, absent)}
    rounds = measure(subjects, base=base, seconds=place.seconds)
    yield from ratios("miss", "absent", rounds, base, ["get"])


def key(place: Place) -> Iterator[Figure]:
    """Measure the derivation of a key over its minimum: the JSON and the SHA-256."""
    prompts = [f"Book flight number {number} from Berlin to Rome" for number in range(100)]
    encode = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode

    def least(prompt: str) -> str:
        return hashlib.sha256(encode(["russo", 1, prompt, FIELDS, None]).encode()).hexdigest()

    base = "JSON and SHA-256"
    subjects = {
        base: calls(least, prompts),
        "key": calls(lambda text: cache_key(text, FIELDS, None), prompts),
    }
    rounds = measure(subjects, base=base, seconds=place.seconds)
    yield from ratios("key", "5 fields", rounds, base, ["key"])


def checksum(place: Place) -> Iterator[Figure]:
    """Measure checksums that could verify the audio of a hit over a read of the same bytes."""
    base = "raw read"
    for case in ("150 KB", "5 MB"):
        data = noise("checksum", SIZES[case])
        path = place.fresh("checksum") / "audio"
        path.write_bytes(data)
        ways: dict[str, Callable[[bytes], object]] = {
            "xxh3-128": xxh3_128_hexdigest,
            "crc32": zlib.crc32,
            "sha256": lambda data: hashlib.sha256(data).hexdigest(),
            "blake2b": lambda data: hashlib.blake2b(data).hexdigest(),
        }
        subjects = {base: calls(read, [str(path)])} | {name: calls(way, [data]) for name, way in ways.items()}
        rounds = measure(subjects, base=base, seconds=place.seconds)
        yield from ratios("checksum", case, rounds, base, list(ways))


def first(place: Place) -> Iterator[Figure]:
    """Measure the first hit of a fresh process, imports included, over a raw read in one."""
    directory = place.fresh("first")
    (entry,) = fill(directory, SIZES["150 KB"], 1)
    subjects = {what: _in_new_process(what, directory, entry) for what in (_RAW, "get", "await")}
    rounds = measure(subjects, base=_RAW, seconds=2 * place.seconds, block=0)
    yield from differences("first", "150 KB", rounds, _RAW, ["get", "await"])


def _in_new_process(what: str, directory: Path, entry: Entry) -> Subject:
    command = [
        sys.executable,
        str(_FIRST_HIT),
        what,
        str(directory),
        entry.key,
        entry.prompt,
        json.dumps(FIELDS),
    ]

    def run(number: int) -> float:
        done = (subprocess.run(command, capture_output=True, text=True, check=True) for _ in range(number))
        return sum(float(each.stdout) for each in done)

    return run
