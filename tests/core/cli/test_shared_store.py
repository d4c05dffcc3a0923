"""`say` and `record` with a shared store: reading, uploading, adopting, pins, and what they print."""

import os
import re
import sys
import time
from hashlib import sha256

import pytest

from russo import AudioCache
from russo._remote.objects import object_name
from russo._remote.pins import LockFile, Pin
from russo._remote.uploads import Uploads
from support.command import SPEAKER, numbered_key, russo, store_prompts
from support.remote.commands import keys_in, pin_entries, put_all
from support.speakers import sound

COUNTING = """
from pathlib import Path

from support.speakers import sound

class Counting:
    cache_key_extra = {"backend": "counting"}

    async def synthesize(self, text):
        with open("calls.txt", "a") as file:
            file.write(text + "\\n")
        number = Path("calls.txt").read_text().count("\\n")
        return sound(f"{text} {number}" * number)
"""
COUNTING_NAME = "counting_of_test:Counting"


@pytest.fixture(autouse=True)
def project(folder, plain_remote, monkeypatch):
    ini = f"[pytest]\nrusso_synth = {SPEAKER}\nrusso_remote = {plain_remote.url}\n"
    (folder / "pytest.ini").write_text(ini)
    (folder / "counting_of_test.py").write_text(COUNTING)
    (folder / "a.txt").write_text("one\ntwo\n")
    monkeypatch.delitem(sys.modules, "counting_of_test", raising=False)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), *sys.path]))


@pytest.fixture
def team(folder, plain_remote):
    """The cache of another machine, whose entries are in the store."""
    assert russo("record", "a.txt", "--remote", "off", "--cache-dir", "team").code == 0
    cache = AudioCache(folder / "team")
    put_all(plain_remote.root, cache)
    return cache


def pins(folder):
    return LockFile(folder / "russo.lock").pins


# -- reading


def test_say_replays_an_entry_of_the_store(folder, plain_remote, team):
    result = russo("say", "one", "-o", "one.wav")
    assert result.lines[0] == f"hit: 0.1 s of speech from {plain_remote.url}, no backend call"
    assert plain_remote.calls("put") == []
    again = russo("say", "one", "-o", "one.wav")
    assert again.lines[0] == "hit: 0.1 s of speech, no backend call"
    assert len(plain_remote.calls("get")) == 1


def test_record_fetches_the_prompts_of_the_store(folder, plain_remote, team):
    result = russo("record", "a.txt")
    assert result.out == f"2 of 2 prompts: 2 hits, 2 from {plain_remote.url}, 0 backend calls, 0 failed\n"
    assert keys_in(folder / ".russo_cache") == keys_in(team.directory)


def test_record_asks_for_many_prompts_at_once(folder, plain_remote):
    (folder / "many.txt").write_text("".join(f"prompt {number}\n" for number in range(40)))
    russo("record", "many.txt", "--remote", "off", "--cache-dir", "team")
    put_all(plain_remote.root, AudioCache(folder / "team"))
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
    result = russo("record", "many.txt", "--json")
    assert (result.json["hits"], result.json["remote_hits"], result.json["backend_calls"]) == (40, 40, 0)


def test_option_off_uses_no_store(plain_remote, team):
    result = russo("record", "a.txt", "--remote", "off")
    assert "2 backend calls" in result.out
    assert "remote" not in result.err
    assert plain_remote.calls() == []


def test_refresh_does_not_read_the_store(plain_remote, team):
    result = russo("say", "one", "-o", "one.wav", "--refresh")
    assert result.lines[0].startswith("refreshed: ")
    assert plain_remote.calls() == []


def test_json_has_the_store_and_the_numbers(plain_remote, team):
    values = russo("say", "one", "--json").json
    assert values["remote"] == {
        "url": plain_remote.url,
        "source": "pytest.ini, russo_remote",
        "write": False,
    }
    assert (values["hit"], values["remote_hits"], values["uploaded"], values["not_uploaded"]) == (
        True,
        1,
        0,
        0,
    )
    assert "remote_hits" not in russo("say", "one", "--json", "--remote", "off").json


# -- uploading


@pytest.mark.parametrize("name", ["option", "variable", "PYTEST_ADDOPTS"])
def test_new_audio_is_uploaded_if_the_user_asks(folder, plain_remote, monkeypatch, name):
    if name == "variable":
        monkeypatch.setenv("RUSSO_REMOTE_WRITE", "1")
    elif name == "PYTEST_ADDOPTS":
        monkeypatch.setenv("PYTEST_ADDOPTS", "--russo-remote-write")
    result = russo("record", "a.txt", *(["--remote-write"] if name == "option" else []))
    assert result.code == 0
    assert sorted(plain_remote.objects) == keys_in(folder / ".russo_cache")
    assert "remote: new audio is uploaded, too (" in result.err
    assert f"2 backend calls (6 characters), 2 uploaded to {plain_remote.url}, 0 failed" in result.out


def test_new_audio_is_not_uploaded_by_default(plain_remote):
    assert russo("record", "a.txt").code == 0
    assert plain_remote.calls("put") == []


def test_say_uploads_too(folder, plain_remote):
    assert f"stored, 1 uploaded to {plain_remote.url}\n" in russo("say", "two", "--remote-write").out
    assert russo("say", "one", "--json", "--remote-write").json["uploaded"] == 1
    assert plain_remote.objects == plain_remote.local()


def test_write_without_a_store_is_wrong_usage():
    result = russo("record", "a.txt", "--remote", "off", "--remote-write")
    assert result.code == 2
    assert result.err.endswith(
        "russo: --remote-write needs a shared store: add --remote URL, or set russo_remote in the ini-file\n"
    )


def test_committed_right_to_write_is_refused(folder, plain_remote):
    with (folder / "pytest.ini").open("a") as file:
        file.write("addopts = --russo-remote-write\n")
    result = russo("record", "a.txt")
    assert result.code == 2
    assert "--russo-remote-write is in addopts of pytest.ini" in result.err
    assert russo("cache", "list").code == 0


def test_store_that_fails_adds_one_line(plain_remote):
    plain_remote.trouble("refused")
    result = russo("record", "a.txt", "--remote-write")
    assert result.code == 0
    assert "2 backend calls" in result.out
    trouble, hint = result.err.splitlines()[-2:]
    assert trouble == (
        f"russo: remote {plain_remote.url}: 2 lookups skipped, 2 entries not uploaded (it is down)"
    )
    assert hint == "upload later with: russo cache push"


def test_upload_is_possible_later(folder, plain_remote):
    plain_remote.trouble("outage")
    values = russo("record", "a.txt", "--remote-write", "--json").json
    assert (values["uploaded"], values["not_uploaded"]) == (0, 2)
    plain_remote.trouble(None)
    assert russo("cache", "push").code == 0
    assert plain_remote.objects == plain_remote.local()


@pytest.mark.parametrize("arguments", [("record", "a.txt"), ("say", "one")])
def test_interrupt_ends_the_wait_for_uploads_only(plain_remote, monkeypatch, arguments):
    plain_remote.before("put", "import time\nwhile (root / 'held').exists(): time.sleep(0.01)")
    (plain_remote.root / "held").touch()

    def interrupt(uploads):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Uploads, "_is_busy", interrupt)  # `flush` asks it before each wait
        result = russo(*arguments, "--remote-write")
    assert result.code == 130
    assert "not uploaded (the wait for it was interrupted)" in result.err
    assert result.err.splitlines()[-1] == "upload later with: russo cache push"
    assert result.out.startswith("2 of 2 prompts" if arguments[0] == "record" else "")
    (plain_remote.root / "held").unlink()
    deadline = time.monotonic() + 60
    while plain_remote.objects != plain_remote.local():  # the uploads under way end later
        assert time.monotonic() < deadline
        time.sleep(0.01)


# -- russo.lock


def test_record_pins_new_prompts_in_an_existing_file(folder, plain_remote):
    LockFile(folder / "russo.lock").update({"elsewhere": Pin.of(sound("x"), "Elsewhere")})
    result = russo("record", "a.txt")
    assert [re.sub("[0-9a-f]{12}", "KEY", line) for line in result.lines[1:]] == [
        '+ KEY "one"',
        '+ KEY "two"',
        "russo.lock: 2 pins added",
    ]
    assert {pin.prompt for pin in pins(folder).values()} == {"Elsewhere", "one", "two"}
    assert russo("cache", "lock", "--check").code == 0
    assert len(russo("record", "a.txt").lines) == 1


def test_record_does_not_call_entries_unpinned_that_it_pins(folder, plain_remote):
    assert russo("record", "a.txt", "--remote-write").code == 0
    plain_remote.forget_local()
    (folder / "russo.lock").touch()
    result = russo("record", "a.txt")
    assert result.lines[-1] == "russo.lock: 2 pins added"
    assert "not in russo.lock" not in result.err
    plain_remote.forget_local()
    (folder / "russo.lock").write_text("")
    assert "1 entry from" in (said := russo("say", "one").err)
    assert "is not in russo.lock; pin it with: russo cache lock" in said


def test_record_makes_no_lock_file(folder):
    russo("record", "a.txt")
    assert not (folder / "russo.lock").exists()


def test_record_pins_without_a_store(folder):
    (folder / "russo.lock").touch()
    values = russo("record", "a.txt", "--remote", "off", "--json").json
    assert [each["change"] for each in values["pins"]] == ["added", "added"]
    assert len(pins(folder)) == 2


def test_record_pins_prompts_that_were_stored_before(folder):
    russo("record", "a.txt")
    (folder / "russo.lock").touch()
    assert russo("record", "a.txt").lines[-1] == "russo.lock: 2 pins added"


def test_record_pins_what_it_fetched(folder, plain_remote, team):
    (folder / "russo.lock").touch()
    assert russo("record", "a.txt", "--json").json["remote_hits"] == 2
    assert all(
        pins(folder)[key].digest == sha256(data).hexdigest() for key, data in plain_remote.objects.items()
    )


def test_refresh_replaces_the_pin_and_uploads_the_new_audio(folder, plain_remote):
    arguments = ("record", "a.txt", "--synth", COUNTING_NAME, "--jobs", "1", "--remote-write")
    (folder / "russo.lock").touch()
    assert russo(*arguments).code == 0
    before = plain_remote.objects
    result = russo(*arguments, "--refresh")
    assert result.code == 0
    after = plain_remote.objects
    assert after == plain_remote.local()
    assert all(after[key] != audio for key, audio in before.items())
    assert all(pins(folder)[key].digest == sha256(data).hexdigest() for key, data in after.items())
    assert [line[0] for line in result.lines[-3:-1]] == ["~", "~"]
    assert ": other audio, " in result.lines[-2]
    assert result.lines[-1] == "russo.lock: 2 pins replaced"


def test_pinned_audio_that_is_nowhere_is_recorded_again_and_the_pin_is_replaced(folder, plain_remote):
    arguments = ("record", "a.txt", "--synth", COUNTING_NAME, "--jobs", "1")
    (folder / "russo.lock").touch()
    russo(*arguments)
    plain_remote.forget_local()
    result = russo(*arguments)
    assert result.lines[-1] == "russo.lock: 2 pins replaced"
    assert russo("cache", "lock", "--check", "--json").json["changes"] == []


def test_stored_audio_that_is_not_the_pinned_one_stays(folder):
    russo("record", "a.txt")
    other = store_prompts(folder / "other", "Other audio")
    (key, *_) = keys_in(folder / ".russo_cache")
    LockFile(folder / "russo.lock").update({key: Pin.of(other.get(keys_in(other.directory)[0]), "x")})
    before = pins(folder)[key]
    result = russo("record", "a.txt")
    assert result.lines[-1] == "russo.lock: 1 pin added"
    assert pins(folder)[key] == before


def test_audio_of_a_faster_machine_is_adopted_and_pinned(folder, plain_remote, team):
    for path in plain_remote.root.glob("v1/??/*"):
        path.unlink()
    take = store_prompts(folder / "take", "A longer take").get(numbered_key(1))
    other = AudioCache(folder / "other")
    for key in keys_in(team.directory):
        other.put(key, take, prompt="x")
    put_all(folder / "objects", other)
    # The other machine stores its entries between the lookup and the upload.
    plain_remote.before(
        "put",
        f"""
        import pathlib
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((pathlib.Path({str(folder / "objects")!r}) / name).read_bytes())
        """,
    )
    (folder / "russo.lock").touch()
    result = russo("record", "a.txt", "--remote-write", "--json")
    values = result.json
    assert (values["backend_calls"], values["uploaded"], values["not_uploaded"]) == (2, 0, 0)
    assert result.err.splitlines()[-1] == (
        f"2 entries of this run replaced by those of {plain_remote.url}, because another machine stored them first"
    )
    assert set(plain_remote.local().values()) == {take.data}
    assert len(pins(folder)) == 2
    assert all(pin.fits(take) for pin in pins(folder).values())


@pytest.mark.parametrize("failures", [0, 2], ids=["looked up", "not looked up"])
def test_record_neither_adopts_nor_pins_audio_that_the_pin_refuses(folder, plain_remote, team, failures):
    (key,) = [key for key in keys_in(team.directory) if team.describe(key)["prompt"] == "one"]
    own = team.get(key).data
    pin_entries(folder, team)
    pinned = pins(folder)
    other = AudioCache(folder / "other")
    other.put(key, sound("another voice"), prompt="one")
    put_all(plain_remote.root, other)
    # The lookup ahead and that of the request fail, the upload does not.
    plain_remote.before(
        "get",
        f"""
        from russo import StoreError
        asked = root / "asked"
        number = len(asked.read_bytes()) if asked.exists() else 0
        asked.write_bytes(b"." * (number + 1))
        if number < {failures}:
            raise StoreError("not yet")
        """,
    )
    (folder / "one.txt").write_text("one\n")
    assert russo("record", "one.txt", "--remote-write").code == 0
    assert len(plain_remote.calls("put")) == 1
    assert plain_remote.local() == {key: own}
    assert pins(folder) == pinned


def test_invalid_lock_file_is_wrong_usage_before_any_backend_call(folder):
    (folder / "russo.lock").write_text("=======\n")
    for arguments in (("record", "a.txt"), ("record", "a.txt", "--remote", "off"), ("say", "one")):
        result = russo(*arguments, "--synth", COUNTING_NAME)
        assert (result.code, "a merge conflict" in result.err) == (2, True)
    assert not (folder / "calls.txt").exists()


def test_unpinned_entries_of_the_store_are_counted_by_say(folder, plain_remote, team):
    LockFile(folder / "russo.lock").update({"elsewhere": Pin.of(sound("x"), "Elsewhere")})
    result = russo("say", "one", "-o", "one.wav")
    assert result.err.splitlines()[-1] == (
        f"russo: 1 entry from {plain_remote.url} is not in russo.lock; pin it with: russo cache lock"
    )


def test_refused_entry_is_reported_and_synthesized(folder, plain_remote, team):
    pin_entries(folder, store_prompts(folder / "other", "x"))
    lock = LockFile(folder / "russo.lock")
    lock.update({key: Pin.of(sound("other audio"), "x") for key in keys_in(team.directory)})
    result = russo("say", "one", "-o", "one.wav")
    assert "no backend call" not in result.out
    assert result.err.splitlines()[-1].endswith("1 entry refused, because russo.lock pins other audio")
    result = russo("say", "one", "-o", "one.wav", "--cache-dir", "b", "--remote-write")
    assert "1 entry not uploaded (russo.lock pins other audio for this key)" in result.err
    assert "russo cache push" not in result.err  # push would refuse the entry, too


# -- other commands


def test_info_and_dir_name_the_store_without_opening_it(folder, plain_remote, monkeypatch):
    line = f"remote: {plain_remote.url} (pytest.ini, russo_remote)"
    assert line in russo("cache", "info").err.splitlines()
    assert line in russo("cache", "dir").err.splitlines()
    assert russo("cache", "dir", "--json").json["remote"]["url"] == plain_remote.url
    monkeypatch.setenv("RUSSO_REMOTE", "https://me:SECRET@host/voice?sig=SECRET")
    shown = russo("cache", "dir")
    assert (shown.code, "SECRET" in shown.err) == (0, False)
    assert "remote: https://host/voice (environment variable RUSSO_REMOTE)" in shown.err
    assert "SECRET" not in russo("cache", "info", "--json").out


def test_object_name_is_below_its_first_letters(plain_remote, team):
    assert all((plain_remote.root / object_name(key)).exists() for key in keys_in(team.directory))
