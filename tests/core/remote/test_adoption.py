"""At the end of a run, the entries of the store replace those of lost races."""

import dataclasses
import os
import threading

import pytest

from russo import AudioCache, StoreError
from russo._remote import adoption as adoption_module
from russo._remote.adoption import adopt
from russo._remote.objects import object_name, pack
from russo._remote.pins import LockFile, Pin
from support.cache_files import KEY, entry_files
from support.remote.stores import access_to, pair_of, raises
from support.speakers import sound

WINNER = pair_of(audio=sound("winner"))


@pytest.fixture
def lost(store, cache):
    """A store with the winner's entry, and the access of a machine that lost the race."""
    store.objects[object_name(KEY)] = pack(WINNER)
    cache.put(KEY, sound("loser"))
    access = access_to(store)
    access.lost.add(KEY, cache.directory)
    return access


def test_entry_of_the_store_replaces_that_of_the_run_byte_for_byte(lost, cache):
    assert adopt(lost) == 1
    assert entry_files(cache.directory) == {f"{KEY}.meta": WINNER.meta, f"{KEY}.audio": WINNER.data}


def test_same_bytes_that_sound_different_replace_those_of_the_run(lost, store, cache):
    slow = dataclasses.replace(sound("loser"), sample_rate=8000)
    store.objects[object_name(KEY)] = pack(pair_of(audio=slow))
    assert adopt(lost) == 1
    assert cache.get(KEY) == slow


def test_second_adoption_does_nothing(lost, store):
    adopt(lost)
    asked = len(store.calls)
    assert adopt(lost) == 0
    assert len(store.calls) == asked


def test_same_audio_stays_as_it_is(lost, cache):
    cache.put(KEY, sound("winner"), prompt="of this machine")
    before = entry_files(cache.directory)
    assert adopt(lost) == 0
    assert entry_files(cache.directory) == before


def test_entry_that_was_removed_stays_removed(lost, cache):
    cache.remove(KEY)
    assert adopt(lost) == 0
    assert cache.get(KEY) is None


@pytest.mark.parametrize("what", ["outage", "absent", "damaged", "pinned"])
def test_without_a_usable_entry_that_of_the_run_stays(lost, store, cache, tmp_path, what):
    if what == "outage":
        store.before = raises(StoreError("timed out"))
    elif what == "absent":
        store.objects.clear()
    elif what == "damaged":
        store.objects[object_name(KEY)] = b"<html>"
    else:
        LockFile(tmp_path / "russo.lock").update({KEY: Pin.of(sound("loser"), None)})
        lost = access_to(store, lock_file=tmp_path / "russo.lock")
        lost.lost.add(KEY, cache.directory)
    assert adopt(lost) == 0
    assert cache.get(KEY) == sound("loser")


def test_cache_that_cannot_be_written_keeps_its_entry(lost, cache, monkeypatch):
    def refuse(cache, key, pair):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(adoption_module, "store_entry", refuse)
    assert adopt(lost) == 0
    assert cache.get(KEY) == sound("loser")


def test_many_entries_in_several_caches(store, tmp_path):
    access = access_to(store)
    caches = [AudioCache(tmp_path / f"{number}") for number in range(3)]
    for number in range(60):
        key = f"{number:064x}"
        store.objects[object_name(key)] = pack(pair_of(key, sound(f"winner {number}")))
        caches[number % 3].put(key, sound("loser"))
        access.lost.add(key, caches[number % 3].directory)
    assert adopt(access) == 60
    assert all(caches[n % 3].get(f"{n:064x}") == sound(f"winner {n}") for n in range(60))


def test_after_its_limit_no_further_entry_is_asked_for(lost, store, monkeypatch):
    monkeypatch.setattr(adoption_module, "_SECONDS", 0.0)
    assert adopt(lost) == 0
    assert store.calls == []


def test_error_in_one_entry_keeps_no_other_from_its_adoption(lost, store, cache, monkeypatch):
    plain = adoption_module.read_entry

    def read(cache, key):
        if key != KEY:
            raise MemoryError
        return plain(cache, key)

    other = "f" * 64
    store.objects[object_name(other)] = pack(pair_of(other))
    lost.lost.add(other, cache.directory)
    monkeypatch.setattr(adoption_module, "read_entry", read)
    assert adopt(lost) == 1


def test_forked_child_leaves_the_lost_races_to_its_parent(lost, tmp_path, monkeypatch):
    lost.share(tmp_path)
    lost.lost.add("f" * 64, tmp_path)
    parent = os.getpid()
    with monkeypatch.context() as patch:
        patch.setattr(os, "getpid", lambda: parent + 1)
        assert adopt(lost) == 0
    assert lost.lost.take().keys() == {KEY, "f" * 64}


def test_without_threads_nothing_is_adopted(lost, monkeypatch):
    def refuse(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(adoption_module, "start", refuse)
    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert adopt(lost) == 0
