"""``russo cache pull``: which entries it fetches, and what it says about the others."""

import re

import pytest

from russo import AudioCache
from russo._remote.objects import object_name
from russo._remote.pins import LockFile, Pin
from support.command import SPEAKER, damage_audio, numbered_key, russo, store_prompts
from support.remote.commands import keys_in, pin_entries, put_all, put_object
from support.speakers import sound

ONE, TWO, THREE = (numbered_key(number) for number in (1, 2, 3))


@pytest.fixture
def team(folder):
    """The cache of another machine, with three entries."""
    return store_prompts(folder.parent / "team", "Book a flight", "Turn on the light", "book a table")


def problems(result):
    return [(each["key"], each["outcome"], each["reason"]) for each in result.json["problems"]]


def test_entries_of_the_lock_file_are_fetched_once(folder, remote, team):
    put_all(remote, team)
    pin_entries(folder, team)
    first = russo("cache", "pull")
    assert first.code == 0
    assert first.out.startswith("3 entries fetched (")
    for key in (ONE, TWO, THREE):
        for suffix in (".meta", ".audio"):
            name = f"{key}{suffix}"
            assert (folder / ".russo_cache" / name).read_bytes() == (team.directory / name).read_bytes()
    second = russo("cache", "pull")
    assert (second.code, second.out) == (0, "0 entries fetched, 3 stored here already\n")


def test_entries_that_the_lock_file_does_not_list_are_not_fetched(folder, remote, team):
    put_all(remote, team)
    LockFile(folder / "russo.lock").update({TWO: Pin.of(team.get(TWO), "x")})
    assert russo("cache", "pull").code == 0
    assert keys_in(folder / ".russo_cache") == [TWO]


@pytest.mark.parametrize("select", [["--all"], ["--prompts", "one.txt"]], ids=["all", "prompts"])
def test_fetched_entries_that_the_lock_file_does_not_list_are_counted(folder, remote, select):
    (folder / "one.txt").write_text("one\n")
    assert russo("record", "one.txt", "--synth", SPEAKER, "--cache-dir", "team").code == 0
    put_all(remote, AudioCache(folder / "team"))
    LockFile(folder / "russo.lock").update({TWO: Pin.of(sound("x"), "x")})
    arguments = ["cache", "pull", *select, "--synth", SPEAKER]
    assert "not in russo.lock" not in russo(*arguments, "--dry-run").err
    assert "russo: 1 fetched entry is not in russo.lock; pin it with: russo cache lock" in (
        russo(*arguments).err.splitlines()
    )
    assert "not in russo.lock" not in russo(*arguments).err
    assert russo(*arguments, "--cache-dir", "b", "--json").json["unpinned"] == 1
    (folder / "russo.lock").unlink()
    assert russo(*arguments, "--cache-dir", "c", "--json").json["unpinned"] == 0


def test_entry_that_a_test_run_stores_meanwhile_stays(folder, plain_remote, team):
    put_all(plain_remote.root, team)
    take = store_prompts(folder.parent / "take", "Another take")
    pin_entries(folder, team)
    plain_remote.before(
        "get",
        f"""
        import shutil
        if {ONE!r} in name:
            for suffix in (".audio", ".meta"):
                shutil.copy({str(take.directory / ONE)!r} + suffix, {str(folder / ".russo_cache")!r})
        """,
    )
    (folder / ".russo_cache").mkdir()
    result = russo("cache", "pull")
    assert result.out.startswith("2 entries fetched ")
    assert AudioCache(folder / ".russo_cache").get(ONE) == take.get(ONE)


def test_without_a_lock_file_and_options_the_usage_is_wrong(folder, remote):
    result = russo("cache", "pull")
    assert result.code == 2
    assert result.err.splitlines()[-1] == (
        f"russo: there is no {folder / 'russo.lock'}, which lists what to fetch; make it with russo cache lock, "
        "or add --prompts FILE or --all"
    )


def test_all_entries_are_fetched_without_a_lock_file(folder, remote, team):
    put_all(remote, team)
    (remote / "v1" / "russo").write_bytes(b"")
    result = russo("cache", "pull", "--all", "--json")
    assert (result.code, result.json["fetched"], result.json["problems"]) == (0, 3, [])
    assert keys_in(folder / ".russo_cache") == [ONE, TWO, THREE]


def test_all_needs_a_store_that_can_list(plain_remote):
    result = russo("cache", "pull", "--all")
    assert result.code == 1
    assert result.err.splitlines()[-1] == (
        f"russo: {plain_remote.url} did not list its entries: FolderStore cannot list its objects; --all needs "
        "this list, so fetch what russo.lock lists, or add --prompts FILE"
    )


def test_prompts_of_a_file_are_fetched_by_their_keys(folder, remote):
    (folder / "prompts.txt").write_text("one\ntwo\n")
    assert russo("record", "prompts.txt", "--synth", SPEAKER, "--cache-dir", "team").code == 0
    put_all(remote, AudioCache(folder / "team"))
    (folder / "wanted.jsonl").write_text('{"prompt": "two"}\n')
    result = russo("cache", "pull", "--prompts", "wanted.jsonl", "--synth", SPEAKER, "--json")
    assert (result.code, result.json["fetched"]) == (0, 1)
    (key,) = keys_in(folder / ".russo_cache")
    assert AudioCache(folder / ".russo_cache").describe(key)["prompt"] == "two"
    other = russo(
        "cache",
        "pull",
        "--prompts",
        "wanted.jsonl",
        "--synth",
        SPEAKER,
        "--synth-option",
        "custom.voice=bert",
    )
    assert other.code == 1
    assert other.lines[0] == "0 entries fetched, 1 not in the store"
    assert re.split(" {2,}", other.lines[2])[1:] == ["two", "not in the store"]


def test_backend_with_a_cache_of_its_own_is_refused(folder, remote):
    (folder / "own_cache_of_test.py").write_text(
        "from russo import AudioCache, CachedSynthesizer\n"
        "from support.speakers import Speaker\n\n"
        "def make():\n"
        "    return CachedSynthesizer(Speaker(), cache=AudioCache('own'))\n"
    )
    (folder / "a.txt").write_text("one\n")
    result = russo("cache", "pull", "--prompts", "a.txt", "--synth", "own_cache_of_test:make")
    assert result.code == 2
    assert "with a cache of its own, which russo cache pull does not fill" in result.err


def test_prompts_and_all_disagree(folder, remote):
    (folder / "a.txt").write_text("one\n")
    result = russo("cache", "pull", "--prompts", "a.txt", "--all")
    assert result.code == 2
    assert result.err.endswith("russo: --prompts and --all disagree; give one of them\n")


def test_missing_entries_are_named(folder, remote, team):
    put_object(remote, ONE, team)
    pin_entries(folder, team)
    result = russo("cache", "pull")
    assert result.code == 1
    assert result.lines[0].endswith(", 2 not in the store")
    assert [line.split("  ")[1].strip() for line in result.lines[2:]] == ["Turn on the light", "book a table"]
    assert keys_in(folder / ".russo_cache") == [ONE]


def test_audio_that_is_not_the_pinned_one_is_refused(folder, remote, team):
    put_all(remote, team)
    pin_entries(folder, store_prompts(folder / "other", "Other audio"))
    result = russo("cache", "pull", "--json")
    assert result.code == 1
    assert problems(result) == [(ONE, "refused", "russo.lock pins other audio for this key")]
    assert keys_in(folder / ".russo_cache") == []


def test_pinned_audio_is_refused_with_all_too(folder, remote, team):
    put_all(remote, team)
    pin_entries(folder, store_prompts(folder / "other", "Other audio"))
    result = russo("cache", "pull", "--all", "--json")
    assert [outcome for _, outcome, _ in problems(result)] == ["refused"]
    assert keys_in(folder / ".russo_cache") == [TWO, THREE]


def test_other_audio_that_is_stored_here_is_named_and_stays(folder, remote, team):
    put_all(remote, team)
    pin_entries(folder, team)
    here = store_prompts(folder / ".russo_cache", "Other audio")
    before = here.get(ONE)
    result = russo("cache", "pull", "--json")
    ((key, outcome, reason),) = problems(result)
    assert (result.code, key, outcome) == (1, ONE, "differs")
    assert reason == "other audio is stored here than russo.lock pins"
    assert russo("cache", "pull").err.endswith("; else run: russo cache lock\n")
    assert here.get(ONE) == before


def test_damaged_object_is_named_and_not_stored(folder, remote, team):
    pin_entries(folder, team)
    put_all(remote, team)
    put_object(remote, ONE, team, of=TWO)  # the entry of another key
    result = russo("cache", "pull", "--json")
    assert [(key, outcome) for key, outcome, _ in problems(result)] == [(TWO, "damaged")]
    assert keys_in(folder / ".russo_cache") == [ONE, THREE]


def test_damaged_entry_of_the_cache_is_replaced(folder, remote, cache):
    put_all(remote, cache)
    pin_entries(folder, cache)
    damage_audio(cache, 2)
    assert russo("cache", "pull", "--json").json["fetched"] == 1
    assert cache.get(TWO) is not None


def test_recordings_are_not_fetched(folder, remote, team):
    (folder / "pytest.ini").write_text(
        f"[pytest]\nrusso_remote = {remote.as_uri()}\nrusso_recordings_dir = kept\n"
    )
    store_prompts(folder / "kept", "Book a flight")
    put_all(remote, team)
    pin_entries(folder, team)
    assert russo("cache", "pull", "--json").json["present"] == 1
    assert keys_in(folder / ".russo_cache") == [TWO, THREE]


def test_dry_run_fetches_nothing_and_names_what_is_missing(folder, remote, team):
    put_object(remote, ONE, team)
    pin_entries(folder, team)
    result = russo("cache", "pull", "--dry-run")
    assert (result.code, result.lines[0]) == (1, "1 entry would be fetched, 2 not in the store")
    assert keys_in(folder / ".russo_cache") == []
    values = russo("cache", "pull", "--dry-run", "--json").json
    assert (values["fetched"], values["to_fetch"], values["bytes"]) == (0, 1, 0)


def test_dry_run_of_a_store_that_cannot_list_asks_for_nothing(folder, plain_remote, team):
    pin_entries(folder, team)
    result = russo("cache", "pull", "--dry-run")
    assert (result.code, result.out) == (0, "3 entries would be fetched\n")
    assert plain_remote.calls() == []


@pytest.mark.parametrize("kind", ["outage", "refused"])
def test_store_that_fails_is_a_failure_of_each_entry(folder, plain_remote, team, kind):
    pin_entries(folder, team)
    plain_remote.trouble(kind)
    result = russo("cache", "pull")
    assert (result.code, result.lines[0]) == (1, "0 entries fetched, 3 failed")
    assert [re.split(" {2,}", line)[-1] for line in result.lines[2:]] == ["it is down"] * 3


def test_entry_that_cannot_be_stored_is_a_failure(folder, remote, team):
    put_all(remote, team)
    pin_entries(folder, team)
    (folder / "cache").symlink_to("/proc/nowhere/at/all")
    result = russo("cache", "pull", "--cache-dir", "cache", "--json")
    assert result.code == 1
    assert {outcome for _, outcome, _ in problems(result)} == {"failed"}
    assert problems(result)[0][2].startswith("not stored in the cache: ")


def test_object_name_is_that_of_the_contract(remote, cache):
    russo("cache", "push")
    assert (remote / "v1" / ONE[:2] / f"{ONE}.russo") == remote / object_name(ONE)
    assert (remote / object_name(ONE)).exists()


def test_many_entries_are_fetched_at_once(folder, plain_remote):
    team = store_prompts(folder / "team", *(f"Prompt {number}" for number in range(40)))
    put_all(plain_remote.root, team)
    pin_entries(folder, team)
    # Each get waits until 32 have begun, and those that come later do not wait.
    plain_remote.before(
        "get",
        """
        import time
        log = root / "calls.txt"
        deadline = time.monotonic() + 30
        while log.read_text().count("get") < 32 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert log.read_text().count("get") >= 32
        """,
    )
    result = russo("cache", "pull", "--json")
    assert (result.code, result.json["fetched"]) == (0, 40)
