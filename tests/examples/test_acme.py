"""`examples/russo-acme` as its users get it: wheels in a clean environment, with the real espeak-ng."""

import array
import json
import re
import shutil
import subprocess
import wave

import pytest

from support.clean_environment import ESPEAK, ROOT, Installed, build, contents, only
from support.pages import blocks

fcntl = pytest.importorskip("fcntl", reason="the shared environment needs a POSIX file lock")

ACME = ROOT / "examples" / "russo-acme"
needs_espeak = pytest.mark.skipif(ESPEAK is None, reason="espeak-ng is not installed")


@pytest.fixture(scope="module")
def installed(request, tmp_path_factory):
    """The environment, created once for all workers of a run."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if hasattr(request.config, "workerinput") else base
    path = shared / "acme"
    with (shared / "acme.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (path / "done").exists():
            shutil.rmtree(path, ignore_errors=True)
            build(path, ROOT / "russo-core", ACME)
            (path / "done").touch()
    return Installed(path)


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
def test_conformance_test_of_the_example_passes(installed, tmp_path):
    shutil.copytree(ACME / "tests", tmp_path / "tests")
    shutil.copy(ACME / "pyproject.toml", tmp_path)
    said = installed.run("python", "-m", "pytest", "-p", "no:cacheprovider", cwd=tmp_path)
    assert re.search(r"\d\d passed", said)


# -- the project of the README


@pytest.fixture
def speaking(tmp_path):
    """The README's small project, for the installed release of espeak-ng."""
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
def test_project_synthesizes_once_then_replays_without_espeak(installed, speaking):
    assert "0 hits, 2 backend calls" in run_pytest(installed, speaking)
    stored = {path: path.read_bytes() for path in (speaking / ".russo_cache").glob("*.audio")}
    assert "2 hits" in run_pytest(installed, speaking)
    for mode in ("auto", "replay"):
        said = run_pytest(installed, speaking, f"--russo-cache-mode={mode}", espeak=False)
        assert "2 hits" in said
        assert "0 backend calls" in said
    assert {path: path.read_bytes() for path in stored} == stored


@needs_espeak
def test_stored_audio_is_speech_with_a_correct_header(installed, speaking):
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
