import ast
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import russo
from russo import AudioCache
from support.speakers import PROMPT, sound

ROOT = Path(__file__).parents[2]
CORE = ROOT / "russo-core" / "src" / "russo"
PROJECTS = sorted(ROOT.glob("russo-*/pyproject.toml"))
KIT = sorted((CORE / "testing").rglob("*.py"))
MODULES = sorted(CORE.rglob("*.py"))


# `packaging` comes with pytest.
THIRD_PARTY = {
    "_pytest",
    "packaging",
    "click",
    "jinja2",
    "numpy",
    "pluggy",
    "pytest",
    "rich",
    "soxr",
    "xxhash",
}
REQUIRED = {"click", "jinja2", "pluggy", "pytest", "rich", "xxhash"}
VENDORS = re.compile(r"google|gemini|openai|elevenlabs|eleven_labs|hibari|vertex|kore\b", re.IGNORECASE)
# Files with the names and aliases of the extras, and with the lazily imported names.
NAMES_VENDORS = {"_backends/first_party.py", "synthesizers/__init__.py"}


# Distributions that work with russo as plugins do, see `russo.plugins`. All others are backends.
COMPANIONS = {"russo-agents"}


def name_of(path):
    """Return the path of a module inside the package, as a test id."""
    return path.relative_to(CORE).as_posix() if CORE in path.parents else path.stem


def source_of(path):
    """Return the folder ``src`` of a module's distribution."""
    return next(each for each in path.parents if each.name == "src")


def imports(path):
    """Yield every module that a file imports anywhere; relative imports become ``package.name``."""
    package = path.relative_to(source_of(path)).parts[0]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module
        elif isinstance(node, ast.ImportFrom):
            modules = [node.module] if node.module else [alias.name for alias in node.names]
            yield from (f"{package}.{name}" for name in modules)


def python(code, *args, **environment):
    """Run code in the environment of the tests; return its output, parsed as JSON."""
    done = subprocess.run(
        [sys.executable, "-c", code, *args],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "", **environment},
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


# -- allowed imports


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_core_imports_few_third_party_packages(path):
    packages = {module.split(".")[0] for module in imports(path)}
    allowed = THIRD_PARTY | set(sys.stdlib_module_names) | {"russo", "__future__"}
    if path.parent.name == "synthesizers":
        allowed |= {path.parent.name.replace("-", "_") for path in PROJECTS}
    assert packages - allowed == set()


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_core_contains_no_vendor_name(path):
    named = [line.strip() for line in path.read_text("utf-8").splitlines() if VENDORS.search(line)]
    assert named == [] or name_of(path) in NAMES_VENDORS


@pytest.mark.parametrize("path", sorted(set(MODULES) - set(KIT)), ids=name_of)
def test_no_module_of_core_imports_the_kit(path):
    assert [module for module in imports(path) if module.startswith("russo.testing")] == []


@pytest.mark.parametrize("path", KIT, ids=name_of)
def test_kit_imports_only_pytest(path):
    packages = {node for node in imports(path) if not node.startswith("russo.")}
    assert {name.split(".")[0] for name in packages} <= {"pytest", *sys.stdlib_module_names, "__future__"}


OTHERS = sorted(path for path in ROOT.glob("russo-*/src/**/*.py") if CORE not in path.parents)
BACKENDS = [path for path in OTHERS if source_of(path).parent.name not in COMPANIONS]
COMPANION_MODULES = [path for path in OTHERS if path not in BACKENDS]


def module_of(path):
    """Return the name of a module, as a test id."""
    return ".".join(path.relative_to(source_of(path)).with_suffix("").parts)


def imported_distributions(path):
    """Yield the other distributions of this repository that a module imports, without russo-core."""
    roots = {name.split(".")[0] for name in imports(path)}
    for other in {project.parent.name for project in PROJECTS} - {source_of(path).parent.name, "russo-core"}:
        if other.replace("-", "_") in roots:
            yield other


def imported_from_russo(path):
    return {module for module in imports(path) if module.split(".")[0] == "russo"}


@pytest.mark.parametrize("path", BACKENDS, ids=module_of)
def test_backends_import_only_the_public_russo(path):
    assert imported_from_russo(path) <= {"russo", "russo.authoring"}
    assert list(imported_distributions(path)) == []


@pytest.mark.parametrize("path", COMPANION_MODULES, ids=module_of)
def test_companions_import_only_russo_and_its_tools_for_companions(path):
    assert imported_from_russo(path) <= {"russo", "russo.plugins"}
    assert list(imported_distributions(path)) == []


@pytest.mark.parametrize("path", OTHERS, ids=module_of)
def test_other_distributions_use_only_public_names(path):
    tree = ast.parse(path.read_text("utf-8"))
    froms = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and not node.level]
    names = {
        alias.name for node in froms if (node.module or "").split(".")[0] == "russo" for alias in node.names
    }
    assert {name for name in names if name.startswith("_")} == set()


# The SDKs of agents, by adapter. `_adapters/NAME/agent.py` imports its SDK, and the other modules of its folder,
# which use the SDK, inside functions.
SDKS = {"livekit": "livekit"}


def imports_at_load(tree):
    """Yield what the import of a module imports; imports for type checkers are left out."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names = [node.module] if node.module else [alias.name for alias in node.names]
            yield from ("." * node.level + name for name in names)
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            yield from imports_at_load(ast.Module(node.orelse, []))
        elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            yield from imports_at_load(node)


def sdk_of(path):
    """Return the SDK that a module may import, and whether the module may import it when it is loaded."""
    folder = path.parent
    if folder.parent.name != "_adapters" or folder.name not in SDKS:
        return set(), False
    return {SDKS[folder.name]}, path.stem not in ("agent", "__init__")


@pytest.mark.parametrize("path", COMPANION_MODULES, ids=module_of)
def test_companions_import_an_sdk_only_inside_functions(path):
    known = {"__future__", "russo", "russo_agents", "pytest", *sys.stdlib_module_names}
    sdk, at_load = sdk_of(path)
    loaded = set(imports_at_load(ast.parse(path.read_text("utf-8"))))
    others = {name.split(".")[0] for name in loaded if not name.startswith(".")}
    assert others <= known | (sdk if at_load else set())
    assert {name.split(".")[0] for name in imports(path)} <= known | sdk
    of_the_folder = {name for name in loaded if name.startswith(".") and not name.startswith("..")}
    assert at_load or not sdk or not of_the_folder


def test_search_finds_the_modules_that_need_an_sdk():
    found = {(path.stem, *sdk_of(path)[0], sdk_of(path)[1]) for path in COMPANION_MODULES if sdk_of(path)[0]}
    assert {("agent", "livekit", False), ("line", "livekit", True)} <= found


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import livekit.agents\n", ["livekit.agents"]),
        ("try:\n    from livekit import agents\nexcept ImportError:\n    agents = None\n", ["livekit"]),
        ("class A:\n    import livekit\n", ["livekit"]),
        ("if TYPE_CHECKING:\n    import livekit\nelse:\n    import os\n", ["os"]),
        ("def connect():\n    import livekit\n", []),
        ("from . import line\n", [".line"]),
        ("from .line import Line\n", [".line"]),
        ("from ..._events import Said\n", ["..._events"]),
    ],
)
def test_search_finds_imports_at_load(code, expected):
    assert list(imports_at_load(ast.parse(code))) == expected


# -- the cost of an import

LOADED = """
import json, sys
before = set(sys.modules)
{}
roots = {{name.split(".")[0] for name in set(sys.modules) - before}}
print(json.dumps(sorted(roots - set(sys.stdlib_module_names))))
"""


@pytest.mark.parametrize(
    ("statement", "packages"),
    [
        ("import russo", {"pluggy"}),
        ("from russo import Audio", set()),
        ("from russo import RussoError, NoAudioError, Mode, ModeName, Say, cache_key", set()),
        ("from russo import AudioCache, CachedSynthesizer, LayeredCache", {"pluggy", "xxhash"}),
        ("import russo.authoring, russo.synthesizers", set()),
        (
            "from russo import load_synthesizer, hookimpl, plugin_manager; plugin_manager()",
            {"pluggy", "xxhash"},
        ),
        ("import russo_agents", set()),
        ("from russo_agents import FunctionAgent, LiveKitAgent, Turn, open_call, tool_call", set()),
    ],
)
def test_import_loads_few_third_party_packages(statement, packages):
    assert set(python(LOADED.format(statement))) <= {"russo", "russo_agents"} | packages


def test_import_is_fast():
    code = "import time; s = time.perf_counter(); import russo; print(time.perf_counter() - s)"
    assert min(python(code) for _ in range(3)) < 0.06


PLUGIN = {
    "russo",
    "russo._installation",
    "russo._plugin",
    "russo._plugin.complete_run",
    "russo._plugin.item",
    "russo._plugin.options",
    "russo._plugin.pytest_plugin",
    "russo._plugin.workers",
}


def test_import_of_the_pytest_plugin_loads_few_modules():
    code = """
import json, sys, pytest
scans = []
sys.addaudithook(lambda event, args: scans.append(1)
                 if event == "open" and str(args[0]).endswith("entry_points.txt") else None)
before = set(sys.modules)
import russo._plugin.pytest_plugin
print(json.dumps([sorted(set(sys.modules) - before), len(scans)]))
"""
    assert python(code) == [sorted(PLUGIN), 0]


def test_run_that_does_not_use_russo_loads_no_other_modules(tmp_path):
    (tmp_path / "test_one.py").write_text("def test_one(): pass\n")
    code = """
import json, sys, pytest
scans = []
sys.addaudithook(lambda event, args: scans.append(1)
                 if event == "open" and str(args[0]).endswith("entry_points.txt") else None)
import russo._plugin.pytest_plugin
code = pytest.main(["-q", "-p", "no:cacheprovider", sys.argv[1]], plugins=[russo._plugin.pytest_plugin])
loaded = [name for name in sys.modules if name.split(".")[0] in {"russo", "asyncio", "xxhash"}]
print(json.dumps([code, sorted(loaded), len(scans)]))
"""
    code, loaded, scans = python(code, str(tmp_path), PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    assert code == 0
    assert set(loaded) <= PLUGIN | {"russo._plugin.hookspecs"}
    assert scans == 0


def test_hit_loads_neither_asyncio_nor_a_backend(tmp_path):
    AudioCache(tmp_path).put(russo.cache_key(PROMPT, {}, None), sound(PROMPT))
    code = """
import json, sys
from russo import AudioCache, CachedSynthesizer
class Speaker:
    cache_key_extra = {}
    async def synthesize(self, text):
        raise AssertionError
call = CachedSynthesizer(Speaker(), cache=AudioCache(sys.argv[1])).synthesize(sys.argv[2])
try:
    call.send(None)
except StopIteration as done:
    heard = len(done.value.data)
heavy = [name for name in sys.modules if name.split(".")[0] in {"asyncio", "numpy", "soxr", "pytest", "ssl"}]
backends = [name for name in sys.modules if name.startswith("russo_")]
print(json.dumps([heard, heavy, backends]))
"""
    assert python(code, str(tmp_path), PROMPT) == [len(sound(PROMPT).data), [], []]


# -- published distributions


def project(path):
    return tomllib.loads(path.read_text("utf-8"))["project"]


RELEASED_TOGETHER = [path for path in PROJECTS if path.parent.name not in COMPANIONS]


def test_versions_of_core_and_backends_are_equal():
    assert len(RELEASED_TOGETHER) >= 2
    assert {project(path)["version"] for path in RELEASED_TOGETHER} == {russo.__version__}


@pytest.mark.parametrize("name", COMPANIONS)
def test_companion_requires_core_by_minor_version(name):
    (path,) = (path for path in PROJECTS if path.parent.name == name)
    needs = [Requirement(need) for need in project(path)["dependencies"]]
    (core,) = (need for need in needs if need.name == "russo-core")
    major, minor = map(int, russo.__version__.split(".")[:2])
    assert set(str(core.specifier).split(",")) == {f">={major}.{minor}", f"<{major}.{minor + 1}"}
    assert core.specifier.contains(russo.__version__)
    assert [need.name for need in needs if need.name.startswith("russo-")] == ["russo-core"]


@pytest.mark.parametrize("path", RELEASED_TOGETHER, ids=lambda path: path.parent.name)
def test_distributions_require_each_other_in_the_same_version(path):
    values = project(path)
    extras = [need for needs in values.get("optional-dependencies", {}).values() for need in needs]
    siblings = [need for need in [*values["dependencies"], *extras] if re.match(r"russo-\w+[^\[\w]", need)]
    assert {re.sub(r"^russo-\w+(\[[\w,]+\])?", "", need) for need in siblings} <= {f"=={russo.__version__}"}


def test_core_requires_few_packages():
    (core,) = (path for path in PROJECTS if path.parent.name == "russo-core")
    needed = {re.match(r"[\w-]+", need).group() for need in project(core)["dependencies"]}
    assert {"pluggy", "pytest", "xxhash"} <= needed <= REQUIRED


def test_core_has_an_extra_for_every_backend_and_one_for_all():
    (core,) = (path for path in PROJECTS if path.parent.name == "russo-core")
    extras = project(core)["optional-dependencies"]
    assert set(extras) == {"google", "openai", "elevenlabs", "local", "all", "audio", "remote"}
    for name in ("google", "openai", "elevenlabs", "local", "remote"):
        assert [re.match(r"russo-\w+", need).group() for need in extras[name]] == [f"russo-{name}"]
    assert extras["all"] == ["russo-core[google,openai,elevenlabs,local]"]


@pytest.mark.parametrize("path", PROJECTS, ids=lambda path: path.parent.name)
def test_every_distribution_is_typed_and_has_a_readme(path):
    (package,) = (path.parent / "src").iterdir()
    assert (package / "py.typed").exists()
    assert (path.parent / project(path)["readme"]).exists()


@pytest.mark.parametrize(
    "path",
    [p for p in RELEASED_TOGETHER if p.parent.name not in ("russo-core", "russo-remote")],
    ids=lambda p: p.parent.name,
)
def test_every_backend_is_registered_under_its_name(path):
    name = path.parent.name.removeprefix("russo-")
    targets = project(path)["entry-points"]["russo.synthesizers"]
    assert name in targets
    assert all(each == name or each.startswith(f"{name}-") for each in targets)
    assert all(re.fullmatch(rf"russo_{name}:\w+Synthesizer", target) for target in targets.values())
