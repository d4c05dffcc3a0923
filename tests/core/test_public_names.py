"""The public names of each package: listed, importable on first use, and documented."""

import ast
import inspect
from pathlib import Path

import pytest

import russo
import russo_agents
from russo import hookspecs
from russo._plugin import pytest_plugin

ROOT = Path(__file__).parents[2]
PACKAGES = {
    russo: ROOT / "russo-core" / "src" / "russo",
    russo_agents: ROOT / "russo-agents" / "src" / "russo_agents",
}
MODULES = sorted(path for folder in PACKAGES.values() for path in folder.rglob("*.py"))
each_package = pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)


def listed_names(package):
    """Return the names that a package's ``__init__.py`` shows to type checkers."""
    tree = ast.parse((PACKAGES[package] / "__init__.py").read_text("utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    return {alias.asname for node in imports for alias in node.names}


NAMES = [(package, name) for package in PACKAGES for name in sorted(listed_names(package))]
each_name = pytest.mark.parametrize(
    ("package", "name"), NAMES, ids=[f"{package.__name__}.{name}" for package, name in NAMES]
)


@each_package
def test_names_for_type_checkers_are_the_names_in_dir(package):
    assert listed_names(package) == set(dir(package)) - {"__version__"}


@each_package
def test_star_import_gives_the_names_in_dir(package):
    names = {}
    exec(f"from {package.__name__} import *", names)
    assert set(names) - {"__builtins__"} == set(package.__all__) == set(dir(package)) - {"__version__"}


# A type alias has no docstring at runtime. The site shows the text after its assignment.
ALIASES = {
    "Cache": PACKAGES[russo] / "_store" / "layered.py",
    "ModeName": PACKAGES[russo] / "_mode.py",
    "Event": PACKAGES[russo_agents] / "_events.py",
}


def document_of_alias(name):
    """Return the text after the assignment of a name."""
    body = ast.parse(ALIASES[name].read_text("utf-8")).body
    (at,) = (
        number for number, node in enumerate(body) if getattr(node, "target", None) and node.target.id == name
    )
    return body[at + 1].value.value


@each_name
def test_public_name_exists_and_is_documented(package, name):
    value = getattr(package, name)
    document = document_of_alias(name) if name in ALIASES else inspect.getdoc(value)
    assert isinstance(document, str)
    assert document
    assert not document.startswith(f"{name}(")  # the generated docstring of a dataclass
    assert vars(package)[name] is value  # the second access runs no lazy import


@each_package
def test_unknown_name_is_an_attribute_error(package):
    with pytest.raises(AttributeError, match=f"module '{package.__name__}' has no attribute 'Nothing'"):
        package.Nothing  # noqa: B018


def members(value):
    kinds = (property, classmethod, staticmethod)
    for name, member in vars(value).items():
        if not name.startswith("_") and (inspect.isfunction(member) or isinstance(member, kinds)):
            yield f"{value.__module__}.{value.__name__}.{name}", member


PUBLIC_MEMBERS = [
    member
    for package, name in NAMES
    if inspect.isclass(getattr(package, name))
    for member in members(getattr(package, name))
]


@pytest.mark.parametrize(("name", "member"), PUBLIC_MEMBERS, ids=[name for name, _ in PUBLIC_MEMBERS])
def test_public_member_is_documented(name, member):
    assert inspect.getdoc(member)


def definitions(path):
    """Yield every public definition of a file: functions, classes and their methods."""
    tree = ast.parse(path.read_text("utf-8"))
    yield path.stem, tree
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            if node.name.startswith("_"):
                continue
            yield f"{path.stem}.{node.name}", node
            if isinstance(node, ast.ClassDef):
                kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
                for inner in node.body:
                    if isinstance(inner, kinds) and not inner.name.startswith("_") and not is_overload(inner):
                        yield f"{path.stem}.{node.name}.{inner.name}", inner


def is_overload(function):
    return any(ast.unparse(each) == "overload" for each in function.decorator_list)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_module_and_public_definition_is_documented(path):
    assert [name for name, node in definitions(path) if not ast.get_docstring(node)] == []


@pytest.mark.parametrize("name", [name for name in vars(hookspecs) if name.startswith("russo_")])
def test_every_hook_is_documented(name):
    assert inspect.getdoc(getattr(hookspecs, name))


@pytest.mark.parametrize("name", ["russo_cache", "russo_synthesizer", "russo_say", "russo_audio"])
def test_every_fixture_is_documented(name):
    assert inspect.getdoc(getattr(pytest_plugin, name))
