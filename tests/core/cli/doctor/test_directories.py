"""``russo doctor``: the directories of the cache and of the recordings."""

import os
import shutil
import subprocess

import pytest

from russo._cli.doctor import directories
from support.command import russo, store_prompts

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
no_root = pytest.mark.skipif(os.geteuid() == 0, reason="root may read and write everything")


@pytest.fixture(autouse=True)
def chosen(monkeypatch):
    """Choose a backend that needs no key, so that nothing else is wrong."""
    monkeypatch.setenv("RUSSO_SYNTH", "local")


def examine():
    done = russo("doctor", "--json")
    return {each["role"]: each for each in done.json["directories"]}, done.json["problems"]


def git(folder, *arguments):
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    subprocess.run(["git", "-C", folder, *arguments], check=True, capture_output=True, env=environment)


def test_missing_cache_can_be_made(folder):
    found, problems = examine()
    assert problems == []
    assert not (folder / ".russo_cache").exists()
    cache = found["cache"]
    assert (cache["directory"], cache["exists"], cache["writable"]) == (
        str(folder / ".russo_cache"),
        False,
        True,
    )
    assert (cache["readable"], cache["entries"], cache["link"]) == (None, None, "")
    assert cache["free"] > 0
    assert "does not exist, can be made, not a link, " in russo("doctor").out


def test_entries_and_bytes_are_counted(folder, cache):
    (folder / ".russo_cache" / "notes.txt").write_text("of another program")
    found, problems = examine()
    size = sum(
        each.stat().st_size for each in cache.directory.iterdir() if each.suffix in (".meta", ".audio")
    )
    assert (found["cache"]["entries"], found["cache"]["size"]) == (3, size)
    assert found["cache"]["exists"] is found["cache"]["readable"] is found["cache"]["writable"] is True
    assert problems == []
    out = " ".join(russo("doctor").out.split())
    assert "exists, readable, writable, not a link, " in out
    assert f"3 entries ({size / 1000:.1f} kB)" in out


def test_recordings_are_examined_too(recordings):
    found, problems = examine()
    assert list(found) == ["cache", "recordings"]
    assert found["recordings"]["entries"] == 1
    assert problems == []


def test_missing_recordings_are_a_problem(folder):
    (folder / "pytest.ini").write_text("[pytest]\nrusso_recordings_dir = kept\n")
    _, [problem] = examine()
    assert problem["problem"] == (
        f"the recordings directory kept does not exist (russo_recordings_dir in {folder / 'pytest.ini'})"
    )


def test_source_of_missing_recordings_is_that_of_the_setting(monkeypatch):
    monkeypatch.setenv("PYTEST_ADDOPTS", "--russo-recordings-dir=kept")
    _, [problem] = examine()
    assert problem["problem"] == "the recordings directory kept does not exist (PYTEST_ADDOPTS)"


@pytest.mark.parametrize(("mode", "is_wrong"), [("auto", True), ("replay", False), ("off", False)])
def test_cache_below_a_file_cannot_be_made(folder, monkeypatch, mode, is_wrong):
    monkeypatch.setenv("RUSSO_CACHE_DIR", "pytest.ini/cache")
    monkeypatch.setenv("RUSSO_CACHE_MODE", mode)
    (folder / "pytest.ini").chmod(0o755)
    found, problems = examine()
    assert found["cache"]["writable"] is False
    assert [each["problem"] for each in problems] == [
        f"the cache directory {folder / 'pytest.ini/cache'} does not exist and cannot be made"
    ] * is_wrong


@no_root
def test_directory_without_rights_is_a_problem(folder, cache):
    cache.directory.chmod(0o500)
    try:
        found, problems = examine()
        assert (found["cache"]["readable"], found["cache"]["writable"]) == (True, False)
        assert [each["problem"] for each in problems] == [
            f"the cache directory {cache.directory} cannot be written"
        ]
        cache.directory.chmod(0o000)
        found, problems = examine()
        assert (found["cache"]["readable"], found["cache"]["entries"]) == (False, None)
        assert problems[0]["problem"] == f"the cache directory {cache.directory} cannot be read"
    finally:
        cache.directory.chmod(0o700)


def test_file_system_without_rights_is_a_problem(folder, cache, monkeypatch):
    """The same as above for root, who may write everywhere."""
    monkeypatch.setattr(os, "access", lambda path, mode: mode & os.W_OK == 0)
    _, problems = examine()
    assert [each["problem"] for each in problems] == [
        f"the cache directory {cache.directory} cannot be written"
    ]


def test_full_file_system_is_a_problem(monkeypatch, cache):
    monkeypatch.setattr(directories, "_LEAST_SPACE", 1 << 80)
    _, [problem] = examine()
    assert problem["problem"].startswith(f"the file system of {cache.directory} has ")
    assert "russo cache prune" in problem["advice"]
    monkeypatch.setenv("RUSSO_CACHE_MODE", "replay")
    assert examine()[1] == []


def test_link_is_named_with_its_target(folder, tmp_path):
    store_prompts(tmp_path / "elsewhere", "Book a flight")
    (folder / ".russo_cache").symlink_to(tmp_path / "elsewhere")
    found, problems = examine()
    assert found["cache"]["link"] == str(tmp_path / "elsewhere")
    assert found["cache"]["entries"] == 1
    assert problems == []
    assert "is a link to" in russo("doctor").out


def test_broken_link_cannot_be_made(folder, monkeypatch):
    (folder / "gone").symlink_to(folder / "nowhere" / "deep")
    monkeypatch.setenv("RUSSO_CACHE_DIR", "gone/cache")
    found, problems = examine()
    assert found["cache"]["writable"] is False
    assert len(problems) == 1


def test_link_to_a_missing_directory_cannot_be_made(folder):
    (folder / ".russo_cache").symlink_to(folder / "gone")
    found, [problem] = examine()
    assert (found["cache"]["exists"], found["cache"]["writable"]) == (False, False)
    assert problem == {
        "problem": f"the cache directory {folder / '.russo_cache'} does not exist and cannot be made",
        "advice": f"make the directory {folder / 'gone'}, or remove the link",
    }


# -- git


@needs_git
def test_directory_outside_of_git_is_named(folder):
    assert examine()[0]["cache"]["git"] == "not in a git work tree"


@needs_git
@pytest.mark.parametrize("exists", [False, True])
@pytest.mark.parametrize(
    ("patterns", "words"),
    [("", "not ignored by git"), (".russo_cache/\n", "ignored by git"), ("*.audio\n", "ignored by git")],
)
def test_ignored_directory_is_named(folder, patterns, words, exists):
    git(folder, "init", "-q")
    (folder / ".gitignore").write_text(patterns)
    if exists:
        store_prompts(folder / ".russo_cache", "Book a flight")
        git(folder, "add", "-f", ".")
    assert examine()[0]["cache"]["git"] == words


@needs_git
def test_ignored_recordings_are_a_problem(folder, recordings):
    git(folder, "init", "-q")
    (folder / ".gitignore").write_text("kept\n")
    _, [problem] = examine()
    assert problem["problem"] == (
        f"git ignores the recordings in {folder / 'kept'}, so other machines do not get them"
    )


@needs_git
def test_ignored_recordings_are_a_problem_also_if_they_are_the_cache(folder, monkeypatch):
    git(folder, "init", "-q")
    (folder / ".gitignore").write_text("kept\n")
    monkeypatch.setenv("RUSSO_CACHE_DIR", "kept")
    monkeypatch.setenv("RUSSO_RECORDINGS_DIR", "kept")
    _, [problem] = examine()
    assert problem["problem"].startswith("git ignores the recordings in ")


@needs_git
def test_cache_behind_a_link_is_asked_about_at_its_target(folder):
    git(folder, "init", "-q")
    (folder / ".gitignore").write_text("target\n")
    (folder / "target").mkdir()
    (folder / ".russo_cache").symlink_to("target")
    assert examine()[0]["cache"]["git"] == "ignored by git"
    (folder / ".gitignore").write_text(".russo_cache\n")
    assert examine()[0]["cache"]["git"] == "not ignored by git"


@needs_git
def test_cache_below_a_file_is_in_its_work_tree(folder, monkeypatch):
    git(folder, "init", "-q")
    monkeypatch.setenv("RUSSO_CACHE_DIR", "pytest.ini/cache")
    assert examine()[0]["cache"]["git"] == "not ignored by git"


@needs_git
def test_bare_repository_is_not_a_work_tree(folder):
    git(folder, "init", "-q", "--bare")
    assert examine()[0]["cache"]["git"] == "not in a git work tree"


@needs_git
@pytest.mark.parametrize("language", ["C", "de_DE.UTF-8"])
def test_failure_of_git_is_not_an_answer(folder, monkeypatch, language):
    monkeypatch.setenv("LC_ALL", language)
    git(folder, "init", "-q")
    (folder / ".git" / "config").write_text("[core\n")
    assert examine()[0]["cache"]["git"].startswith("git failed: bad config line 1 in file ")


def test_message_of_git_is_escaped_and_bounded(folder, monkeypatch, tmp_path):
    program = tmp_path / "bin" / "git"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nprintf 'fatal: \\033[31m%01000d\\nmore' 0 >&2; exit 128\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    words = examine()[0]["cache"]["git"]
    assert words.startswith("git failed: \\x1b[31m000")
    assert len(words) < 230
    assert "more" not in words


@needs_git
def test_settings_of_a_repository_run_no_program(folder, cache):
    git(folder, "init", "-q")
    git(folder, "add", ".")
    program = folder / "program.sh"
    program.write_text(f"#!/bin/sh\ntouch {folder}/ran\n")
    program.chmod(0o755)
    git(folder, "config", "core.fsmonitor", str(program))
    assert examine()[0]["cache"]["git"] == "not ignored by git"
    assert not (folder / "ran").exists()


def test_machine_without_git_is_survived(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    found, problems = examine()
    assert (found["cache"]["git"], problems) == ("git was not run", [])


def test_git_that_never_ends_is_not_waited_for(monkeypatch, tmp_path):
    program = tmp_path / "bin" / "git"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(directories, "_PATIENCE", 0.1)
    assert examine()[0]["cache"]["git"] == "git was not run"
