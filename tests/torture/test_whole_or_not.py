"""An entry is whole or absent: after kill -9 at any moment, in races, and with failing system calls."""

import contextlib
import errno
import os
import re
import shutil

import pytest

from russo import AudioCache
from support.torture_audio import make_audio, writer_of
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
    """A cache that holds an entry of writer 1 and has removed old leftovers already."""
    assert cache.put(KEY, make_audio(KEY, 1, 0))
    return cache


def test_stored_audio_is_returned_unchanged(cache):
    for serial in range(20):
        audio = make_audio(f"k{serial % 7}", 1, serial, 100 * serial)
        assert cache.put(f"k{serial % 7}", audio, prompt="hello", fields={"a": [1, 2.5, None]})
        assert cache.get(f"k{serial % 7}") == audio
    assert cache.size() == 7
    assert cache.clear() == 7
    assert cache.get("k1") is None


@pytest.mark.parametrize("kills", [150, pytest.param(500, marks=pytest.mark.slow)])
def test_readers_see_whole_entries_while_writers_are_killed(children, tmp_path, seed, report_figure, kills):
    result = children.run("storm", directory=tmp_path / "cache", seed=seed, kills=many(kills))
    assert result["problems"] == []
    assert result["kills"] == many(kills)
    assert result["hits"] > result["kills"], "the readers made too few reads"
    assert result["interrupted"] > result["kills"] / 50, "too few kills interrupted a put"
    report_figure(f"storm of {kills}", result)
    cache = AudioCache(tmp_path / "cache")
    assert all(LEFT.fullmatch(name) for name in names(cache))
    assert {writer_of(cache.get(key), key)[0] for key in result["keys"]} == {99}, (
        "the last put, which is not killed, must be readable"
    )
    cache.clear()
    assert names(cache) <= {".gitattributes", ".gitignore"}, "leftovers of killed writers stay after clear"


@pytest.mark.parametrize("puts", [200, pytest.param(400, marks=pytest.mark.slow)])
def test_two_writers_of_one_key_never_mix(children, tmp_path, seed, report_figure, puts):
    result = children.run("race", directory=tmp_path / "cache", seed=seed, puts=many(puts))
    assert result["problems"] == []
    assert result["hits"] > 100
    report_figure(f"race of {puts}", result)
    cache = AudioCache(tmp_path / "cache")
    for key in result["keys"]:
        writer_of(cache.get(key), key)
    assert leftovers(cache) == set()


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("situation", ["no directory", "no entry", "an entry", "a damaged entry"])
def test_put_killed_at_any_call_leaves_the_old_entry_the_new_one_or_a_miss(
    children, tmp_path, situation, after, report_figure
):
    result = children.run("killed_put", directory=tmp_path / "cache", situation=situation, after=after)
    assert result["problems"] == []
    assert result["calls"] > 10
    if situation == "an entry":
        # Neither the old nor the new entry is readable only between the two renames.
        assert result["states"]["miss"] <= 2, result["states"]
        assert result["states"]["old"] > 5, result["states"]
    if situation.startswith("no "):
        # An entry that was never committed is absent; only existing files count as damaged.
        assert result["states"].get("damaged", 0) == 0, result["states"]
    report_figure(f"put killed {'after' if after else 'before'} each call, {situation}", result["states"])


# More system calls of each kind than the start of a process makes.
AT = dict.fromkeys(("openat", "read", "write", "close", "rename", "unlink"), 900)
if FACTOR > 1:
    AT["newfstatat"] = 2500


def test_put_killed_at_any_system_call_leaves_an_entry_or_a_miss(children, tmp_path, report_figure):
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed; the test of Python's own calls runs anyway")
    prefix = (strace, "-f", "-qq", "-o", str(tmp_path / "trace"), "-e", f"trace={','.join(AT)}")
    for name, number in AT.items():
        prefix += ("-e", f"inject={name}:signal=KILL:when={number}")
    try:
        children.run("nothing", prefix=prefix)
    except AssertionError as error:
        pytest.skip(f"tracing is not allowed here: {str(error)[:200]}")
    result = children.run(
        "killed_at_system_calls",
        prefix=prefix,
        directory=tmp_path / "cache",
        at=AT,
        verdicts=tmp_path / "verdicts",
    )
    assert result["problems"] == []
    assert result["states"]["old"] > 3
    assert result["states"].get("miss", 0) <= 2, result["states"]
    report_figure("put killed at each system call", result["states"])


@pytest.mark.parametrize("ever", [False, True], ids=["once", "for-good"])
@pytest.mark.parametrize(
    "number",
    [errno.ENOSPC, errno.EIO, errno.EACCES, errno.EMFILE, errno.EROFS, errno.ENOENT],
    ids=errno.errorcode.get,
)
def test_put_with_failing_calls_returns_false_and_leaves_nothing_partial(
    tmp_path, number, ever, no_read_pauses
):
    def work(at):
        cache = AudioCache(tmp_path / f"{at}")
        old, new = make_audio(KEY, 1, 0), make_audio(KEY, 2, at)
        assert cache.put(KEY, old)
        cache._swept = False
        with counted(Calls(at, fail(number), ever=ever)) as calls:
            kept = cache.put(KEY, new)
        found = cache.get(KEY)
        assert found == new if kept else found in (old, new, None), calls.trace
        if not ever:  # if every later call fails, the temporary cannot be removed
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


def test_short_writes_are_completed(tmp_path, monkeypatch):
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


def test_next_put_replaces_a_put_that_crashed_at_any_call(tmp_path):
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
def test_get_with_failing_calls_is_a_hit_or_a_miss_and_changes_nothing(
    written, number, times, no_read_pauses
):
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


def test_every_interleaving_of_two_puts_leaves_one_entry(written, seed, report_figure):
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
        writer_of(audio, KEY)
        assert leftovers(written) == set()
        return was_stopped

    def outer(first):
        # While the first writer is stopped, the second runs to its end; later rounds stop the second, too.
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
        assert reader.finish() in (old, new), "a put in progress made a reader miss an existing entry"
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
        assert writer.finish(), f"after clear, the writer that was stopped at its call {at} failed"
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
