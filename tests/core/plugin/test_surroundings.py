"""Runs with unusual streams, interpreters, folders, workers and damaged installations."""

import os
import subprocess
import sys

import pytest

from russo._hooks import package_of, registered
from support.projects import summary

TESTS = """
    import pytest

    @pytest.mark.russo("Ein Gruß 🎤")
    def test_one(russo_audio): pass

    def test_said(russo_say): russo_say("Gesagt ü")
"""
# Files that a broken or half-removed installation leaves, by name.
LEFTOVERS = {
    "no metadata": {"broken-1.0.dist-info/x": b""},
    "no name": {
        "broken-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\n",
        "broken-1.0.dist-info/entry_points.txt": b"[russo.synthesizers]\nlost = no_such_module:X\n",
    },
    "nameless directory": {".dist-info/METADATA": b""},
    "directory renamed by pip": {"~usso_core-0.4.0.dist-info/METADATA": b""},
    "missing module": {
        "broken-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n",
        "broken-1.0.dist-info/entry_points.txt": (
            b"[russo.synthesizers]\nlost = no_such_module:X\n[russo]\nlost = no_such_module\n"
        ),
    },
    "module that exits": {
        "exits.py": b"raise SystemExit('leaving')",
        "broken-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n",
        "broken-1.0.dist-info/entry_points.txt": b"[russo]\nexits = exits\n",
    },
    "binary entry points": {"broken-1.0.dist-info/entry_points.txt": b"[russo.synth\nx\0\n=\n"},
    "binary metadata": {"broken-1.0.dist-info/METADATA": b"\xff\xfe\0"},
    "damaged record": {"russo_core-0.3.9.dist-info/RECORD": b'x,y,,,\n"'},
    "second name": {"russo_core-0.3.9.dist-info/METADATA": b"Name: russo-core\nVersion: 0.3.9\n"},
    "old egg": {"broken.egg-info/PKG-INFO": b"", "broken.egg-link": b"/nowhere"},
}


def write_leftovers(folder, leftovers):
    for name, content in LEFTOVERS[leftovers].items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


@pytest.mark.parametrize("leftovers", LEFTOVERS)
def test_leftovers_of_an_installation_do_not_hide_entry_points(tmp_path, monkeypatch, leftovers):
    write_leftovers(tmp_path, leftovers)
    monkeypatch.syspath_prepend(tmp_path)
    entries = {entry.name: package_of(entry) for entry in registered("russo.synthesizers")}
    assert entries["local"] == "russo-local"
    assert entries.get("lost", "broken") in {"broken", "an unknown package"}


@pytest.fixture
def odd(acme_project, monkeypatch):
    """Return the project and a function that runs it twice in new processes; the second run replays."""
    acme_project.tests(TESTS)
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:hypothesispytest -p no:cacheprovider")

    def odd(command, *, environment=(), folder=None, shell=""):
        environment = os.environ | {"PYTHONPATH": str(acme_project.path)} | dict(environment)
        line = [*command, "-o", f"pythonpath={acme_project.path}", "-v", "--russo-report=page.html"]
        for hits in (0, 2):
            done = subprocess.run(
                line if not shell else ["sh", "-c", f'"$@" {shell}', "-", *line],
                cwd=folder or acme_project.path,
                env=environment,
                capture_output=True,
                check=False,
                timeout=120,
            )
            text = (done.stdout + done.stderr).decode(errors="backslashreplace")
            assert "INTERNALERROR" not in text
            assert "Traceback" not in text
            assert done.returncode == 0, text
            if ">" not in shell:
                assert f"russo: {hits} hit" in text
        assert len(acme_project.calls) == 2
        return text

    return acme_project, odd


PYTEST = [sys.executable, "-m", "pytest"]
COMMANDS = {
    "isolated": ([sys.executable, "-I", "-m", "pytest"], {}),
    "safe path": (PYTEST, {"PYTHONSAFEPATH": "1"}),
    "without asserts": ([sys.executable, "-OO", "-m", "pytest", "-W", "ignore"], {}),
    "warnings are errors": ([sys.executable, "-X", "dev", "-W", "error", "-m", "pytest"], {}),
    "importlib": ([*PYTEST, "--import-mode=importlib"], {}),
    "ASCII": (PYTEST, {"PYTHONIOENCODING": "ascii"}),
    "C locale": (PYTEST, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}),
    "dumb terminal": (PYTEST, {"TERM": "dumb", "COLUMNS": "1"}),
    "no autoload": (
        [*PYTEST, "-p", "russo._plugin.pytest_plugin"],
        {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""},
    ),
}


@pytest.mark.parametrize(("command", "environment"), COMMANDS.values(), ids=COMMANDS)
def test_run_works_with_unusual_interpreters_and_streams(odd, command, environment):
    project, run = odd
    if environment.get("PYTEST_DISABLE_PLUGIN_AUTOLOAD"):
        project.pytester.makeini("[pytest]\nrusso_synth = acme:Acme\n")
    run(command, environment=environment)


@pytest.mark.parametrize(
    "workers",
    [
        ["-n", "0"],
        ["-n", "1", "--dist=no"],
        ["-d", "--tx", "popen//id=Ünïcode 9-x7", "--tx", "popen//id=main"],
        ["-d", "--tx", f"popen//id=gw{'9' * 40}"],
    ],
    ids=["none", "undistributed", "other names", "a huge number"],
)
def test_run_works_with_unusual_workers(odd, workers):
    _, run = odd
    run([*PYTEST, *workers, "-o", "russo_speak_ahead=2"])


@pytest.mark.parametrize("way", ["folder", "rootdir", "conftest"])
def test_run_through_a_link_uses_the_same_project(odd, tmp_path, way):
    project, run = odd
    link = tmp_path / "a link"
    link.symlink_to(project.path, target_is_directory=True)
    if way == "conftest":
        (project.path / "conftest.py").rename(project.path / "kept.py")
        (project.path / "conftest.py").symlink_to("kept.py")
    run(
        [*PYTEST, *([f"--rootdir={link}"] if way == "rootdir" else [])],
        folder=link if way == "folder" else None,
    )


def test_record_only_works_with_closed_standard_output(odd):
    project, _ = odd
    line = [*PYTEST, "-p", "no:terminal", "--russo-record-only"]
    done = subprocess.run(
        ["sh", "-c", '"$@" >&-', "-", *line],
        env=os.environ | {"PYTHONPATH": str(project.path)},
        stderr=subprocess.PIPE,
        check=False,
        timeout=60,
    )
    # At its end pytest flushes the closed output and fails, with or without russo.
    assert b"russo" not in done.stderr.replace(str(project.path).encode(), b"")
    assert project.calls == ["a Ein Gruß 🎤"]


def test_two_runs_in_one_process_do_not_mix(acme_project):
    acme_project.tests(TESTS)
    first, second = acme_project.run(), acme_project.run("--russo-cache-mode=replay")
    assert summary(first).startswith("0 hits, 2 backend calls")
    assert summary(second).startswith("2 hits")
    assert len(acme_project.calls) == 2


@pytest.mark.parametrize("leftovers", ["nameless directory", "module that exits"])
def test_run_works_with_leftovers_of_an_installation(odd, tmp_path, leftovers):
    project, run = odd
    site = tmp_path / "leftovers"
    write_leftovers(site, leftovers)
    project.pytester.makeini("[pytest]\nrusso_synth = acme:Acme\n")
    run(
        [*PYTEST, "-p", "no:anyio", "-p", "no:asyncio"],
        environment={"PYTHONPATH": f"{project.path}{os.pathsep}{site}"},
    )
