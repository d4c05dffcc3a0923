"""``russo cache lock``: which pins it writes, and how it names changes of speech."""

import dataclasses

import pytest

from russo._remote import pins as pins_of_russo
from russo._remote.pins import LockFile
from support.command import PROMPTS, damage_audio, numbered_key, russo, store_prompts
from support.remote.commands import pin_entries

ONE, TWO, THREE = (numbered_key(number) for number in (1, 2, 3))
UP_TO_DATE = "russo: russo.lock is not up to date; run russo cache lock, and commit the file"


def pins(folder):
    return LockFile(folder / "russo.lock").pins


def test_every_entry_is_pinned(folder, cache):
    result = russo("cache", "lock")
    assert result.code == 0
    assert result.lines == [
        f'+ {ONE[:12]} "Book a flight"',
        f'+ {TWO[:12]} "Turn on the light"',
        f'+ {THREE[:12]} "book a table"',
        f"{folder / 'russo.lock'}: 3 pins added",
    ]
    assert {key: pin.prompt for key, pin in pins(folder).items()} == dict(
        zip((ONE, TWO, THREE), PROMPTS, strict=True)
    )
    assert all(pin.fits(cache.get(key)) for key, pin in pins(folder).items())


def test_second_call_changes_nothing(folder, cache):
    russo("cache", "lock")
    before = (folder / "russo.lock").stat()  # a new inode would show that the file was replaced
    result = russo("cache", "lock")
    assert (result.code, result.out) == (0, f"{folder / 'russo.lock'}: 3 pins, up to date\n")
    after = (folder / "russo.lock").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_file_is_made_in_the_rootdir(folder, cache, monkeypatch):
    (folder / "sub").mkdir()
    monkeypatch.chdir(folder / "sub")
    assert russo("cache", "lock").code == 0
    assert len(pins(folder)) == 3


def test_recordings_replace_entries_of_the_cache(folder, cache):
    (folder / "pytest.ini").write_text("[pytest]\nrusso_recordings_dir = kept\n")
    kept = store_prompts(folder / "kept", "Recorded", voice="bert")
    russo("cache", "lock")
    assert pins(folder)[ONE].fits(kept.get(ONE))
    assert pins(folder)[ONE].prompt == "Recorded"
    assert len(pins(folder)) == 3


def test_entry_of_the_cache_is_pinned_if_the_recording_is_damaged(folder, cache):
    (folder / "pytest.ini").write_text("[pytest]\nrusso_recordings_dir = kept\n")
    damage_audio(store_prompts(folder / "kept", "Recorded"), 1)
    russo("cache", "lock")
    assert pins(folder)[ONE].fits(cache.get(ONE))


def test_change_of_speech_is_named(folder, cache):
    other = store_prompts(folder / "other", "A longer prompt of the first take")
    pin_entries(folder, other)
    old, new = len(other.get(ONE).data), len(cache.get(ONE).data)
    result = russo("cache", "lock")
    assert result.lines == [
        f'~ {ONE[:12]} "Book a flight": other audio, {new:,} bytes instead of {old:,}',
        f'+ {TWO[:12]} "Turn on the light"',
        f'+ {THREE[:12]} "book a table"',
        f"{folder / 'russo.lock'}: 2 pins added, 1 pin replaced",
    ]
    assert pins(folder)[ONE].fits(cache.get(ONE))


def test_change_of_the_sample_rate_is_named(folder, cache):
    pin_entries(folder, cache)
    audio = cache.get(ONE)
    cache.put(ONE, dataclasses.replace(audio, sample_rate=8000), prompt="Book a flight")
    assert russo("cache", "lock").lines == [
        f'~ {ONE[:12]} "Book a flight": the same bytes as wav/8000/1/2 instead of wav/{audio.sample_rate}/1/2',
        f"{folder / 'russo.lock'}: 1 pin replaced",
    ]


def test_pins_of_entries_that_are_not_here_are_kept(folder, cache):
    pin_entries(folder, store_prompts(folder / "other", "Elsewhere", first=9))
    assert russo("cache", "lock").code == 0
    assert len(pins(folder)) == 4


def test_prune_removes_the_pins_of_entries_that_are_not_here(folder, cache):
    pin_entries(folder, store_prompts(folder / "other", "Elsewhere", first=9))
    result = russo("cache", "lock", "--prune")
    assert result.lines[0] == f'- {numbered_key(9)[:12]} "Elsewhere"'
    assert result.lines[-1].endswith(": 3 pins added, 1 pin removed")
    assert sorted(pins(folder)) == [ONE, TWO, THREE]


@pytest.mark.parametrize("option", ["--check", "--dry-run"])
def test_check_and_dry_run_change_nothing(folder, cache, option):
    pin_entries(folder, store_prompts(folder / "other", "Other take"))
    before = (folder / "russo.lock").read_bytes()
    result = russo("cache", "lock", option)
    assert (folder / "russo.lock").read_bytes() == before
    assert result.lines[-1] == f"{folder / 'russo.lock'}: 2 pins added, 1 pin replaced (not written)"
    assert result.code == (option == "--check")
    assert (result.err.splitlines()[-1] == UP_TO_DATE) is (option == "--check")


def test_check_of_a_file_that_does_not_exist_fails(folder, cache):
    result = russo("cache", "lock", "--check")
    assert (result.code, result.err.splitlines()[-1]) == (1, UP_TO_DATE)
    assert not (folder / "russo.lock").exists()


def test_check_of_a_current_file_succeeds(folder, cache):
    pin_entries(folder, cache, store_prompts(folder / "other", "Elsewhere", first=9))
    result = russo("cache", "lock", "--check")
    assert (result.code, result.out) == (0, f"{folder / 'russo.lock'}: 4 pins, up to date\n")
    assert russo("cache", "lock", "--check", "--prune").code == 1


def test_other_line_ends_are_not_a_change(folder, cache):
    path = pin_entries(folder, cache)
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert russo("cache", "lock", "--check").code == 0


def test_damaged_entries_are_named_and_not_pinned(folder, cache):
    damage_audio(cache, 2)
    result = russo("cache", "lock")
    assert result.code == 1
    assert sorted(pins(folder)) == [ONE, THREE]
    assert TWO[:12] in result.out
    assert result.err.splitlines()[-1] == (
        "russo: 1 damaged entry not pinned; russo cache verify --repair removes them"
    )


def test_prune_keeps_the_pin_of_a_damaged_entry(folder, cache):
    pin_entries(folder, cache)
    before = pins(folder)
    damage_audio(cache, 2)
    assert russo("cache", "lock", "--prune").code == 1
    assert pins(folder) == before


def test_half_of_an_entry_is_damaged(folder, cache):
    (cache.directory / f"{TWO}.meta").unlink()
    result = russo("cache", "lock", "--json")
    assert [(each["key"], each["reason"]) for each in result.json["damaged"]] == [
        (TWO, "its metadata is missing")
    ]


def test_empty_cache_makes_no_file(folder):
    result = russo("cache", "lock")
    assert (result.code, result.out) == (
        0,
        f"{folder / 'russo.lock'} was not made, because no entry is stored here\n",
    )
    assert not (folder / "russo.lock").exists()


def test_json_has_the_changes(folder, cache):
    other = store_prompts(folder / "other", "Other take")
    pin_entries(folder, other)
    old = pins(folder)[ONE].digest
    values = russo("cache", "lock", "--json").json
    assert (values["lock_file"], values["written"], values["pins"]) == (str(folder / "russo.lock"), True, 3)
    assert values["changes"][0] == {
        "key": ONE,
        "prompt": "Book a flight",
        "change": "replaced",
        "old": old,
        "new": pins(folder)[ONE].digest,
    }
    assert [each["change"] for each in values["changes"]] == ["replaced", "added", "added"]
    assert russo("cache", "lock", "--check", "--json").json["written"] is False


def test_conflict_is_refused_with_what_to_do(folder, cache):
    (folder / "russo.lock").write_text("# x\n<<<<<<< HEAD\n")
    result = russo("cache", "lock")
    assert result.code == 2
    assert result.err.splitlines()[-1] == (
        f"russo: {folder / 'russo.lock'}, line 2: a merge conflict; keep the lines of both sides, delete the "
        "lines that begin with <<<, === and >>>, and run: russo cache lock"
    )


def test_file_that_cannot_be_written_is_named(folder, cache, monkeypatch):
    def refuse(path, parts):
        raise PermissionError(13, "Permission denied", "/tmp/.temporary")

    monkeypatch.setattr(pins_of_russo, "write_file", refuse)
    result = russo("cache", "lock")
    assert result.code == 1
    assert result.err.splitlines()[-1] == (
        f"russo: {folder / 'russo.lock'} cannot be written: Permission denied"
    )


def test_hostile_prompt_does_not_act_on_the_terminal(folder):
    store_prompts(folder / ".russo_cache", '\x1b[31m"red"\r\n\u202e')
    result = russo("cache", "lock")
    assert result.lines[0] == f'+ {ONE[:12]} "\\\\x1b[31m\\"red\\" \\\\u202e"'
    assert russo("cache", "lock", "--check").code == 0


def test_many_changes_are_cut(folder):
    store_prompts(folder / ".russo_cache", *(f"Prompt {number}" for number in range(30)))
    result = russo("cache", "lock")
    assert len(result.lines) == 22
    assert result.lines[-2] == "and 10 more changes"
    assert len(pins(folder)) == 30


def test_lock_needs_no_shared_store_and_imports_no_package_of_one(folder, cache, monkeypatch):
    monkeypatch.setenv("RUSSO_REMOTE", "unknown://team/voice")
    assert russo("cache", "lock").code == 0
