"""Facts on the pages that are not in code blocks are true: flags, hooks, links, names of tests."""

import ast
import re
from pathlib import Path

import pytest

from russo import hookspecs

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text("utf-8")
CHANGELOG = (ROOT / "CHANGELOG.md").read_text("utf-8")
OUTSIDE = {".venv", "node_modules", ".git", "site", ".pytest_cache"}
PAGES = sorted(path for path in ROOT.glob("**/*.md") if not OUTSIDE & set(path.relative_to(ROOT).parts))
NAMED_TEST = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")


def test_every_flag_is_in_the_readme(pytestconfig):
    groups = pytestconfig._parser._groups
    options = {name for group in groups for action in group.options for name in action.names()}
    flags = sorted(name for name in options if name.startswith("--russo-"))
    assert len(flags) >= 11
    assert [flag for flag in flags if f"`{flag}" not in README] == []


def test_every_hook_is_in_the_changelog():
    hooks = [name for name in vars(hookspecs) if name.startswith("russo_")]
    assert len(hooks) == 9
    assert [name for name in hooks if f"`{name}`" not in CHANGELOG] == []


@pytest.mark.parametrize("page", PAGES, ids=[str(path.relative_to(ROOT)) for path in PAGES])
def test_links_between_files_have_a_target(page):
    for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text("utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_test_that_a_page_names_exists():
    pages = [ROOT / "CONTRIBUTING.md", *(ROOT / "docs" / "explanation").glob("*.md")]
    named = {match for page in pages for match in NAMED_TEST.findall(page.read_text("utf-8"))}
    assert len(named) > 25
    missing = []
    for file, name in sorted(named):
        path = ROOT / file
        tree = ast.parse(path.read_text("utf-8")) if path.is_file() else ast.Module([], [])
        tests = {
            node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        if not path.is_file() or (name and name not in tests):
            missing.append(f"{file}::{name}")
    assert missing == []


@pytest.mark.parametrize(
    ("heading", "end", "number"),
    [
        ("## Promised", "## Not promised", 9),
        ("## With a shared store", "A shared store does not promise", 7),
    ],
)
def test_every_promise_names_a_test(heading, end, number):
    page = (ROOT / "docs" / "explanation" / "promises.md").read_text("utf-8")
    promised = page.split(heading)[1].split(end)[0]
    promises = re.split(r"^\*\*", promised, flags=re.MULTILINE)[1:]
    assert len(promises) == number
    assert [promise.splitlines()[0] for promise in promises if not NAMED_TEST.search(promise)] == []
