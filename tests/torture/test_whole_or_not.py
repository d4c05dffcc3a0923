"""Whole or not at all: through kill -9 at every moment, through races, through calls that fail."""

import contextlib
import errno
import os
import re
import shutil

import pytest

from russo import AudioCache
from support.torture_audio import make_audio, told_by
from support.torture_faults import NAMES, Calls, Crash, Worker, counted, crash, each_call, fail
from support.torture_work import FACTOR, many, snapshot, within

KEY = "k"
LEFT = re.compile(
    r"[0-9a-z-]+\.(audio|meta)|\.[0-9a-z-]+\.[0-9]+-[0-9a-f]{16}\.russo-tmp|\.gitattributes|\.gitignore|\.russo-locks"
)


def names(cache):
    return {path.name for path in cache.directory.iterdir()}


def leftovers(cache):
    return {name for name in names(cache) if name.endswith("russo-tmp")}


@pytest.fixture
def written(cache):
    """A cache whose key has an entry of writer 1, and which has swept already."""
    assert cache.put(KEY, make_audio(KEY, 1, 0))
    return cache


def test_a_store_keeps_what_it_was_given(cache):
    for serial in range(20):
        audio = make_audio(f"k{serial % 7}", 1, serial, 100 * serial)
        assert cache.put(f"k{serial % 7}", audio, prompt="hello", fields={"a": [1, 2.5, None]})
        assert cache.get(f"k{serial % 7}") == audio
    assert cache.size() == 7
    assert cache.clear() == 7
    assert cache.get("k1") is None


@pytest.mark.parametrize("kills", [150, pytest.param(500, marks=pytest.mark.slow)])
def test_readers_see_whole_entries_through_a_storm_of_kills(children, tmp_path, seed, report_figure, kills):
    told = children.run("storm", directory=tmp_path / "cache", seed=seed, kills=many(kills))
    assert told["problems"] == []
    assert told["kills"] == many(kills)
    assert told["hits"] > told["kills"], "the readers hardly read anything"
    assert told["interrupted"] > told["kills"] / 50, "the kills hardly hit a put"
    report_figure(f"storm of {kills}", told)
    cache = AudioCache(tmp_path / "cache")
    assert all(LEFT.fullmatch(name) for name in names(cache))
    assert {told_by(cache.get(key), key)[0] for key in told["keys"]} == {99}, "a last put in peace is read"
    cache.clear()
    assert names(cache) <= {".gitattributes", ".gitignore"}, "leftovers of killed writers stay for ever"


@pytest.mark.parametrize("puts", [200, pytest.param(400, marks=pytest.mark.slow)])
def test_two_writers_of_one_key_never_mix(children, tmp_path, seed, report_figure, puts):
    told = children.run("race", directory=tmp_path / "cache", seed=seed, puts=many(puts))
    assert told["problems"] == []
    assert told["hits"] > 100
    report_figure(f"race of {puts}", told)
    cache = AudioCache(tmp_path / "cache")
    for key in told["keys"]:
        told_by(cache.get(key), key)
    assert leftovers(cache) == set()


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("situation", ["no directory", "no entry", "an entry", "a damaged entry"])
def test_put_killed_at_any_call_leaves_the_old_entry_the_new_one_or_a_miss(
    children, tmp_path, situation, after, report_figure
):
    told = children.run("killed_put", directory=tmp_path / "cache", situation=situation, after=after)
    assert told["problems"] == []
    assert told["calls"] > 10
    if situation == "an entry":
        # Only between the two renames is neither the old nor the new entry there.
        assert told["states"]["miss"] <= 2, told["states"]
        assert told["states"]["old"] > 5, told["states"]
    if situation.startswith("no "):
        # What was never committed is absent; only where something lies there is it called damaged.
        assert told["states"].get("damaged", 0) == 0, told["states"]
    report_figure(f"put killed {'after' if after else 'before'} each call, {situation}", told["states"])


# More system calls of each kind than a process makes to start.
AT = dict.fromkeys(("openat", "read", "write", "close", "rename", "unlink"), 900)
if FACTOR > 1:
    AT["newfstatat"] = 2500


def test_put_killed_at_any_system_call_leaves_an_entry_or_a_miss(children, tmp_path, report_figure):
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed; the calls of Python are visited all the same")
    prefix = (strace, "-f", "-qq", "-o", str(tmp_path / "trace"), "-e", f"trace={','.join(AT)}")
    for name, number in AT.items():
        prefix += ("-e", f"inject={name}:signal=KILL:when={number}")
    try:
        children.run("nothing", prefix=prefix)
    except AssertionError as error:
        pytest.skip(f"tracing is not allowed here: {str(error)[:200]}")
    told = children.run(
        "killed_at_system_calls",
        prefix=prefix,
        directory=tmp_path / "cache",
        at=AT,
        verdicts=tmp_path / "verdicts",
    )
    assert told["problems"] == []
    assert told["states"]["old"] > 3
    assert told["states"].get("miss", 0) <= 2, told["states"]
    report_figure("put killed at each system call", told["states"])


@pytest.mark.parametrize("ever", [False, True], ids=["once", "for-good"])
@pytest.mark.parametrize(
    "number",
    [errno.ENOSPC, errno.EIO, errno.EACCES, errno.EMFILE, errno.EROFS, errno.ENOENT],
    ids=errno.errorcode.get,
)
def test_put_whose_calls_fail_says_so_and_leaves_nothing_half(tmp_path, number, ever, quick_looks):
    def work(at):
        cache = AudioCache(tmp_path / f"{at}")
        old, new = make_audio(KEY, 1, 0), make_audio(KEY, 2, at)
        assert cache.put(KEY, old)
        cache._swept = False
        with counted(Calls(at, fail(number), ever=ever)) as calls:
            kept = cache.put(KEY, new)
        found = cache.get(KEY)
        assert found == new if kept else found in (old, new, None), calls.trace
        if not ever:  # where nothing works any more, nothing can be removed either
            assert leftovers(cache) == set(), calls.trace
        if found is None:
            assert any("replace" in line for line in calls.trace), "a put that renamed nothing lost the entry"
        assert cache.put(KEY, new)
        assert cache.get(KEY) == new
        return calls.count >= at

    with within(60):
        each_call(work)


@pytest.mark.parametrize("ever", [False, True], ids=["once", "for-good"])
def test_full_disk_at_any_write_keeps_the_old_entry(tmp_path, ever):
    def work(at):
        cache = AudioCache(tmp_path / f"{at}")
        old, new = make_audio(KEY, 1, 0, 9000), make_audio(KEY, 2, at, 9000)
        assert cache.put(KEY, old)
        with counted(Calls(at, fail(errno.ENOSPC), ever=ever, only=("write", "open", "mkdir"))) as calls:
            kept = cache.put(KEY, new)
        # Both files are complete before either is renamed, so the disk cannot fill up in between.
        assert cache.get(KEY) == (new if kept else old), calls.trace
        return calls.count >= at

    each_call(work)


def test_short_writes_are_finished(tmp_path, monkeypatch):
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, bytes(data[:7])))
    cache = AudioCache(tmp_path / "cache")
    audio = make_audio(KEY, 1, 1)
    assert cache.put(KEY, audio)
    assert cache.get(KEY) == audio


def test_interrupted_put_leaves_no_temporary(written):
    def work(at):
        new = make_audio(KEY, 2, at)
        before = written.get(KEY)

        def interrupt(_name, _arguments):
            raise KeyboardInterrupt

        with counted(Calls(at, interrupt)) as calls, contextlib.suppress(KeyboardInterrupt):
            written.put(KEY, new)
        assert leftovers(written) == set(), calls.trace
        assert written.get(KEY) in (before, new, None)
        assert written.put(KEY, new)
        return calls.count >= at

    each_call(work)


def test_put_that_crashes_at_any_call_is_healed_by_the_next(tmp_path):
    def work(at):
        cache = AudioCache(tmp_path / f"{at}")
        old, new, next_one = (make_audio(KEY, writer, at) for writer in (1, 2, 3))
        assert cache.put(KEY, old)
        with counted(Calls(at, crash, ever=True)) as calls, contextlib.suppress(Crash):
            cache.put(KEY, new)
        assert cache.get(KEY) in (old, new, None)
        assert AudioCache(cache.directory).put(KEY, next_one)
        assert cache.get(KEY) == next_one
        return calls.count >= at

    each_call(work)


@pytest.mark.parametrize("times", ["once", "for-good", "every-read"])
@pytest.mark.parametrize(
    "number",
    [errno.EIO, errno.EACCES, errno.EMFILE, errno.ESTALE, errno.ENOENT, errno.ENOMEM],
    ids=errno.errorcode.get,
)
def test_get_whose_calls_fail_is_a_hit_or_a_miss_and_changes_nothing(written, number, times, quick_looks):
    audio = written.get(KEY)
    before = snapshot(written.directory)
    names = ("open", "read", "fstat", "close") if times == "every-read" else NAMES

    def work(at):
        with counted(Calls(at, fail(number), ever=times != "once", only=names)) as calls:
            assert written.get(KEY) in (audio, None)
        assert snapshot(written.directory) == before, calls.trace
        assert written.get(KEY) == audio
        return calls.count >= at

    each_call(work)


def test_every_interleaving_of_two_puts_converges(written, seed, report_figure):
    schedules = 0

    def schedule(first, second):
        nonlocal schedules
        schedules += 1
        one = Worker(lambda: AudioCache(written.directory).put(KEY, make_audio(KEY, 1, first)), first)
        two = Worker(lambda: AudioCache(written.directory).put(KEY, make_audio(KEY, 2, second)), second)
        was_stopped = one.was_stopped, two.was_stopped
        kept = [one.finish(), two.finish()]
        audio = written.get(KEY)
        assert kept == [True, True], (first, second)
        assert audio is not None, (
            f"stopped at calls {first} and {second}: both returned, and nothing is readable"
        )
        told_by(audio, KEY)
        assert leftovers(written) == set()
        return was_stopped

    def outer(first):
        # The second writer whole, while the first is stopped; then stopped in his turn.
        reached, _ = schedule(first, 10**6)
        for second in range(1, 60):
            if not schedule(first, second)[1]:
                break
        return reached

    with within(100):
        each_call(outer)
    report_figure("interleavings of two puts", schedules)


def test_read_interleaved_with_a_put_is_whole(written):
    serial = 0

    def reader_stops(at):
        nonlocal serial
        serial += 1
        old, new = written.get(KEY), make_audio(KEY, 2, serial)
        reader = Worker(lambda: AudioCache(written.directory).get(KEY), at)
        assert written.put(KEY, new)
        assert reader.finish() in (old, new), "one put under way made a reader miss an entry that is there"
        return reader.was_stopped

    def writer_stops(at):
        nonlocal serial
        serial += 1
        old, new = written.get(KEY), make_audio(KEY, 2, serial)
        writer = Worker(lambda: AudioCache(written.directory).put(KEY, new), at)
        assert written.get(KEY) in (old, new, None)
        assert writer.finish()
        assert written.get(KEY) == new
        return writer.was_stopped

    each_call(reader_stops)
    each_call(writer_stops)


def test_clear_interleaved_with_a_put_leaves_an_entry_or_nothing(written):
    def writer_stops(at):
        new = make_audio(KEY, 2, at)
        writer = Worker(lambda: AudioCache(written.directory).put(KEY, new), at)
        written.clear()
        assert writer.finish(), f"clear made a writer fail at its call {at}"
        assert written.get(KEY) in (new, None)
        assert leftovers(written) == set()
        return writer.was_stopped

    def clear_stops(at):
        new = make_audio(KEY, 2, at)
        assert written.put(KEY, make_audio(KEY, 1, at))
        clear = Worker(lambda: AudioCache(written.directory).clear(), at)
        assert written.put(KEY, new)
        clear.finish()
        assert written.get(KEY) in (new, None)
        return clear.was_stopped

    each_call(writer_stops)
    each_call(clear_stops)
