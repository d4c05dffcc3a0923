"""``--refresh`` of `say` and `record`: a bad take is replaced, and recordings are not."""

import json
import os
import signal
import sys

import pytest

from russo import AudioCache
from support.command import enter_project, interrupt, russo, start, wait_for

# Each call returns longer audio than the call before.
VOICE = """
import asyncio, pathlib, shutil
from russo import Audio, AudioCache, CachedSynthesizer, ServiceError

class Voice:
    cache_key_extra = {"backend": "moody"}

    async def synthesize(self, text):
        calls = pathlib.Path("calls.txt")
        with calls.open("a") as file:
            file.write(text + "\\n")
        if pathlib.Path("held").exists():
            pathlib.Path("reached").touch()
            await asyncio.sleep(60)
        if text == "bad remover":
            shutil.rmtree(".russo_cache")
        if pathlib.Path("broken").exists() and text.startswith("bad"):
            raise ServiceError("HTTP 500", backend="moody", prompt=text)
        number = 1 if "same" in text else len(calls.read_text().splitlines())
        return Audio(bytes([number, 1]) * 800 * number, "pcm", 8000)

def replaying():
    return CachedSynthesizer(Voice(), mode="auto")

def read_only():
    return CachedSynthesizer(Voice(), cache=AudioCache(".russo_cache", read_only=True))
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    folder = enter_project(tmp_path, monkeypatch, "[pytest]\nrusso_synth = moody_voice:Voice\n")
    (folder / "moody_voice.py").write_text(VOICE)
    monkeypatch.delitem(sys.modules, "moody_voice", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    return folder


def calls(folder):
    return (folder / "calls.txt").read_text().splitlines()


def takes(directory):
    """Return the length of each stored take in tenths of a second, by prompt."""
    cache = AudioCache(directory)
    return {cache.describe(key)["prompt"]: round(cache.get(key).duration * 10) for key in cache.stored_keys()}


def say(*arguments):
    return russo("say", *arguments, "-o", "out.wav")


def test_say_replaces_the_take_and_the_next_call_replays_the_new_one(folder):
    assert say("hello").lines[0] == "miss: 0.1 s of speech, 1 backend call (5 characters), stored"
    again = say("hello", "--refresh")
    assert (again.code, again.lines[:2]) == (
        0,
        ["refreshed: 0.2 s of speech, 1 backend call (5 characters), stored", "replaced 0.1 s of speech"],
    )
    assert takes(folder / ".russo_cache") == {"hello": 2}
    assert say("hello").lines[0] == "hit: 0.2 s of speech, no backend call"
    assert calls(folder) == ["hello", "hello"]


def test_refresh_stores_a_prompt_that_was_not_stored(folder):
    assert say("hello", "--refresh").lines[:2] == [
        "refreshed: 0.1 s of speech, 1 backend call (5 characters), stored",
        "no audio was stored before",
    ]


def test_backend_that_returns_the_same_audio_is_named():
    say("same")
    assert say("same", "--refresh").lines[1] == (
        "replaced by the same audio: the backend returned exactly the bytes that were stored"
    )


def test_damaged_take_is_replaced(folder):
    say("hello")
    (audio,) = (folder / ".russo_cache").glob("*.audio")
    audio.write_bytes(b"damaged")
    assert say("hello", "--refresh").lines[1].startswith("replaced a damaged entry: ")
    assert takes(folder / ".russo_cache") == {"hello": 2}


def test_failed_call_keeps_the_old_take(folder):
    say("bad")
    (folder / "broken").touch()
    failed = say("bad", "--refresh")
    assert (failed.code, failed.out) == (1, "")
    assert failed.err.splitlines()[-2] == "not replaced: the stored audio (0.1 s of speech) is unchanged"
    assert "HTTP 500" in failed.err.splitlines()[-1]
    assert takes(folder / ".russo_cache") == {"bad": 1}


def test_old_take_that_was_removed_during_the_call_is_not_called_unchanged(folder):
    (folder / ".russo_cache").mkdir()
    say("bad remover")
    (folder / "broken").touch()
    failed = say("bad remover", "--refresh")
    assert failed.code == 1
    assert "not replaced" not in failed.err


def test_failed_call_of_a_prompt_that_is_not_stored_names_no_old_take(folder):
    (folder / "broken").touch()
    assert "not replaced" not in say("bad", "--refresh").err


def test_audio_that_cannot_be_stored_keeps_the_old_take(folder):
    say("hello")
    again = say("hello", "--refresh", "--synth", "moody_voice:read_only")
    assert again.lines[0].startswith(
        "synthesized: 0.2 s of speech, 1 backend call (5 characters), not stored: "
    )
    assert "not replaced: the stored audio (0.1 s of speech) is unchanged" in again.err.splitlines()
    assert takes(folder / ".russo_cache") == {"hello": 1}


def test_json_of_say_names_the_old_take():
    first = russo("say", "hello", "--json").json
    assert (first["hit"], first["refreshed"], first["replaced"]) == (False, False, None)
    again = russo("say", "hello", "--json", "--refresh").json
    assert (again["hit"], again["refreshed"], again["backend_calls"]) == (False, True, 1)
    assert again["replaced"] == {"seconds": 0.1, "same": False, "damaged": None}
    assert again["key"] == first["key"]


def test_factory_with_a_mode_of_its_own_is_refused(folder):
    refused = say("hello", "--refresh", "--synth", "moody_voice:replaying")
    assert refused.code == 2
    assert "the factory returns a CachedSynthesizer with the mode 'auto'" in refused.err
    assert not (folder / "calls.txt").exists()


@pytest.fixture
def recorded(folder):
    """Recordings of "hello" in the folder kept, beside the cache."""
    say("hello", "--cache-dir", "kept")
    ini = "[pytest]\nrusso_synth = moody_voice:Voice\nrusso_recordings_dir = kept\n"
    (folder / "pytest.ini").write_text(ini)
    return folder / "kept"


def test_say_refuses_to_replace_a_recording(folder, recorded):
    refused = say("hello", "--refresh")
    assert (refused.code, refused.out) == (2, "")
    assert refused.err.splitlines()[-1] == (
        "russo: --refresh cannot replace recordings, which are read-only: the audio of 'hello' comes from "
        f"{recorded}; nothing was synthesized. To replace it there, add --cache-dir={recorded}"
    )
    assert calls(folder) == ["hello"]
    assert say("hello", "--refresh", f"--cache-dir={recorded}").lines[1] == "replaced 0.1 s of speech"
    assert takes(recorded) == {"hello": 2}
    assert not (folder / ".russo_cache").exists()


def test_prompt_that_is_not_recorded_is_replaced_in_the_cache(folder, recorded):
    say("good morning")
    assert say("good morning", "--refresh").lines[1] == "replaced 0.2 s of speech"
    assert (takes(recorded), takes(folder / ".russo_cache")) == ({"hello": 1}, {"good morning": 3})


def test_damaged_recording_does_not_keep_the_cache_from_being_replaced(folder, recorded):
    (audio,) = recorded.glob("*.audio")
    audio.write_bytes(b"damaged")
    assert say("hello", "--refresh").lines[1] == "no audio was stored before"
    assert audio.read_bytes() == b"damaged"


def test_recordings_do_not_matter_to_a_factory_with_a_cache_of_its_own(folder, recorded):
    done = say("hello", "--refresh", "--synth", "moody_voice:read_only")
    assert done.lines[0].startswith("synthesized: 0.2 s of speech, ")


def test_record_refuses_recorded_prompts_before_any_call(folder, recorded):
    (folder / "a.txt").write_text("new\nhello\n")
    refused = russo("record", "a.txt", "--refresh")
    assert (refused.code, refused.out) == (2, "")
    assert "the audio of 1 of 2 prompts (the first is 'hello') comes from" in refused.err
    assert calls(folder) == ["hello"]


def test_record_replaces_each_take_once_and_counts_them(folder):
    (folder / "a.txt").write_text("one\nbad\nsame\n")
    assert russo("record", "a.txt", "--jobs", "1").code == 0
    (folder / "broken").touch()
    (folder / "a.txt").write_text("one\nbad\nsame\nnew\none\n")
    again = russo("record", "a.txt", "--refresh", "--jobs", "1")
    assert again.code == 1
    assert again.lines[:2] == [
        "4 of 4 prompts: 3 refreshed, 4 backend calls (13 characters), 1 failed",
        "2 replaced (1 by the same audio), 1 not stored before, 1 not replaced: the stored audio is unchanged",
    ]
    assert "refresh: 4 prompts are synthesized again, with one backend call each" in again.err.splitlines()
    assert takes(folder / ".russo_cache") == {"one": 4, "bad": 2, "same": 1, "new": 7}
    assert calls(folder)[3:] == ["one", "bad", "same", "new"]


def test_json_of_record_counts_what_was_refreshed(folder):
    (folder / "a.txt").write_text("one\nsame\n")
    first = russo("record", "a.txt", "--json").json
    assert (first["refreshed"], first["replaced"]) == (0, 0)
    (folder / "a.txt").write_text("one\nsame\nnew\n")
    again = russo("record", "a.txt", "--json", "--refresh").json
    assert (again["hits"], again["refreshed"], again["backend_calls"]) == (0, 3, 3)
    assert (again["replaced"], again["replaced_by_same_audio"]) == (2, 1)


def test_interrupted_refresh_keeps_the_old_takes_and_says_what_the_same_command_does(folder):
    (folder / "a.txt").write_text("one\ntwo\n")
    assert russo("record", "a.txt", "--jobs", "1").code == 0
    (folder / "held").touch()
    process = start("record", "a.txt", "--refresh", "--jobs", "1", "--json")
    wait_for((folder / "reached").exists, process)
    interrupt(process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, json.loads(out)["refreshed"]) == (130, 0)
    assert err.decode().splitlines()[-1] == (
        "russo: stopped: 0 done before Ctrl-C, 1 under way was not stored, 1 not started; "
        "the same command synthesizes all prompts again"
    )
    assert takes(folder / ".russo_cache") == {"one": 1, "two": 2}


@pytest.mark.parametrize("output", ["x.mp3", "moody_voice.py/x.wav", "/dev/full"])
def test_replaced_audio_is_reported_also_if_the_file_cannot_be_written(folder, output):
    russo("say", "hello", "--json")
    result = russo("say", "hello", "--refresh", "-o", output)
    assert result.code != 0
    if len(calls(folder)) > 1:  # some names are refused before the call
        assert "refreshed: 0.2 s of speech, 1 backend call" in result.err
        assert "replaced 0.1 s of speech" in result.err
    assert takes(folder / ".russo_cache") == {"hello": len(calls(folder))}


def test_stored_audio_is_reported_also_if_the_file_cannot_be_written(folder):
    result = russo("say", "hello", "-o", "x.mp3")
    assert (result.code, result.out) == (2, "")
    assert "miss: 0.1 s of speech, 1 backend call (5 characters), stored" in result.err
    assert "hit: 0.1 s of speech" in russo("say", "hello", "-o", "x.mp3").err
