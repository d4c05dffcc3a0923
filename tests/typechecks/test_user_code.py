"""Code of users: mypy and pyright, both strict, accept the right code and report each wrong line."""

import ast
import inspect
import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

import russo
import russo_agents
import russo_agents._pytest_plugin
from russo._plugin import pytest_plugin
from support.page_blocks import ROOT
from support.pages import pages
from support.type_checkers import annotated, mypy, mypy_page, pyright, write_page

RIGHT = Path(__file__).with_name("right")
WRONG = Path(__file__).with_name("wrong")
# mypy needs a run for each page, so it checks only the pages that have the most to check.
PAGES_FOR_MYPY = [
    "README.md",
    "docs/how-to/write-a-backend.md",
    "docs/reference/plugins.md",
    "docs/reference/pytest.md",
    "docs/tutorial/first-agent-test.md",
    "docs/tutorial/first-voice-test.md",
]
# Pages show packages of services that only their customers install.
NOT_INSTALLED = {'Import "livekit.plugins" could not be resolved'}
WRONG_PAGE = """
`test_wrong.py`:

```python
def test_wrong(russo_say):
    assert russo_say("Hello").duration > "1"
```
"""


def parameters(path):
    """Yield every parameter of a file."""
    yield from (node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.arg))


def types_of_fixtures(path):
    """Return the types with which a file annotates the fixtures, by fixture."""
    return {
        node.arg: ast.unparse(node.annotation) for node in parameters(path) if node.arg.startswith("russo_")
    }


TYPES = types_of_fixtures(RIGHT / "every_fixture.py")
TYPES_OF_AGENTS = {
    name: f"russo_agents.{type_name}"
    for name, type_name in types_of_fixtures(RIGHT / "agents.py").items()
    if name not in TYPES
}


def copy_of_cache(source, target):
    """Copy a file of mypy's cache; a database may have a writer now."""
    if not source.endswith(".db"):
        return shutil.copy2(source, target)
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)
    return target


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """The folder of mypy's cache; it begins with a copy of the cache of `make lint`, which has the same SDKs."""
    folder = tmp_path_factory.mktemp("mypy") / "cache"
    if (ROOT / ".mypy_cache").is_dir():
        shutil.copytree(ROOT / ".mypy_cache", folder, copy_function=copy_of_cache)
    return folder


@pytest.fixture(scope="module", params=["mypy", "pyright"])
def errors(request, tmp_path_factory, cache):
    """The errors that a checker reports in both folders."""
    code = tmp_path_factory.mktemp("user") / "code"
    for folder in (RIGHT, WRONG):
        shutil.copytree(folder, code, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    return mypy(code, cache, "--strict") if request.param == "mypy" else pyright(code, mode="strict")


def test_right_code_has_no_error(errors):
    names = {path.name for path in RIGHT.glob("*.py")}
    assert {place: message for place, message in errors.items() if place[0] in names} == {}


@pytest.mark.parametrize("path", sorted(WRONG.glob("*.py")), ids=lambda path: path.stem)
def test_each_wrong_line_is_reported_and_no_other_line(errors, path):
    lines = enumerate(path.read_text("utf-8").splitlines(), 1)
    wrong = {number: line for number, line in lines if line.endswith("  # wrong")}
    assert len(wrong) > 10
    assert set(wrong) == {line for file, line in errors if file == path.name}


# -- the code of the pages


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """The folders with the code of each page, by the page."""
    directory = tmp_path_factory.mktemp("pages") / "code"
    texts = {page.relative_to(ROOT): page.read_text("utf-8") for page in pages()}
    texts[Path("wrong.md")] = WRONG_PAGE
    return {
        page.as_posix(): write_page(text, page, directory, TYPES | TYPES_OF_AGENTS)
        for page, text in texts.items()
    }


def test_pyright_accepts_the_code_of_all_pages(folders):
    roots = [folder for each in folders.values() for folder in each]
    found = pyright(roots[0].parent, mode="standard", roots=roots)
    (wrong,) = [place for place in found if place[0].startswith("wrong_")]
    assert wrong == ("wrong_1/test_wrong.py", 6)
    del found[wrong]
    assert {place: words for place, words in found.items() if words not in NOT_INSTALLED} == {}


@pytest.mark.parametrize("page", PAGES_FOR_MYPY)
def test_mypy_accepts_the_code_of_a_page(folders, page, cache):
    assert folders[page]
    for folder in folders[page]:
        assert mypy_page(folder, cache) == {}


def test_mypy_reports_the_wrong_code_of_a_page(folders, cache):
    (folder,) = folders["wrong.md"]
    assert list(mypy_page(folder, cache)) == [("test_wrong.py", 6)]


@pytest.mark.parametrize(
    ("code", "result"),
    [
        (
            "def test(ä, russo_say, b): pass\n",
            'def test(ä, russo_say: "russo.Say", b): pass\n\nimport russo\n',
        ),
        ("def test(russo_say: Any, b): pass\n", "def test(russo_say: Any, b): pass\n"),
    ],
)
def test_fixtures_of_a_page_get_their_types(code, result):
    assert annotated(code, TYPES) == result


# -- the right code is complete


def names_used(package):
    """Return the names of a package that the right code uses."""
    names = set()
    for path in RIGHT.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and node.value.id == package
            ):
                names.add(node.attr)
            elif isinstance(node, ast.ImportFrom) and node.module == package:
                names |= {alias.name for alias in node.names}
    return names


@pytest.mark.parametrize("package", [russo, russo_agents], ids=lambda package: package.__name__)
def test_right_code_uses_every_public_name(package):
    assert set(dir(package)) - names_used(package.__name__) == set()


@pytest.mark.parametrize(
    ("plugin", "types"),
    [(pytest_plugin, TYPES), (russo_agents._pytest_plugin, TYPES_OF_AGENTS)],
    ids=["russo", "agents"],
)
def test_right_code_uses_every_fixture(plugin, types):
    fixtures = {
        name
        for name, value in vars(plugin).items()
        if name.startswith("russo_") and not inspect.isclass(value)
    }
    assert set(types) == fixtures


@pytest.mark.parametrize(("page", "types"), [("pytest.md", TYPES), ("agents-pytest.md", TYPES_OF_AGENTS)])
def test_reference_names_the_type_of_every_fixture(page, types):
    text = (ROOT / "docs" / "reference" / page).read_text("utf-8")
    rows = re.findall(r"^\| `(russo_\w+)` \| \w+ \| \[`([\w.]+)`\]", text, re.MULTILINE)
    assert dict(rows) == types
