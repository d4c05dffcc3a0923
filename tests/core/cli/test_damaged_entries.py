"""All ``russo cache`` commands agree on which files are entries and which entries are damaged."""

import os

import pytest

from russo import Audio
from russo._store.entry import encode_meta
from russo._store.pair import write_pair
from support.command import damage_audio, numbered_key, russo

DAMAGED = numbered_key(1)
REPAIRED = ["verify", "--repair", "--yes"]


def make_directory(path):
    path.unlink()
    path.mkdir()


def make_link_to_nothing(path):
    path.unlink()
    path.symlink_to("nothing")


def make_pipe(path):
    path.unlink()
    os.mkfifo(path)


# What replaces a file, and whether russo may remove the entry.
PLACES = {
    "nothing": (os.unlink, True),
    "empty": (lambda path: path.write_bytes(b""), True),
    "a directory": (make_directory, False),
    "a link": (make_link_to_nothing, False),
    **({"not a regular file": (make_pipe, False)} if hasattr(os, "mkfifo") else {}),
}


@pytest.fixture(params=PLACES)
def place(request):
    return request.param


@pytest.fixture(params=[".audio", ".meta"])
def name(cache, place, request):
    """Damage one file of entry 1 and return the file's name."""
    path = cache.directory / f"{DAMAGED}{request.param}"
    PLACES[place][0](path)
    return path.name


def test_all_commands_show_the_same_entries_as_damaged(cache, name):
    (found,) = russo("cache", "verify", "--json").json["damaged"]
    assert found["key"] == DAMAGED
    listed = {each["key"]: each.get("problem") for each in russo("cache", "list", "--json").json["entries"]}
    assert listed == {DAMAGED: found["reason"], numbered_key(2): None, numbered_key(3): None}
    assert f"damaged: {found['reason']}" in russo("cache", "list").out
    info = russo("cache", "info", "--json").json
    assert (info["entries"], info["damaged"]) == (3, 1)
    assert "1 entry is damaged" in russo("cache", "info").err
    exported = russo("cache", "export", "out", "--json")
    assert [(each["key"], each["reason"]) for each in exported.json["damaged"]] == [
        (DAMAGED, found["reason"])
    ]
    assert exported.code == 1
    assert f"damaged, and counts as a miss: {found['reason']}" in russo("cache", "show", DAMAGED).out


def test_repair_counts_removed_entries_and_names_kept_ones(cache, place, name):
    damage_audio(cache, 2)
    is_gone = PLACES[place][1]
    result = russo("cache", *REPAIRED)
    assert f"{'2 damaged entries' if is_gone else '1 damaged entry'} removed" in result.err
    assert (f"an entry was not removed, because {name} is {place}" in result.err) is not is_gone
    assert result.code == (0 if is_gone else 1)
    assert any(cache.directory.glob(f"{DAMAGED}.*")) is not is_gone


def test_repair_lists_removed_entries_as_json(cache, place, name):
    result = russo("cache", *REPAIRED, "--json")
    assert [each["removed"] for each in result.json["damaged"]] == [PLACES[place][1]]


@pytest.mark.parametrize("command", [["clear"], ["prune", "--max-size", "0"]])
def test_dry_run_counts_the_entries_that_the_real_run_removes(cache, name, command):
    tried = russo("cache", *command, "--dry-run", "--json").json
    assert russo("cache", *command, "--yes", "--json").json["removed"] == len(tried["entries"])
    assert russo("cache", *command, "--yes", "--json").json["removed"] == 0


def test_dry_run_of_promote_accepts_the_same_entries_as_the_real_run(cache, recordings, name):
    damage_audio(cache, 2)
    audio = Audio(b"\1\2" * 4000, "wav", 8000)
    key = numbered_key(4)
    write_pair(cache.directory, key, audio.data, encode_meta(key, audio, prompt="no header", fields=None))
    tried = russo("cache", "promote", "--dry-run")
    assert tried.lines[-1] == "1 entry would be copied"
    assert "3 entries could not be copied" in tried.err
    done = russo("cache", "promote")
    assert done.lines[-1] == "1 entry copied to the recordings"
    assert tried.code == done.code == 1
    assert "'no header' is not copied: Audio of format 'wav' is not a WAV file" in tried.err.replace(
        "\n", " "
    )
