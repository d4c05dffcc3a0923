import json
import logging
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from russo import Audio, AudioCache
from russo._audio import FORMATS
from russo.testing import speech_pcm, wav
from support.cache_files import AUDIO, KEY, empty_meta, entry_files, files_in
from support.speakers import sound

# Permissions do not stop a user who may write anywhere, such as root.
needs_permissions = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="file permissions do not restrict this user"
)


def test_documented_calls_work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cache = AudioCache()
    assert cache.get("abc123") is None
    cache.put("abc123", AUDIO, prompt="hello")
    assert cache.get("abc123") == AUDIO
    assert cache.size() == 1
    cache.clear()
    assert cache.size() == 0
    assert (tmp_path / ".russo_cache").is_dir()


@pytest.mark.parametrize("kind", [Path, str])
def test_directory_may_be_a_path_or_a_string(tmp_path, kind):
    cache = AudioCache(kind(tmp_path / "somewhere" / "deep"))
    assert cache.directory == tmp_path / "somewhere" / "deep"
    assert cache.put(KEY, AUDIO)
    assert AudioCache(directory=cache.directory).get(KEY) == AUDIO


def test_relative_directory_does_not_follow_a_later_chdir(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cache = AudioCache("here")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    cache.put(KEY, AUDIO)
    assert (tmp_path / "here" / f"{KEY}.audio").exists()


def test_repr_names_the_directory(tmp_path):
    assert repr(AudioCache(tmp_path)) == f"AudioCache({str(tmp_path)!r})"
    assert repr(AudioCache(tmp_path, read_only=True)) == f"AudioCache({str(tmp_path)!r}, read_only=True)"


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_all_five_audio_fields_are_stored_and_read_back(cache, name):
    audio = Audio(b"RIFF\x00\xff\r\nWAVE", name, 44100, 6, 3)
    cache.put(KEY, audio)
    assert AudioCache(cache.directory).get(KEY) == audio


def test_entry_is_the_audio_and_its_metadata(cache):
    cache.put(KEY, AUDIO, prompt="hello", fields={"own": {"voice": "a"}, "given": None})
    files = entry_files(cache.directory)
    assert set(files) == {f"{KEY}.audio", f"{KEY}.meta"}
    assert files[f"{KEY}.audio"] == AUDIO.data
    described = json.loads(files[f"{KEY}.meta"])
    assert (described["prompt"], described["fields"]) == ("hello", {"own": {"voice": "a"}, "given": None})
    assert list(described) == sorted(described)


def test_equal_puts_write_equal_files(tmp_path):
    caches = [AudioCache(tmp_path / name) for name in "ab"]
    for cache in (*caches, caches[1]):
        assert cache.put(KEY, AUDIO, prompt="hello", fields={"own": {"b": 1, "a": 2}, "given": None})
    assert files_in(caches[0].directory) == files_in(caches[1].directory)


def test_put_replaces_the_whole_entry(cache):
    cache.put(KEY, AUDIO, prompt="one")
    other = Audio(b"other", "mp3", 8000, 2, 1)
    cache.put(KEY, other, prompt="two")
    assert cache.get(KEY) == other
    assert cache.describe(KEY)["prompt"] == "two"
    assert cache.size() == 1


def test_large_audio_is_stored_and_read_back(cache):
    audio = Audio(wav(speech_pcm(0.1) * 3000), "wav")
    assert cache.put(KEY, audio)
    assert cache.get(KEY) == audio


def test_empty_audio_is_refused_and_replaces_nothing(cache):
    cache.put(KEY, AUDIO)
    with pytest.raises(ValueError, match=f"the audio for key {KEY} is empty"):
        cache.put(KEY, Audio(b""))
    assert cache.get(KEY) == AUDIO


@pytest.mark.parametrize("fields", [{"a": object()}, {1: 2}, {"a": float("nan")}, {"a": "x" * (1 << 20)}])
def test_fields_that_are_not_json_are_refused_and_nothing_is_written(cache, fields):
    with pytest.raises((TypeError, ValueError)):
        cache.put(KEY, AUDIO, fields=fields)
    assert not cache.directory.exists()


def test_lookup_gives_the_reason_of_a_miss(cache):
    assert cache.lookup(KEY).reason == "absent"
    assert not cache.lookup(KEY).damaged
    cache.put(KEY, AUDIO)
    assert cache.lookup(KEY) == AUDIO


def cut_audio(path):
    path.with_suffix(".audio").write_bytes(AUDIO.data[:-1])


def alter_audio(path):
    path.with_suffix(".audio").write_bytes(AUDIO.data[:-1] + b"\xff")


def remove_audio(path):
    path.with_suffix(".audio").unlink()


def replace_meta_by_directory(path):
    path.with_suffix(".meta").unlink()
    path.with_suffix(".meta").mkdir()


def grow_meta(path):
    path.with_suffix(".meta").write_bytes(b" " * (1 << 21))


def take_meta_of_another_key(path):
    other = AudioCache(path.parent)
    other.put("other", AUDIO)
    shutil.copy(path.with_name("other.meta"), path.with_suffix(".meta"))
    other.remove("other")


DAMAGE = [
    (cut_audio, "its audio has"),
    (alter_audio, "its audio fails its checksum"),
    (remove_audio, "its audio file is missing"),
    (empty_meta, "its metadata is not JSON"),
    (replace_meta_by_directory, "one of its files is not a regular file"),
    (grow_meta, "one of its files has 2097152 bytes"),
    (take_meta_of_another_key, "its metadata belongs to key 'other'"),
]


@pytest.mark.parametrize(("damage", "reason"), DAMAGE)
def test_damaged_entry_is_a_miss_that_is_logged_and_overwritten(cache, caplog, damage, reason):
    cache.put(KEY, AUDIO)
    damage(cache.directory / KEY)
    before = files_in(cache.directory)
    with caplog.at_level(logging.WARNING, "russo"):
        assert cache.get(KEY) is None
    assert [(record.name, record.levelname) for record in caplog.records] == [
        ("russo._store.cache", "WARNING")
    ]
    assert reason in caplog.text
    miss = cache.lookup(KEY)
    assert miss.damaged
    assert reason in miss.reason
    assert files_in(cache.directory) == before  # a reader removes nothing
    assert cache.put(KEY, AUDIO)
    assert cache.get(KEY) == AUDIO


def test_same_damage_is_logged_once(cache, caplog):
    cache.put(KEY, AUDIO)
    cut_audio(cache.directory / KEY)
    for _ in range(3):
        cache.get(KEY)
    assert len(caplog.records) == 1


def test_newer_format_is_a_miss_but_not_damaged(cache, caplog):
    cache.put(KEY, AUDIO)
    meta = cache.directory / f"{KEY}.meta"
    meta.write_text(meta.read_text().replace('"russo_cache": 1', '"russo_cache": 2'))
    assert cache.get(KEY) is None
    assert not cache.lookup(KEY).damaged
    assert "it has format version 2; this russo reads version 1" in cache.lookup(KEY).reason
    assert cache.describe(KEY) is None


def test_audio_without_metadata_is_not_an_entry(cache):
    cache.put(KEY, AUDIO)
    (cache.directory / f"{KEY}.meta").unlink()
    assert cache.lookup(KEY).reason == "absent"
    assert cache.size() == 0


def test_missing_directory_is_empty(cache):
    assert cache.get(KEY) is None
    assert cache.size() == 0
    assert cache.clear() == 0
    assert cache.remove(KEY) is False
    assert not cache.directory.exists()


def test_directory_that_is_a_file_is_logged_and_not_raised(tmp_path, caplog):
    path = tmp_path / "cache"
    path.write_bytes(b"a file")
    cache = AudioCache(path)
    assert cache.get(KEY) is None
    assert cache.lookup(KEY).reason == "absent"
    assert cache.size() == 0
    assert cache.put(KEY, AUDIO) is False
    assert f"audio is not stored in {path}" in caplog.text
    assert cache.clear() == 0
    assert path.read_bytes() == b"a file"


def test_failed_store_is_logged_once_per_kind(tmp_path, caplog):
    (tmp_path / "cache").write_bytes(b"a file")
    cache = AudioCache(tmp_path / "cache")
    for _ in range(3):
        assert not cache.put(KEY, AUDIO)
    assert len(caplog.records) == 1


@needs_permissions
def test_directory_that_cannot_be_written_is_logged_and_still_read(cache, caplog):
    cache.put(KEY, AUDIO)
    before = files_in(cache.directory)
    cache.directory.chmod(0o500)
    try:
        assert cache.put("other", AUDIO) is False
        assert cache.get(KEY) == AUDIO
        assert files_in(cache.directory) == before
    finally:
        cache.directory.chmod(0o700)
    assert "audio is not stored" in caplog.text


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit for file sizes")
def test_full_disk_keeps_the_old_entry_and_leaves_no_temporary_file(cache, tmp_path):
    cache.put(KEY, AUDIO)
    before = files_in(cache.directory)
    # A file size limit makes every larger write fail, as a full disk does.
    code = (
        "import resource, signal, sys; from russo import Audio, AudioCache\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))\n"
        "sys.exit(AudioCache(sys.argv[1]).put(sys.argv[2], Audio(b'x' * 100000, 'pcm')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(cache.directory), KEY], check=True, capture_output=True, text=True
    )
    assert "File too large" in done.stderr
    assert files_in(cache.directory) == before
    assert cache.get(KEY) == AUDIO


def test_read_only_cache_reads_and_refuses_to_write(cache, caplog):
    cache.put(KEY, AUDIO)
    before = files_in(cache.directory)
    recordings = AudioCache(cache.directory, read_only=True)
    assert recordings.get(KEY) == AUDIO
    assert recordings.size() == 1
    assert recordings.put(KEY, sound("other")) is False
    assert "this cache is read-only" in caplog.text
    for refused in (recordings.clear, lambda: recordings.remove(KEY)):
        with pytest.raises(PermissionError, match="this cache is read-only"):
            refused()
    assert files_in(cache.directory) == before


def test_read_only_cache_makes_no_directory(tmp_path):
    assert not AudioCache(tmp_path / "none", read_only=True).put(KEY, AUDIO)
    assert not (tmp_path / "none").exists()


def test_entry_that_is_a_link_is_replaced_and_its_target_is_unchanged(cache, tmp_path):
    cache.put(KEY, AUDIO)
    victim = tmp_path / "victim"
    victim.write_bytes(b"mine")
    (cache.directory / f"{KEY}.audio").unlink()
    (cache.directory / f"{KEY}.audio").symlink_to(victim)
    assert cache.put(KEY, AUDIO)
    assert victim.read_bytes() == b"mine"
    assert cache.get(KEY) == AUDIO


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no umask")
@pytest.mark.parametrize(("umask", "mode"), [(0o002, 0o664), (0o022, 0o644), (0o077, 0o600)])
def test_umask_decides_who_may_read(cache, umask, mode):
    before = os.umask(umask)
    try:
        cache.put(KEY, AUDIO)
    finally:
        os.umask(before)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in cache.directory.glob("*.*")}
    assert modes == {mode}
    assert stat.S_IMODE(cache.directory.stat().st_mode) == mode | ((mode & 0o444) >> 2)


def test_entry_holds_no_credential_and_no_time(cache):
    cache.put(KEY, AUDIO, prompt="hello", fields={"own": {"voice": "a"}, "given": None})
    os.utime(cache.directory / f"{KEY}.audio", (1, 1))
    described = cache.describe(KEY)
    assert set(described) == {
        "russo_cache",
        "key",
        "format",
        "sample_rate",
        "channels",
        "sample_width",
        "prompt",
        "fields",
        "size",
        "checksum",
    }
    assert cache.get(KEY) == AUDIO


def test_describe_reads_only_the_metadata(cache):
    assert cache.describe(KEY) is None
    cache.put(KEY, AUDIO, prompt="hello")
    remove_audio(cache.directory / KEY)
    assert cache.describe(KEY)["prompt"] == "hello"
    empty_meta(cache.directory / KEY)
    assert cache.describe(KEY) is None
