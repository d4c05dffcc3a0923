"""What the README and the reference say is true of this commit."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import russo
from russo import hookspecs, synthesizers

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
REFERENCE = (ROOT / "docs" / "reference.md").read_text()
CHANGELOG = (ROOT / "CHANGELOG.md").read_text()
PAGES = sorted(
    path for path in ROOT.glob("**/*.md") if not {".venv", "node_modules", ".git"} & set(path.parts)
)
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(text, language):
    return [code for kind, code in BLOCK.findall(text) if kind == language]


def plugin_surface(pytestconfig):
    """Every option, ini and fixture that the plugin really has."""
    options = {name for action in pytestconfig._parser._anonymous.options for name in action.names()}
    for group in pytestconfig._parser._groups:
        options |= {name for action in group.options for name in action.names()}
    inis = set(pytestconfig._parser._inidict)
    return {name for name in options if "russo" in name}, {name for name in inis if name.startswith("russo")}


def test_the_readmes_pytest_example_passes_and_replays(pytester):
    tests, _ = blocks(README, "python")
    pytester.makepyfile(test_readme=tests)
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    for command in blocks(README, "sh")[2].splitlines():
        arguments = command.split("#")[0].split()[1:]
        pytester.runpytest_subprocess(*arguments).assert_outcomes(passed=2)


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", ROOT / "russo-core" / "README.md"], ids=["README", "russo-core"]
)
def test_the_readmes_code_runs(page, tmp_path):
    code = blocks(page.read_text(), "python")[-1]
    subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=tmp_path, check=True)
    assert (tmp_path / "speech").is_dir()


def test_the_readmes_make_targets_exist():
    for command in blocks(README, "sh")[0].splitlines():
        subprocess.run([*command.split(), "-n"], cwd=ROOT, check=True, capture_output=True)


def test_the_readmes_pip_lines_name_real_extras():
    project = tomllib.loads((ROOT / "russo-core" / "pyproject.toml").read_text())["project"]
    named = re.findall(r'pip install "russo-core\[(\w+)\]"', README)
    assert len(named) == 4
    assert set(named) <= set(project["optional-dependencies"])


def test_the_readmes_summary_line_is_what_a_run_prints():
    from russo._statistics import Counts
    from russo._summary import summarize, total_of

    counts = Counts(
        hits=41, hit_characters=4213, hit_seconds=118.2, misses=3, paid_calls=3, paid_characters=212
    )
    assert [*summarize(total_of([counts.to_json()]))] == [blocks(README, "text")[0].strip()]


@pytest.mark.parametrize("text", [README, REFERENCE], ids=["README", "reference"])
def test_every_option_is_documented(text, pytestconfig):
    options, _ = plugin_surface(pytestconfig)
    assert len(options) == 11
    assert [option for option in sorted(options) if option not in text] == []


def test_every_ini_setting_and_its_environment_variable_is_in_the_reference(pytestconfig):
    _, inis = plugin_surface(pytestconfig)
    assert len(inis) == 6
    named = set(re.findall(r"`(\w+)`", REFERENCE.replace(" (one per line)", "")))
    assert inis <= named
    assert {name.upper() for name in inis - {"russo_synth_options", "russo_speak_ahead"}} <= named


def test_every_fixture_is_in_the_reference(pytestconfig):
    source = (ROOT / "russo-core" / "src" / "russo" / "pytest_plugin.py").read_text()
    fixtures = re.findall(r"@pytest\.fixture.*\ndef (\w+)", source)
    assert sorted(fixtures) == ["russo_audio", "russo_cache", "russo_say", "russo_synthesizer"]
    assert [name for name in fixtures if f"| `{name}` |" not in REFERENCE] == []


@pytest.mark.parametrize("text", [REFERENCE, CHANGELOG], ids=["reference", "changelog"])
def test_every_hook_is_documented(text):
    hooks = [name for name in vars(hookspecs) if name.startswith("russo_")]
    assert len(hooks) == 7
    assert [name for name in hooks if f"`{name}`" not in text] == []


def test_every_public_name_is_in_the_reference():
    import russo.authoring

    names = [*dir(russo), *russo.authoring.__all__, *synthesizers._PACKAGES]
    names.remove("__version__")
    assert len(names) > 30
    assert [name for name in names if f"`{name}`" not in REFERENCE] == []


def test_every_public_name_has_a_docstring():
    names = [name for name in dir(russo) if name not in {"__version__", "hookimpl"}]
    assert [name for name in names if not getattr(russo, name).__doc__] == []


@pytest.mark.parametrize("page", PAGES, ids=[str(path.relative_to(ROOT)) for path in PAGES])
def test_links_between_pages_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_command_is_in_the_reference():
    import click

    from russo._cli._main import russo as command

    def names(group, prefix):
        for name, inner in group.commands.items():
            if isinstance(inner, click.Group):
                yield from names(inner, f"{prefix} {name}")
            else:
                yield f"{prefix} {name}"

    commands = [*names(command, "russo")]
    assert len(commands) == 12
    assert [name for name in commands if f"`{name}" not in REFERENCE] == []
