"""Foreign files are never changed: not by clear, not by puts, not through keys that look like paths."""

import json
import os
import shutil
import subprocess

import pytest

from russo import AudioCache
from russo._store.entry import encode_meta
from support.torture_audio import make_audio
from support.torture_work import many, snapshot

HEX = "0123456789abcdef" * 4
OURS = ("k", "0" * 64, "a-b_c")


def fill(directory):
    """Put three entries into the directory, and return the cache."""
    cache = AudioCache(directory)
    for key in OURS:
        assert cache.put(key, make_audio(key, 1, 0), prompt="hello")
    return cache


def foreign_only(seen):
    """Return a snapshot without the files of the three entries."""
    ours = {f"{key}.{suffix}" for key in OURS for suffix in ("audio", "meta")}
    return {name: what for name, what in seen.items() if name not in ours and name != ".russo-locks"}


def make_home(path):
    """Fill a directory with files of people and programs; some are named like files of russo."""
    for name in (
        "Documents",
        "Music",
        ".config/app",
        "x.audio.d",
        HEX + ".audio",
        "c" * 64 + ".meta",
        "d.meta",
    ):
        (path / name).mkdir(parents=True)
        (path / name / "notes.txt").write_text(name)
        (path / name / "inner.audio").write_bytes(b"not at the top")
        (path / name / f"{HEX}.meta").write_bytes(b"not at the top")
    files = {
        ".bashrc": b"alias x=y\n",
        "song.audio": b"RIFF....",
        "song.meta": b'{"artist": "somebody"}',
        "unity.meta": b"fileFormatVersion: 2\nguid: 0123456789abcdef\n",
        "lonely.audio": b"",
        "lonely.meta": b"",
        "list.meta": b"[1, 2, 3]",
        "key.meta": json.dumps({"russo_cache": 1, "key": "key"}).encode(),
        "moved.meta": encode_meta("other-name", make_audio("other-name", 1, 0), prompt=None, fields=None),
        "UPPER.audio": b"x",
        "UPPER.meta": b"x",
        HEX[:63] + ".audio": b"63 digits",
        HEX.upper() + ".audio": b"upper case",
        HEX + "0.audio": b"65 digits",
        HEX + ".audio.bak": b"a copy",
        HEX + ".AUDIO": b"upper suffix",
        HEX: b"no suffix",
        ".audio": b"only a suffix",
        ".meta": b"only a suffix",
        "download.russo-tmp": b"not our pattern",
        ".k.12-xyz.russo-tmp": b"not our pattern",
        f".k.{os.getpid()}-0123456789abcdef.tmp": b"not our suffix",
        "..meta": b"dots",
        "con.meta": b"a device",
        "poetry.lock": b"locked",
    }
    for name, content in files.items():
        (path / name).write_bytes(content)
    (path / "private").write_bytes(b"secret")
    (path / "private").chmod(0o400)


def make_links(path):
    """Fill a directory with links, named like entries, to files and folders elsewhere."""
    elsewhere = path.parent / "elsewhere"
    elsewhere.mkdir()
    real = AudioCache(elsewhere)
    assert real.put("linked", make_audio("linked", 1, 0))
    for digits in ("1" * 64, "2" * 64):
        for suffix in ("audio", "meta"):
            (elsewhere / f"{digits}.{suffix}").write_bytes(b"precious")
            (path / f"{digits}.{suffix}").symlink_to(elsewhere / f"{digits}.{suffix}")
    for suffix in ("audio", "meta"):
        (path / f"linked.{suffix}").symlink_to(elsewhere / f"linked.{suffix}")
    (path / f"{'f' * 64}.audio").symlink_to(elsewhere)
    (path / f"{'f' * 64}.meta").symlink_to("nowhere")
    (elsewhere / "poetry.lock").write_bytes(b"locked")
    (elsewhere / "k.lock").write_bytes(b"named like a lock of russo")
    (path / ".russo-locks").symlink_to(elsewhere)
    (path / ".k.1-0123456789abcdef.russo-tmp").symlink_to(elsewhere / "poetry.lock")
    return elsewhere


@pytest.fixture
def place(tmp_path):
    path = tmp_path / "place"
    path.mkdir()
    return path


def test_clear_in_a_home_directory_removes_only_entries(place):
    make_home(place)
    before = snapshot(place)
    cache = fill(place)
    assert cache.size() == 3
    assert cache.clear() == 3
    assert foreign_only(snapshot(place)) == before
    assert not any((place / f"{key}.{suffix}").exists() for key in OURS for suffix in ("audio", "meta"))
    assert cache.clear() == 0
    assert snapshot(place) == before


def test_first_put_and_reads_in_a_home_directory_change_no_other_file(place):
    make_home(place)
    for name in os.listdir(place):
        if not (place / name).is_symlink():
            os.utime(place / name, (1, 1))
    before = snapshot(place)
    cache = fill(place)
    assert list(cache.stored_keys()) != []
    for key in ("song", "unity", "lonely", "list", "key", "moved", "none"):
        assert cache.get(key) is None
        assert cache.describe(key) is None
    assert foreign_only(snapshot(place)) == before


def test_clear_in_a_directory_of_links_follows_no_link(place):
    elsewhere = make_links(place)
    before, before_elsewhere = snapshot(place), snapshot(elsewhere)
    cache = fill(place)
    assert cache.get("linked") is not None, "an entry may be read through links"
    assert cache.clear() == 3
    assert snapshot(place) == before
    assert snapshot(elsewhere) == before_elsewhere


def test_put_replaces_a_link_and_not_its_target(place):
    elsewhere = make_links(place)
    before = snapshot(elsewhere)
    cache = AudioCache(place)
    audio = make_audio("linked", 2, 2)
    assert cache.put("linked", audio)
    assert cache.get("linked") == audio
    assert snapshot(elsewhere) == before


def test_clear_in_a_git_checkout_leaves_the_repository_whole(place):
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    make_home(place)

    def git(*arguments):
        environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
        options = ("-c", "user.name=t", "-c", "user.email=t@example.invalid")
        command = ["git", *options, *arguments]
        return subprocess.run(
            command, cwd=place, env=environment, check=True, capture_output=True, text=True
        ).stdout

    git("init", "-q")
    git("add", "-A")
    git("commit", "-qm", "before")
    before = snapshot(place / ".git")
    cache = fill(place)
    assert cache.clear() == 3
    assert snapshot(place / ".git") == before
    assert git("status", "--porcelain") == ""
    git("fsck", "--full")


def test_remove_of_one_key_removes_no_link_target_and_no_directory(place):
    make_home(place)
    elsewhere = make_links(place)
    before, before_elsewhere = snapshot(place), snapshot(elsewhere)
    cache = AudioCache(place)
    for key in ("linked", HEX, "c" * 64, "d", "f" * 64, "none"):
        cache.remove(key)
    assert snapshot(place) == before
    assert snapshot(elsewhere) == before_elsewhere


def test_clears_puts_and_reads_at_once_change_no_foreign_file(children, place, seed, report_figure):
    make_home(place)
    before = snapshot(place)
    result = children.run("clear_storm", directory=place, seed=seed, seconds=0.2 * many(10))
    assert result["problems"] == []
    assert result["hits"] > 0
    report_figure("clears, puts and reads at once", result)
    AudioCache(place).clear()
    assert snapshot(place) == before


KEYS = [
    "", ".", "..", "../k", "../../etc/passwd", "/etc/passwd", "a/b", "a\\b", "C:", "c:k", "C:\\k", "\\\\host\\share", "~",
    "a.b", ".hidden", "k.audio", "k\0", "\0", "k\n", "\nk", " k", "k ", "k\t", "k" * 300, "k" * 129, "K", "Key", "ABC",
    "é", "e\u0301", "\u017f", "k\u200b", "\uff11", "\ud800", "con", "nul", "aux", "prn", "com1", "lpt9", "-k", "_k", "k*", "k?",
    "k<", "k|", 'k"', "%2e%2e", "k;rm", "$HOME", None, 1, b"k", ("k",), True,
]  # fmt: skip


@pytest.mark.parametrize("key", KEYS, ids=ascii)
@pytest.mark.parametrize("call", ["get", "lookup", "put", "remove", "describe"])
def test_key_that_is_not_a_plain_name_is_refused_and_writes_nothing(tmp_path, call, key, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cache = AudioCache(tmp_path / "deep" / "er" / "cache")
    assert cache.put("fine", make_audio("fine", 1, 0))
    before = snapshot(tmp_path)
    arguments = (make_audio("k", 1, 0),) if call == "put" else ()
    with pytest.raises(ValueError, match=r"is not a key: a key has .* lower-case letters, digits"):
        getattr(cache, call)(key, *arguments)
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("key", ["k", "0", "a-b_c", "k" * 128, HEX, "console", "com10", "lpt", "nul0"])
def test_plain_names_are_keys(cache, key):
    audio = make_audio(key, 1, 0)
    assert cache.put(key, audio)
    assert cache.get(key) == audio
    assert cache.size() == 1


def test_entry_renamed_to_another_key_is_a_miss(cache):
    assert cache.put("abc", make_audio("abc", 1, 0))
    for suffix in ("audio", "meta"):
        os.rename(cache.directory / f"abc.{suffix}", cache.directory / f"abd.{suffix}")
    assert cache.get("abd") is None
    assert cache.get("abc") is None
    assert list(cache.stored_keys()) == []
