"""Recordings are read first, and never written, cleared or refreshed."""

import asyncio
import os
import shutil

import pytest

from russo import Audio, AudioCache, CachedSynthesizer, CacheMissError, LayeredCache
from support.torture_audio import make_audio
from support.torture_faults import Calls, counted, each_call, fail
from support.torture_work import snapshot

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64 + b"\nsize 4444\n"


class Speaker:
    def __init__(self, voice=b"new "):
        self.cache_key_extra = {"backend": "speaker"}
        self.voice, self.calls = voice, 0

    async def synthesize(self, text):
        self.calls += 1
        return Audio(self.voice + text.encode(), "pcm")


@pytest.fixture
def recordings(tmp_path):
    """Recordings of two prompts, and a cache with the second of them and a third."""
    cache = AudioCache(tmp_path / "recordings")
    speaker = CachedSynthesizer(Speaker(b"recorded "), cache=cache)
    for prompt in ("one", "two"):
        asyncio.run(speaker.synthesize(prompt))
    shutil.rmtree(tmp_path / "recordings" / ".russo-locks", ignore_errors=True)
    return cache


@pytest.fixture
def untouched(recordings):
    """The recordings; asserts at the end that the test has not changed them."""
    before = snapshot(recordings.directory), os.stat(recordings.directory).st_mtime_ns
    yield AudioCache(recordings.directory, read_only=True)
    assert (snapshot(recordings.directory), os.stat(recordings.directory).st_mtime_ns) == before


@pytest.fixture
def layered(untouched, cache):
    return LayeredCache(cache, [untouched])


def say(cache, prompt, mode="auto"):
    speaker = Speaker()
    return asyncio.run(
        CachedSynthesizer(speaker, cache=cache, mode=mode).synthesize(prompt)
    ).data, speaker.calls


def test_recordings_are_read_first(layered, cache):
    assert say(cache, "one") == (b"new one", 1)
    assert say(layered, "one") == (b"recorded one", 0)
    assert say(layered, "three") == (b"new three", 1)
    assert say(layered, "three") == (b"new three", 0)
    assert cache.size() == 2


def test_nothing_writes_to_recordings(layered, cache, untouched):
    for key in [*untouched.stored_keys(), "k"]:
        assert layered.put(key, make_audio(key, 1, 0))
    say(layered, "four")
    layered.clear()
    assert cache.size() == 0
    assert not untouched.put("k", make_audio("k", 1, 0))
    for refused in (untouched.clear, lambda: untouched.remove("k")):
        with pytest.raises(OSError, match="read-only"):
            refused()


def test_writable_recordings_are_not_written(untouched, cache):
    layered = LayeredCache(cache, [AudioCache(untouched.directory)])
    say(layered, "four")
    layered.put("k", make_audio("k", 1, 0))
    layered.clear()
    with pytest.raises(ValueError, match="refresh"):
        say(layered, "one", "refresh")


def test_failing_private_cache_writes_nowhere_else(layered, untouched):
    from errno import ENOSPC

    def work(at):
        with counted(Calls(at, fail(ENOSPC), only=("write", "replace", "mkdir"))) as calls:
            assert say(layered, f"prompt {at}") == (f"new prompt {at}".encode(), 1)
        return calls.count >= at

    each_call(work)


@pytest.mark.parametrize("mode", ["refresh"])
def test_refresh_of_recordings_is_refused_before_any_call(layered, mode):
    speaker = Speaker()
    with pytest.raises(ValueError, match="read-only"):
        asyncio.run(CachedSynthesizer(speaker, cache=layered, mode=mode).synthesize("one"))
    assert speaker.calls == 0


def test_refresh_of_the_recordings_directory_replaces_them(recordings):
    assert say(recordings, "one", "refresh") == (b"new one", 1)
    assert say(recordings, "one") == (b"new one", 0)


DAMAGE = {
    "LFS pointer": lambda path: path.write_bytes(POINTER),
    "other line ends": lambda path: path.write_bytes(path.read_bytes().replace(b" ", b"\r\n")),
    "empty": lambda path: path.write_bytes(b""),
    "deleted": lambda path: path.unlink(),
    "FIFO": lambda path: (path.unlink(), os.mkfifo(path)),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_recording_is_an_error_or_stored_in_the_private_cache(recordings, cache, damage):
    for path in recordings.directory.glob("*.audio"):
        DAMAGE[damage](path)
    before = snapshot(recordings.directory)
    layered = LayeredCache(cache, [AudioCache(recordings.directory, read_only=True)])
    with pytest.raises(CacheMissError) as caught:
        say(layered, "one", "replay")
    assert str(recordings.directory) in str(caught.value)
    assert "audio" in str(caught.value)
    assert say(layered, "one") == (b"new one", 1)
    assert say(layered, "one", "replay") == (b"new one", 0)
    assert snapshot(recordings.directory) == before


def test_line_ends_of_the_metadata_do_not_matter(recordings, cache):
    for path in recordings.directory.glob("*.meta"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    layered = LayeredCache(cache, [AudioCache(recordings.directory, read_only=True)])
    assert say(layered, "one", "replay") == (b"recorded one", 0)


def test_missing_recordings_directory_is_accepted(tmp_path, cache):
    layered = LayeredCache(cache, [AudioCache(tmp_path / "none", read_only=True)])
    assert say(layered, "one") == (b"new one", 1)
    assert not (tmp_path / "none").exists()
