"""The site builds strictly and without network, has no broken link, and its reference is complete."""

import asyncio
import inspect
import re
import shutil
import tomllib
from dataclasses import fields, is_dataclass
from pathlib import Path

import click
import pytest

import russo
import russo.authoring
import russo.testing
import russo_agents
import russo_agents._pytest_plugin
import russo_agents.testing
from russo import Audio, AudioCache, hookspecs, load_synthesizer, synthesizers
from russo._backends.constructor import option_types
from russo._plugin import pytest_plugin
from russo._settings import Asked, resolve
from russo.testing import FakeSynthesizer
from russo_agents import FunctionAgent, open_call
from russo_agents._protocol import OBSERVABLE
from support import site_builder
from support.page_blocks import blocks

ROOT = Path(__file__).resolve().parents[2]
TESTING = [
    name for name, value in vars(russo.testing).items() if name[0] != "_" and not inspect.ismodule(value)
]
CLASSES = [
    (package, name)
    for package in (russo, russo_agents)
    for name in dir(package)
    if isinstance(getattr(package, name), type)
]


@pytest.fixture(scope="session")
def directory(built):
    return built[0]


@pytest.fixture(scope="session")
def pages(directory):
    """Every page except the 404 page, whose links are relative to the root."""
    return {name: page for name, page in site_builder.read(directory).items() if name != "404.html"}


@pytest.fixture(scope="session")
def reference(pages):
    """Return a function that returns the page of the reference with a given name."""
    return lambda name: pages[f"reference/{name}.html"]


@pytest.fixture(scope="session")
def anchors(pages):
    """Every anchor of the reference, with its page."""
    return {
        anchor: page for name, page in pages.items() if name.startswith("reference/") for anchor in page.ids
    }


def codes(page):
    """Return every word that a page formats as code."""
    return {word for code in page.codes for word in re.findall(r"[\w.-]+", code)}


def test_site_builds_strictly_and_without_network(built):
    _, done = built
    assert (done.returncode, "WARNING" in done.stderr) == (0, False), done.stderr


def test_site_has_four_kinds_of_pages(pages):
    for kind in ("tutorial", "how-to", "reference", "explanation"):
        assert len([name for name in pages if name.startswith(f"{kind}/")]) >= 1


def test_file_names_are_the_titles_of_their_blocks(pages):
    titles = 0
    for source in (ROOT / "docs").rglob("*.md"):
        page = pages[str(source.relative_to(ROOT / "docs").with_suffix(".html"))]
        names = [block.title for block in blocks(source.read_text("utf-8"), source) if block.title]
        assert re.findall(r'<span class="filename">([^<]+)</span>', page.html) == names, source.name
        assert not re.search(r"<p><code>[^<]+</code>:</p>", page.html), source.name
        titles += len(names)
    assert titles > 40


def test_links_and_anchors_have_a_target(directory, pages):
    assert list(site_builder.broken_links(directory, pages)) == []


def test_pages_load_nothing_from_other_hosts(directory, pages):
    loaded = {address for page in pages.values() for address in page.loads}
    assert [address for address in loaded if re.match(r"(https?:)?//", address)] == []
    for sheet in directory.rglob("*.css"):
        assert re.findall(r"url\(\s*['\"]?(?:https?:)?//[^)]*\)", sheet.read_text("utf-8")) == []


@pytest.fixture
def copy(tmp_path):
    """A copy of the sources of the site, which tests break."""
    folder = tmp_path / "copy"
    shutil.copytree(ROOT / "docs", folder / "docs")
    shutil.copytree(ROOT / "tools", folder / "tools")
    for package in ROOT.glob("russo-*/src"):
        (folder / package.parent.name).mkdir()
        (folder / package.parent.name / "src").symlink_to(package)
    shutil.copy(ROOT / "mkdocs.yml", folder)
    return folder


# Each warning ends a strict build, and a build takes 5 s: one build has the four faults.
FAULTS = [
    ("index.md", "\n[nowhere](nowhere.md)\n", r"WARNING +- .* 'nowhere\.md'"),
    ("index.md", "\n[no such part](reference/index.md#no-such-part)\n", "WARNING +- .* '#no-such-part'"),
    ("index.md", "\n[from the root](/reference/)\n", "WARNING +- .* '/reference/'"),
    ("forgotten.md", "# In no menu\n", r"WARNING +- .* not included in the \"nav\" .*\n  - forgotten\.md\n"),
]


def append(path, text):
    with path.open("a", encoding="utf-8") as file:
        file.write(text)


def test_strict_build_refuses_each_broken_page(copy, tmp_path):
    for page, text, _ in FAULTS:
        append(copy / "docs" / page, text)
    done = site_builder.build(tmp_path / "site", copy)
    assert done.returncode != 0
    for _, _, warning in FAULTS:
        assert len(re.findall(warning, done.stderr)) == 1, warning
    assert f"Aborted with {len(FAULTS)} warnings in strict mode" in done.stdout + done.stderr


def test_strict_build_refuses_a_name_that_does_not_exist(copy, tmp_path):
    append(copy / "docs" / "reference" / "audio.md", "\n::: russo.NoSuchName\n")
    done = site_builder.build(tmp_path / "site", copy)
    assert done.returncode != 0
    assert "russo.NoSuchName" in done.stderr


# -- the reference is complete


@pytest.mark.parametrize(
    ("module", "names"),
    [
        ("russo", [name for name in dir(russo) if name != "__version__"]),
        (
            "russo_agents",
            [name for name in dir(russo_agents) if name != "__version__"],
        ),
        ("russo.authoring", russo.authoring.__all__),
        ("russo.testing", TESTING),
        ("russo_agents.testing", russo_agents.testing.__all__),
        ("russo.hookspecs", [name for name in vars(hookspecs) if name.startswith("russo_")]),
    ],
    ids=["russo", "agents", "authoring", "testing", "agents-testing", "hookspecs"],
)
def test_every_public_name_is_in_the_reference(anchors, module, names):
    assert names
    assert [name for name in names if f"{module}.{name}" not in anchors] == []


def test_every_public_member_is_in_the_reference(anchors):
    missing = []
    for package, name in [*CLASSES, (russo.authoring, "Attempts"), (russo.authoring, "Exchange")]:
        kind = getattr(package, name)
        fixed = {field.name for field in fields(kind)} if is_dataclass(kind) else set()
        for member in set(vars(kind)) - fixed:
            value = vars(kind)[member]
            if not member.startswith("_") and (callable(value) or hasattr(value, "__get__")):
                missing += [full] if (full := f"{package.__name__}.{name}.{member}") not in anchors else []
    assert missing == []


def attributes_of(kind):
    if is_dataclass(kind):
        return {field.name for field in fields(kind) if field.name[0] != "_"}
    return {each for each in vars(kind).get("__annotations__", {}) if each[0] != "_"}


@pytest.mark.parametrize(
    ("package", "name"),
    [
        (package, name)
        for package, name in CLASSES
        if issubclass(getattr(package, name), Exception) or is_dataclass(getattr(package, name))
    ],
)
def test_every_attribute_of_errors_events_and_turns_is_in_the_reference(anchors, package, name):
    anchor = f"{package.__name__}.{name}"
    documented = anchors[anchor].part(anchor) + anchors["events"].part("events")
    attributes = attributes_of(getattr(package, name))
    assert [each for each in attributes if not re.search(rf"\b{each}\b", documented)] == []


def surface(plugin):
    """Return every option and ini setting that a pytest plugin registers."""
    parser = pytest.Parser(_ispytest=True)
    plugin.pytest_addoption(parser)
    options = {name for group in parser._groups for each in group.options for name in each.names()}
    return options, set(parser._inidict)


def variables():
    """Return every environment variable that the settings read."""

    class Asking(dict):
        def get(self, name, default=None):
            self[name] = True
            return default

    asking = Asking()
    # The variable of writing is read only if there is a shared store.
    asked = Asked(remote="s3://team-speech")
    resolve(asked, ini=lambda _: "", environment=asking, rootdir=Path(), cwd=Path())
    resolve(Asked(), ini=lambda _: "", environment=asking, rootdir=Path(), cwd=Path())
    return set(asking)


def documented_settings(page):
    """Return the options, ini settings and variables in the first table of a page."""
    rows = re.search(r'id="options".*?<table>(.*?)</table>', page.html, re.DOTALL)[1]
    return set(re.findall(r"<code>(--russo-[a-z-]+(?:=all)?|RUSSO_\w+|russo_\w+)\b", rows))


def test_reference_has_exactly_the_options_ini_settings_and_variables_of_the_plugin(reference):
    options, inis = surface(pytest_plugin)
    assert len(options) >= 11
    assert len(inis) >= 6
    assert len(variables()) == 6
    documented = documented_settings(reference("pytest"))
    assert documented == options | inis | variables() | ({"russo_synth", "russo_speak_ahead"} & documented)


def test_every_variable_that_the_code_reads_is_in_the_reference(pages):
    source = "".join(path.read_text("utf-8") for path in ROOT.glob("russo-*/src/**/*.py"))
    names = set(
        re.findall(r"\b(?:GOOGLE|GEMINI|OPENAI|ELEVENLABS|HIBARI|SSL|RUSSO|PYTEST)_[A-Z_]+[A-Z]\b", source)
    )
    assert len(names) > 8
    documented = set().union(*(codes(page) for name, page in pages.items() if name.startswith("reference/")))
    assert names - documented == set()


def test_every_fixture_and_the_marker_are_in_the_reference(reference, pytestconfig):
    source = (ROOT / "russo-core" / "src" / "russo" / "_plugin" / "pytest_plugin.py").read_text("utf-8")
    fixtures = re.findall(r"@pytest\.fixture.*\ndef (\w+)", source)
    assert sorted(fixtures) == [
        "russo_audio",
        "russo_cache",
        "russo_report",
        "russo_say",
        "russo_synthesizer",
    ]
    page = reference("pytest")
    assert [name for name in fixtures if f"<td><code>{name}</code></td>" not in page.html] == []
    assert any(line.startswith("russo(") for line in pytestconfig.getini("markers"))
    assert "@pytest.mark.russo(" in page.part("the-marker")


def test_every_fixture_setting_and_marker_of_agents_is_in_the_reference(reference, pytestconfig):
    source = (ROOT / "russo-agents" / "src" / "russo_agents" / "_pytest_plugin.py").read_text("utf-8")
    fixtures = re.findall(r"@pytest\.fixture.*\ndef (\w+)", source)
    assert sorted(fixtures) == ["russo_agent", "russo_async_call", "russo_call"]
    page = reference("agents-pytest")
    assert [name for name in fixtures if f"<td><code>{name}</code></td>" not in page.html] == []
    settings = re.findall(r'^    add\(\s*parser,\s*"(\w+)"', source, re.MULTILINE)
    assert sorted(settings) == ["agent", "agent_timeout", "keep_calls", "pace"]
    missing = [name for name in settings if f"<td><code>russo_{name}</code></td>" not in page.html]
    assert missing == []
    assert any(line.startswith("russo_real_time:") for line in pytestconfig.getini("markers"))
    assert "@pytest.mark.russo_real_time" in page.part("the-marker")


def test_every_hook_is_in_the_reference_by_both_names(reference):
    hooks = [name for name in vars(hookspecs) if name.startswith("russo_")]
    assert len(hooks) == 9
    documented = codes(reference("hooks"))
    assert [name for hook in hooks for name in (hook, f"pytest_{hook}") if name not in documented] == []


def commands(context):
    yield context
    if isinstance(context.command, click.Group):
        for name, command in context.command.commands.items():
            yield from commands(click.Context(command, info_name=name, parent=context))


def test_every_command_is_in_the_reference_with_its_options(reference):
    from russo._cli.command import russo as command

    page = reference("command-line")
    found = list(commands(click.Context(command, info_name="russo")))
    assert len(found) == 20
    for context in found:
        part = page.part(context.command_path.replace(" ", "-"))
        options = [
            name for each in context.command.get_params(context) for name in each.opts if name[0] == "-"
        ]
        assert "--help" in options
        assert [name for name in options if name not in part] == [], context.command_path


@pytest.mark.parametrize(
    ("page", "contract", "least"),
    [
        ("testing", russo.testing.BackendContract, 30),
        ("testing-stores", russo.testing.StoreContract, 20),
        ("agents-testing", russo_agents.testing.AgentContract, 16),
    ],
)
def test_every_check_of_a_kit_is_in_the_reference_with_its_reason(reference, page, contract, least):
    rows = dict(
        re.findall(r"<td><code>(test_\w+)</code></td>\s*<td>(.*?)</td>", reference(page).html, re.DOTALL)
    )
    checks = {name for name in dir(contract) if name.startswith("test_")}
    assert len(checks) > least
    assert set(rows) == checks
    assert [name for name, reason in rows.items() if not reason] == []


def depths_of(tree):
    return {line.strip(): (len(line) - len(line.lstrip())) // 2 for line in tree.splitlines()}


@pytest.mark.parametrize(
    ("package", "base"),
    [(russo, russo.RussoError), (russo_agents, russo_agents.AgentError)],
    ids=["russo", "agents"],
)
def test_every_error_is_in_the_tree(reference, package, base):
    (tree,) = (code for code in reference("errors").codes if code.startswith(f"{base.__name__}\n"))
    kinds = [getattr(each, name) for each, name in CLASSES if each is package]
    errors = {kind.__name__: kind.__mro__.index(base) for kind in kinds if issubclass(kind, base)}
    assert depths_of(tree) == errors
    assert len(errors) > 5


def test_reference_has_exactly_the_fields_of_an_entry(reference, tmp_path):
    cache = AudioCache(tmp_path)
    cache.put("abc", Audio(b"\0\0", "pcm"))
    written = re.findall(r'^  "(\w+)":', (tmp_path / "abc.meta").read_text(), re.MULTILINE)
    rows = re.search(r'id="the-entry".*?<table>(.*?)</table>', reference("entry-format").html, re.DOTALL)[1]
    assert sorted(re.findall(r"<td><code>(\w+)</code></td>", rows)) == sorted(written)


BACKENDS = tomllib.loads((ROOT / "russo-core" / "pyproject.toml").read_text())["project"][
    "optional-dependencies"
]


@pytest.mark.parametrize("backend", sorted(set(BACKENDS) - {"all", "audio", "remote"}))
def test_every_backend_is_in_the_reference_with_its_options(anchors, reference, backend):
    kind = type(load_synthesizer(backend))
    anchor = f"{kind.__module__.partition('.')[0]}.{kind.__name__}"
    part = anchors[anchor].part(anchor)
    options, _ = option_types(kind)
    assert [name for name in options if not re.search(rf"\b{name}\b", part)] == []
    documented = codes(reference("backends"))
    assert {kind.__name__, backend, *kind.credentials} <= documented
    assert set(synthesizers._PACKAGES) <= documented


async def observed_by_a_function():
    async with open_call(FunctionAgent(lambda audio: "Hello"), FakeSynthesizer(), pace=0) as call:
        return (await call.say("Hello")).observes


def test_reference_says_what_each_adapter_observes(reference):
    rows = re.findall(r"<tr>\s*(.*?)</tr>", reference("agents").html, re.DOTALL)
    cells = [re.findall(r"<td>(.*?)</td>", row, re.DOTALL) for row in rows]
    table = {re.sub("<[^>]+>", "", row[0]): row[1:] for row in cells if len(row) == 5}
    adapters = {name for _, name in CLASSES if name.endswith("Agent") and name != "Agent"}
    assert set(table) == adapters | {"your own"}
    fields = ["heard", "tool_calls", "reply", "interruption"]
    observed = {
        "FunctionAgent": asyncio.run(observed_by_a_function()),
        "LiveKitAgent": OBSERVABLE - {"heard"},
    }
    for name, always in observed.items():
        cells = dict(zip(fields, table[name], strict=True))
        assert {field for field, cell in cells.items() if cell == "yes"} == always
    named = [
        re.findall(r"<code>\"?(\w+)\"?</code>", cell.replace("&quot;", '"'))[-1] for cell in table["your own"]
    ]
    assert set(named) == OBSERVABLE
