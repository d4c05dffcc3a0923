"""`russo` and pytest search for ``package.module:factory`` in the same places, in the same order."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

VOICE = """
from pathlib import Path
from russo import Audio

class Voice:
    cache_key_extra = {"backend": "voice"}

    async def synthesize(self, text):
        Path(USED).write_text(str(Path(__file__).resolve()))
        return Audio(b"ab" * 100, "pcm", 8000)
"""
TEST = "def test_it(russo_say): russo_say('hello')\n"
MODULE = "voice_of_place"
# Each case: project files (V is the voice), ini file, import path, current folder, file that is found.
CASES = {
    "rootdir": (["V.py"], "", "V", ".", "V.py"),
    "rootdir, from a subfolder": (["V.py", "sub/test_it.py"], "", "V", "sub", "V.py"),
    "current folder": (["sub/V.py", "sub/test_it.py"], "", "V", "sub", "sub/V.py"),
    "pythonpath": (["src/V.py"], "pythonpath = src lib", "V", ".", "src/V.py"),
    "both folders of pythonpath": (["src/V.py", "lib/V.py"], "pythonpath = src lib", "V", ".", "src/V.py"),
    "pythonpath and rootdir": (["src/V.py", "V.py"], "pythonpath = src", "V", ".", "src/V.py"),
    "pythonpath, from a subfolder": (
        ["src/V.py", "sub/test_it.py"],
        "pythonpath = src",
        "V",
        "sub",
        "src/V.py",
    ),
    "beside a conftest in tests": (["tests/conftest.py", "tests/V.py"], "", "V", ".", "tests/V.py"),
    "conftest and pythonpath": (
        ["tests/conftest.py", "tests/V.py", "src/V.py"],
        "pythonpath = src",
        "V",
        ".",
        "tests/V.py",
    ),
    "tests is a package": (
        ["tests/conftest.py", "tests/__init__.py", "tests/V.py"],
        "",
        "tests.V",
        ".",
        "tests/V.py",
    ),
    "testpaths": (["spec/conftest.py", "spec/V.py"], "testpaths = spec", "V", ".", "spec/V.py"),
    "conftest outside testpaths": (
        ["spec/conftest.py", "other/conftest.py", "other/V.py"],
        "testpaths = spec",
        "V",
        ".",
        None,
    ),
    "no conftest in tests": (["tests/V.py"], "", "V", ".", None),
    "import mode append": (
        ["tests/conftest.py", "tests/V.py", "src/V.py"],
        "pythonpath = src\naddopts = --import-mode=append",
        "V",
        ".",
        "src/V.py",
    ),
    "import mode importlib": (
        ["tests/conftest.py", "tests/V.py"],
        "addopts = --import-mode=importlib",
        "V",
        ".",
        None,
    ),
    "import mode importlib, rootdir": (["V.py"], "addopts = --import-mode=importlib", "V", ".", "V.py"),
    "no conftest is loaded": (["tests/conftest.py", "tests/V.py"], "addopts = --noconftest", "V", ".", None),
    "PYTHONPATH": (["env/V.py"], "", "V", ".", "env/V.py"),
    "PYTHONPATH and rootdir": (["env/V.py", "V.py", "sub/test_it.py"], "", "V", "sub", "env/V.py"),
    "a package of the rootdir": (["pkg/__init__.py", "pkg/V.py"], "", "pkg.V", ".", "pkg/V.py"),
    "nowhere": (["hidden/V.py"], "", "V", ".", None),
}


def write_project(folder, files, ini, path):
    for name in files:
        file = folder / name.replace("V.py", f"{MODULE}.py")
        file.parent.mkdir(parents=True, exist_ok=True)
        used = f"USED = {str(folder / 'used.txt')!r}\n"
        file.write_text(used + VOICE if name.endswith("V.py") else TEST if "test_it" in name else "")
    if not any("test_it" in name for name in files):
        (folder / "spec" if "spec" in ini else folder).joinpath("test_it.py").write_text(TEST)
    factory = path.replace("V", MODULE)
    (folder / "pytest.ini").write_text(f"[pytest]\nrusso_synth = {factory}:Voice\n{ini}\n")


def start_program(command, *, cwd, project):
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "RUSSO"))
    }
    environment |= {"PYTHONPATH": str(project / "env"), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    return done.stdout + done.stderr


def found_by(folder, command, cwd):
    """Return the file in which a command found the factory, relative to the project, or ``None``."""
    shutil.rmtree(folder / ".russo_cache", ignore_errors=True)
    (folder / "used.txt").unlink(missing_ok=True)
    shown = start_program(command, cwd=folder / cwd, project=folder)
    if not (folder / "used.txt").exists():
        assert f"No module named '{MODULE}'" in shown, shown
        return None
    return Path((folder / "used.txt").read_text()).relative_to(folder.resolve()).as_posix()


PYTEST = ["-q", "-p", "no:cacheprovider", "-p", "russo._plugin.pytest_plugin"]
RUSSO = ["say", "hello", "-o", os.devnull]
SCRIPTS = Path(sys.executable).parent
AS_SCRIPTS = {"pytest": [str(SCRIPTS / "pytest"), *PYTEST], "russo": [str(SCRIPTS / "russo"), *RUSSO]}
AS_MODULES = {
    "pytest": [sys.executable, "-m", "pytest", *PYTEST],
    "russo": [sys.executable, "-m", "russo", *RUSSO],
}


@pytest.mark.parametrize(
    "programs", [AS_SCRIPTS, pytest.param(AS_MODULES, marks=pytest.mark.slow)], ids=["scripts", "modules"]
)
@pytest.mark.parametrize("case", CASES)
def test_pytest_and_the_command_find_a_factory_in_the_same_place(tmp_path, case, programs):
    files, ini, path, cwd, expected = CASES[case]
    write_project(tmp_path, files, ini, path)
    expected = expected and expected.replace("V.py", f"{MODULE}.py")
    found = {name: found_by(tmp_path, command, cwd) for name, command in programs.items()}
    assert found == dict.fromkeys(programs, expected)
