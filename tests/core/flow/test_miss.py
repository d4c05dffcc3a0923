import asyncio
import threading
import time

import anyio
import pytest
import trio

from russo import (
    AudioCache,
    AuthenticationError,
    CachedSynthesizer,
    EntryStored,
    LayeredCache,
    StoreFailed,
    hookimpl,
)
from support.flow import FAILURE, FRESH, STORED, key_of, run_context
from support.speakers import PROMPT, Speaker, registered, sound, synthesize


def test_refresh_calls_the_backend_once_per_key_and_run(cache):
    speaker = Speaker(STORED, FRESH, sound("third"))
    synthesize(CachedSynthesizer(speaker, cache=cache))
    cached = CachedSynthesizer(speaker, cache=cache, mode="refresh")
    assert [synthesize(cached) for _ in range(3)] == [FRESH] * 3
    assert synthesize(cached, "another prompt") == sound("third")
    assert len(speaker.texts) == 3
    assert synthesize(CachedSynthesizer(speaker, cache=cache, mode="refresh")) == sound("third")
    assert len(speaker.texts) == 4


def test_all_synthesizers_of_a_run_refresh_a_key_only_once(cache):
    speakers = [Speaker(), Speaker()]
    shared = run_context(cache, "refresh")
    for speaker in speakers:
        cached = CachedSynthesizer(speaker)
        cached.bound_to(shared)
        synthesize(cached)
    assert [len(speaker.texts) for speaker in speakers] == [1, 0]


@pytest.mark.parametrize("prompt", ["recorded", PROMPT])
def test_refresh_of_recordings_is_refused_before_any_call(cache, tmp_path, prompt):
    speaker = Speaker()
    recordings = AudioCache(tmp_path / "recordings")
    recordings.put(key_of(speaker, "recorded"), STORED)
    layered = LayeredCache(cache, [AudioCache(recordings.directory, read_only=True)])
    with pytest.raises(ValueError, match="mode 'refresh' cannot replace recordings") as caught:
        synthesize(CachedSynthesizer(speaker, cache=layered, mode="refresh"), prompt)
    assert str(recordings.directory) in str(caught.value)
    assert speaker.texts == []
    assert recordings.get(key_of(speaker, "recorded")) == STORED


def test_failed_store_is_reported_and_the_audio_is_returned(tmp_path, events):
    (tmp_path / "cache").write_bytes(b"a file")
    speaker = Speaker()
    cached = CachedSynthesizer(speaker, cache=AudioCache(tmp_path / "cache"))
    assert synthesize(cached) == synthesize(cached) == sound(PROMPT)
    assert len(speaker.texts) == 2
    assert [event.reason for event in events.all(StoreFailed)] == ["Not a directory"] * 2
    assert events.all(StoreFailed)[0].directory == tmp_path / "cache"
    assert not events.all(EntryStored)


def test_read_only_cache_replays_and_is_never_written(cache, events):
    speaker = Speaker()
    synthesize(CachedSynthesizer(speaker, cache=cache), "recorded")
    before = {path: path.stat().st_mtime_ns for path in cache.directory.rglob("*")}
    cached = CachedSynthesizer(speaker, cache=AudioCache(cache.directory, read_only=True))
    assert synthesize(cached, "recorded") == sound("recorded")
    assert synthesize(cached) == sound(PROMPT)
    assert events.one(StoreFailed).reason == "this cache is read-only"
    assert {path: path.stat().st_mtime_ns for path in cache.directory.rglob("*")} == before


def test_missing_read_only_cache_is_not_created(tmp_path):
    cached = CachedSynthesizer(Speaker(), cache=AudioCache(tmp_path / "none", read_only=True))
    assert synthesize(cached) == sound(PROMPT)
    assert not (tmp_path / "none").exists()


def test_audio_is_returned_if_its_fields_are_too_large_to_store(cache, events):
    speaker = Speaker(style="x" * (1 << 20))
    assert synthesize(CachedSynthesizer(speaker, cache=cache)) == speaker.sound(PROMPT)
    assert "the limit is 1048576" in events.one(StoreFailed).reason


@pytest.mark.parametrize(
    "host",
    [trio.run, lambda call, *args: anyio.run(call, *args, backend="trio"), anyio.run],
    ids=["trio", "anyio on trio", "anyio on asyncio"],
)
def test_miss_and_hit_work_under_trio_and_anyio(cache, events, host):
    class Asyncio(Speaker):
        async def synthesize(self, text):
            await asyncio.sleep(0)  # backends run in asyncio under every async library
            return await super().synthesize(text)

    speaker = Asyncio()
    cached = CachedSynthesizer(speaker, cache=cache)
    assert host(cached.synthesize, PROMPT) == sound(PROMPT)
    assert host(cached.synthesize, PROMPT) == sound(PROMPT)
    assert speaker.texts == [PROMPT]
    assert events.names == ["cache_miss", "synthesis_start", "synthesis_finish", "entry_stored", "cache_hit"]


def test_equal_requests_under_trio_make_one_call(cache):
    speaker = Speaker()
    cached = CachedSynthesizer(speaker, cache=cache)

    async def main():
        async with trio.open_nursery() as nursery:
            for _ in range(10):
                nursery.start_soon(cached.synthesize, PROMPT)

    trio.run(main)
    assert speaker.texts == [PROMPT]


def test_cancelled_trio_task_does_not_wait_for_a_blocking_backend(cache):
    release, ended = threading.Event(), threading.Event()

    class Blocking(Speaker):
        async def synthesize(self, text):
            release.wait(30)
            ended.set()
            return sound(text)

    async def main():
        with trio.move_on_after(0.1) as scope:
            await CachedSynthesizer(Blocking(), cache=cache).synthesize(PROMPT)
        assert scope.cancelled_caught
        assert not ended.is_set()

    trio.run(main)
    release.set()
    until = time.monotonic() + 10
    while not cache.size():  # the call continues without its waiter, and its audio is stored
        assert time.monotonic() < until
        time.sleep(0.01)


def test_error_is_raised_under_trio(cache):
    with pytest.raises(AuthenticationError) as caught:
        trio.run(CachedSynthesizer(Speaker(FAILURE), cache=cache).synthesize, PROMPT)
    assert caught.value is FAILURE


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit])
def test_audio_is_stored_even_if_a_listener_is_interrupted(cache, interruption):
    class Interrupted:
        @hookimpl
        def russo_synthesis_finish(self, event):
            raise interruption

    async def main():
        # Caught inside the task: asyncio would report it when the task is collected, during another test.
        with pytest.raises(interruption):
            await CachedSynthesizer(Speaker(), cache=cache).synthesize(PROMPT)

    with registered(Interrupted()):
        asyncio.run(main())
    assert cache.size() == 1
