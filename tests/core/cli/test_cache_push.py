"""``russo cache push``: which entries it uploads, and what it says about the others."""

import json
import re
import signal

import pytest

from russo import AudioCache
from russo._remote.objects import object_name
from support.command import damage_audio, numbered_key, russo, start, store_prompts, wait_for
from support.remote.commands import pin_entries, put_object
from support.speakers import sound

ONE, TWO, THREE = (numbered_key(number) for number in (1, 2, 3))


def objects(root):
    return sorted(path.stem for path in root.glob("v1/??/*.russo"))


def problems(result):
    return [(each["key"], each["outcome"], each["reason"]) for each in result.json["problems"]]


def test_entries_are_uploaded_once(remote, cache):
    first = russo("cache", "push")
    assert (first.code, objects(remote)) == (0, [ONE, TWO, THREE])
    assert first.out.startswith("3 entries uploaded (")
    second = russo("cache", "push")
    assert (second.code, second.out) == (0, "0 entries uploaded, 3 in the store already\n")


def test_only_missing_entries_are_uploaded(remote, cache):
    put_object(remote, TWO, cache)
    before = (remote / object_name(TWO)).stat().st_mtime_ns
    result = russo("cache", "push", "--json")
    assert (result.json["uploaded"], result.json["present"], result.json["problems"]) == (2, 1, [])
    assert (remote / object_name(TWO)).stat().st_mtime_ns == before


def test_store_and_its_source_are_named(remote, cache):
    result = russo("cache", "push")
    assert result.err.splitlines()[-1] == f"remote: {remote.as_uri()} (pytest.ini, russo_remote)"
    assert russo("cache", "push", "--json").json["remote"] == {
        "url": remote.as_uri(),
        "source": "pytest.ini, russo_remote",
        "write": False,
    }


def test_option_replaces_the_store_of_the_ini_file(remote, cache, tmp_path):
    other = tmp_path / "other"
    result = russo("cache", "push", "--remote", other.as_uri())
    assert result.err.splitlines()[-1] == f"remote: {other.as_uri()} (command line)"
    assert objects(other) == [ONE, TWO, THREE]
    assert not remote.exists()


def test_recordings_are_uploaded_and_replace_the_cache(folder, remote, cache):
    ini = f"[pytest]\nrusso_remote = {remote.as_uri()}\nrusso_recordings_dir = kept\n"
    (folder / "pytest.ini").write_text(ini)
    kept = store_prompts(folder / "kept", "Recorded", voice="bert")
    russo("cache", "push")
    assert objects(remote) == [ONE, TWO, THREE]
    assert kept.get(ONE).data in (remote / object_name(ONE)).read_bytes()


def test_dry_run_uploads_nothing(remote, cache):
    result = russo("cache", "push", "--dry-run")
    assert result.out.startswith("3 entries would be uploaded (")
    assert objects(remote) == []
    values = russo("cache", "push", "--dry-run", "--json").json
    assert (values["dry_run"], values["uploaded"], values["to_upload"]) == (True, 0, 3)


def test_other_audio_in_the_store_is_named_and_stays(remote, cache):
    other = store_prompts(remote.parent / "other", "A longer prompt than the first one")
    path = put_object(remote, ONE, other)
    before = path.read_bytes()
    result = russo("cache", "push")
    assert result.code == 1
    assert "2 entries uploaded" in result.lines[0]
    assert result.lines[0].endswith(", 1 with other audio in the store")
    assert result.lines[2].split("  ") == [
        ONE[:12],
        "Book a flight",
        "the store has other audio, which was not replaced",
    ]
    assert path.read_bytes() == before


def test_same_audio_with_other_metadata_is_in_the_store_already(remote, cache):
    other = AudioCache(remote.parent / "other")
    other.put(ONE, cache.get(ONE), prompt="Book a flight")
    put_object(remote, ONE, other)
    result = russo("cache", "push", "--json")
    assert (result.code, result.json["uploaded"], result.json["present"]) == (0, 2, 1)


def test_damaged_object_in_the_store_is_named_and_stays(remote, cache):
    path = put_object(remote, ONE, cache)
    path.write_bytes(path.read_bytes()[:-1])
    result = russo("cache", "push", "--json")
    ((key, outcome, reason),) = problems(result)
    assert (result.code, key, outcome) == (1, ONE, "failed")
    assert reason.startswith("the store's object is damaged, and was not replaced: ")


def test_object_of_a_later_russo_is_named_and_stays(remote, cache):
    path = put_object(remote, ONE, cache)
    data = bytearray(path.read_bytes())
    data[5] = 9  # the version
    path.write_bytes(data + b"more")
    result = russo("cache", "push", "--json")
    ((key, outcome, reason),) = problems(result)
    assert (result.code, key, outcome) == (1, ONE, "failed")
    assert reason.startswith(
        "the store's object cannot be read, and was not replaced: its object has version 9"
    )
    assert path.read_bytes() == data + b"more"


def test_damaged_entry_is_not_uploaded(remote, cache):
    damage_audio(cache, 2)
    result = russo("cache", "push", "--json")
    ((key, outcome, reason),) = problems(result)
    assert (result.code, key, outcome) == (1, TWO, "damaged")
    assert reason.startswith("damaged here: ")
    assert objects(remote) == [ONE, THREE]


def test_audio_that_the_lock_file_forbids_is_not_uploaded(folder, remote, cache):
    pin_entries(folder, store_prompts(folder / "other", "Other audio"))
    result = russo("cache", "push", "--json")
    assert (result.code, problems(result)) == (1, [(ONE, "forbidden", "russo.lock pins other audio")])
    assert objects(remote) == [TWO, THREE]


def test_store_that_cannot_list_is_asked_for_each_entry(plain_remote, cache):
    put_object(plain_remote.root, TWO, cache)
    result = russo("cache", "push", "--json")
    assert (result.code, result.json["uploaded"], result.json["present"]) == (0, 2, 1)
    assert len(plain_remote.calls("get")) == 3
    assert sorted(plain_remote.calls("put")) == [f"put {object_name(key)}" for key in (ONE, THREE)]


@pytest.mark.parametrize(("is_same", "outcome"), [(True, []), (False, ["differs"])])
def test_entry_that_another_machine_uploads_meanwhile_stays(plain_remote, cache, folder, is_same, outcome):
    other = cache if is_same else store_prompts(folder / "other", "Other audio")
    path = put_object(folder / "winner", ONE, other)
    plain_remote.before(
        "put",
        f"""
        import pathlib
        path = root / {object_name(ONE)!r}
        if name == {object_name(ONE)!r}:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(pathlib.Path({str(path)!r}).read_bytes())
        """,
    )
    result = russo("cache", "push", "--json")
    assert [each["outcome"] for each in result.json["problems"]] == outcome
    assert (plain_remote.root / object_name(ONE)).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("kind", ["outage", "refused"])
def test_store_that_fails_is_a_failure_of_each_entry(plain_remote, cache, kind):
    plain_remote.trouble(kind)
    result = russo("cache", "push")
    assert result.code == 1
    assert result.lines[0] == "0 entries uploaded, 3 failed"
    assert [re.split(" {2,}", line)[-1] for line in result.lines[2:]] == ["it is down"] * 3


def test_store_that_does_not_answer_a_list_uploads_nothing(cache, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAPLANTED")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "planted-secret-key")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    result = russo("cache", "push", "--remote", "s3://team/voice")
    assert result.code == 1
    last = result.err.splitlines()[-1]
    assert last.startswith("russo: s3://team/voice did not list its entries: ")
    assert last.endswith("; nothing was uploaded")
    assert "planted" not in result.err + result.out


def test_at_most_twenty_problems_are_shown(folder, plain_remote):
    store_prompts(folder / ".russo_cache", *(f"Prompt {number}" for number in range(25)))
    plain_remote.trouble("refused")
    result = russo("cache", "push")
    assert len(result.lines) == 1 + 1 + 20 + 1
    assert result.lines[-1] == "and 5 more entries; --json lists all"
    assert len(russo("cache", "push", "--json").json["problems"]) == 25


def test_prompts_of_problems_do_not_act_on_the_terminal(folder, plain_remote):
    store_prompts(folder / ".russo_cache", "\x1b[31mred\r\n\u202etfel")
    plain_remote.trouble("refused")
    result = russo("cache", "push")
    assert r"\x1b[31mred\r\n\u202etfel" in result.out


@pytest.mark.parametrize("arguments", [(), ("--remote", "off")])
def test_store_must_be_set(cache, arguments):
    result = russo("cache", "push", *arguments)
    assert result.code == 2
    assert result.err == (
        "russo: no shared store is set; add --remote URL, or set russo_remote in the ini-file or the variable "
        "RUSSO_REMOTE\n"
    )


def test_invalid_lock_file_is_wrong_usage(folder, remote, cache):
    (folder / "russo.lock").write_text("<<<<<<< HEAD\n")
    result = russo("cache", "push")
    assert (result.code, objects(remote)) == (2, [])
    assert "russo.lock, line 1: a merge conflict" in result.err


def test_empty_cache_uploads_nothing(remote):
    result = russo("cache", "push")
    assert (result.code, result.out) == (0, "0 entries uploaded\n")


def test_interrupt_ends_the_command_and_the_same_command_continues(plain_remote, cache, folder):
    plain_remote.before("put", "import time\nwhile (root / 'held').exists(): time.sleep(0.01)")
    (plain_remote.root / "held").touch()
    process = start("cache", "push", "--json", env={"PYTHONPATH": str(folder)})
    wait_for(lambda: len(plain_remote.calls("put")) == 3, process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert json.loads(out)["uploaded"] == 0
    assert err.decode().endswith(
        "stopped: 3 entries not compared; the same command continues with the rest\n"
    )
    (plain_remote.root / "held").unlink()
    assert russo("cache", "push", "--json").json["uploaded"] == 3


def test_sound_of_an_entry_survives_the_way_through_a_store(folder, remote, cache):
    russo("cache", "push")
    assert russo("cache", "pull", "--all", "--cache-dir", "second").code == 0
    assert AudioCache(folder / "second").get(ONE) == sound("Book a flight")
