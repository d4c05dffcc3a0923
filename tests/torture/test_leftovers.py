"""Leftovers of killed processes are removed by later puts and by clear; files in use never are."""

import os
import time

import pytest

from russo import AudioCache
from support.torture_audio import make_audio
from support.torture_work import wait_until

AUDIO = make_audio("k", 1, 0)
LOCKS = ".russo-locks"


@pytest.fixture
def place(tmp_path):
    cache = AudioCache(tmp_path / "cache")
    assert cache.put("k", AUDIO)
    return cache.directory


def leftovers_of_a_killed_writer(children, place):
    """Kill a writer in the middle of a put and of a call; return the paths of its temporary and its lock."""
    child = children.start("die_in_a_put", directory=place)
    temporary = child.receive()
    wait_until(lambda: child.process.poll() is not None, what="its death")
    return place / temporary, place / LOCKS / "dead.lock"


def backdate(path, seconds):
    os.utime(path, (time.time() - seconds,) * 2)


def test_later_put_removes_old_leftovers_of_a_killed_process(children, place):
    temporary, lock = leftovers_of_a_killed_writer(children, place)
    assert AudioCache(place).put("k", AUDIO)
    assert temporary.exists(), "an hour is not over"
    assert lock.exists()
    backdate(temporary, 3700)
    backdate(lock, 3700)
    assert AudioCache(place).put("k", AUDIO)
    assert not temporary.exists()
    assert not lock.exists()
    assert AudioCache(place).get("k") == AUDIO


def test_clear_removes_fresh_leftovers_of_a_killed_process(children, place):
    temporary, lock = leftovers_of_a_killed_writer(children, place)
    assert AudioCache(place).clear() == 1
    assert not temporary.exists()
    assert not lock.exists()
    assert {path.name for path in place.iterdir()} == {".gitattributes", ".gitignore"}


def test_files_of_a_running_process_stay(children, place):
    child = children.start("hold", directory=place)
    temporary, lock = place / child.receive(), place / LOCKS / "living.lock"
    AudioCache(place).clear()
    assert AudioCache(place).put("k", AUDIO)
    assert temporary.exists(), "the temporary of a running writer was removed"
    assert lock.exists(), "the lock of a running caller was removed"
    # The lock's time may be old, if its process is stopped or the clocks differ: the lock is still held.
    backdate(lock, 7200)
    assert AudioCache(place).put("k", AUDIO)
    AudioCache(place).clear()
    assert lock.exists(), "a held lock was removed because of its age"
    child.send("end")
    assert child.result() == "done"
    assert not lock.exists()


def test_running_writer_rewrites_a_removed_temporary(place):
    cache = AudioCache(place)
    from support.torture_faults import Calls, counted

    def remove(_name, _arguments):
        for path in place.glob(".*.russo-tmp"):
            path.unlink()

    for at in range(1, 30):
        audio = make_audio("k", 2, at)
        with counted(Calls(at, remove)):
            assert cache.put("k", audio), at
        assert cache.get("k") == audio
        assert list(place.glob(".*.russo-tmp")) == []


def test_leftovers_of_other_machines_are_removed_by_age(place):
    # A process 1 runs on every machine, so the owner of this temporary is unknown.
    temporary = place / ".k.1-0123456789abcdef.russo-tmp"
    temporary.write_bytes(b"half of it")
    AudioCache(place).clear()
    assert temporary.exists()
    backdate(temporary, 7200)
    AudioCache(place).clear()
    assert not temporary.exists()


def test_impossible_process_numbers_are_leftovers(place):
    for number in ("9999999999", "4194305000"):
        (place / f".k.{number}-0123456789abcdef.russo-tmp").write_bytes(b"")
    AudioCache(place).clear()
    assert list(place.glob(".k.*")) == []


def test_lock_of_a_killed_process_does_not_block_others(children, place, tmp_path):
    leftovers_of_a_killed_writer(children, place)
    child = children.start("caller", directory=place, calls=tmp_path / "calls", prompts=["dead"], seconds=0)
    child.expect("ready")
    child.send("go")
    assert child.result(20)["outcomes"] == {"audio": 1}


def test_one_put_removes_a_thousand_leftovers(place):
    for number in range(1000):
        path = place / f".k.{number}-{number:016x}.russo-tmp"
        path.write_bytes(b"x" * 100)
        backdate(path, 3700)
    assert AudioCache(place).put("k", AUDIO)
    assert list(place.glob(".*.russo-tmp")) == []


def test_sweep_keeps_entries_and_git_files(children, place):
    before = {path.name for path in place.iterdir()}
    for path in place.iterdir():
        if path.is_file():
            backdate(path, 10**6)
    assert AudioCache(place).put("other", make_audio("other", 1, 0))
    assert AudioCache(place).get("k") == AUDIO
    assert {path.name for path in place.iterdir()} >= before - {LOCKS}
