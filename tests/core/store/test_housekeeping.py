import os
import subprocess
import sys
import time

import pytest

from russo import Audio, AudioCache
from russo._store import housekeeping
from support.cache_files import AUDIO, GIT_FILES, KEY, empty_meta, entry_files, files_in

FOREIGN = {
    "notes.txt": b"mine",
    "song.audio": b"nobody's",
    "Unity.meta": b"fileFormatVersion: 2",
    "unity.meta": b"fileFormatVersion: 2",
    "unity.audio": b"beside it",
    f"{KEY[:-1]}.meta": b"{}",
    f"{KEY}.audio.bak": b"",
    f".{KEY[:48]}.1-0.russo-tmp": b"not our form",
    "x.russo-tmp": b"",
    ".gitkeep": b"",
    "con.meta": b"{}",
    "my song.meta": b"{}",
}


@pytest.mark.parametrize("number", [0, 1, 7])
def test_size_and_clear_return_the_number_of_entries(cache, number):
    for at in range(number):
        cache.put(f"entry-{at}", AUDIO)
    assert cache.size() == number
    assert sorted(cache.stored_keys()) == [f"entry-{at}" for at in range(number)]
    assert cache.clear() == number
    assert cache.size() == 0
    assert entry_files(cache.directory) == {} if number else not cache.directory.exists()


def test_remove_deletes_one_entry(cache):
    cache.put(KEY, AUDIO)
    cache.put("other", AUDIO)
    assert cache.remove(KEY) is True
    assert cache.remove(KEY) is False
    assert list(cache.stored_keys()) == ["other"]
    assert cache.get("other") == AUDIO


def test_clear_keeps_foreign_files(cache, tmp_path):
    cache.put(KEY, AUDIO)
    cache.put("named", AUDIO)
    for name, data in FOREIGN.items():
        (cache.directory / name).write_bytes(data)
    (cache.directory / "sub").mkdir()
    (cache.directory / "sub" / f"{KEY}.meta").write_bytes(b"in a sub-directory")
    (cache.directory / "dir.meta").mkdir()
    assert cache.size() == 2
    assert cache.clear() == 2
    left = files_in(cache.directory)
    assert left == {**FOREIGN, **GIT_FILES, f"sub/{KEY}.meta": b"in a sub-directory"}
    assert (cache.directory / "dir.meta").is_dir()


def test_clear_removes_orphans_and_temporary_files_of_dead_writers(cache):
    cache.put(KEY, AUDIO)
    (cache.directory / f"{'a' * 64}.audio").write_bytes(b"killed before its metadata")
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    (cache.directory / f".{KEY[:48]}.{dead.pid}-0123456789abcdef.russo-tmp").write_bytes(b"half")
    assert cache.clear() == 1
    assert files_in(cache.directory) == GIT_FILES


def test_clear_removes_damaged_entries(cache):
    cache.put(KEY, AUDIO)
    empty_meta(cache.directory / KEY)
    cache.clear()
    assert files_in(cache.directory) == GIT_FILES


def test_clear_removes_audio_that_its_listing_lacks(cache, monkeypatch):
    cache.put("a", AUDIO)
    listed = [name for name in housekeeping.file_names(cache.directory) if name != "a.audio"]
    monkeypatch.setattr(housekeeping, "file_names", lambda _directory: listed)
    assert cache.clear() == 1
    assert files_in(cache.directory) == GIT_FILES


def test_clear_keeps_audio_that_is_a_link_beside_metadata_that_is_none(cache, tmp_path):
    cache.put("a", AUDIO)
    (cache.directory / "a.audio").rename(tmp_path / "elsewhere")
    (cache.directory / "a.audio").symlink_to(tmp_path / "elsewhere")
    assert cache.clear() == 1
    assert (cache.directory / "a.audio").is_symlink()


def test_clear_does_not_follow_links(cache, tmp_path):
    target = AudioCache(tmp_path / "target")
    target.put(KEY, AUDIO)
    target.put("b", AUDIO)
    before = files_in(target.directory)
    cache.put("c", AUDIO)
    for name in (f"{KEY}.meta", f"{KEY}.audio", "b.meta", "b.audio"):
        (cache.directory / name).symlink_to(target.directory / name)
    (cache.directory / "linked").symlink_to(target.directory, target_is_directory=True)
    assert cache.clear() == 1
    assert files_in(target.directory) == before
    assert (cache.directory / "linked").is_symlink()


def test_clear_keeps_the_files_of_a_linked_lock_directory(cache, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "poetry.lock").write_bytes(b"a user's")
    cache.put(KEY, AUDIO)
    (cache.directory / ".russo-locks").symlink_to(elsewhere, target_is_directory=True)
    cache.clear()
    assert files_in(elsewhere) == {"poetry.lock": b"a user's"}


def test_first_put_removes_only_old_temporary_files(cache):
    cache.directory.mkdir()
    names = [f".{KEY[:48]}.1-{digit * 16}.russo-tmp" for digit in "ab"]
    for name in names:
        (cache.directory / name).write_bytes(b"half")
    os.utime(cache.directory / names[0], (1, 1))
    cache.put(KEY, AUDIO)
    assert set(files_in(cache.directory)) == {names[1], f"{KEY}.audio", f"{KEY}.meta"}


def make_leftover(directory, name, age):
    """Make the temporary file of a writer that died `age` seconds ago."""
    path = directory / f".{name}.1-{'0' * 16}.russo-tmp"
    path.write_bytes(b"x")
    os.utime(path, (time.time() - age, time.time() - age))
    return path


def test_sweep_measures_ages_by_the_clock_of_the_file_server(tmp_path):
    fresh, young = tmp_path / "fresh", make_leftover(tmp_path, "young", 0)
    fresh.touch()
    os.utime(fresh, (time.time() + 7200, time.time() + 7200))
    housekeeping.sweep(tmp_path, str(fresh))
    assert not young.exists()
    old = make_leftover(tmp_path, "old", 7200)
    os.utime(fresh, (time.time() - 7200, time.time() - 7200))
    housekeeping.sweep(tmp_path, str(fresh))
    assert old.exists()


def test_one_cache_object_sweeps_once(tmp_path):
    cache = AudioCache(tmp_path)
    cache.put("a", Audio(b"sound", "pcm"))
    old = make_leftover(tmp_path, "old", 7200)
    cache.put("b", Audio(b"sound", "pcm"))
    assert old.exists()
    AudioCache(tmp_path).put("c", Audio(b"sound", "pcm"))
    assert not old.exists()


@pytest.mark.parametrize(("age", "stays"), [(0, True), (600, True), (3500, True), (3700, False)])
def test_temporary_file_of_a_slow_writer_is_kept_for_an_hour(tmp_path, age, stays):
    temporary = make_leftover(tmp_path, "slow", age)
    AudioCache(tmp_path).put("a", AUDIO)
    assert temporary.exists() == stays


def test_entry_of_a_newer_russo_is_counted_and_cleared(cache):
    cache.put("named", AUDIO)
    meta = cache.directory / "named.meta"
    meta.write_text(meta.read_text().replace('"russo_cache": 1', '"russo_cache": 2'))
    assert cache.size() == 1
    assert cache.clear() == 1
    assert entry_files(cache.directory) == {}


def test_half_removed_entry_is_absent_and_not_damaged(cache, monkeypatch):
    cache.put(KEY, AUDIO)
    unlink, done = os.unlink, []

    def fail_at_the_second(path, **options):
        done.append(path)
        if len(done) == 2:
            raise OSError(5, "Input/output error")
        return unlink(path, **options)

    monkeypatch.setattr(os, "unlink", fail_at_the_second)
    with pytest.raises(OSError, match="Input/output"):
        cache.remove(KEY)
    assert cache.lookup(KEY).reason == "absent"
