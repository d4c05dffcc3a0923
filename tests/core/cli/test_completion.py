"""Completion in shells, by the scripts that click makes for them."""

import os
import shutil
import subprocess
import sys
from unittest.mock import ANY

import pytest

from russo._backends import discovery
from russo._cli.completion import backend_names
from support.command import numbered_key, start, store_prompts

BASH = """
eval "$(_RUSSO_COMPLETE=bash_source russo)"
COMP_WORDS=({line}) COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_russo_completion russo
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
FISH = "_RUSSO_COMPLETE=fish_source russo | source; complete --do-complete '{line}'"


@pytest.fixture(autouse=True)
def program(tmp_path, monkeypatch):
    """The program russo of this Python, first on the path."""
    program = tmp_path / "russo"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m russo "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join([str(tmp_path), os.environ["PATH"]]))
    monkeypatch.setenv("HOME", str(tmp_path))


LINES = [
    ("russo ca", ["cache"]),
    ("russo cache pr", ["promote", "prune"]),
    ("russo cache pu", ["pull", "push"]),
    ("russo cache pull --pro", ["--prompts"]),
    ("russo say --remote", ["--remote", "--remote-write"]),
    ("russo say --ref", ["--refresh"]),
    ("russo say hello --synth lo", ["local"]),
    ("russo record --synth openai", ["openai", "openai-speech"]),
]


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
@pytest.mark.parametrize(("line", "values"), LINES)
def test_bash_completes_commands_options_and_backends(line, values):
    done = subprocess.run(
        ["bash", "--norc", "-c", BASH.format(line=line)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert (done.stdout.splitlines(), done.stderr) == (values, "")


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
@pytest.mark.parametrize(("line", "values"), LINES)
def test_fish_completes_commands_options_and_backends(line, values):
    done = subprocess.run(
        ["fish", "--private", "-c", FISH.format(line=line)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert [each.partition("\t")[0] for each in done.stdout.splitlines()] == values


def complete(shell, line):
    """Return the lines with which the command answers a shell."""
    environment = {
        "_RUSSO_COMPLETE": f"{shell}_complete",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split()) - 1),
    }
    out, err = start(env=environment, text=True).communicate(timeout=60)
    assert err == ""
    return out.strip().splitlines()


def test_zsh_gets_each_value_with_its_help():
    assert complete("zsh", "russo say --ref")[:2] == ["plain", "--refresh"]
    assert complete("zsh", "russo backends loc") == ["plain", "local", "_"]


@pytest.mark.parametrize("command", ["show", "play", "rm"])
def test_key_is_completed_with_its_prompt_on_one_line(folder, command):
    store_prompts(folder / "own", "Book a flight", "one\nplain\ttwo\x1b[31m")
    first, second = numbered_key(1), numbered_key(2)
    assert complete("zsh", f"russo cache {command} --cache-dir own {first[:63]}") == [
        *("plain", first, "Book a flight"),
        *("plain", second, r"one\nplain\ttwo\x1b[31m"),
    ]
    assert complete("zsh", f"russo cache {command} --cache-dir own {second}") == ["plain", second, ANY]
    assert complete("zsh", f"russo cache {command} {first[:63]}") == []


def test_settings_that_are_invalid_complete_nothing(folder):
    (folder / "pytest.ini").write_text("[pytest]\naddopts = --russo-cache-dir=pytest.ini\n")
    assert complete("zsh", "russo cache show 0") == []


def test_name_that_could_act_on_the_shell_is_not_completed(monkeypatch):
    names = dict.fromkeys(["acme", "acme\nplain,x", "acme $(id)", "other", "acme-2.1"], ())
    monkeypatch.setattr("russo._cli.completion.installed_backends", lambda: names)
    assert backend_names(None, None, "ac") == ["acme", "acme-2.1"]


def test_completion_imports_no_backend():
    code = "import sys; from russo._cli.completion import backend_names; backend_names(None, None, ''); print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    packages = {entry.module for entries in discovery.installed_backends().values() for entry in entries}
    assert packages
    assert not packages & set(loaded)
