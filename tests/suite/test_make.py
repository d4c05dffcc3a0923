"""`make` creates the environment with the chosen interpreter, and changes no other environment."""

import shutil
import subprocess
import sys

import pytest

from support.page_blocks import ROOT

# Looks like a usable interpreter, prints its arguments, and creates nothing.
STAND_IN = """#!{python}
import sys
if "-c" in sys.argv:
    sys.exit(0)
if "--version" in sys.argv:
    print("Python 3.99")
    sys.exit(0)
print("called:", *sys.argv[1:])
sys.exit(7)
"""


@pytest.fixture
def checkout(tmp_path):
    """A folder with the files that `make` needs before the environment exists."""
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    for name in ("Makefile", "requirements-dev.txt"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "tools", tmp_path / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def make(checkout, **variables):
    command = ["make", "--directory", str(checkout), "--no-print-directory", "environment"]
    path = f"{checkout / 'bin'}:/usr/bin:/bin"
    done = subprocess.run(
        command, env={"PATH": path, **variables}, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def stand_in(path):
    path.parent.mkdir(exist_ok=True)
    path.write_text(STAND_IN.format(python=sys.executable))
    path.chmod(0o755)
    return path


def test_environment_is_made_with_the_chosen_python(checkout):
    stand_in(checkout / "bin" / "python3")
    named = stand_in(checkout / "named" / "python3.99")
    code, seen = make(checkout, PYTHON=str(named))
    assert code != 0
    assert "with Python 3.99" in seen
    assert "called: -m venv --without-pip .venv" in seen


@pytest.mark.parametrize("name", ["nowhere/python", "bin/broken"])
def test_chosen_python_that_does_not_run_is_reported(checkout, name):
    stand_in(checkout / "bin" / "python3")
    broken = checkout / "bin" / "broken"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    code, seen = make(checkout, PYTHON=str(checkout / name))
    assert code != 0
    assert f"PYTHON={checkout / name} does not run, is older than 3.11, or has no pip" in seen


def test_first_python_that_runs_is_used_by_default(checkout):
    (checkout / "bin").mkdir()
    shim = checkout / "bin" / "python3"
    shim.write_text("#!/bin/sh\necho 'no version is set' >&2\nexit 127\n")
    shim.chmod(0o755)
    stand_in(checkout / "bin" / "python")
    code, seen = make(checkout)
    assert code != 0
    assert "with Python 3.99" in seen
