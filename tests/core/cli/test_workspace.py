"""The command and pytest work in the same project."""

import json
import os
import subprocess
import sys

import pytest

from support.command import SPEAKER, russo
from support.surroundings import is_foreign

# Start pytest in each directory and print the settings that russo's plugin finds there.
SETTINGS_IN = """
import json, os, sys
import pytest

class Settings:
    def pytest_configure(self, config):
        from russo._plugin.pytest_plugin import session_of
        settings = session_of(config).settings
        options = {name: dict(values) for name, values in settings.options.items()}
        self.found = [settings.synth, options, str(settings.cache_dir), str(settings.recordings_dir or "")]

found = []
for directory, environment in json.loads(sys.argv[1]):
    os.chdir(directory)
    os.environ.update(environment)
    settings = Settings()
    pytest.main(["-p", "no:cacheprovider", "--collect-only"], plugins=[settings])
    found.append(settings.found)
print("\\nFOUND", json.dumps(found))
"""
FILES = {
    "pytest.ini": "[pytest]\n{lines}",
    "setup.cfg": "[tool:pytest]\n{lines}",
    "tox.ini": "[pytest]\n{lines}",
    "pyproject.toml": "[tool.pytest.ini_options]\n{toml}",
}
LINES = """russo_synth = local
russo_synth_options =
    local.voice=heart
    local.speed=1.5
russo_cache_dir = speech
addopts = --russo-recordings-dir=kept -q -k "a or b"
"""
TOML = """russo_synth = "local"
russo_synth_options = ["local.voice=heart", "local.speed=1.5"]
russo_cache_dir = "speech"
addopts = ["--russo-recordings-dir=kept", "-q", "-k", "a or b"]
"""


WITH_INI = [(name, where) for name in FILES for where in (".", "sub")]
IN_ENVIRONMENT = {
    "PYTEST_ADDOPTS": "-o russo_cache_dir=over --russo-synth-option=local.seed=3 -p no:doctest",
    "RUSSO_SYNTH": "local",
}


def make_projects(path):
    """Make a project for each ini file and folder, one without an ini file, and one for the environment."""
    for name, where in WITH_INI:
        folder = path / f"{name} {where}"
        (folder / "sub").mkdir(parents=True)
        (folder / name).write_text(FILES[name].format(lines=LINES, toml=TOML))
    (path / "bare" / "deep" / "er").mkdir(parents=True)
    (path / "bare" / "setup.py").write_text("")
    (path / "environment").mkdir()
    (path / "environment" / "pytest.ini").write_text("[pytest]\n")


@pytest.fixture(scope="module")
def found_by_pytest(tmp_path_factory):
    """Return the settings that pytest finds, by directory; one process starts pytest in all directories."""
    path = tmp_path_factory.mktemp("projects")
    make_projects(path)
    plain = [*(path / f"{name} {where}" / where for name, where in WITH_INI), path / "bare" / "deep" / "er"]
    cases = [*((str(each), {}) for each in plain), (str(path / "environment"), IN_ENVIRONMENT)]
    clean = {name: value for name, value in os.environ.items() if not is_foreign(name)}
    done = subprocess.run(
        [sys.executable, "-c", SETTINGS_IN, json.dumps(cases)],
        env=clean | {"PYTEST_ADDOPTS": "-p no:hypothesispytest"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("FOUND "))
    found = json.loads(line.removeprefix("FOUND "))
    return path, {directory: each for (directory, _), each in zip(cases, found, strict=True)}


def found_by_the_command():
    from russo._cli.workspace import find_workspace

    settings = find_workspace().settings
    options = {name: dict(values) for name, values in settings.options.items()}
    return [settings.synth, options, str(settings.cache_dir), str(settings.recordings_dir or "")]


@pytest.mark.parametrize(("where", "name"), [(where, name) for name, where in WITH_INI])
def test_command_and_pytest_find_the_same_settings(found_by_pytest, monkeypatch, name, where):
    path, by_pytest = found_by_pytest
    folder = path / f"{name} {where}"
    monkeypatch.chdir(folder / where)
    found = found_by_the_command()
    assert found == by_pytest[str(folder / where)]
    kept = folder / where / "kept"
    assert found[1:] == [{"local": {"voice": "heart", "speed": "1.5"}}, str(folder / "speech"), str(kept)]


def test_command_reads_the_environment_variables_of_pytest(found_by_pytest, monkeypatch):
    path, by_pytest = found_by_pytest
    monkeypatch.chdir(path / "environment")
    for name, value in IN_ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    found = found_by_the_command()
    assert found == by_pytest[str(path / "environment")]
    assert found == ["local", {"local": {"seed": "3"}}, str(path / "environment" / "over"), ""]


def test_rootdir_without_configuration_is_the_same_as_in_pytest(found_by_pytest, monkeypatch):
    path, by_pytest = found_by_pytest
    monkeypatch.chdir(path / "bare" / "deep" / "er")
    found = found_by_the_command()
    assert found == by_pytest[str(path / "bare" / "deep" / "er")]
    assert found[2] == str(path / "bare" / ".russo_cache")


@pytest.mark.parametrize("mode", ["replay", "refresh", "nonsense"])
def test_command_ignores_the_cache_mode_of_test_runs(folder, monkeypatch, mode):
    monkeypatch.setenv("RUSSO_CACHE_MODE", mode)
    assert russo("say", "hello", "--synth", SPEAKER, "--json").json["backend_calls"] == 1
    assert russo("say", "hello", "--synth", SPEAKER, "--json").json["hit"]


def test_dir_prints_only_the_directory_and_its_source_to_standard_error(folder):
    result = russo("cache", "dir")
    assert (result.code, result.out) == (0, f"{folder / '.russo_cache'}\n")
    assert result.err == f"cache: {folder / '.russo_cache'} (default, in the rootdir {folder})\n"


@pytest.mark.parametrize(
    ("ini", "variable", "option", "directory", "why"),
    [
        ("russo_cache_dir = a", "", [], "a", "pytest.ini, russo_cache_dir"),
        ("russo_cache_dir = a", "b", [], "b", "environment variable RUSSO_CACHE_DIR"),
        ("addopts = --russo-cache-dir=c", "b", [], "c", "addopts of pytest"),
        ("addopts = --russo-cache-dir=c", "b", ["--cache-dir", "d"], "d", "command line"),
    ],
)
def test_source_of_the_directory_setting_is_shown(
    folder, monkeypatch, *, ini, variable, option, directory, why
):
    (folder / "pytest.ini").write_text(f"[pytest]\n{ini}\n")
    monkeypatch.setenv("RUSSO_CACHE_DIR", variable)
    found = russo("cache", "dir", "--json", *option).json
    assert found == {"cache": {"directory": str(folder / directory), "source": why}}


def test_directory_of_recordings_is_shown(folder):
    result = russo("cache", "dir", "--recordings-dir", "kept")
    assert f"recordings: {folder / 'kept'} (command line)\n" in result.err
    assert result.out == f"{folder / '.russo_cache'}\n"


def test_cache_directory_that_is_a_file_is_wrong_usage(folder):
    (folder / "file").touch()
    result = russo("cache", "list", "--cache-dir", "file")
    assert (result.code, result.out) == (2, "")
    assert result.err == f"russo: {folder / 'file'} is a file; russo needs a directory there (command line)\n"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("pytest.ini", "[pytest\n", "pytest.ini:1"),
        ("pytest.ini", "[pytest]\naddopts = 'open\n", "No closing quotation"),
        ("pyproject.toml", "[tool.pytest.ini_options\n", "pyproject.toml"),
    ],
)
def test_configuration_that_pytest_cannot_read_is_wrong_usage(folder, name, content, message):
    (folder / "pytest.ini").unlink()
    (folder / name).write_text(content)
    result = russo("cache", "dir")
    assert result.code == 2
    assert result.err.startswith("russo: pytest's configuration cannot be used: ")
    assert message in result.err


def test_conftest_files_are_not_loaded(folder):
    (folder / "conftest.py").write_text("raise SystemExit('loaded')")
    assert russo("cache", "dir").code == 0


def test_command_and_pytest_find_the_same_factory(folder):
    (folder / "src").mkdir()
    (folder / "src" / "only_here.py").write_text("from support.speakers import Speaker\n")
    (folder / "pytest.ini").write_text("[pytest]\npythonpath = src\n")
    assert russo("say", "hi", "--synth", "only_here:Speaker", "--json").json["backend_calls"] == 1


def test_test_run_replays_the_entries_of_the_command(folder, tmp_path):
    (folder / "pytest.ini").write_text(
        "[pytest]\nrusso_synth = local\nrusso_synth_options = local.speed=1.5\n"
    )
    (folder / "prompts.txt").write_text("Turn on the light\nWhat's the weather?\n")
    assert russo("record", "prompts.txt").code == 0
    (folder / "test_it.py").write_text(
        "def test_it(russo_say):\n    russo_say('Turn on the light')\n    russo_say(\"What's the weather?\")\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "--russo-cache-mode=replay", "-p", "no:cacheprovider"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout
    assert "russo: 2 hits" in done.stdout
