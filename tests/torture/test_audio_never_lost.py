"""Synthesized audio reaches the caller even if the disk fails; the log says once why it is not stored."""

import asyncio
import errno
import logging
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from russo import Audio, AudioCache, CachedSynthesizer
from support.torture_audio import make_audio
from support.torture_disk import fill, mounted
from support.torture_faults import Calls, counted, each_call, fail

AUDIO = Audio(b"speech of a few pages " * 1000, "pcm")


class Speaker:
    def __init__(self, during=None):
        self.cache_key_extra = {"backend": "speaker"}
        self.calls = 0
        self.during = during

    async def synthesize(self, text):
        self.calls += 1
        if self.during is not None:
            self.during()
        return AUDIO


def speak(cache, *prompts, during=None):
    """Synthesize prompts in turn, check the audio of each, and return the number of backend calls."""
    speaker = Speaker(during)
    synthesizer = CachedSynthesizer(speaker, cache=cache)

    async def main():
        for prompt in prompts:
            assert await synthesizer.synthesize(prompt) == AUDIO

    asyncio.run(main())
    return speaker.calls


def warnings_of(caplog):
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def files(directory):
    return {name for name in os.listdir(directory) if name.endswith((".audio", ".meta", ".russo-tmp"))}


@pytest.mark.parametrize("has_entries", [False, True], ids=["empty-cache", "used-cache"])
def test_full_disk_costs_only_the_cache(tmp_path, caplog, has_entries):
    with mounted(tmp_path / "disk", "size=256k") as disk:
        if has_entries:
            assert speak(AudioCache(disk / "cache"), "old") == 1
        for pages in range(14):
            caplog.clear()
            cache = AudioCache(disk / "cache")
            fill(disk / "filler", pages * 4096)
            called = speak(cache, "one", "two", "one")
            kept = files(disk / "cache") if cache.directory.exists() else set()
            assert not [name for name in kept if name.endswith("russo-tmp")], pages
            said = warnings_of(caplog)
            if called == 3:
                assert len(said) == 1, said
                assert "No space left on device" in said[0]
            else:
                assert pages > 5, "six pages of audio were stored on a disk with less space"
            if has_entries:
                assert speak(cache, "old") == 0, "a full disk lost an entry that was there"
            (disk / "filler").unlink()
            assert speak(cache, "one", "two") <= 2
            assert speak(AudioCache(disk / "cache"), "one", "two") == 0, "the next run does not store it"
            for key in set(cache.stored_keys()):
                if not has_entries:
                    cache.remove(key)
            if has_entries:
                cache.clear()
                assert speak(cache, "old") == 1


def test_full_disk_keeps_the_old_entry(tmp_path):
    with mounted(tmp_path / "disk", "size=256k") as disk:
        cache = AudioCache(disk / "cache")
        # The old entry frees less space than the new metadata needs.
        old, new = make_audio("k", 1, 0, 100), make_audio("k", 2, 0, 30_000)
        for pages in range(18):
            assert cache.put("k", old)
            fill(disk / "filler", pages * 4096)
            kept = cache.put("k", new, prompt="x" * 20_000)
            assert cache.get("k") == (new if kept else old), pages
            (disk / "filler").unlink()


def test_disk_without_inodes_costs_only_the_cache(tmp_path, caplog):
    for inodes in range(3, 14):
        with mounted(tmp_path / f"disk{inodes}", f"size=1m,nr_inodes={inodes}") as disk:
            cache = AudioCache(disk / "cache")
            assert speak(cache, "one", "two", "one") >= 2
            if cache.directory.exists():
                assert not [name for name in files(cache.directory) if name.endswith("russo-tmp")], inodes
    assert any("No space left" in line for line in warnings_of(caplog))


def test_read_only_file_system_costs_only_the_cache(tmp_path, caplog):
    with mounted(tmp_path / "disk", "size=1m") as disk:
        cache = AudioCache(disk / "cache")
        assert speak(cache, "old") == 1
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        before = files(cache.directory)
        assert speak(cache, "old", "one", "two", "one") == 3
        assert files(cache.directory) == before
        assert [line for line in warnings_of(caplog) if "Read-only file system" in line] == warnings_of(
            caplog
        )
        assert len(warnings_of(caplog)) == 1
        assert speak(AudioCache(disk / "new"), "one") == 1
        subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
        assert speak(cache, "one", "one") == 1


@pytest.mark.parametrize(
    "number",
    [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EDQUOT, errno.EIO, errno.EMFILE],
    ids=errno.errorcode.get,
)
def test_failing_calls_lose_no_audio(tmp_path, number):
    changing = ("write", "replace", "mkdir", "rmdir", "unlink")
    names = changing if number != errno.EMFILE else ("open", "scandir", "listdir")
    speak(AudioCache(tmp_path / "warm"), "warm")

    def work(at):
        cache = AudioCache(tmp_path / f"{number}-{at}")
        with counted(Calls(at, fail(number), only=names)) as calls:
            speak(cache, "one")
        assert speak(cache, "one", "one") <= 1
        return calls.count >= at

    each_call(work)
    cache = AudioCache(tmp_path / "for good")
    with counted(Calls(1, fail(number), only=("write", "replace", "mkdir"), ever=True)):
        assert speak(cache, "one", "two") == 2
    assert speak(cache, "one", "two", "one") == 2


@pytest.fixture
def open_directory():
    """A directory that every user may enter."""
    path = Path(tempfile.mkdtemp(prefix="russo-torture-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.mark.parametrize("mode", [0o555, 0o000], ids=["may-not-write", "may-do-nothing"])
def test_missing_permission_costs_only_the_cache(children, open_directory, mode):
    cache = open_directory / "cache"
    children.run("store", directory=cache, prompts=["a"])
    cache.chmod(mode)
    result = children.run("speak_without_permission", directory=cache, warm=open_directory / "warm")
    cache.chmod(0o755)
    assert result["calls"] == 3
    assert len(result["log"]) == len(set(result["log"])) <= 2, result["log"]
    assert all("Permission denied" in line for line in result["log"])
    assert any("not stored" in line for line in result["log"])
    assert not [name for name in files(cache) if name.endswith("russo-tmp")]
    assert AudioCache(cache).get("k0") is not None


@pytest.mark.parametrize("cold", [False, True], ids=["warm", "cold"])
def test_too_many_open_files_cost_only_the_cache(children, tmp_path, cold):
    cache = tmp_path / "cache"
    assert speak(AudioCache(cache), "unrelated") == 1
    result = children.run("speak_without_files", directory=cache, warm=tmp_path / "warm", cold=cold)
    assert result["called"] == 3
    assert result["then"] == 2, "once the process may open files again, it replays and stores new audio"
    assert len(result["log"]) <= 3, result["log"]
    assert any("Too many open files" in line for line in result["log"])
    assert not [name for name in result["rest"] if name.endswith("russo-tmp")]
    assert speak(AudioCache(cache), "unrelated") == 0, "an entry was lost for want of a file descriptor"


def test_missing_threads_cost_nothing(children, open_directory):
    if os.geteuid() != 0:
        pytest.skip("the test needs another user's thread limit, and only root may change the user")
    (open_directory / "cache").mkdir()
    (open_directory / "cache").chmod(0o777)
    result = children.run(
        "speak_without_threads", directory=open_directory / "cache", warm=open_directory / "warm"
    )
    if result == "threads":
        pytest.skip("the thread limit has no effect here")
    assert result == {"log": [], "calls": 2}


def test_deleted_directory_is_created_again(tmp_path, caplog):
    cache = AudioCache(tmp_path / "above" / "cache")
    assert speak(cache, "one", "two", during=lambda: shutil.rmtree(tmp_path / "above")) == 2
    assert cache.size() == 1, "the directory is deleted during each call, so only the last entry is left"
    assert speak(cache, "two") == 0
    assert warnings_of(caplog) == []


def test_directory_that_becomes_a_file_costs_only_the_cache(tmp_path, caplog):
    cache = AudioCache(tmp_path / "cache")

    def replace():
        shutil.rmtree(cache.directory, ignore_errors=True)
        cache.directory.unlink(missing_ok=True) if cache.directory.is_file() else None
        cache.directory.write_bytes(b"a file")

    assert speak(cache, "one", "two", during=replace) == 2
    assert len(warnings_of(caplog)) == 1
    assert cache.directory.read_bytes() == b"a file"
    cache.directory.unlink()
    assert speak(cache, "one", "one") == 1


def test_directory_deleted_at_any_call_of_a_put_raises_nothing(tmp_path):
    def work(at):
        cache = AudioCache(tmp_path / "cache")
        cache.put("k", AUDIO)

        def remove(_name, _arguments):
            shutil.rmtree(cache.directory, ignore_errors=True)

        with counted(Calls(at, remove)) as calls:
            kept = cache.put("k", AUDIO)
        if kept and at < calls.count:
            assert cache.get("k") in (AUDIO, None)
        assert cache.put("k", AUDIO)
        assert cache.get("k") == AUDIO
        assert not [name for name in files(cache.directory) if name.endswith("russo-tmp")]
        return calls.count >= at

    each_call(work)


def test_failed_store_is_logged_once_without_warnings(tmp_path, recwarn, caplog):
    (tmp_path / "file").write_bytes(b"")
    cache = AudioCache(tmp_path / "file" / "cache")
    assert speak(cache, "one", "two", "three", "one") == 4
    assert len(warnings_of(caplog)) == 1
    assert [warning for warning in recwarn if "russo" in str(warning.filename)] == []


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.EIO, "I/O error"),
        ValueError("what?"),
        MemoryError(),
        RuntimeError("odd"),
        RecursionError(),
    ],
)
def test_any_exception_of_the_store_still_returns_the_audio(cache, monkeypatch, error):
    def refuse(*_arguments, **_options):
        raise error

    monkeypatch.setattr("russo._store.cache.write_pair", refuse)
    assert speak(cache, "one", "two") == 2
