"""Every public name, and every member of a public class, has a docstring."""

import ast
import inspect
from pathlib import Path

import griffe
import pytest
from markdown_it import MarkdownIt

import russo
import russo.authoring
import russo.testing
import russo_agents
from russo import synthesizers

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [str(path) for path in ROOT.glob("russo-*/src")]


def named_in(docstring):
    """Return the names that a docstring explains in its sections of arguments and attributes."""
    if docstring is None:
        return set()
    sections = docstring.parse("google")
    return {
        each.name
        for part in sections
        if part.kind.value in {"parameters", "attributes"}
        for each in part.value
    }


def undocumented(value):
    """Yield the path of the definition, and of each public member of a class, if it has no docstring."""
    if not value.has_docstring:
        yield value.path
    if not value.is_class:
        return
    explained = named_in(value.docstring)
    for base in bases(value):
        explained |= named_in(base.docstring) | {
            name for name, each in base.members.items() if each.has_docstring
        }
    for name, member in value.members.items():
        if name.startswith("_") or member.is_alias or name in explained:
            continue
        if not member.has_docstring:
            yield member.path


def bases(value):
    for base in value.resolved_bases:
        yield base
        yield from bases(base)


@pytest.fixture(scope="module")
def found():
    """Return every public definition, and the modules that contain them."""
    loader = griffe.GriffeLoader(search_paths=SOURCES)
    for name in ("russo", "russo_google", "russo_openai", "russo_elevenlabs", "russo_local", "russo_agents"):
        loader.load(name)
    loader.resolve_aliases()
    core = loader.modules_collection["russo"]
    found = [core[name] for name in dir(russo) if name != "__version__"]
    found += [core["authoring"][name] for name in russo.authoring.__all__]
    found += [core["hookspecs"][name] for name in core["hookspecs"].functions]
    found += [
        core["testing"][name]
        for name, value in vars(russo.testing).items()
        if name[0] != "_" and not inspect.ismodule(value)
    ]
    for name, (package, _) in synthesizers._PACKAGES.items():
        found.append(loader.modules_collection[package][name])
    agents = loader.modules_collection["russo_agents"]
    found += [agents["testing"], agents["testing"]["AgentContract"]]
    found += [agents, *(agents[name] for name in dir(russo_agents) if name != "__version__")]
    found += [core["authoring"], core["hookspecs"], core["testing"], core["synthesizers"]]
    return [value.final_target if value.is_alias else value for value in found]


def test_everything_public_has_a_docstring(found):
    assert len(found) > 55
    missing = {path for value in found for path in undocumented(value)}
    assert not missing, "\n".join(sorted(missing))


def test_examples_in_docstrings_are_python(found):
    texts = {value.path: value.docstring.value for value in found if value.has_docstring}
    blocks = [
        (path, token.content)
        for path, text in texts.items()
        for token in MarkdownIt().parse(text)
        if token.type in {"code_block", "fence"}
    ]
    assert len(blocks) >= 4
    for path, code in blocks:
        compile(code, path, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


@pytest.mark.parametrize(
    ("code", "missing"),
    [
        ('class A:\n    """A."""\n    x: int\n', ["m.A.x"]),
        ('class A:\n    """A.\n\n    Attributes:\n        x: An x.\n    """\n    x: int\n', []),
        ('class A:\n    """A."""\n    def __init__(self):\n        self.x = 1\n', ["m.A.x"]),
        ('class A:\n    """A."""\n    def f(self): ...\n    def _g(self): ...\n', ["m.A.f"]),
        ("def f(): ...\n", ["m.f"]),
    ],
)
def test_missing_docstring_is_found(code, missing):
    with griffe.temporary_visited_module(code, module_name="m") as module:
        assert [path for value in module.members.values() for path in undocumented(value)] == missing
