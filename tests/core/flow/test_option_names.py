"""Options of backends that do not exist, or that are not chosen."""

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from russo._backends import discovery
from russo._flow import option_names
from russo._settings import Asked, SettingsError, resolve


@pytest.fixture
def installed(monkeypatch):
    """Let only these backends be installed: ``local`` and ``acme``."""
    names = ["acme", "local"]
    entries = {name: (EntryPoint(name, f"{name}:Synth", discovery.BACKENDS.name),) for name in names}
    monkeypatch.setattr(option_names, "installed_backends", lambda: entries)
    monkeypatch.setattr("russo._backends.entry_points.installed_in", lambda group: entries)
    return entries


def settings_of(tmp_path, *given, ini=(), synth=None):
    return resolve(
        Asked(options=given, synth=synth),
        ini=lambda name: list(ini) if name == "russo_synth_options" else "",
        environment={},
        rootdir=tmp_path,
        cwd=tmp_path,
    )


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("locl", "no backend is named 'locl'; did you mean 'local'?"),
        ("Local", "no backend is named 'Local'; did you mean 'local'?"),
        ("acmee", "no backend is named 'acmee'; did you mean 'acme'?"),
        ("gogle", "no backend is named 'gogle'; did you mean 'google'?"),
        ("googel", "no backend is named 'googel'; did you mean 'google'?"),
        ("Loacl", "no backend is named 'Loacl'; did you mean 'local'?"),
    ],
)
def test_misspelt_backend_is_refused_in_both_places(tmp_path, installed, name, message):
    text = f"{name}.speed=2"
    for settings, source in (
        (settings_of(tmp_path, text), "--russo-synth-option"),
        (settings_of(tmp_path, ini=[text]), "ini-file, russo_synth_options"),
    ):
        with pytest.raises(SettingsError) as caught:
            option_names.refuse_misspelt_backends(settings)
        assert str(caught.value) == f"{message} ({source})"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("zzz", "installed: acme, local"),
        ("gemini", "did you mean 'google'?"),
        ("acme-local", "did you mean 'local'?"),
        ("localai", "did you mean 'local'?"),
        ("gogel", "did you mean 'google'?"),
    ],
)
def test_name_that_may_be_a_backend_elsewhere_is_refused_on_the_command_line_only(
    tmp_path, installed, name, hint
):
    with pytest.raises(SettingsError) as caught:
        option_names.refuse_misspelt_backends(settings_of(tmp_path, f"{name}.speed=2"))
    assert str(caught.value) == f"no backend is named {name!r}; {hint} (--russo-synth-option)"
    settings = settings_of(tmp_path, ini=[f"{name}.speed=2"])
    option_names.refuse_misspelt_backends(settings)
    assert option_names.options_without_effect(settings) == [
        f"options of {name!r} had no effect: no backend of this name is installed "
        "(ini-file, russo_synth_options)"
    ]


@pytest.mark.parametrize("name", ["custom", "local", "acme", *discovery.EXTRAS])
def test_known_backend_may_have_options_in_the_ini_file_without_being_chosen(tmp_path, installed, name):
    settings = settings_of(tmp_path, ini=[f"{name}.speed=2"], synth="local")
    option_names.refuse_misspelt_backends(settings)
    assert option_names.options_without_effect(settings) == []


@pytest.mark.parametrize(
    ("option", "synth", "has_effect"),
    [
        ("local", "local", True),
        ("google", "local", False),
        ("custom", "local", False),
        ("custom", "acme:Synth", True),
        ("local", "acme:Synth", False),
        ("local", None, True),  # two backends are installed, and a conftest.py may choose
    ],
)
def test_option_on_the_command_line_for_another_backend_is_named(
    tmp_path, installed, option, synth, has_effect
):
    settings = settings_of(tmp_path, f"{option}.speed=2", synth=synth)
    option_names.refuse_misspelt_backends(settings)
    sentence = f"--russo-synth-option={option}.… had no effect: the chosen backend is {synth!r}"
    assert option_names.options_without_effect(settings) == ([] if has_effect else [sentence])


def test_the_only_installed_backend_is_not_called_chosen(tmp_path, installed):
    del installed["acme"]
    settings = settings_of(tmp_path, "google.voice=Kore", "local.speed=2")
    assert option_names.options_without_effect(settings) == [
        "--russo-synth-option=google.… had no effect: the backend is 'local', the only one installed"
    ]


def test_options_are_not_named_if_a_fixture_replaces_the_backend(tmp_path, installed):
    settings = settings_of(tmp_path, "google.voice=Kore", ini=["zzz.a=1"], synth="local")
    (sentence,) = option_names.options_without_effect(settings, is_replaced=True)
    assert sentence.startswith("options of 'zzz' had no effect")


def test_options_on_the_command_line_are_named_first(tmp_path, installed):
    settings = settings_of(tmp_path, "google.voice=Kore", ini=["zzz.a=1"], synth="local")
    first, second = option_names.options_without_effect(settings)
    assert first.startswith("--russo-synth-option=google.…")
    assert second.startswith("options of 'zzz'")


def test_name_of_a_backend_is_shown_on_one_line(tmp_path, installed):
    settings = settings_of(tmp_path, ini=["zz\x1b[2J.a=1"], synth="local")
    (sentence,) = option_names.options_without_effect(settings)
    assert sentence.isprintable()


def test_without_options_no_backend_is_searched(tmp_path, monkeypatch):
    monkeypatch.setattr(option_names, "installed_backends", lambda: pytest.fail("searched"))
    for given in ([], ["custom.voice=a"]):
        option_names.refuse_misspelt_backends(settings_of(Path(tmp_path), *given))
    assert option_names.options_without_effect(settings_of(tmp_path)) == []
