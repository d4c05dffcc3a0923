"""russo-core as users install it: a wheel in a clean environment, also after russo 0.3."""

import hashlib
import shutil
import zipfile
from base64 import urlsafe_b64encode

import pytest

from support.clean_environment import ROOT, build, contents, install, only, uninstall

CORE = ROOT / "russo-core" / "src" / "russo"
REPAIR = "pip install --force-reinstall --no-deps russo-core"


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    return build(tmp_path_factory.mktemp("core"), ROOT / "russo-core")


def test_wheel_contains_modules_types_and_templates(installed):
    wheel = contents(only(installed.wheels, "russo_core-*.whl"))
    names = {path.relative_to(CORE.parent).as_posix() for path in CORE.rglob("*") if path.is_file()}
    names = {name for name in names if "__pycache__" not in name}
    assert "russo/py.typed" in names
    assert {"russo/_report/page.html.j2", "russo/_report/report.schema.json"} <= names
    assert {name for name in wheel if ".dist-info/" not in name} == names
    entry_points = wheel[next(name for name in wheel if name.endswith("entry_points.txt"))]
    assert "[pytest11]\nrusso = russo._plugin.pytest_plugin\n" in entry_points
    assert "\nrusso-core = russo._plugin.installation\n" in entry_points
    assert "[console_scripts]\nrusso = russo._cli:main\n" in entry_points


def test_report_is_written_by_the_installed_package(installed, tmp_path):
    (tmp_path / "test_it.py").write_text("def test_it(russo_cache): assert russo_cache.size() == 0\n")
    installed.run("python", "-m", "pytest", "-q", "--russo-report=report/", cwd=tmp_path)
    assert "test_it.py::" in (tmp_path / "report" / "index.html").read_text("utf-8")
    assert '"format": "russo-report"' in (tmp_path / "report" / "report.json").read_text("utf-8")


# Options of 0.3 have the same names as options of russo-core.
OLD_PLUGIN = """
def pytest_addoption(parser):
    parser.getgroup("russo").addoption("--russo-report", default=None)
    parser.getgroup("russo").addoption("--russo-no-cache", action="store_false", dest="russo_cache")
"""


def old_wheel(folder):
    """Write a wheel with the paths that russo 0.3 and russo-core both own."""
    files = {
        "russo/__init__.py": "from russo import synthesizers\n",
        "russo/synthesizers/__init__.py": "",
        "russo/cli.py": "def main(): raise SystemExit('the command of 0.3')\n",
        "russo/pytest_plugin.py": OLD_PLUGIN,
        "russo-0.3.3.dist-info/METADATA": "Metadata-Version: 2.1\nName: russo\nVersion: 0.3.3\n",
        "russo-0.3.3.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "russo-0.3.3.dist-info/entry_points.txt": "[console_scripts]\nrusso = russo.cli:main\n"
        "[pytest11]\nrusso = russo.pytest_plugin\n",
    }
    lines = [
        f"{name},sha256={urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b'=').decode()},{len(text)}"
        for name, text in files.items()
    ]
    files["russo-0.3.3.dist-info/RECORD"] = "\n".join([*lines, "russo-0.3.3.dist-info/RECORD,,"]) + "\n"
    path = folder / "russo-0.3.3-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


def test_uninstalling_russo_0_3_afterwards_is_reported_with_the_repair_command(installed, tmp_path):
    path = tmp_path / "both"
    shutil.copytree(installed.wheels, path / "wheels")
    both = build(path)
    install(path, old_wheel(tmp_path))
    install(path, *both.wheels.glob("*.whl"), options=["--force-reinstall", "--no-deps"])
    uninstall(path, "russo")
    project = tmp_path / "project"
    project.mkdir()
    (project / "test_plain.py").write_text("def test_plain(): pass\n")
    run = ("python", "-m", "pytest", "-q", "-p", "no:cacheprovider")
    plain = both.run(*run, cwd=project)
    assert "1 passed" in plain
    assert plain.count(REPAIR) == 1
    (project / "test_it.py").write_text("def test_it(russo_cache): pass\n")
    assert f"pip uninstall russo removed a file of russo-core; repair it: {REPAIR}" in both.run(
        *run, "test_it.py", cwd=project, code=1
    )
    assert REPAIR in both.run(*run, "--russo-cache-mode=replay", cwd=project, code=4)
    (project / "conftest.py").write_text("from russo import AudioCache\n")
    assert REPAIR in both.run(*run, cwd=project, code=4)
    install(path, *both.wheels.glob("*.whl"), options=["--force-reinstall", "--no-deps"])
    assert "2 passed" in both.run(*run, cwd=project)


BESIDE = (
    "russo 0.3 is installed beside russo-core, and both have the package russo; "
    f"remove it and repair russo-core: pip uninstall -y russo && {REPAIR}"
)
REMOVED = f"pip uninstall russo removed a file of russo-core; repair it: {REPAIR}"


@pytest.mark.parametrize("order", ["russo-core first", "0.3 first"])
def test_russo_0_3_beside_russo_core_is_reported_with_the_repair_command(installed, tmp_path, order):
    path = tmp_path / "both"
    shutil.copytree(installed.wheels, path / "wheels")
    both = build(path)
    core, old, forced = [*both.wheels.glob("*.whl")], old_wheel(tmp_path), ["--force-reinstall", "--no-deps"]
    install(path, old)
    if order == "0.3 first":
        install(path, *core, options=forced)
    (tmp_path / "test_plain.py").write_text("def test_plain(): pass\n")
    script = ("python", "-c", "import sys, pytest; sys.exit(pytest.console_main())", "-q")
    pytests = [script, ("python", "-m", "pytest", "-q"), (*script, "--russo-cache-mode=replay")]
    for run in pytests:
        shown = both.run(*run, "-p", "no:cacheprovider", cwd=tmp_path, code=4)
        assert shown.count(BESIDE) == 1
        assert "Traceback" not in shown
    assert both.run("python", "-m", "russo", "cache", "dir", cwd=tmp_path, code=2) == f"russo: {BESIDE}\n"
    if order == "0.3 first":
        assert both.run("russo", "cache", "dir", cwd=tmp_path, code=2) == f"russo: {BESIDE}\n"
    uninstall(path, "russo")
    for run in pytests[:2]:
        assert both.run(*run, "-p", "no:cacheprovider", cwd=tmp_path).count(REMOVED) == 1
    assert both.run("python", "-m", "russo", "cache", "dir", cwd=tmp_path, code=2) == f"russo: {REMOVED}\n"
    install(path, *core, options=forced)  # the repair command of the message
    assert "1 passed" in both.run(*script, "-p", "no:cacheprovider", cwd=tmp_path)
    assert "default, in the rootdir" in both.run("russo", "cache", "dir", cwd=tmp_path)
    both.run("python", "-c", "from russo import AudioCache, synthesizers", cwd=tmp_path)
