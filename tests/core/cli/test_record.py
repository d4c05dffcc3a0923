import json
import os
import pty
import re
import signal
import sys

import pytest

from russo import AudioCache
from support.command import SPEAKER, enter_project, interrupt, russo, start, wait_for

VOICE = """
import asyncio, os, pathlib
from russo import ServiceError
from support.speakers import sound

class Voice:
    cache_key_extra = {"backend": "voice"}

    async def synthesize(self, text):
        with open("calls.txt", "a") as file:
            file.write(text + "\\n")
        while pathlib.Path("held").exists() and text.startswith("late"):
            await asyncio.sleep(0.01)
        if text.startswith("bad"):
            raise ServiceError("HTTP 500 \\x1b[31m", backend="voice", prompt=text)
        if text.startswith("odd"):
            raise ZeroDivisionError("division by zero")
        return sound(text)
"""
VOICE_NAME = "voice_of_test:Voice"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    folder = enter_project(tmp_path, monkeypatch, f"[pytest]\nrusso_synth = {SPEAKER}\n")
    (folder / "voice_of_test.py").write_text(VOICE)
    monkeypatch.delitem(sys.modules, "voice_of_test", raising=False)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    return folder


def prompts_in(folder):
    cache = AudioCache(folder / ".russo_cache")
    return sorted(cache.describe(key)["prompt"] for key in cache.stored_keys())


def record(folder, name, content, *arguments):
    data = content if isinstance(content, bytes) else content.encode()
    (folder / name).write_bytes(data)
    return russo("record", name, *arguments)


@pytest.mark.parametrize(
    ("name", "content", "prompts"),
    [
        ("a.txt", "one\n\n  two \n \t\nthree, 3", ["  two ", "one", "three, 3"]),
        ("a", "one\r\ntwo\r\n", ["one", "two"]),
        ("a.txt", "\ufeff# comment\none\u2028still\n#\n", ["one\u2028still"]),
        ("a.txt", "one # more\r\n # two\r\n#three\r\n", [" # two", "one # more"]),
        ("a.txt", "\\# one\n\\two\n\\\\# three\n", ["# one", "\\\\# three", "\\two"]),
        ("a.csv", "prompt\n# one\n\\# two\n", ["# one", "\\# two"]),
        ("a.jsonl", '"# one"\n"\\\\# two"\n', ["# one", "\\# two"]),
        ("a.csv", 'prompt\none\n\n"two, ""2"""\n"three\nlines"\n', ["one", "three\nlines", 'two, "2"']),
        ("A.CSV", "\ufeffprompt\r\none\r\n", ["one"]),
        ("a.jsonl", '"one"\n\n{"prompt": "two\\nlines"}\n', ["one", "two\nlines"]),
        ("a.ndjson", '{"prompt": " \\u00e9 "}', [" é "]),
    ],
)
def test_every_prompt_of_a_file_is_recorded_unchanged(folder, name, content, prompts):
    assert record(folder, name, content).code == 0
    assert prompts_in(folder) == prompts


def test_stored_prompts_make_no_backend_call(folder):
    first = record(folder, "a.txt", "one\ntwo\none\n", "--json").json
    assert (first["prompts"], first["hits"], first["backend_calls"], first["backend_characters"]) == (
        2,
        0,
        2,
        6,
    )
    second = record(folder, "a.txt", "one\ntwo\nthree\n", "--json").json
    assert (second["prompts"], second["hits"], second["backend_calls"]) == (3, 2, 1)
    assert second["cache"]["directory"] == str(folder / ".russo_cache")


def test_record_prints_a_summary(folder):
    (folder / "a.txt").write_text("one\ntwo\n")
    assert (
        russo("record", "a.txt").out == "2 of 2 prompts: 0 hits, 2 backend calls (6 characters), 0 failed\n"
    )
    assert russo("record", "a.txt").out == "2 of 2 prompts: 2 hits, 0 backend calls, 0 failed\n"


def test_prompts_that_are_stored_with_other_settings_are_named(folder):
    first = record(folder, "a.txt", "one\ntwo\n")
    assert "other settings" not in first.err
    changed = record(folder, "a.txt", "one\ntwo\n", "--synth-option", "custom.voice=bert")
    assert changed.err.splitlines()[-1] == (
        "2 prompts are stored with other settings (voice is 'anna', wanted 'bert')"
    )
    assert (
        "other settings"
        not in record(folder, "a.txt", "one\ntwo\n", "--synth-option", "custom.voice=bert").err
    )


def test_record_continues_after_failures_and_lists_their_reasons(folder):
    result = record(folder, "a.txt", "one\nbad\nodd\ntwo\n", "--synth", VOICE_NAME, "--jobs", "1")
    assert result.code == 1
    assert prompts_in(folder) == ["one", "two"]
    assert result.lines[0] == "4 of 4 prompts: 0 hits, 4 backend calls (12 characters), 2 failed"
    assert [line.split(maxsplit=2) for line in result.lines[1:]] == [
        ["line", "prompt", "why"],
        ["2", "bad", "voice could not speak 'bad': HTTP 500 \\x1b[31m; try again later"],
        ["3", "odd", "division by zero"],
    ]
    assert "\x1b" not in result.out


def test_failures_are_in_the_json_output(folder):
    result = record(folder, "a.jsonl", '"one"\n"bad"\n', "--synth", VOICE_NAME, "--json")
    assert result.code == 1
    (failure,) = result.json["failed"]
    assert (failure["line"], failure["prompt"]) == (2, "bad")
    assert "HTTP 500" in failure["reason"]


def test_audio_that_is_not_stored_is_a_failure(folder):
    (folder / "cache").symlink_to("/proc/nowhere/at/all")
    result = record(folder, "a.txt", "one\n", "--cache-dir", "cache")
    assert result.code == 1
    assert "synthesized, but not stored: " in result.out


def test_option_sets_the_number_of_concurrent_calls(folder):
    (folder / "held").touch()
    (folder / "a.txt").write_text("".join(f"late {number}\n" for number in range(6)))
    process = start("record", "a.txt", "--synth", VOICE_NAME, "--jobs", "3")
    wait_for(lambda: count_calls(folder) == 3, process)
    (folder / "held").unlink()
    assert process.wait(timeout=30) == 0
    assert count_calls(folder) == 6
    process.communicate()


def test_calls_under_way_are_stored_after_an_interrupt_and_the_next_run_continues(folder):
    (folder / "held").touch()
    (folder / "a.txt").write_text("one\ntwo\nlate\nlate too\nthree\nfour\n")
    process = start("record", "a.txt", "--synth", VOICE_NAME, "--jobs", "2")
    wait_for(lambda: count_calls(folder) == 4, process)
    assert interrupt(process) == (
        "russo: stopping: waiting for 2 prompts under way, to store the audio; Ctrl-C again stops at once"
    )
    (folder / "held").unlink()
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert out.decode() == "4 of 6 prompts: 0 hits, 4 backend calls (18 characters), 0 failed\n"
    assert err.decode().splitlines()[-1] == (
        "russo: stopped: 2 done before Ctrl-C, 2 under way were stored, 2 not started; "
        "the same command continues with the rest"
    )
    assert prompts_in(folder) == ["late", "late too", "one", "two"]
    again = russo("record", "a.txt", "--synth", VOICE_NAME, "--json")
    assert (again.code, again.json["hits"], again.json["backend_calls"]) == (0, 4, 2)
    assert (again.json["under_way"], again.json["not_started"]) == ({"stored": 0, "not_stored": 0}, 0)


def test_call_under_way_that_fails_after_an_interrupt_is_not_stored(folder):
    (folder / "held").touch()
    (folder / "voice_of_test.py").write_text(VOICE.replace('"bad"', '"late bad"'))
    (folder / "a.txt").write_text("one\nlate bad\nlate\n\nthree\n")
    process = start("record", "a.txt", "--synth", VOICE_NAME, "--jobs", "2", "--json")
    wait_for(lambda: count_calls(folder) == 3, process)
    interrupt(process)
    (folder / "held").unlink()
    out, err = process.communicate(timeout=30)
    found = json.loads(out)
    assert (process.returncode, found["stopped"], found["done"]) == (130, True, 3)
    assert (found["under_way"], found["not_started"]) == ({"stored": 1, "not_stored": 1}, 1)
    assert b"1 done before Ctrl-C, 1 under way was stored, 1 under way was not stored, 1 not started" in err
    assert prompts_in(folder) == ["late", "one"]


def test_second_interrupt_stops_at_once_and_stores_no_call_under_way(folder):
    (folder / "held").touch()
    (folder / "a.txt").write_text("one\ntwo\nlate\nlate too\nthree\n")
    process = start("record", "a.txt", "--synth", VOICE_NAME, "--jobs", "2", "--json")
    wait_for(lambda: count_calls(folder) == 4, process)
    interrupt(process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    found = json.loads(out)
    assert (process.returncode, found["done"]) == (130, 2)
    assert (found["under_way"], found["not_started"]) == ({"stored": 0, "not_stored": 2}, 1)
    assert b"stopped: 2 done before Ctrl-C, 2 under way were not stored, 1 not started; " in err
    assert prompts_in(folder) == ["one", "two"]


def test_stop_that_leaves_nothing_suggests_no_other_run(folder):
    (folder / "held").touch()
    (folder / "a.txt").write_text("one\nlate\n")
    process = start("record", "a.txt", "--synth", VOICE_NAME, "--jobs", "2")
    wait_for(lambda: count_calls(folder) == 2, process)
    interrupt(process)
    (folder / "held").unlink()
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err.decode().splitlines()[-1] == (
        "russo: stopped: 1 done before Ctrl-C, 1 under way was stored, 0 not started"
    )


def test_record_shows_a_progress_bar_on_a_terminal(folder):
    (folder / "held").touch()
    (folder / "a.txt").write_text("one\nbad\nlate\n")
    shown = run_until_third_prompt(
        folder, "record", "a.txt", "--synth", VOICE_NAME, "--jobs", "1", columns=80
    )
    assert "2/3" in shown
    assert "0 hits, 2 backend calls, 1 failed" in shown
    assert "left" in shown
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown).replace("\r", "\n")
    assert max(len(line) for line in plain.split("\n") if "/3" in line) <= 80


def run_until_third_prompt(folder, *arguments, columns):
    """Run the command on a pseudo-terminal; release the held prompt once the bar shows 2 of 3."""
    primary, secondary = pty.openpty()
    environment = {"COLUMNS": str(columns), "TERM": "xterm", "NO_COLOR": "1"}
    process = start(*arguments, env=environment, stdin=secondary, stdout=secondary, stderr=secondary)
    os.close(secondary)
    shown = b""
    try:
        while piece := os.read(primary, 4096):
            shown += piece
            if b"2/3" in shown:
                (folder / "held").unlink(missing_ok=True)
    except OSError:  # Linux raises this when the other end is closed
        pass
    os.close(primary)
    assert process.wait(timeout=30) == 1
    return shown.decode()


def count_calls(folder):
    path = folder / "calls.txt"
    return len(path.read_text().splitlines()) if path.exists() else 0


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", "", "a.txt, line 1: the file ends without a prompt"),
        ("a.txt", "\n \n", "a.txt, line 3: the file ends without a prompt"),
        ("a.txt", "# one\n#\n", "a.txt, line 3: the file ends without a prompt"),
        ("a.txt", b"one\ntwo\xff\n", "a.txt, line 2: byte 0xff is not UTF-8; save the file as UTF-8"),
        ("a.txt", "one\n".encode("utf-16-le"), "a.txt, line 1: a NUL byte; this is not UTF-8 text"),
        ("a.csv", "", "a.csv, line 1: the file ends without a prompt"),
        ("a.csv", "prompt\n", "a.csv, line 2: the file ends without a prompt"),
        ("a.csv", "\nprompt,voice\none,anna\n", "a.csv, line 2: unknown column 'voice'"),
        ("a.csv", "text\none\n", "a.csv, line 1: unknown column 'text'"),
        ("a.csv", "prompt,prompt\n", "a.csv, line 1: 2 columns 'prompt'; exactly one is needed"),
        ("a.csv", 'prompt\n"one\ntwo"\nhello, you\n', "a.csv, line 4: 2 fields for 1 column"),
        ("a.csv", 'prompt\none\n"open\n', "a.csv, line 3: not CSV: unexpected end of data"),
        ("a.jsonl", '"one"\n{"prompt": \n', "a.jsonl, line 2: not JSON: "),
        ("a.jsonl", '{"prompt": "one", "voice": "anna"}', "a.jsonl, line 1: unknown column 'voice'"),
        ("a.jsonl", "{}", "a.jsonl, line 1: 0 columns 'prompt'; exactly one is needed"),
        ("a.jsonl", '"one"\n\n{"prompt": 3}\n', "a.jsonl, line 3: the prompt is 3, not text"),
        ("a.jsonl", '"one"\n" "\n', "a.jsonl, line 2: the prompt is empty"),
        ("a.jsonl", "[" * 100_000, "a.jsonl, line 1: not JSON: "),
        ("a.yaml", "one\n", "a.yaml: prompts are read from .txt, .csv and .jsonl files, not from .yaml"),
    ],
)
def test_invalid_file_is_refused_with_its_line_before_any_backend_call(folder, name, content, message):
    result = record(folder, name, content, "--synth", VOICE_NAME)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"russo: {message}")
    assert count_calls(folder) == 0


@pytest.mark.parametrize("arguments", [["missing.txt"], ["."], ["a.txt", "--jobs", "0"], []])
def test_wrong_usage_exits_with_2(folder, arguments):
    (folder / "a.txt").write_text("one\n")
    assert russo("record", *arguments).code == 2
    assert not (folder / ".russo_cache").exists()


def test_closed_pipe_does_not_change_the_exit_code(folder):
    (folder / "a.txt").write_text("bad\n")
    read, write = os.pipe()
    os.close(read)
    process = start("record", "a.txt", "--synth", VOICE_NAME, stdout=write)
    os.close(write)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 1
    assert b"Traceback" not in err


def test_json_is_ascii(folder):
    (folder / "a.jsonl").write_text(json.dumps("bad \u202e\x9b"))
    out = russo("record", "a.jsonl", "--synth", VOICE_NAME, "--json").out
    assert out.isascii()
    assert json.loads(out)["failed"][0]["prompt"] == "bad \u202e\x9b"
