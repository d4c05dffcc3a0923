"""`examples/russo-acme` as its users get it: wheels, in a clean environment, around the real espeak-ng."""

import array
import dataclasses
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
import wave
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from support.pages import blocks

fcntl = pytest.importorskip("fcntl", reason="the environment is shared under a lock of POSIX")

ROOT = Path(__file__).parents[2]
ACME = ROOT / "examples" / "russo-acme"
ESPEAK = shutil.which("espeak-ng")
needs_espeak = pytest.mark.skipif(ESPEAK is None, reason="espeak-ng is not installed")


@dataclasses.dataclass(frozen=True)
class Installed:
    """An environment that has russo-core, russo-acme and what they require, and nothing else.

    Args:
        path: Where it lies.
    """

    path: Path

    @property
    def wheels(self):
        return self.path / "wheels"

    def run(self, *command, cwd, espeak=True, code=0):
        """Run one of the environment's programs; return what it prints."""
        programs = self.path / "env" / "bin"
        search = f"{programs}{os.pathsep}{Path(ESPEAK).parent}" if espeak and ESPEAK else str(programs)
        done = subprocess.run(
            [programs / command[0], *command[1:]],
            cwd=cwd,
            env={"PATH": search, "HOME": str(cwd), "LANG": "C.UTF-8"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr


def call(*command, cwd=ROOT):
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def python_with_pip():
    """Return an interpreter whose pip can install into the environment; the suite's own may have none."""
    for python in (sys.executable, getattr(sys, "_base_executable", sys.executable)):
        found = subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False)
        if found.returncode == 0:
            return python
    return pytest.skip("no pip is here, with which a wheel could be installed")


def requirements_of(name, extra=""):
    """Return the distributions that one requires, itself not, with what they require in turn."""
    found = set()
    for line in importlib.metadata.requires(name) or []:
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
            found |= {requirement.name, *requirements_of(requirement.name)}
    return found


def lend(name, site):
    """Link an installed distribution into another environment, so that no index is asked for it."""
    files = importlib.metadata.distribution(name).files
    assert files, name
    for top in {file.parts[0] for file in files} - {"..", "__pycache__"}:
        source = Path(str(importlib.metadata.distribution(name).locate_file(top)))
        if not (site / top).exists():
            (site / top).symlink_to(source, target_is_directory=source.is_dir())


def build(path):
    """Make the environment, without asking an index for anything."""
    python = python_with_pip()
    wheels = path / "wheels"
    for project in (ROOT / "russo-core", ACME):
        call(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(wheels), cwd=project)
    venv.create(path / "env", symlinks=True)
    site = Path(sysconfig.get_path("purelib", "venv", {"base": str(path / "env")}))
    for name in requirements_of("russo-core"):
        lend(name, site)
    # Without --no-deps: pip refuses where something is missing that the two require.
    install = (python, "-m", "pip", "--python", str(path / "env" / "bin" / "python"), "install", "--no-index")
    call(*install, "--disable-pip-version-check", *(str(wheel) for wheel in wheels.glob("*.whl")))


@pytest.fixture(scope="module")
def installed(request, tmp_path_factory):
    """The environment, made once for all workers of a run."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if hasattr(request.config, "workerinput") else base
    path = shared / "acme"
    with (shared / "acme.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (path / "done").exists():
            shutil.rmtree(path, ignore_errors=True)
            build(path)
            (path / "done").touch()
    return Installed(path)


def contents(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name).decode("utf-8", "replace") for name in archive.namelist()}


def only(folder, pattern):
    (path,) = folder.glob(pattern)
    return path


def test_wheel_holds_the_package_its_types_and_its_entry_point(installed):
    wheel = contents(only(installed.wheels, "russo_acme-*.whl"))
    info = "russo_acme-1.0.0.dist-info"
    assert {name for name in wheel if not name.startswith(info)} == {
        "russo_acme/__init__.py",
        "russo_acme/_synthesizer.py",
        "russo_acme/py.typed",
    }
    assert wheel[f"{info}/entry_points.txt"].split("\n")[:2] == [
        "[russo.synthesizers]",
        "acme = russo_acme:AcmeSynthesizer",
    ]
    assert "Requires-Dist: russo-core>=0.4\n" in wheel[f"{info}/METADATA"]
    assert f"{info}/licenses/LICENSE" in wheel


def test_wheel_of_core_holds_its_kit_its_types_and_its_entry_points(installed):
    wheel = contents(only(installed.wheels, "russo_core-*.whl"))
    assert {"russo/py.typed", "russo/testing/__init__.py", "russo/_plugin/report.html.j2"} <= set(wheel)
    entry_points = wheel[next(name for name in wheel if name.endswith("entry_points.txt"))]
    assert "[pytest11]\nrusso = russo._plugin.pytest_plugin\n" in entry_points
    assert "[console_scripts]\nrusso = russo._cli:main\n" in entry_points


def test_environment_is_clean(installed, tmp_path):
    code = """
import sys
from importlib.metadata import distributions
from pathlib import Path

import russo, russo_acme
print([Path(each.__file__).is_relative_to(sys.prefix) for each in (russo, russo_acme)])
print({each.name for each in distributions()} & {"hatchling", "numpy", "openai", "pytest-asyncio", "russo-local"})
"""
    assert installed.run("python", "-c", code, cwd=tmp_path) == "[True, True]\nset()\n"


def test_backend_is_listed_by_its_name(installed, tmp_path):
    (acme,) = json.loads(installed.run("russo", "backends", "--json", cwd=tmp_path, espeak=False))["backends"]
    assert (acme["name"], acme["package"], acme["version"]) == ("acme", "russo-acme", "1.0.0")
    assert (acme["state"], acme["credentials"]) == ("ready", {})
    assert "acme" in installed.run("russo", "backends", cwd=tmp_path, espeak=False)


@needs_espeak
def test_its_own_conformance_test_passes(installed, tmp_path):
    shutil.copytree(ACME / "tests", tmp_path / "tests")
    shutil.copy(ACME / "pyproject.toml", tmp_path)
    said = installed.run("python", "-m", "pytest", "-p", "no:cacheprovider", cwd=tmp_path)
    assert re.search(r"\d\d passed", said)


# -- the project of the README


@pytest.fixture
def speaking(tmp_path):
    """The README's small project, for the release of espeak-ng that is here."""
    for block in blocks((ACME / "README.md").read_text("utf-8"), ACME / "README.md"):
        if block.language == "python" and block.title:
            (tmp_path / block.title).write_text(block.text)
    said = subprocess.run([ESPEAK, "--version"], capture_output=True, text=True, check=True).stdout
    release = re.search(r"text-to-speech: (\S+)", said)[1]
    (tmp_path / "pytest.ini").write_text(
        f"[pytest]\nrusso_synth = acme\nrusso_synth_options = acme.model=espeak-ng {release}\nfilterwarnings = error\n"
    )
    return tmp_path


def run_pytest(installed, project, *options, **how):
    return installed.run("python", "-m", "pytest", "-p", "no:cacheprovider", *options, cwd=project, **how)


@needs_espeak
def test_a_project_speaks_once_and_then_replays_without_espeak(installed, speaking):
    assert "0 hits, 2 backend calls" in run_pytest(installed, speaking)
    stored = {path: path.read_bytes() for path in (speaking / ".russo_cache").glob("*.audio")}
    assert "2 hits" in run_pytest(installed, speaking)
    for mode in ("auto", "replay"):
        said = run_pytest(installed, speaking, f"--russo-cache-mode={mode}", espeak=False)
        assert "2 hits" in said
        assert "0 backend calls" in said
    assert {path: path.read_bytes() for path in stored} == stored


@needs_espeak
def test_what_is_stored_is_speech_with_a_true_header(installed, speaking):
    run_pytest(installed, speaking)
    lengths = []
    for path in (speaking / ".russo_cache").glob("*.audio"):
        with wave.open(str(path)) as file:
            shape = (file.getframerate(), file.getsampwidth(), file.getnchannels())
            frames, samples = file.getnframes(), file.readframes(1 << 30)
        assert shape == (22050, 2, 1)
        assert len(samples) == 2 * frames == path.stat().st_size - 44
        values = array.array("h", samples)
        loud = sum(abs(value) > 1000 for value in values) / frames
        assert 0.2 < loud < 0.9  # neither silence nor noise
        lengths.append(frames / 22050)
    short, long = sorted(lengths)
    assert 0.5 < short < 1.5 < long < 4.0


@needs_espeak
def test_another_voice_is_another_recording(installed, speaking):
    run_pytest(installed, speaking)
    said = run_pytest(installed, speaking, "--russo-synth-option=acme.voice=en-us+f3")
    assert "0 hits, 2 backend calls" in said


def test_without_espeak_a_miss_says_how_to_install_it(installed, tmp_path):
    (tmp_path / "test_it.py").write_text("def test_it(russo_say): russo_say('Hello')\n")
    said = run_pytest(installed, tmp_path, "--russo-synth=acme", espeak=False, code=1)
    assert (
        "russo.ServiceError: acme (espeak-ng 1.51) could not speak 'Hello': espeak-ng cannot be started"
        in said
    )
    assert "apt-get install espeak-ng" in said
