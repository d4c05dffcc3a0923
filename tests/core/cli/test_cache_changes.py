import json
import time

import pytest

from russo import Audio, AudioCache
from russo._store.entry import encode_meta
from russo._store.pair import write_pair
from support.command import SPEAKER_FIELDS, damage_audio, numbered_key, russo, set_age, store_prompts
from support.speakers import sound
from support.terminal import run_on_terminal


def keys_of(cache):
    return sorted(cache.stored_keys())


def files_of(cache):
    return {path.name: path.read_bytes() for path in cache.directory.iterdir() if path.is_file()}


def test_verify_of_undamaged_entries_exits_with_0(cache):
    result = russo("cache", "verify")
    assert (result.code, result.out) == (0, "3 entries are whole, 0 not\n")


def test_verify_finds_every_kind_of_damage(cache):
    damage_audio(cache, 1)
    (cache.directory / f"{numbered_key(2)}.audio").unlink()
    (cache.directory / f"{numbered_key(3)}.meta").unlink()
    result = russo("cache", "verify", "--json")
    assert result.code == 1
    assert result.json["checked"] == 3
    assert {each["key"]: each["reason"] for each in result.json["damaged"]} == {
        numbered_key(1): "its audio fails its checksum",
        numbered_key(2): "its audio file is missing",
        numbered_key(3): "its metadata is missing",
    }
    assert "its audio fails its checksum" in russo("cache", "verify").out


def test_repair_removes_only_damaged_entries(cache):
    damage_audio(cache, 1)
    (cache.directory / f"{numbered_key(2)}.audio").unlink()
    (cache.directory / "notes.txt").write_text("mine")
    assert russo("cache", "verify", "--repair", "--dry-run").code == 1
    refused = russo("cache", "verify", "--repair")
    assert refused.code == 2
    assert "add --yes to remove" in refused.err
    assert numbered_key(1) in keys_of(cache)
    assert russo("cache", "verify", "--repair", "--yes").code == 0
    assert sorted(files_of(cache)) == [
        ".gitattributes",
        ".gitignore",
        f"{numbered_key(3)}.audio",
        f"{numbered_key(3)}.meta",
        "notes.txt",
    ]
    assert russo("cache", "verify").code == 0


def test_repair_keeps_entries_of_a_newer_russo(cache):
    path = cache.directory / f"{numbered_key(1)}.meta"
    path.write_text(json.dumps({**json.loads(path.read_text()), "russo_cache": 99}))
    result = russo("cache", "verify", "--repair", "--yes", "--json")
    assert result.code == 1
    assert result.json["damaged"][0]["removed"] is False
    assert path.exists()


def test_damaged_recordings_are_listed_and_kept(cache, recordings):
    damage_audio(recordings, 8)
    before = files_of(recordings)
    result = russo("cache", "verify", "--repair", "--yes", "--json")
    assert (result.code, result.json["damaged"][0]["layer"]) == (1, "recordings")
    assert files_of(recordings) == before


@pytest.fixture
def aged_cache(cache):
    """Return the cache; its entries were stored 3, 2 and 1 days ago."""
    now = time.time()
    for number in (1, 2, 3):
        set_age(cache, number, (4 - number) * 86400 + 60, now)
    return cache


@pytest.mark.parametrize(
    ("age", "left"), [("36h", [3]), ("2d", [3]), ("3d", [2, 3]), ("1w", [1, 2, 3]), ("1min", [])]
)
def test_prune_removes_older_entries(aged_cache, age, left):
    assert russo("cache", "prune", "--older-than", age, "--yes").code == 0
    assert keys_of(aged_cache) == [numbered_key(number) for number in left]


def test_prune_removes_the_oldest_entries_until_the_size_fits(aged_cache):
    sizes = [entry["bytes"] for entry in russo("cache", "list", "--sort", "age", "--json").json["entries"]]
    assert russo("cache", "prune", "--max-size", str(sum(sizes)), "--yes").code == 0
    assert len(keys_of(aged_cache)) == 3
    assert russo("cache", "prune", "--max-size", str(sum(sizes) - 1), "--yes").code == 0
    assert keys_of(aged_cache) == [numbered_key(2), numbered_key(3)]
    assert russo("cache", "prune", "--max-size", f"{sizes[0]}B", "--yes").code == 0
    assert keys_of(aged_cache) == [numbered_key(3)]


def test_dry_run_of_prune_lists_entries_and_removes_nothing(aged_cache):
    before = files_of(aged_cache)
    result = russo("cache", "prune", "--older-than", "2d", "--dry-run")
    assert result.code == 0
    assert result.lines[-1].startswith("2 entries (")
    assert result.lines[-1].endswith(" would be removed")
    assert [line[:13] for line in result.lines[1:3]] == ["Book a flight", "Turn on the l"]
    assert files_of(aged_cache) == before
    assert russo("cache", "prune", "--older-than", "2d", "--dry-run", "--json").json["removed"] == 0


def test_prune_refuses_a_cache_that_is_itself_a_git_work_tree(aged_cache):
    (aged_cache.directory / ".git").mkdir()
    result = russo("cache", "prune", "--max-size", "0", "--yes")
    assert result.code == 2
    assert f"is inside the git work tree {aged_cache.directory}" in result.err
    assert len(keys_of(aged_cache)) == 3


def test_prune_reads_an_age_in_minutes(cache):
    now = time.time()
    for number, age in ((1, 46), (2, 44 * 60), (3, 46 * 60)):
        set_age(cache, number, age, now)
    assert russo("cache", "prune", "--older-than", "45min", "--yes").code == 0
    assert keys_of(cache) == [numbered_key(1), numbered_key(2)]


@pytest.mark.parametrize("marker", ["folder", "file"])
def test_prune_refuses_inside_a_git_work_tree_unless_forced(folder, aged_cache, marker):
    if marker == "folder":
        (folder / ".git").mkdir()
    else:
        (folder / ".git").write_text("gitdir: elsewhere\n")
    for option in (["--older-than", "1min"], ["--max-size", "0"]):
        result = russo("cache", "prune", *option, "--yes")
        assert result.code == 2
        assert f"is inside the git work tree {folder}" in result.err
    assert len(keys_of(aged_cache)) == 3
    assert russo("cache", "prune", "--older-than", "1min", "--yes", "--force").code == 0
    assert keys_of(aged_cache) == []


@pytest.mark.parametrize(
    "arguments", [[], ["--older-than", "soon"], ["--older-than", "-1d"], ["--max-size", "5 apples"]]
)
def test_prune_without_a_valid_limit_is_wrong_usage(aged_cache, arguments):
    assert russo("cache", "prune", *arguments, "--yes").code == 2
    assert len(keys_of(aged_cache)) == 3


@pytest.mark.parametrize("command", [["clear"], ["prune", "--older-than", "1min"]])
def test_nothing_is_removed_without_a_terminal_or_yes(aged_cache, command):
    result = russo("cache", *command)
    assert result.code == 2
    assert "nothing was removed: russo must ask first, and standard input is not a terminal" in result.err
    assert len(keys_of(aged_cache)) == 3
    result = russo("cache", *command, "--yes", "--json")
    assert (result.code, result.json["removed"], len(result.json["entries"])) == (0, 3, 3)
    assert keys_of(aged_cache) == []


@pytest.mark.parametrize(
    ("answer", "code", "left"), [("y\n", 0, 0), ("n\n", 1, 3), ("\n", 1, 3), ("\3", 130, 3)]
)
def test_clear_asks_on_a_terminal(cache, answer, code, left):
    shown = run_on_terminal("cache", "clear", answer=answer, code=code)
    assert "Remove 3 entries (" in shown
    assert len(keys_of(cache)) == left


def test_clear_keeps_recordings_and_foreign_files(cache, recordings):
    (cache.directory / "notes.txt").write_text("mine")
    before = files_of(recordings)
    assert russo("cache", "clear", "--yes").code == 0
    assert (keys_of(cache), files_of(recordings)) == ([], before)
    assert (cache.directory / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("command", [["clear"], ["prune", "--older-than", "1s"], ["verify", "--repair"]])
@pytest.mark.parametrize("path", ["kept", "link"])
def test_nothing_is_removed_if_the_cache_is_the_recordings(folder, recordings, command, path):
    (folder / "link").symlink_to("kept")
    damage_audio(recordings, 8)
    set_age(recordings, 8, 1000, time.time())
    before = files_of(recordings)
    result = russo("cache", *command, "--cache-dir", path, "--yes")
    assert result.code == 2
    assert "holds the recordings" in result.err
    assert files_of(recordings) == before


def test_clear_of_an_empty_cache_does_not_ask():
    result = russo("cache", "clear")
    assert (result.code, result.out) == (0, "0 entries removed (0 B)\n")


def test_long_list_of_entries_to_remove_is_shortened(folder):
    store_prompts(folder / ".russo_cache", *(f"prompt {number}" for number in range(25)))
    lines = russo("cache", "clear", "--dry-run").lines
    assert len(lines) == 1 + 20 + 2
    assert lines[-2] == "and 5 more"


def test_promote_copies_entries_that_are_not_recorded_yet(cache, recordings):
    before = files_of(recordings)
    result = russo("cache", "promote", "--grep", "book")
    assert (result.code, result.lines[-1]) == (0, "2 entries copied to the recordings")
    assert keys_of(recordings) == [numbered_key(1), numbered_key(3), numbered_key(8)]
    assert {**files_of(recordings), **before} == files_of(recordings)
    for number in (1, 3):
        for suffix in (".audio", ".meta"):
            name = f"{numbered_key(number)}{suffix}"
            assert (recordings.directory / name).read_bytes() == (cache.directory / name).read_bytes()
    assert russo("cache", "promote", "--grep", "book").lines[-1] == "0 entries copied to the recordings"
    assert len(keys_of(cache)) == 3


def test_promote_replaces_only_damaged_recordings(folder, cache, recordings):
    recordings.put(
        numbered_key(1),
        sound("of the team"),
        prompt="Book a flight",
        fields={"own": SPEAKER_FIELDS, "given": None},
    )
    recordings.put(numbered_key(2), sound("Turn on the light"), prompt="Turn on the light")
    damage_audio(recordings, 2)
    assert russo("cache", "promote", "--json").json["copied"] == 2
    assert recordings.get(numbered_key(1)) == sound("of the team")
    assert recordings.get(numbered_key(2)) == sound("Turn on the light")


def test_dry_run_of_promote_copies_nothing(cache, recordings):
    before = files_of(recordings)
    result = russo("cache", "promote", "--dry-run")
    assert (result.code, result.lines[-1]) == (0, "3 entries would be copied")
    assert files_of(recordings) == before


def test_promote_makes_the_recordings_directory(folder, cache):
    assert russo("cache", "promote", "--recordings-dir", "new/kept").code == 0
    assert AudioCache(folder / "new" / "kept").size() == 3


def test_promote_without_recordings_is_wrong_usage(folder, cache):
    result = russo("cache", "promote")
    assert result.code == 2
    assert "give --recordings-dir DIR, or set russo_recordings_dir" in result.err
    assert russo("cache", "promote", "--recordings-dir", ".russo_cache").code == 2


def test_promote_fails_if_an_entry_is_damaged(cache, recordings):
    damage_audio(cache, 1)
    result = russo("cache", "promote")
    assert (result.code, result.lines[-1]) == (1, "2 entries copied to the recordings")
    assert "1 entry could not be copied" in result.err


def test_promote_fails_for_raw_samples_declared_as_wav(cache, recordings):
    key, audio = numbered_key(9), Audio(b"samples of an earlier russo")
    write_pair(cache.directory, key, audio.data, encode_meta(key, audio, prompt="old", fields=None))
    assert cache.get(key) == audio
    result = russo("cache", "promote")
    assert (result.code, result.lines[-1]) == (1, "3 entries copied to the recordings")
    assert "'old' is not copied: Audio of format 'wav' is not a WAV file" in result.err.replace("\n", " ")
