import os

import pytest

from russo import AudioCache
from russo._errors import shorten
from support.command import SPEAKER, damage_audio, numbered_key, russo, store_prompts
from support.forged import HOSTILE
from support.speakers import sound
from support.terminal import run_on_terminal

ONE, TWO, THREE = "1a" * 32, "1b" * 32, "2c" * 32


@pytest.fixture
def takes(folder):
    """The project's cache with two takes of "hello", ONE and TWO, and with "bye", THREE."""
    cache = AudioCache(folder / ".russo_cache")
    for key, prompt, speed in ((ONE, "hello", 1.0), (TWO, "hello", 1.3), (THREE, "bye", 1.0)):
        fields = {"own": {"backend": "a", "voice": "v", "speed": speed}, "given": None}
        assert cache.put(key, sound(prompt), prompt=prompt, fields=fields)
    return cache


def keys_of(cache):
    return sorted(cache.stored_keys())


@pytest.mark.parametrize(
    ("wanted", "left"),
    [
        ([ONE], [TWO, THREE]),
        ([ONE[:8]], [TWO, THREE]),
        ([TWO[:4]], [ONE, THREE]),
        (["hello"], [THREE]),
        (["hello", ONE, "bye"], []),
        ([THREE, THREE[:5]], [ONE, TWO]),
    ],
)
def test_rm_removes_the_entries_of_a_key_or_prompt(takes, wanted, left):
    result = russo("cache", "rm", *wanted, "--yes")
    number = 3 - len(left)
    assert result.code == 0
    assert result.lines[-1].startswith(f"{number} entr{'y' if number == 1 else 'ies'} removed (")
    assert keys_of(takes) == left
    assert not list(takes.directory.glob(f"{ONE}.*")) or ONE in left


def test_rm_without_a_terminal_needs_yes(takes):
    result = russo("cache", "rm", "hello")
    assert result.code == 2
    assert "nothing was removed: russo must ask first" in result.err
    assert len(keys_of(takes)) == 3


@pytest.mark.parametrize("arguments", [["--dry-run"], ["--dry-run", "--yes"]])
def test_dry_run_of_rm_shows_the_entries_and_removes_nothing(takes, arguments):
    result = russo("cache", "rm", "hello", *arguments)
    assert result.code == 0
    rows = [line.split() for line in result.lines[1:3]]
    assert [[row[0], row[3]] for row in rows] == [["hello", "1.0"], ["hello", "1.3"]]
    assert result.lines[-1].startswith("2 entries (")
    assert result.lines[-1].endswith(" would be removed")
    assert len(keys_of(takes)) == 3


@pytest.mark.parametrize(("answer", "code", "left"), [("y\n", 0, 1), ("n\n", 1, 3), ("\3", 130, 3)])
def test_rm_shows_all_takes_and_asks(takes, answer, code, left):
    shown = run_on_terminal("cache", "rm", "hello", answer=answer, code=code, columns=200)
    assert "speed" in shown
    assert ONE[:8] in shown
    assert TWO[:8] in shown
    assert "all entries of a prompt are removed; to remove only one, give its key" in shown
    assert "Remove 2 entries (" in shown
    assert f" of 'hello' from {takes.directory}? [y/N]" in shown
    assert len(keys_of(takes)) == left


def test_rm_shows_the_takes_of_a_prompt_in_the_order_of_their_settings(takes):
    key, fields = "00" * 32, {"own": {"backend": "a", "voice": "v", "speed": 1.2}, "given": None}
    assert takes.put(key, sound("x"), prompt="hello", fields=fields)
    rows = [line.split() for line in russo("cache", "rm", "hello", "bye", "--dry-run").lines[1:-1]]
    assert [(row[0], row[3]) for row in rows] == [
        ("hello", "1.0"),
        ("hello", "1.2"),
        ("hello", "1.3"),
        ("bye", "1.0"),
    ]


def test_end_of_the_input_at_the_question_removes_nothing(takes):
    shown = run_on_terminal("cache", "rm", "hello", answer="\4", code=1)
    assert shown.endswith("[y/N]: \nrusso: nothing was removed\n")
    assert len(keys_of(takes)) == 3


@pytest.mark.parametrize("command", [("rm", "hello", "bye"), ("clear",), ("prune", "--max-size", "0B")])
def test_only_what_this_process_removed_is_counted(takes, monkeypatch, command):
    remove = AudioCache.remove

    def remove_after_another_process(cache, key):
        if key == ONE:
            remove(cache, key)
        return remove(cache, key)

    monkeypatch.setattr(AudioCache, "remove", remove_after_another_process)
    result = russo("cache", *command, "--yes")
    assert (result.code, result.lines[-1][:18]) == (0, "2 entries removed ")
    assert "1 entry is not counted, because another process removed it" in result.err
    assert keys_of(takes) == []


@pytest.mark.parametrize("command", [("rm", "hello", "bye"), ("clear",), ("prune", "--max-size", "0B")])
def test_error_in_the_middle_says_how_many_were_removed(takes, monkeypatch, command):
    remove, calls = AudioCache.remove, []

    def remove_one(cache, key):
        calls.append(key)
        if len(calls) % 2 == 0:
            raise PermissionError(1, "Operation not permitted", f"{key}.meta")
        return remove(cache, key)

    monkeypatch.setattr(AudioCache, "remove", remove_one)
    result = russo("cache", *command, "--yes")
    assert (result.code, result.lines[-1][:16]) == (1, "1 entry removed ")
    assert result.err.endswith(f"russo: {calls[1]}.meta: Operation not permitted\n")
    failed = russo("cache", *command, "--yes", "--json")
    assert (failed.code, failed.json["removed"], len(failed.json["entries"])) == (1, 1, 2)


def test_rm_of_one_take_gives_no_advice(takes):
    shown = russo("cache", "rm", ONE, "--yes").err
    assert "give its key" not in shown


def test_rm_prints_json(takes):
    found = russo("cache", "rm", "hello", "--dry-run", "--json").json
    assert (found["dry_run"], found["removed"], len(found["entries"])) == (True, 0, 2)
    found = russo("cache", "rm", ONE, "--yes", "--json").json
    assert (found["dry_run"], found["removed"]) == (False, 1)
    assert [(each["key"], each["settings"]["speed"]) for each in found["entries"]] == [(ONE, 1.0)]


@pytest.mark.parametrize(
    "wanted", [["nothing"], ["hello", "nothing"], ["1a1"], [f"{ONE[:20]}0"], ["Hello"], ["hell"]]
)
def test_rm_of_an_unknown_entry_removes_nothing(takes, wanted):
    result = russo("cache", "rm", *wanted, "--yes")
    assert result.code == 1
    assert f"no entry has the key or the prompt {wanted[-1]!r} in {takes.directory}" in result.err
    is_short = wanted == ["1a1"]
    assert ("; a key needs at least its first 4 characters\n" in result.err) == is_short
    assert ("; russo cache list --grep PATTERN searches\n" in result.err) != is_short
    assert len(keys_of(takes)) == 3


def test_prompt_without_quotes_is_refused(takes):
    takes.put("f" * 64, sound("x"), prompt="bye hello")
    result = russo("cache", "rm", "bye", "hello", "--yes")
    assert (result.code, result.err) == (2, "russo: write the prompt in quotes: 'bye hello'\n")
    assert len(keys_of(takes)) == 4


def test_rm_without_an_argument_is_wrong_usage(takes):
    assert russo("cache", "rm", "--yes").code == 2
    assert len(keys_of(takes)) == 3


def test_ambiguous_key_is_refused_with_the_candidates(takes):
    other = ONE[:12] + "0" * 52
    takes.put(other, sound("x"), prompt=HOSTILE)
    result = russo("cache", "rm", ONE[:12], "--yes", "--json")
    assert (result.code, result.out) == (2, "")
    head, *lines = result.err.splitlines()
    assert head == (
        f"russo: {ONE[:12]!r} is ambiguous: the keys of 2 prompts begin with it; give more characters of the "
        "key, or the prompt:"
    )
    assert [line.split()[0] for line in lines] == [other[:13], ONE[:13]]
    assert all(line.isprintable() for line in lines)
    assert len(keys_of(takes)) == 4
    assert russo("cache", "rm", ONE[:13], "--yes").code == 0
    assert keys_of(takes) == sorted([other, TWO, THREE])


def test_ambiguous_key_of_many_prompts_shows_twenty(folder):
    store_prompts(folder / ".russo_cache", *(f"prompt {number}" for number in range(25)))
    result = russo("cache", "rm", "0000", "--yes")
    assert result.code == 2
    assert len(result.err.splitlines()) == 1 + 20 + 1
    assert result.err.endswith("\n  and 5 more\n")


def test_beginning_of_the_keys_of_one_prompt_removes_all_its_takes(folder):
    cache = AudioCache(folder / ".russo_cache")
    for number in range(2):
        cache.put("abcd" + f"{number}" * 60, sound("hello"), prompt="hello")
    assert russo("cache", "rm", "abcd", "--yes").code == 0
    assert keys_of(cache) == []


def test_exact_prompt_wins_over_the_beginning_of_a_key(takes):
    takes.put("f" * 64, sound("x"), prompt=ONE[:8])
    assert russo("cache", "rm", ONE[:8], "--yes").code == 0
    assert keys_of(takes) == [ONE, TWO, THREE]


# -- recordings


def test_rm_keeps_the_recordings_and_says_so(cache, recordings):
    store_prompts(recordings.directory, "Book a flight", first=7)
    before = sorted(path.read_bytes() for path in recordings.directory.iterdir() if path.is_file())
    result = russo("cache", "rm", "Book a flight", "--yes")
    assert (result.code, result.lines[-1][:15]) == (0, "1 entry removed")
    assert "1 entry of the recordings is not removed\n" in result.err
    assert keys_of(cache) == [numbered_key(2), numbered_key(3)]
    assert sorted(path.read_bytes() for path in recordings.directory.iterdir() if path.is_file()) == before


def test_rm_says_that_a_recording_hides_the_entry(cache, recordings):
    store_prompts(recordings.directory, "Book a flight")
    result = russo("cache", "rm", numbered_key(1), "--dry-run")
    assert result.code == 0
    assert (
        "1 entry of the recordings is not removed, and a test replays the recording, not the entry of the "
        "cache\n"
    ) in result.err


@pytest.mark.parametrize("wanted", ["Recorded prompt", numbered_key(8)])
def test_rm_of_a_recording_tells_how_to_replace_it(cache, recordings, wanted):
    result = russo("cache", "rm", "Book a flight", wanted, "--yes")
    assert result.code == 1
    key = numbered_key(8)
    assert (
        f"{shorten(wanted)} is only in the recordings, and russo cache rm never removes recordings. To replace the "
        f"recording: russo say 'Recorded prompt' --refresh --cache-dir={recordings.directory}, with the settings "
        f"that russo cache show KEY shows. To remove it, delete its files by hand: {key}.meta and {key}.audio\n"
    ) in result.err
    assert keys_of(recordings) == [key]
    assert len(keys_of(cache)) == 3


@pytest.mark.parametrize(
    ("prompt", "argument"),
    [("it's $HOME", "'it'\"'\"'s $HOME'"), ("two\nlines", "PROMPT"), ("long " * 100, "PROMPT")],
)
def test_command_that_replaces_a_recording_can_be_copied(folder, monkeypatch, prompt, argument):
    monkeypatch.setenv("RUSSO_RECORDINGS_DIR", "my recordings")
    store_prompts(folder / "my recordings", prompt, first=8)
    err = russo("cache", "rm", numbered_key(8), "--yes").err
    assert f"russo say {argument} --refresh --cache-dir='{folder}/my recordings', with" in err


@pytest.mark.parametrize(
    ("wanted", "is_noted"),
    [(("hello", "hello", TWO), True), (("hello", ONE, TWO), True), ((ONE, TWO), False), ((ONE,), False)],
)
def test_note_about_a_prompt_does_not_depend_on_other_arguments(takes, wanted, is_noted):
    err = russo("cache", "rm", *wanted, "--dry-run").err
    assert ("all entries of a prompt are removed; to remove only one, give its key" in err) is is_noted


def test_rm_counts_the_other_recordings_of_a_prompt(recordings):
    store_prompts(recordings.directory, "Recorded prompt", voice="anna", first=9)
    result = russo("cache", "rm", "Recorded prompt", "--yes")
    assert result.code == 1
    assert result.err.endswith(".audio, and those of 1 other key\n")


def test_recording_is_replaced_by_the_command_that_rm_names(folder, recordings):
    (folder / "pytest.ini").write_text(f"[pytest]\nrusso_recordings_dir = kept\nrusso_synth = {SPEAKER}\n")
    assert russo("say", "hello", "--cache-dir", "kept", "-o", "x.wav").code == 0
    keys = keys_of(recordings)
    command = russo("cache", "rm", "hello", "--yes").err.partition("the recording: russo ")[2]
    words = command.partition(". To remove")[0].replace("PROMPT", "hello").split()
    result = russo(*words, "-o", "x.wav", "--json")
    assert (result.code, result.json["hit"], keys_of(recordings)) == (0, False, keys)


@pytest.mark.parametrize("path", ["kept", "link"])
def test_rm_is_refused_if_the_cache_is_the_recordings(folder, recordings, path):
    (folder / "link").symlink_to("kept")
    result = russo("cache", "rm", numbered_key(8), "--cache-dir", path, "--yes")
    assert result.code == 2
    assert "holds the recordings, and russo cache rm never removes recordings" in result.err
    assert keys_of(recordings) == [numbered_key(8)]


# -- damaged entries


@pytest.mark.parametrize("missing", [".meta", ".audio"])
@pytest.mark.parametrize("length", [64, 9])
def test_rm_removes_half_an_entry_by_its_key(takes, missing, length):
    (takes.directory / f"{ONE}{missing}").unlink()
    result = russo("cache", "rm", ONE[:length], "--yes")
    assert (result.code, result.lines[-1][:15]) == (0, "1 entry removed")
    assert not list(takes.directory.glob(f"{ONE}.*"))
    assert keys_of(takes) == [TWO, THREE]


def test_rm_removes_a_damaged_entry_by_its_prompt(cache):
    damage_audio(cache, 1)
    assert russo("cache", "rm", "Book a flight", "--yes").code == 0
    assert keys_of(cache) == [numbered_key(2), numbered_key(3)]


def test_damaged_entry_and_another_one_are_ambiguous(takes):
    other = ONE[:12] + "0" * 52
    (takes.directory / f"{other}.meta").write_text("{")
    assert russo("cache", "rm", ONE[:12], "--yes").code == 2
    assert russo("cache", "rm", other, "--yes").code == 0
    assert keys_of(takes) == [ONE, TWO, THREE]


@pytest.mark.parametrize("kind", ["a link", "a directory"])
def test_entry_that_cannot_be_removed_is_named(takes, kind):
    path = takes.directory / f"{ONE}.audio"
    path.unlink()
    if kind == "a link":
        path.symlink_to("nothing")
    else:
        path.mkdir()
    tried = russo("cache", "rm", "hello", ONE, "--dry-run")
    assert tried.lines[-1].startswith("1 entry (")
    assert f"an entry would not be removed, because {ONE}.audio is {kind}" in tried.err
    done = russo("cache", "rm", "hello", ONE, "--yes")
    assert done.lines[-1].startswith("1 entry removed (")
    assert f"an entry was not removed, because {ONE}.audio is {kind}" in done.err
    assert tried.code == done.code == 1
    assert os.path.lexists(path)
    assert not list(takes.directory.glob(f"{TWO}.*"))
