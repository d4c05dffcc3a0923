"""``russo doctor``: what it prints, hides and returns."""

import json
import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

import russo as package
from support.command import russo, start
from support.terminal import run_on_terminal

SECRET = "sk-planted-secret-0123456789"
SECTIONS = [
    "versions",
    "pytest plugins",
    "settings",
    "directories",
    "shared store",
    "backends",
    "network",
]


@pytest.fixture(autouse=True)
def chosen(monkeypatch):
    """Choose a backend that needs no key, so that nothing is wrong."""
    monkeypatch.setenv("RUSSO_SYNTH", "local")


def write_ini(folder, *lines):
    (folder / "pytest.ini").write_text("\n".join(["[pytest]", *lines, ""]))


def problems(**environment):
    """Return what is wrong, by a new process; the exit code must agree."""
    process = start("doctor", "--json", env=environment)
    out, err = process.communicate(timeout=60)
    assert err == b""
    found = json.loads(out)["problems"]
    assert process.returncode == bool(found)
    assert all(each["advice"] for each in found)
    return [each["problem"] for each in found]


# -- the output


def test_nothing_wrong_is_exit_code_0():
    done = russo("doctor")
    assert (done.code, done.err, done.lines[-1]) == (0, "", "problems: none")
    assert [line for line in done.lines if not line.startswith(" ")] == [*SECTIONS, "problems: none"]


def test_problems_come_last_with_numbers_and_advice(folder):
    write_ini(folder, "russo_sytnh = local", "russo_max_calls = 3")
    done = russo("doctor")
    assert done.code == 1
    assert done.lines[done.lines.index("problems") + 1 :] == [
        "  1. the ini setting russo_max_calls is not read; use --russo-max-calls",
        "     correct the name, or remove it",
        "  2. the ini setting russo_sytnh is not read; did you mean russo_synth?",
        "     correct the name, or remove it",
    ]


def test_json_has_each_section_and_the_problems():
    done = russo("doctor", "--json")
    assert (done.code, done.err) == (0, "")
    assert list(done.json) == [*(title.replace(" ", "_") for title in SECTIONS), "problems"]
    assert done.json["versions"]["pytest"] == version("pytest")
    assert {"name": "russo-core", "version": version("russo-core")} in done.json["versions"]["distributions"]
    assert done.json["pytest_plugins"]["pytest-xdist"] == version("pytest-xdist")
    assert done.json["backends"]["chosen"] == "local"


@pytest.mark.parametrize("environment", [{}, {"FORCE_COLOR": "1"}])
def test_output_is_plain_text_of_80_columns(environment, folder):
    write_ini(folder, "russo_cache_mode = sometimes", "russo_synth_options = local.speed=1")
    piped, _ = start("doctor", env=environment).communicate(timeout=60)
    shown = run_on_terminal("doctor", columns=200, code=1, env=environment)
    assert shown == piped.decode()
    assert "\x1b" not in shown
    assert [line for line in shown.splitlines() if len(line) > 80 and len(line.split()) > 1] == []


def test_home_directory_is_a_tilde(folder):
    done, _ = start("doctor", env={"HOME": str(folder.parent)}).communicate(timeout=60)
    lines = done.decode().splitlines()
    assert "  rootdir ~/project" in lines
    assert "  cache ~/project/.russo_cache" in lines
    assert str(folder.parent) not in done.decode()
    done, _ = start("doctor", "--json", env={"HOME": str(folder.parent)}).communicate(timeout=60)
    assert json.loads(done)["directories"][0]["directory"] == "~/project/.russo_cache"
    assert str(folder.parent) not in done.decode()


def test_directory_whose_name_begins_like_home_keeps_its_name(folder):
    done, _ = start("doctor", "--json", env={"HOME": str(folder)[:-1]}).communicate(timeout=60)
    assert json.loads(done)["settings"]["rootdir"] == str(folder)


# -- credentials


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_no_credential_is_printed(folder, form):
    write_ini(
        folder,
        "addopts = --russo-synth-option=openai.api_key=" + SECRET,
        "russo_synth_options =",
        f"  openai.base_url=https://user:{SECRET}@host.example/v1?key={SECRET}",
        f"  google.voice={SECRET}",
        f"  elevenlabs.model=https://elsewhere.example/?token={SECRET}",
        f"russo_recordings_dir = {SECRET}",
        f"russo_unknown = {SECRET}",
    )
    environment = {
        "OPENAI_API_KEY": SECRET,
        "HTTPS_PROXY": f"http://user:{SECRET}@proxy.example:3128",
        "RUSSO_SYNTH": "openai",
        "RUSSO_CACHE_MOED": SECRET,
        "RUSSO_OF_ANOTHER": SECRET,
    }
    process = start("doctor", "--online", *form, env=environment)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (1, b"")
    assert SECRET not in out.decode()
    assert "OPENAI_API_KEY" in out.decode()
    assert "HTTPS_PROXY" in out.decode()
    assert "RUSSO_OF_ANOTHER" in out.decode()


def test_credential_of_an_option_is_hidden_in_other_texts(folder):
    write_ini(folder, f"russo_cache_dir = {SECRET}", f"russo_synth_options = openai.api_key={SECRET}")
    out, _ = start("doctor").communicate(timeout=60)
    assert SECRET not in out.decode()
    assert "  openai.api_key: (hidden)" in out.decode()


def test_escapes_of_settings_do_not_act_on_the_terminal(folder):
    write_ini(
        folder, "russo_cache_dir = a\x1b[31m", "russo_\x1b[31m = 1", "russo_synth_options = a.b=\x1b[31m"
    )
    shown = run_on_terminal("doctor", env={"RUSSO_A\x1b[31m": "\x1b[31m"})
    assert "\x1b" not in shown
    assert r"a\x1b[31m" in shown


# -- the installation


@pytest.fixture
def site(tmp_path, monkeypatch):
    """Install a distribution that a test writes by hand; it precedes the installed ones."""
    path = tmp_path / "site"
    monkeypatch.setenv("PYTHONPATH", str(path))

    def install(name, metadata, group=None, entry=""):
        info = path / f"{name}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(metadata)
        if group:
            (info / "entry_points.txt").write_text(f"[{group}]\n{entry}\n")

    return install


def test_backend_of_another_version_does_not_fit(site):
    site("acme", "Name: russo-acme\nVersion: 0.3\nRequires-Dist: russo-core==0.3.0\n")
    [found] = problems()
    installed = version("russo-core")
    assert found == f"russo-acme does not fit: russo-core is {installed}, and ==0.3.0 is needed"


def test_distribution_that_is_installed_twice_is_a_problem(site):
    site("russo_local", "Name: russo_local\nVersion: 0.1\n")
    found = problems()
    assert f"russo-local is installed 2 times (0.1, {version('russo-local')})" in found


@pytest.mark.parametrize(
    "metadata", ["", "Version: 1\n", "\x1b[31m", "Name: russo-\x1b[31m\nRequires-Dist: =\n"]
)
def test_damaged_metadata_is_survived(site, metadata, tmp_path):
    site("acme", metadata, "pytest11", "acme = acme:plugin")
    (tmp_path / "site" / "acme.py").touch()
    process = start("doctor")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, b"")
    assert "\x1b" not in out.decode()


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """A copy of russo's package, which precedes the installed one."""
    copy = tmp_path / "copy" / "russo"
    shutil.copytree(Path(package.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setenv("PYTHONPATH", str(copy.parent))
    return copy


def run_module(*arguments):
    code = "import sys; from russo._cli.command import main; sys.exit(main(sys.argv[1:]))"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False, timeout=60
    )


def test_package_without_its_init_is_examined(copied):
    os.remove(copied / "__init__.py")
    # The editable installation would be found instead, because a folder without __init__.py comes last.
    code = "import sys; sys.meta_path = [each for each in sys.meta_path if 'editable' not in repr(each)]\n"
    code += "sys.path = [each for each in sys.path if not each.endswith('russo-core/src')]\n"
    code += "from russo._cli.command import main; sys.exit(main(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", code, "doctor"], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert "1. pip uninstall russo removed a file of russo-core; repair it" in done.stdout
    assert "     run: pip install --force-reinstall --no-deps russo-core" in done.stdout.splitlines()


def test_old_russo_beside_is_examined(copied):
    (copied / "pytest_plugin.py").touch()
    done = run_module("doctor")
    assert (done.returncode, done.stderr) == (1, "")
    assert "1. russo 0.3 is installed beside russo-core" in done.stdout
    assert "pip uninstall -y russo && pip install --force-reinstall --no-deps russo-core" in done.stdout
    assert run_module("backends").returncode == 2


# -- plugins of pytest


def test_plugins_that_pytest_does_not_load_are_a_problem(folder):
    [found] = problems(PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    assert found == (
        "the variable PYTEST_DISABLE_PLUGIN_AUTOLOAD is set, so pytest does not load russo's plugin"
    )
    assert problems(PYTEST_DISABLE_PLUGIN_AUTOLOAD="1", PYTEST_PLUGINS="x, russo") == []
    write_ini(folder, "addopts = -p russo")
    assert problems(PYTEST_DISABLE_PLUGIN_AUTOLOAD="1") == []
    write_ini(folder, "addopts = -p no:russo")
    assert problems() == ["the option -p no:russo switches russo's plugin off"]


def test_pytest_of_another_environment_is_named(tmp_path):
    program = tmp_path / "bin" / "pytest"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    out, _ = start("doctor", env={"PATH": f"{program.parent}:{os.environ['PATH']}"}).communicate(timeout=60)
    assert str(program) in out.decode()


def test_short_value_of_a_variable_is_not_taken_for_a_key(monkeypatch):
    monkeypatch.setenv("RUSSO_SYNTH", "local")
    monkeypatch.setenv("KEYBOARD_LAYOUT", "pytest")
    monkeypatch.setenv("OTHER_TOKEN", "planted-secret-0123")
    monkeypatch.setenv("RUSSO_CACHE_DIR", "planted-secret-0123")
    out = russo("doctor").out
    assert f"  pytest {version('pytest')}" in out
    assert "planted-secret-0123" not in out
