"""Clean environments: wheels of this checkout, and their requirements, linked from the suite's environment."""

import dataclasses
import functools
import importlib.metadata
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
OWN = {path.parent.name for path in ROOT.glob("russo-*/pyproject.toml")}
ESPEAK = shutil.which("espeak-ng")


@dataclasses.dataclass(frozen=True)
class Installed:
    """An environment that contains only wheels of this checkout and their requirements.

    Args:
        path: The folder of the environment and of its wheels.
    """

    path: Path

    @property
    def wheels(self):
        return self.path / "wheels"

    def run(self, *command, cwd, espeak=True, code=0):
        """Run one of the environment's programs; return its output."""
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


@functools.cache
def python_with_pip():
    """Return an interpreter whose pip can install into the environment; the suite's interpreter may lack pip."""
    for python in (sys.executable, getattr(sys, "_base_executable", sys.executable)):
        found = subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False)
        if found.returncode == 0:
            return python
    return pytest.skip("no interpreter with pip was found to install the wheel")


def requirements_of(name, extra=""):
    """Return the distributions that a distribution requires, directly or through others."""
    found = set()
    for line in importlib.metadata.requires(name) or []:
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
            found.add(requirement.name)
            for each in ("", *requirement.extras):
                found |= requirements_of(requirement.name, each)
    return found


def lend(name, site):
    """Link an installed distribution into another environment, so that pip needs no index."""
    files = importlib.metadata.distribution(name).files
    assert files, name
    for top in {file.parts[0] for file in files} - {"..", "__pycache__"}:
        source = Path(str(importlib.metadata.distribution(name).locate_file(top)))
        if not (site / top).exists():
            (site / top).symlink_to(source, target_is_directory=source.is_dir())


def build(path, *projects, lent="russo-core"):
    """Make an environment with wheels of these projects, without an index.

    Args:
        path: The folder of the environment and of its wheels.
        projects: The folders of the projects.
        lent: The distribution, or several, whose requirements are linked from the suite's environment.
    """
    wheels = path / "wheels"
    for project in projects:
        call(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(wheels), cwd=project)
    venv.create(path / "env", symlinks=True)
    site = Path(sysconfig.get_path("purelib", "venv", {"base": str(path / "env")}))
    named = [lent] if isinstance(lent, str) else lent
    for name in set().union(*map(requirements_of, named)) - OWN:
        lend(name, site)
    install(path, *wheels.glob("*.whl"))
    return Installed(path)


def install(path, *wheels, options=()):
    """Install wheels with pip, without an index."""
    pip = (python_with_pip(), "-m", "pip", "--python", str(path / "env" / "bin" / "python"))
    # Without --no-deps, so that pip fails if a requirement of a wheel is missing.
    call(*pip, "install", "--no-index", "--disable-pip-version-check", *options, *map(str, wheels))


def uninstall(path, name):
    """Remove a distribution with pip."""
    pip = (python_with_pip(), "-m", "pip", "--python", str(path / "env" / "bin" / "python"))
    call(*pip, "uninstall", "--yes", "--disable-pip-version-check", name)


def contents(wheel):
    """Return the files of a wheel as text, by name."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name).decode("utf-8", "replace") for name in archive.namelist()}


def only(folder, pattern):
    """Return the one path that matches."""
    (path,) = folder.glob(pattern)
    return path
