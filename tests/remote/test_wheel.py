"""russo-remote as users install it: a wheel beside russo-core, in a clean environment."""

import tomllib

import pytest
from packaging.metadata import parse_email
from packaging.requirements import Requirement

from support.clean_environment import ROOT, build, contents, only

REMOTE = ROOT / "russo-remote" / "src" / "russo_remote"
SCHEMES = {"abfss", "az", "file", "gs", "http", "https", "s3"}


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    projects = (ROOT / "russo-core", ROOT / "russo-remote")
    return build(tmp_path_factory.mktemp("remote"), *projects, lent=("russo-core", "russo-remote"))


@pytest.fixture(scope="module")
def wheel(installed):
    return contents(only(installed.wheels, "russo_remote-*.whl"))


def file_of(wheel, ending):
    (text,) = (text for name, text in wheel.items() if name.endswith(ending))
    return text


def test_wheel_contains_all_modules_the_types_and_the_license(wheel):
    names = {path.relative_to(REMOTE.parent).as_posix() for path in REMOTE.rglob("*") if path.is_file()}
    names = {name for name in names if "__pycache__" not in name}
    assert {"russo_remote/__init__.py", "russo_remote/py.typed"} <= names
    assert {name for name in wheel if ".dist-info/" not in name} == names
    assert "MIT License" in file_of(wheel, "LICENSE")


def test_wheel_registers_a_store_for_each_scheme(wheel):
    lines = file_of(wheel, "entry_points.txt").strip().splitlines()
    assert lines[0] == "[russo.stores]"
    assert set(lines[1:]) == {f"{scheme} = russo_remote:ObstoreStore" for scheme in SCHEMES}


def test_wheel_needs_obstore_and_core_of_its_version_only(wheel):
    metadata, _ = parse_email(file_of(wheel, "METADATA"))
    needs = {need.name: need for need in map(Requirement, metadata["requires_dist"])}
    assert set(needs) == {"obstore", "russo-core"}
    assert str(needs["russo-core"].specifier) == f"=={metadata['version']}"
    assert {each.operator for each in needs["obstore"].specifier} == {">=", "<"}
    assert "provides_extra" not in metadata
    assert metadata["description"].strip() == (ROOT / "russo-remote" / "README.md").read_text("utf-8").strip()
    assert "S3" in metadata["summary"]


def test_core_has_an_extra_that_installs_it():
    project = tomllib.loads((ROOT / "russo-core" / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["optional-dependencies"]["remote"] == [f"russo-remote=={project['version']}"]


TEST = """
import sys
import pytest
from russo import Audio

class Speaker:
    cache_key_extra = {"backend": "speaker"}

    async def synthesize(self, text):
        assert sys.argv[-1] != "replay", "no call"
        return Audio(text.encode() * 100, "pcm", 8000, 1, 1)

@pytest.fixture
def russo_synthesizer():
    return Speaker()

def test_it(russo_say):
    assert russo_say("Hello").data

def test_loaded():
    print("loaded:", [name for name in ("obstore", "russo_remote") if name in sys.modules])
"""


def test_installed_wheel_shares_speech_and_a_local_hit_does_not_load_it(installed, tmp_path):
    (tmp_path / "test_it.py").write_text(TEST)
    url = (tmp_path / "shared").as_uri()

    def run(cache, *options):
        common = ("-p", "no:cacheprovider", "-qs", f"--russo-cache-dir={cache}", f"--russo-remote={url}")
        return installed.run("python", "-m", "pytest", *common, *options, cwd=tmp_path)

    run("first", "--russo-remote-write")
    said = run("second", "--russo-cache-mode=replay")
    assert f"1 from {url}" in said
    assert "loaded: ['obstore', 'russo_remote']" in said
    assert "loaded: []" in run("second", "--russo-cache-mode=replay")
