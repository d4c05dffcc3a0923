"""A hit among many thousand entries costs as much as among 1,000."""

import os
import shutil
import statistics
import time

import pytest

from russo import AudioCache
from support.torture_audio import make_audio

MANY = [pytest.param(10_000), pytest.param(100_000, marks=pytest.mark.slow)]
LIMIT = 2.0  # the goal is 1.2; a store that lists its directory reaches 50
KEYS = [f"{number:064x}" for number in range(10**9, 10**9 + 10)]


def crowd(directory, number):
    """Make a directory of this many entries fast: a few real ones, and hard links for the rest."""
    cache = AudioCache(directory)
    for key in KEYS:
        assert cache.put(key, make_audio(key, 1, 0, 10_000))
    source = directory / f"{KEYS[0]}.meta"
    for index in range(number - len(KEYS)):
        if index % 20_000 == 0:  # a file may have at most 65,000 names
            source = directory.with_name(f"source-{directory.name}-{index}")
            source.write_bytes(b"x")
        for suffix in ("audio", "meta"):
            os.link(source, directory / f"{index:064x}.{suffix}")
    return cache


def seconds_of(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def median_ratio(one, other, rounds=60, seconds=2.0):
    """Return the median cost ratio over rounds; both run in each round, so that noise affects both."""
    for work in (one, other):
        work()
    ratios = []
    end = time.monotonic() + seconds
    for number in range(rounds):
        if number > 4 and time.monotonic() > end:
            break
        pair = [one, other] if number % 2 else [other, one]
        took = {id(work): seconds_of(work) for work in pair}
        ratios.append(took[id(one)] / took[id(other)])
    return statistics.median(ratios)


def lasting_ratio(one, other):
    """Return the cost ratio, measured again while it is above the limit.

    After the large directory was made, the file system may write to it for some seconds. A cache that is slow
    among many entries is slow in each measurement.
    """
    for _ in range(4):
        ratio = median_ratio(one, other)
        if ratio < LIMIT:
            break
    return ratio


@pytest.fixture
def caches(tmp_path, many):
    yield crowd(tmp_path / "small", 1_000), crowd(tmp_path / "large", many)
    for name in os.listdir(
        tmp_path
    ):  # pytest keeps the directories of three runs, which is too much for 200,000 names
        path = tmp_path / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()


@pytest.mark.parametrize("many", MANY)
def test_hit_miss_and_put_cost_the_same_among_many_entries(caches, many, report_figure):
    small, large = caches
    assert (small.size(), large.size()) == (1_000, many)
    audio = make_audio("k", 1, 0, 10_000)
    costs = {}
    for name, work in {
        "hit": lambda cache: [cache.get(key) for key in KEYS],
        "miss": lambda cache: [cache.get(f"f{key[1:]}") for key in KEYS],
        "put": lambda cache: [cache.put("k", audio) for _ in range(5)],
    }.items():
        costs[name] = lasting_ratio(lambda w=work: w(large), lambda w=work: w(small))
    listing = statistics.median(seconds_of(lambda: os.listdir(large.directory)) for _ in range(3))
    counting = statistics.median(seconds_of(large.size) for _ in range(3))
    report_figure(f"cost among {many:,} entries over among 1,000", {n: round(c, 2) for n, c in costs.items()})
    report_figure("size() over listdir", round(counting / listing, 2))
    assert all(cost < LIMIT for cost in costs.values()), costs
    assert counting < 10 * listing
    assert large.clear() == many + 1
    assert [name for name in os.listdir(large.directory) if not name.startswith(".")] == []
