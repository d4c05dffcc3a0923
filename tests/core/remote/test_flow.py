"""The shared store in the flow of a prompt: when it is asked, what is written, and which calls may be cancelled."""

import asyncio
import gc
import logging
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from russo import (
    AudioCache,
    CachedSynthesizer,
    CacheHit,
    CacheMissError,
    LayeredCache,
    RemoteCache,
    RemoteLookup,
    RemoteUpload,
    StoreError,
    StoreFailed,
)
from russo._flow import remote as flow_module
from russo._remote.objects import MARKER, object_name, pack
from support.cache_files import entry_files
from support.flow import key_of
from support.remote.stores import (
    URL,
    MemoryStore,
    objects_of,
    pair_of,
    raises,
    synthesizer_with,
)
from support.speakers import PROMPT, Speaker, run, sound, synthesize

WAIT = 20
KEY = key_of(Speaker())
NAME = object_name(KEY)


@pytest.fixture
def full():
    """A store that has the prompt."""
    return MemoryStore(objects_of(PROMPT))


def machine(tmp_path, store, name="cache", **options):
    """Return the synthesizer of one machine, and its backend."""
    speaker = Speaker()
    return synthesizer_with(tmp_path / name, store, speaker=speaker, **options), speaker


def is_locked(tmp_path):
    return list((tmp_path / "cache").glob(".russo-locks/*"))


# -- when the store is asked


def test_remote_hit_is_stored_byte_for_byte_and_pays_nothing(tmp_path, full, events):
    cached, speaker = machine(tmp_path, full)
    assert synthesize(cached) == sound(PROMPT)
    pair = pair_of(KEY, sound(PROMPT))
    assert entry_files(tmp_path / "cache") == {f"{KEY}.meta": pair.meta, f"{KEY}.audio": pair.data}
    assert (speaker.calls, full.calls) == (0, [("get", NAME)])
    assert events.names == ["remote_lookup", "entry_stored", "cache_hit"]
    hit = events.one(CacheHit)
    assert (hit.remote, hit.directory) == (URL, tmp_path / "cache")
    assert events.one(RemoteLookup).outcome == "hit"


def test_local_hit_does_not_ask_the_store(tmp_path, full, events):
    cached, _ = machine(tmp_path, full)
    synthesize(cached)
    asked = len(full.calls)
    assert synthesize(cached) == sound(PROMPT)
    assert len(full.calls) == asked
    assert events.recorded[-1].remote is None


def test_recording_is_found_before_the_store_is_asked(tmp_path, full):
    recordings = AudioCache(tmp_path / "recordings")
    recordings.put(KEY, sound("recorded"))
    cache = LayeredCache(AudioCache(tmp_path / "cache"), [recordings], remote=RemoteCache(full))
    assert synthesize(CachedSynthesizer(Speaker(), cache=cache)) == sound("recorded")
    assert full.calls == []


def test_absent_prompt_is_paid_stored_and_not_uploaded_without_write(tmp_path, store):
    cached, speaker = machine(tmp_path, store)
    assert synthesize(cached) == sound(PROMPT)
    cached.cache.remote.close()
    assert (speaker.calls, store.calls) == (1, [("get", NAME)])
    assert cached.cache.get(KEY) == sound(PROMPT)


def test_new_audio_is_uploaded_with_write(tmp_path, store, events):
    cached, _ = machine(tmp_path, store, write=True)
    synthesize(cached)
    cached.cache.remote.close()
    assert store.calls == [("get", NAME), ("put", NAME), ("put", MARKER)]
    files = entry_files(tmp_path / "cache")
    assert store.objects[NAME].endswith(files[f"{KEY}.meta"] + files[f"{KEY}.audio"])
    assert events.one(RemoteUpload).outcome == "uploaded"


def test_remote_hit_is_not_uploaded_again(tmp_path, full):
    cached, _ = machine(tmp_path, full, write=True)
    synthesize(cached)
    cached.cache.remote.close()
    assert full.calls == [("get", NAME)]


def test_equal_requests_ask_once(tmp_path, full):
    cached, _ = machine(tmp_path, full)

    async def main():
        return await asyncio.gather(*(cached.synthesize(PROMPT) for _ in range(50)))

    assert set(run(main())) == {sound(PROMPT)}
    assert full.calls == [("get", NAME)]


def test_threads_ask_once(tmp_path, full):
    cached, _ = machine(tmp_path, full)
    barrier, heard = threading.Barrier(8), []

    def speak():
        barrier.wait(WAIT)
        heard.append(cached.synthesize_sync(PROMPT))

    threads = [threading.Thread(target=speak) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT)
    assert (heard, full.calls) == ([sound(PROMPT)] * 8, [("get", NAME)])


def test_processes_with_one_cache_ask_once(tmp_path, full):
    """The second process waits for the first one's lock, and then finds the entry."""
    go_on, asked = threading.Event(), threading.Event()

    def wait(operation, name):
        asked.set()
        go_on.wait(WAIT)

    full.before = wait
    one, other = (machine(tmp_path, full)[0] for _ in range(2))  # two cache objects share only the files
    threads = [threading.Thread(target=one.synthesize_sync, args=[PROMPT])]
    threads[0].start()
    assert asked.wait(WAIT)
    threads.append(threading.Thread(target=other.synthesize_sync, args=[PROMPT]))
    threads[1].start()
    go_on.set()
    for thread in threads:
        thread.join(WAIT)
    assert full.calls == [("get", NAME)]


# -- modes


def test_replay_reads_the_store(tmp_path, full):
    cached, speaker = machine(tmp_path, full, mode="replay")
    assert synthesize(cached) == sound(PROMPT)
    assert speaker.calls == 0


@pytest.mark.parametrize("is_there", [True, False])
def test_synthesizer_in_replay_within_another_one_asks_the_store_and_never_pays(tmp_path, full, is_there):
    if not is_there:
        full.objects.clear()
    inner, speaker = machine(tmp_path, full, mode="replay")
    outer = CachedSynthesizer(inner, cache=AudioCache(tmp_path / "outer"))
    if is_there:
        assert synthesize(outer) == sound(PROMPT)
    else:
        with pytest.raises(CacheMissError, match=f"and not in {URL}"):
            synthesize(outer)
    assert (full.gets, speaker.calls) == ([NAME], 0)


def test_replay_says_that_the_store_has_nothing_either(tmp_path, store):
    cached, speaker = machine(tmp_path, store, mode="replay")
    with pytest.raises(CacheMissError, match=f"and not in {URL}"):
        synthesize(cached)
    assert speaker.calls == 0


@pytest.mark.parametrize(
    ("before", "objects", "reason"),
    [
        (
            raises(StoreError("timed out")),
            {},
            "could not be asked, and may have the entry: timed out",
        ),
        (
            raises(StoreError("access is denied (403)", kind="refused")),
            {},
            r"could not be asked, and may have the entry: access is denied \(403\)",
        ),
        (None, {NAME: b"<html>"}, "has no usable entry: its object is not an entry of russo"),
    ],
    ids=["outage", "refusal", "damage"],
)
def test_replay_says_why_the_entry_of_the_store_cannot_be_used(tmp_path, store, before, objects, reason):
    store.objects.update(objects)
    if before is not None:
        store.before = before
    with pytest.raises(CacheMissError, match=f"{URL} {reason}"):
        synthesize(machine(tmp_path, store, mode="replay")[0])


def test_refresh_does_not_read_and_replaces(tmp_path, full):
    full.objects[NAME] = pack(pair_of(KEY, sound("old")))
    cached, speaker = machine(tmp_path, full, mode="refresh", write=True)
    assert synthesize(cached) == sound(PROMPT)
    cached.cache.remote.close()
    assert (speaker.calls, full.gets, full.puts) == (1, [], [NAME])
    assert full.objects[NAME].endswith(sound(PROMPT).data)


def test_refreshed_prompt_that_was_removed_is_paid_again(tmp_path, full):
    cached, speaker = machine(tmp_path, full, mode="refresh")
    synthesize(cached)
    cached.cache.writable.remove(KEY)
    synthesize(cached)
    assert (speaker.calls, full.calls) == (2, [])


def test_off_uses_no_store(tmp_path, full):
    cached, speaker = machine(tmp_path, full, mode="off", write=True)
    synthesize(cached)
    cached.cache.remote.close()
    assert (speaker.calls, full.calls) == (1, [])


# -- a fault of the store fails no test


@pytest.mark.parametrize(
    "error",
    [
        StoreError("timed out"),
        StoreError("403", kind="refused"),
        ValueError("x"),
        SystemExit(3),
        KeyboardInterrupt(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_store_that_raises_costs_one_backend_call(tmp_path, store, events, error):
    store.before = raises(error)
    cached, speaker = machine(tmp_path, store, write=True)
    assert synthesize(cached) == sound(PROMPT)
    cached.cache.remote.close()
    assert speaker.calls == 1
    assert events.one(RemoteLookup).outcome == "failed"
    assert events.one(RemoteUpload).outcome in ("failed", "skipped")


def test_object_that_is_not_the_entry_leaves_nothing_behind(tmp_path, store, events):
    store.objects[NAME] = b"<html>"
    cached, speaker = machine(tmp_path, store)
    synthesize(cached)
    assert speaker.calls == 1
    assert entry_files(tmp_path / "cache").keys() == {f"{KEY}.meta", f"{KEY}.audio"}
    assert cached.cache.get(KEY) == sound(PROMPT)
    assert events.one(RemoteLookup).outcome == "damaged"


def test_cache_that_cannot_be_written_costs_only_the_cache(tmp_path, full, events, caplog):
    (tmp_path / "cache").write_text("a file")
    cached, speaker = machine(tmp_path, full)
    assert synthesize(cached) == sound(PROMPT)
    assert speaker.calls == 0
    assert events.one(StoreFailed).directory == tmp_path / "cache"


def test_read_only_cache_returns_the_audio_of_the_store(tmp_path, full, caplog):
    cache = LayeredCache(AudioCache(tmp_path / "cache", read_only=True), remote=RemoteCache(full))
    speaker = Speaker()
    assert synthesize(CachedSynthesizer(speaker, cache=cache)) == sound(PROMPT)
    assert (speaker.calls, (tmp_path / "cache").exists()) == (0, False)


def test_store_that_is_down_needs_no_thread(tmp_path, store, monkeypatch, events):
    store.before = raises(StoreError("timed out"))
    cached, speaker = machine(tmp_path, store)
    for number in range(3):
        synthesize(cached, f"prompt {number}")
    monkeypatch.setattr(flow_module, "start", None)
    assert synthesize(cached) == sound(PROMPT)
    assert (speaker.calls, len(store.calls)) == (4, 3)
    assert events.all(RemoteLookup)[-1].outcome == "skipped"


def test_without_a_thread_the_prompt_is_paid(tmp_path, full, monkeypatch, events):
    def refuse(call):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(flow_module, "start", refuse)
    cached, speaker = machine(tmp_path, full)
    assert synthesize(cached) == sound(PROMPT)
    assert speaker.calls == 1
    assert events.one(RemoteLookup).reason == "no thread can be started"


# -- cancelling, closed loops, other libraries


@pytest.fixture
def slow(full):
    """A store whose lookups wait until ``go_on`` is set; ``asked`` is set by the first one."""
    full.go_on, full.asked, full.ended = threading.Event(), threading.Event(), threading.Event()

    def wait(operation, name):
        full.asked.set()
        full.go_on.wait(WAIT)
        full.ended.set()

    full.before = wait
    yield full
    full.go_on.set()


async def _wait(event):
    assert await asyncio.to_thread(event.wait, WAIT)


def test_cancelled_lookup_releases_the_lock_and_writes_nothing_later(tmp_path, slow, caplog):
    cached, _ = machine(tmp_path, slow)

    async def main():
        others = asyncio.all_tasks()
        task = asyncio.create_task(cached.synthesize(PROMPT))
        await _wait(slow.asked)
        assert is_locked(tmp_path)
        for each in asyncio.all_tasks() - others:  # also the flight, as at the end of the loop
            each.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert is_locked(tmp_path) == []
        slow.go_on.set()
        await _wait(slow.ended)

    run(main())
    assert entry_files(tmp_path / "cache") == {}
    assert synthesize(cached) == sound(PROMPT)
    assert caplog.records == []


def test_cancelled_waiter_does_not_cancel_the_lookup(tmp_path, slow):
    cached, speaker = machine(tmp_path, slow)

    async def main():
        one, other = (asyncio.create_task(cached.synthesize(PROMPT)) for _ in range(2))
        await _wait(slow.asked)
        one.cancel()
        slow.go_on.set()
        return await other

    assert run(main()) == sound(PROMPT)
    assert (speaker.calls, slow.gets) == (0, [NAME])


def test_loop_that_closes_under_a_lookup_leaves_nothing_behind(tmp_path, slow, caplog):
    cached, _ = machine(tmp_path, slow)
    loop = asyncio.new_event_loop()
    task = loop.create_task(cached.synthesize(PROMPT))
    loop.run_until_complete(_wait(slow.asked))
    loop.close()
    with caplog.at_level(logging.DEBUG):
        slow.go_on.set()
        assert slow.ended.wait(WAIT)
        # Equal requests of other loops find the flight abandoned, and ask again.
        assert synthesize(cached) == sound(PROMPT)
    assert [record for record in caplog.records if record.levelno > logging.INFO] == []
    task._log_destroy_pending = False
    del task
    gc.collect()


def test_other_tasks_run_while_the_store_is_slow(tmp_path, slow):
    cached, _ = machine(tmp_path, slow)

    async def main():
        task = asyncio.create_task(cached.synthesize(PROMPT))
        await _wait(slow.asked)
        for _ in range(20):
            await asyncio.sleep(0)
        assert not task.done()
        slow.go_on.set()
        return await task

    assert run(main()) == sound(PROMPT)


def test_plain_caller_needs_no_event_loop(tmp_path, full):
    cached, speaker = machine(tmp_path, full)
    assert cached.synthesize_sync(PROMPT) == sound(PROMPT)
    assert speaker.calls == 0


def test_trio_caller_gets_the_audio_of_the_store(tmp_path, full):
    trio = pytest.importorskip("trio")
    cached, speaker = machine(tmp_path, full)
    assert trio.run(cached.synthesize, PROMPT) == sound(PROMPT)
    assert speaker.calls == 0


def test_anyio_caller_gets_the_audio_of_the_store(tmp_path, full):
    anyio = pytest.importorskip("anyio")
    cached, speaker = machine(tmp_path, full)
    assert anyio.run(cached.synthesize, PROMPT) == sound(PROMPT)
    assert speaker.calls == 0


# -- two machines


def test_race_ends_with_the_winner_on_both_machines(tmp_path, store, events):
    """Both machines miss and call the backend; the machine that uploads second adopts the first audio."""
    both_asked = threading.Barrier(2)

    def meet(operation, name):
        if operation == "get" and len(store.gets) <= 2 and name == NAME:
            both_asked.wait(WAIT)

    store.before = meet
    machines = {
        name: synthesizer_with(tmp_path / name, store, speaker=Speaker(sound(name)), write=True)
        for name in ("one", "other")
    }
    heard = {}

    def speak(name):
        heard[name] = machines[name].synthesize_sync(PROMPT)

    threads = [threading.Thread(target=speak, args=[name]) for name in machines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT)
    assert heard == {name: sound(name) for name in machines}
    for name, each in machines.items():
        each.cache.remote._access.uploads.flush()
        assert each.synthesize_sync(PROMPT) == sound(name)  # the run gets one sound
    for each in machines.values():
        each.cache.remote.close()
    files = [entry_files(tmp_path / name) for name in machines]
    assert files[0] == files[1]
    assert sorted(event.outcome for event in events.all(RemoteUpload)) == ["exists", "uploaded"]


# -- forks

FORK = """
import os, sys
sys.path[:0] = {paths!r}
from support.remote.stores import MemoryStore, objects_of, synthesizer_with
from support.speakers import PROMPT, Speaker, sound
store = MemoryStore(objects_of(PROMPT))
speaker = Speaker()
cached = synthesizer_with({directory!r}, store, speaker=speaker, write=True)
assert cached.synthesize_sync(PROMPT) == sound(PROMPT)
child = os.fork()
if child == 0:
    assert cached.synthesize_sync(PROMPT) == sound(PROMPT)
    assert cached.synthesize_sync("new") == sound("new")
    cached.cache.remote.close()
    os._exit(10 * speaker.calls + len(store.calls))
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_child_that_was_forked_after_a_remote_hit_pays_and_ends(tmp_path):
    code = FORK.format(paths=[str(Path(__file__).parents[2])], directory=str(tmp_path / "cache"))
    done = subprocess.run(
        # Python 3.12 and later warn of each fork of a process that has threads.
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("11\n", "")
