"""russo-agents as users install it: a wheel beside russo-core, in a clean environment."""

import tomllib

import pytest
from packaging.metadata import parse_email
from packaging.requirements import Requirement

from support.clean_environment import ROOT, build, contents, only

AGENTS = ROOT / "russo-agents" / "src" / "russo_agents"
SDKS = {"livekit"}


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    path = tmp_path_factory.mktemp("agents")
    return build(path, ROOT / "russo-core", ROOT / "russo-agents", lent="russo-agents")


@pytest.fixture(scope="module")
def wheel(installed):
    return contents(only(installed.wheels, "russo_agents-*.whl"))


def file_of(wheel, ending):
    (text,) = (text for name, text in wheel.items() if name.endswith(ending))
    return text


def test_wheel_contains_all_modules_and_the_types(wheel):
    names = {path.relative_to(AGENTS.parent).as_posix() for path in AGENTS.rglob("*") if path.is_file()}
    names = {name for name in names if "__pycache__" not in name}
    assert {"russo_agents/__init__.py", "russo_agents/py.typed"} <= names
    assert {name for name in wheel if ".dist-info/" not in name} == names
    assert any(name.endswith("LICENSE") for name in wheel)


def test_wheel_registers_its_pytest_plugin(wheel):
    assert "[pytest11]\nrusso-agents = russo_agents._pytest_plugin\n" in file_of(wheel, "entry_points.txt")


def test_wheel_requires_core_with_audio_and_the_sdks_only_by_extras(wheel):
    metadata, _ = parse_email(file_of(wheel, "METADATA"))
    needs = [Requirement(text) for text in metadata["requires_dist"]]
    always = {need.name for need in needs if need.marker is None}
    assert always == {"pytest", "russo-core"}
    assert {tuple(need.extras) for need in needs if need.name == "russo-core"} == {("audio",)}
    assert set(metadata["provides_extra"]) == SDKS
    readme = (ROOT / "russo-agents" / "README.md").read_text("utf-8")
    assert metadata["description"].strip() == readme.strip()


def test_each_sdk_has_a_range_of_versions_that_ends_before_the_next_major_version():
    project = tomllib.loads((ROOT / "russo-agents" / "pyproject.toml").read_text("utf-8"))["project"]
    for extra, needs in project["optional-dependencies"].items():
        for need in map(Requirement, needs):
            assert {each.operator for each in need.specifier} == {">=", "<"}, extra


UNUSED = """
import sys
import pytest

code = pytest.main(["-q", "-p", "no:cacheprovider", "test_plain.py"])
loaded = sorted(name for name in sys.modules if name.split(".")[0] in {"russo_agents", "livekit", "numpy", "asyncio"})
print(int(code), *loaded)
"""


def test_run_that_uses_no_agent_imports_one_module_of_the_package(installed, tmp_path):
    (tmp_path / "test_plain.py").write_text("def test_plain(): pass\n")
    shown = installed.run("python", "-c", UNUSED, cwd=tmp_path)
    assert shown.splitlines()[-1] == "0 russo_agents russo_agents._pytest_plugin"


def test_type_of_an_adapter_loads_without_its_sdk(installed, tmp_path):
    code = "import russo_agents as r; print(sorted(set(dir(r)) - {n for n in dir(r) if getattr(r, n)}))"
    assert installed.run("python", "-c", code, cwd=tmp_path) == "[]\n"
    code = "import livekit"
    assert "No module named 'livekit'" in installed.run("python", "-c", code, cwd=tmp_path, code=1)
