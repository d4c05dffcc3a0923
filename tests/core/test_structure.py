"""The structure of the code: which folder may import which, and the maximum size of a module."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted(ROOT.glob("russo-*/src/**/*.py"))
CORE = ROOT / "russo-core" / "src" / "russo"
# The modules that users name or pytest loads. Every other module is in a folder, or holds values.
PUBLIC = {
    "russo": {"russo", "russo.__main__", "russo.authoring", "russo.plugins", "russo.synthesizers"},
    "russo_agents": {"russo_agents", "russo_agents._pytest_plugin"},
}
# Imports under TYPE_CHECKING that point against the table, with the reasons.
ONLY_TYPES = {
    ("russo._store.layered", "_remote"): "a `RemoteCache` is an argument; the files know nothing of it",
    ("russo_agents._protocol", "_call"): "`Playout` is an argument of the protocol's method",
}
MOST_LINES = 350


def name_of(path):
    """Return the name of the module in a file."""
    (source,) = (each for each in path.parents if each.name == "src")
    return ".".join(path.relative_to(source).with_suffix("").parts).removesuffix(".__init__")


MODULES = {name: path for path in SOURCES if (name := name_of(path)).split(".")[0] in PUBLIC}


def folder_of(module):
    """Return the folder of a module; modules outside a folder are values or public."""
    package = module.split(".")[0]
    if module in PUBLIC[package]:
        return "public"
    first = module.split(".")[1]
    return first if (MODULES[package].parent / first).is_dir() else "values"


def table(package):
    """Return the folders that each folder may import, from the table in CONTRIBUTING.md."""
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    _, _, rows = text.partition(f"| folder of `{package}` | may import |")
    rows = rows.partition("\n\n")[0]
    found = re.findall(r"^\| `(\w+)` \| ([^|]+) \|", rows, re.MULTILINE)
    return {name: set(re.findall(r"\w+", allowed)) - {"nothing", "else"} for name, allowed in found}


def is_type_checking(node):
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def import_nodes(tree, *, for_types):
    """Yield all imports of a tree; those under TYPE_CHECKING only if requested."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield node
        elif for_types or not is_type_checking(node):
            yield from import_nodes(node, for_types=for_types)
        else:
            for other in node.orelse:
                yield from import_nodes(ast.Module([other], []), for_types=for_types)


def modules_of_package(name, *, for_types):
    """Yield the modules of its own package that a module imports."""
    is_package = MODULES[name].stem == "__init__"
    for node in import_nodes(ast.parse(MODULES[name].read_text("utf-8")), for_types=for_types):
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        else:
            parts = name.split(".")
            base = parts[: len(parts) - node.level + is_package] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            found = [
                inner if (inner := f"{module}.{alias.name}") in MODULES else module for alias in node.names
            ]
        package = name.split(".")[0]
        yield from (
            each for each in found if each.split(".")[0] == package and each in MODULES and each != name
        )


@pytest.mark.parametrize("package", PUBLIC)
def test_contributing_lists_every_folder(package):
    folders = {folder_of(name) for name in MODULES if name.split(".")[0] == package}
    assert set(table(package)) == folders


@pytest.mark.parametrize("name", MODULES)
def test_folder_imports_only_allowed_folders(name):
    folder = folder_of(name)
    imported = {folder_of(other) for other in modules_of_package(name, for_types=True)}
    if folder == "testing":
        imported -= {"public"}  # `from .. import Audio`
    imported -= {other for module, other in ONLY_TYPES if module == name}
    assert imported <= table(name.split(".")[0])[folder] | {folder}


@pytest.mark.parametrize(("name", "folder"), ONLY_TYPES)
def test_listed_import_is_for_type_checkers_only(name, folder):
    for_all, at_runtime = (
        {folder_of(other) for other in modules_of_package(name, for_types=for_types)}
        for for_types in (True, False)
    )
    assert folder in for_all - at_runtime


@pytest.mark.parametrize("name", MODULES)
def test_module_is_short_enough_to_read(name):
    assert len(MODULES[name].read_text("utf-8").splitlines()) <= MOST_LINES


# -- circles


def test_no_modules_have_circular_imports():
    left = {name: set(modules_of_package(name, for_types=False)) - set(PUBLIC) for name in MODULES}
    while free := [name for name, needs in left.items() if not needs & set(left)]:
        for name in free:
            del left[name]
    assert left == {}


# -- private members

# Private members used on an object other than `self`, with the reasons.
ALLOWED_REACHES = {
    "_backends/backend_call.py": {"_slots": "of another object of its class"},
    "_cli/pytest_side.py": dict.fromkeys(
        ("_inicache", "_inipath", "_override_ini", "_parser", "_rootpath"),
        "of pytest; reads the ini-file and addopts without a run",
    ),
    "_flow/background_loop.py": {"_current_frames": "of sys; names the code that blocks the event loop"},
    "_flow/cached.py": {
        "_context": "of another object of its class",
        "_request": "`key_of` is in the module of the class that it belongs to",
    },
    "_plugin/certainty.py": {
        "_fixtureinfo": "of pytest; names the fixture that a test will get",
        "_fixturemanager": "of pytest; finds a fixture that a test gets without naming it",
    },
    "_plugin/committed_write.py": {"_parser": "of pytest; reads addopts again, one source at a time"},
    "_remote/remote.py": {"_access": "`access_of` is in the module of the class that it belongs to"},
    "_store/cache.py": dict.fromkeys(
        ("_log_once", "_look_up", "_refuse_read_only", "_root", "_sweep_once"),
        "`store` is in the module of the class that it belongs to",
    ),
}


def is_private(name):
    return name.startswith("_") and not name.endswith("__")


def reaches(path):
    """Yield every private name that a module imports or reads from an object other than `self`."""
    modules = {name.split(".")[1] for name in MODULES if "." in name}
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            yield from (
                each.name for each in node.names if is_private(each.name) and each.name not in modules
            )
        elif isinstance(node, ast.Attribute) and is_private(node.attr) and not is_self(node.value):
            yield node.attr


def is_self(node):
    return isinstance(node, ast.Name) and node.id in {"self", "cls"}


def test_no_module_uses_private_members_of_another():
    found = {}
    for path in SOURCES:
        if names := set(reaches(path)):
            found[path.relative_to(CORE if CORE in path.parents else ROOT).as_posix()] = names
    assert found == {name: set(reasons) for name, reasons in ALLOWED_REACHES.items()}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("from ._cache import _read\n", ["_read"]),
        ("cache._files()\n", ["_files"]),
        ("class A:\n    def __init__(self):\n        self._run = 1\n", []),
        ("class A:\n    def __init__(self):\n        self._run = 1\nlayer._run = 2\n", ["_run"]),
        ("from .. import _wav\nfrom ._cache import read\ncache.__doc__\n", []),
    ],
)
def test_check_finds_private_members(tmp_path, source, expected):
    (tmp_path / "module.py").write_text(source)
    assert list(reaches(tmp_path / "module.py")) == expected
