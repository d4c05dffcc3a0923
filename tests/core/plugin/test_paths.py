"""Impossible and unusual paths, in runs of pytest and of the command."""

import pwd
import subprocess
import sys

import pytest

from support.command import russo

OPTIONS = ["--russo-cache-dir", "--russo-recordings-dir", "--russo-report"]
VARIABLES = ["RUSSO_CACHE_DIR", "RUSSO_RECORDINGS_DIR"]
IMPOSSIBLE = ["~no-such-user-here/x", "x" * 300, "x/" * 3000, "loop/below"]
ODD = ["new\nline", "\x1b[31mred", "raw\udcff", "a//b", "./c/.", "é🎤"]


@pytest.fixture
def said(project):
    project.tests("def test_it(russo_say): russo_say('Hello')")
    (project.path / "loop").symlink_to("loop")
    return project


@pytest.mark.parametrize("path", IMPOSSIBLE, ids=lambda path: path[:20])
@pytest.mark.parametrize("option", OPTIONS)
def test_impossible_path_of_an_option_is_wrong_usage(said, option, path):
    result = said.run(f"{option}={path}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: * cannot be used as a path: *(*)"])
    assert said.calls == []


@pytest.mark.parametrize("path", IMPOSSIBLE, ids=lambda path: path[:20])
@pytest.mark.parametrize("variable", VARIABLES)
def test_impossible_path_of_a_variable_is_wrong_usage_in_pytest_and_the_command(
    said, monkeypatch, variable, path
):
    monkeypatch.setenv(variable, path)
    result = said.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: * cannot be used as a path: *(environment variable {variable})"])
    for command in (["cache", "dir"], ["cache", "list"], ["cache", "clear", "--yes"], ["say", "hi"]):
        done = russo(*command)
        assert done.code == 2
        assert done.err.endswith(f"(environment variable {variable})\n")


def test_error_without_a_home_directory_is_one_line(said):
    """As in a container: a user without an entry in /etc/passwd and without HOME."""
    stranger = 54321
    with pytest.raises(KeyError):
        pwd.getpwuid(stranger)
    code = f"""
import os
os.environ["RUSSO_CACHE_DIR"] = "~/speech"
del os.environ["HOME"]
os.getuid = lambda: {stranger}
import pytest, russo._cli
print("CODE", int(pytest.main(["-q", "-p", "no:cacheprovider"])))
print("CODE", russo._cli.main(["cache", "dir"]))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    sentence = (
        "~/speech cannot be used as a path: the home directory is not known; write the path without ~ "
        "(environment variable RUSSO_CACHE_DIR)"
    )
    assert [line for line in done.stdout.splitlines() if line.startswith("CODE")] == ["CODE 4", "CODE 2"]
    assert f"ERROR: {sentence}\n" in done.stderr
    assert f"russo: {sentence}\n" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("path", "options"), [*((each, []) for each in ODD), ("\x1b[31mred\nraw\udcff", ["-n", "1"])], ids=ascii
)
def test_unusual_path_stores_audio_and_is_shown_on_one_line(said, path, options, monkeypatch):
    monkeypatch.setenv("RUSSO_CACHE_DIR", path)
    monkeypatch.setenv("PYTHONIOENCODING", "utf-8")
    for hits in (0, 1):
        result = said.run("-v", *options, subprocess=bool(options))
        result.assert_outcomes(passed=1)
        result.stdout.fnmatch_lines([f"russo: {hits} hit*"])
    lines = [line for line in result.outlines if line.startswith("russo: 1 hit from ")]
    assert len(lines) == 1
    assert lines[0].isprintable()
    assert said.calls == ["a Hello"]
    assert russo("cache", "dir").code == 0


@pytest.mark.parametrize("path", ODD, ids=ascii)
def test_report_at_an_unusual_path_is_written(said, path):
    if path == "./c/.":
        path = "./c/./page"
    result = said.run(f"--russo-report={path}.html")
    result.assert_outcomes(passed=1)
    lines = [line for line in result.outlines if line.startswith("russo: report written to ")]
    assert len(lines) == 1
    assert (said.path / f"{path}.html").exists()


def test_clearing_the_cache_keeps_recordings_inside_its_directory(said):
    said.run("--russo-cache-dir=.russo_cache/kept")
    said.run("--russo-recordings-dir=.russo_cache/kept", "--russo-clear-cache").assert_outcomes(passed=1)
    assert (said.cached(".russo_cache/kept"), said.cached()) == (1, 0)
    assert said.calls == ["a Hello"]
