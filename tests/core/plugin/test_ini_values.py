"""pytest and the command accept and refuse the same ini values of every type from every place."""

import json

import pytest

from russo._cli.screen import RefusedError
from russo._cli.workspace import find_workspace
from russo._plugin.options import INI_NAMES
from russo._plugin.pytest_plugin import session_of
from russo._settings import SettingsError

needs_toml = pytest.mark.skipif(pytest.version_tuple < (9,), reason="pytest 9 has native TOML")
# The file, and the form of its content.
TEXT = {"pytest.ini": "[pytest]", "tox.ini": "[pytest]", "setup.cfg": "[tool:pytest]"}
OLD_TOML = ("pyproject.toml", "[tool.pytest.ini_options]")
NATIVE = {"pyproject.toml": "[tool.pytest]", "pytest.toml": "[pytest]", ".pytest.toml": "[pytest]"}
PLACES = [
    *(pytest.param(name, head, "text", id=name) for name, head in TEXT.items()),
    pytest.param(*OLD_TOML, "toml", id="ini_options"),
    *(
        pytest.param(name, head, "toml", id=f"native {name}", marks=needs_toml)
        for name, head in NATIVE.items()
    ),
    pytest.param("-o", "", "text", id="-o"),
    # pytest before 9.1 ignores these.
    *(pytest.param("addopts", "", "text", id="-o in addopts") for _ in range(pytest.version_tuple >= (9, 1))),
]
GOOD = {
    "russo_synth": "acme:Acme",
    "russo_synth_options": ["custom.voice=b"],
    "russo_cache_mode": "replay",
    "russo_cache_dir": "speech",
    "russo_recordings_dir": "kept",
    "russo_remote": "file:///mnt/team-speech",
    "russo_speak_ahead": 4,
}
# In native TOML each value has its own type, and pytest checks it. Elsewhere every value is text.
WRONG_TYPES = {
    "russo_synth": [4, True, ["acme:Acme"], 1.5, {"a": 1}],
    "russo_synth_options": ["custom.voice=b", 4, [4], True],
    "russo_cache_mode": [4, False, ["auto"]],
    "russo_cache_dir": [4, True, ["speech"]],
    "russo_recordings_dir": [4, True, ["kept"]],
    "russo_remote": [4, True, ["off"]],
    "russo_speak_ahead": ["4", True, 4.0, [4], -1],
}


@pytest.fixture
def ask(pytester, monkeypatch):
    """Return a function that writes settings to a place and returns the settings or errors of both programs."""
    pytester.makepyfile(acme="class Acme:\n    def __init__(self, *, voice: str = 'a'): ...")
    pytester.syspathinsert()

    def ask(name, head, form, settings):
        arguments = []
        if name in {"-o", "addopts"}:
            arguments = [f"-o{each}={_text(value)}" for each, value in settings.items()]
            (pytester.path / "pytest.ini").write_text("[pytest]\n")
            if name == "addopts":
                quoted = " ".join(f"'{each}'" for each in arguments)
                (pytester.path / "pytest.ini").write_text(f"[pytest]\naddopts = {quoted}\n")
                arguments = []
            else:
                monkeypatch.setenv("PYTEST_ADDOPTS", " ".join(f"'{each}'" for each in arguments))
        else:
            write = _toml if form == "toml" else _text
            lines = [f"{each} = {write(value)}" for each, value in settings.items()]
            (pytester.path / name).write_text("\n".join([head, *lines, ""]))
        return _outcome(lambda: session_of(pytester.parseconfigure("-p", "no:asyncio")).settings), _outcome(
            lambda: find_workspace().settings
        )

    return ask


def _toml(value):
    """Return a value as TOML; in native TOML it keeps its type."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name} = {_toml(each)}" for name, each in value.items()) + "}"
    return json.dumps(value)


def _text(value):
    return "\n  ".join(value) if isinstance(value, list) else str(value)


def _outcome(find):
    try:
        settings = find()
    except (pytest.UsageError, RefusedError, SettingsError) as error:
        return str(error)
    return (
        settings.synth,
        {name: dict(each) for name, each in settings.options.items()},
        settings.cache_dir.name,
        settings.recordings_dir and settings.recordings_dir.name,
        settings.remote,
        settings.speak_ahead,
    )


def test_every_ini_setting_is_tested():
    assert set(GOOD) == set(WRONG_TYPES) == {f"russo_{name}" for name in INI_NAMES}


@pytest.mark.parametrize(("name", "head", "form"), PLACES)
def test_pytest_and_the_command_read_every_value_from_every_place(ask, name, head, form):
    by_pytest, by_command = ask(name, head, form, GOOD)
    assert (
        by_pytest
        == by_command
        == ("acme:Acme", {"custom": {"voice": "b"}}, "speech", "kept", GOOD["russo_remote"], 4)
    )


@needs_toml
@pytest.mark.parametrize("place", NATIVE)
@pytest.mark.parametrize(
    ("setting", "value"), [(name, value) for name, values in WRONG_TYPES.items() for value in values]
)
def test_pytest_and_the_command_refuse_a_value_of_another_type(ask, place, setting, value):
    by_pytest, by_command = ask(place, NATIVE[place], "toml", {setting: value})
    assert setting in by_pytest
    assert setting in by_command
    assert by_pytest in by_command


@pytest.mark.parametrize(
    "value", ["many", "-1", "4.5", "", pytest.param("9" * 5000, id="5000 digits"), "true", "0x10"]
)
@pytest.mark.parametrize(("name", "head", "form"), [each for each in PLACES if "native" not in str(each.id)])
def test_pytest_and_the_command_refuse_a_text_that_is_not_a_number(ask, name, head, form, value):
    by_pytest, by_command = ask(name, head, form, {"russo_speak_ahead": value})
    assert "russo_speak_ahead" in by_pytest
    assert by_pytest in by_command


@pytest.mark.parametrize("value", ["many", "-1"])
def test_invalid_number_is_a_usage_error(project, value):
    project.ini(f"russo_speak_ahead = {value}")
    project.tests("def test_it(): pass")
    result = project.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: *russo_speak_ahead*"])
