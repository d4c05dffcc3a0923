import itertools
import os
import subprocess
from pathlib import Path

import pytest

from russo import Mode
from russo._same_directory import is_same_directory
from russo._settings import Asked, SettingsError, resolve


@pytest.fixture
def decide(tmp_path):
    """Return a function that resolves settings of a project in ``root``, started in ``work``."""
    for name in ("root", "work"):
        (tmp_path / name).mkdir()

    def decide(ini=None, environment=None, **asked):
        return resolve(
            Asked(**asked),
            ini=lambda name: (ini or {}).get(name, ""),
            environment=environment or {},
            rootdir=tmp_path / "root",
            cwd=tmp_path / "work",
        )

    return decide


SETTINGS = {
    # ini setting: name on the command line, attribute, values from the three sources, default
    "synth": ("synth", "synth", ("google", "openai", "local"), None),
    "cache_mode": ("mode", "mode", ("replay", "refresh", "off"), Mode.AUTO),
    "cache_dir": ("cache_dir", "cache_dir", ("/a", "/b", "/c"), ".russo_cache"),
    "recordings_dir": ("recordings_dir", "recordings_dir", ("/a", "/b", "/c"), None),
    "remote": ("remote", "remote", ("file:///a", "file:///b", "file:///c"), None),
}
PLACES = list(itertools.product([True, False], repeat=3))


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("places", PLACES)
def test_precedence_is_command_line_environment_ini_default(decide, tmp_path, name, places):
    by_command_line, by_environment, by_ini = places
    argument, attribute, (first, second, third), default = SETTINGS[name]
    variable = f"RUSSO_{name.upper()}"
    extra = {"cache_dir": "/a"} if name == "recordings_dir" else {}
    settings = decide(
        ini={f"russo_{name}": third} if by_ini else {},
        environment={variable: second} if by_environment else {},
        **({argument: first} if by_command_line else {}),
        **extra,
    )
    chosen = [
        value
        for value, given in ((first, by_command_line), (second, by_environment), (third, by_ini))
        if given
    ]
    expected = chosen[0] if chosen else default
    if name == "cache_dir" and not chosen:
        expected = tmp_path / "root" / default
    value = getattr(settings, attribute)
    assert (value if value is None else str(value)) == (expected if expected is None else str(expected))
    source = "command line" if by_command_line else variable if by_environment else f"russo_{name}"
    assert (source if chosen else "default") in settings.sources[name]


@pytest.mark.parametrize("name", SETTINGS)
def test_empty_values_count_as_unset(decide, name):
    argument, attribute, _, _ = SETTINGS[name]
    empty = decide(ini={f"russo_{name}": ""}, environment={f"RUSSO_{name.upper()}": ""}, **{argument: ""})
    assert getattr(empty, attribute) == getattr(decide(), attribute)


@pytest.mark.parametrize("name", ["cache_dir", "recordings_dir"])
@pytest.mark.parametrize(("place", "base"), [("asked", "work"), ("environment", "work"), ("ini", "root")])
def test_relative_directories_are_relative_to_the_place_of_the_setting(decide, tmp_path, name, place, base):
    given = {
        "asked": {name: "sub/../dir"},
        "environment": {"environment": {f"RUSSO_{name.upper()}": "sub/../dir"}},
        "ini": {"ini": {f"russo_{name}": "sub/../dir"}},
    }[place]
    assert getattr(decide(**given), name) == tmp_path / base / "dir"


def test_tilde_is_the_home_directory(decide, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert decide(cache_dir="~/speech").cache_dir == tmp_path / "speech"
    assert decide(ini={"russo_recordings_dir": "~/speech"}).recordings_dir == tmp_path / "speech"


@pytest.mark.parametrize(
    ("place", "source"),
    [
        ({"mode": "record"}, "command line"),
        ({"environment": {"RUSSO_CACHE_MODE": "record"}}, "environment variable RUSSO_CACHE_MODE"),
        ({"ini": {"russo_cache_mode": "record"}}, "ini-file, russo_cache_mode"),
    ],
)
def test_unknown_mode_is_refused_with_its_source(decide, place, source):
    with pytest.raises(SettingsError) as caught:
        decide(**place)
    assert str(caught.value) == (
        "no cache mode is named 'record'; did you mean 'auto'? auto replays what is stored, and synthesizes "
        f"and stores the rest; the other modes are replay, refresh, off ({source})"
    )


@pytest.mark.parametrize("mode", list(Mode))
def test_every_mode_may_be_set(decide, mode):
    assert decide(mode=str(mode)).mode is mode


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"mode": "off"},
        {"environment": {"RUSSO_CACHE_MODE": "replay"}},
        {"ini": {"russo_cache_mode": "refresh"}},
    ],
)
def test_no_cache_is_mode_off_and_overrides_environment_and_ini(decide, given):
    settings = decide(no_cache=True, **given)
    assert settings.mode is Mode.OFF
    assert "--russo-no-cache" in settings.sources["cache_mode"]


@pytest.mark.parametrize("mode", ["auto", "replay", "refresh"])
def test_no_cache_with_another_mode_is_refused(decide, mode):
    with pytest.raises(SettingsError, match=f"--russo-no-cache and --russo-cache-mode={mode} disagree"):
        decide(no_cache=True, mode=mode)


@pytest.mark.parametrize(
    "given",
    [
        {"mode": "replay"},
        {"environment": {"RUSSO_CACHE_MODE": "replay"}},
        {"ini": {"russo_cache_mode": "replay"}},
    ],
)
def test_clear_with_replay_is_refused(decide, given):
    with pytest.raises(SettingsError, match="--russo-clear-cache and mode 'replay' disagree"):
        decide(clear=True, **given)


@pytest.mark.parametrize("mode", ["auto", "refresh", "off"])
def test_clear_is_allowed_with_every_other_mode(decide, mode):
    assert decide(clear=True, mode=mode).clear
    assert not decide(mode=mode).clear


@pytest.mark.parametrize(
    "given", [{"recordings_dir": "/r"}, {"ini": {"russo_recordings_dir": "/r"}}], ids=["asked", "ini"]
)
def test_refresh_with_recordings_is_refused_with_advice(decide, given):
    with pytest.raises(SettingsError, match=r"cannot replace the recordings in .*--russo-cache-dir=.?/r"):
        decide(mode="refresh", **given)


def test_refresh_is_allowed_if_the_cache_is_the_recordings_directory(decide):
    settings = decide(mode="refresh", recordings_dir="/r", cache_dir="/r")
    assert settings.cache_dir == settings.recordings_dir


@pytest.mark.parametrize("mode", ["auto", "replay", "off"])
def test_recordings_are_allowed_with_every_other_mode(decide, mode):
    assert str(decide(mode=mode, recordings_dir="/r").recordings_dir) == "/r"


def test_clear_of_the_recordings_is_refused(decide):
    with pytest.raises(SettingsError, match="--russo-clear-cache would clear the recordings in /r"):
        decide(clear=True, recordings_dir="/r", cache_dir="/r")
    assert decide(clear=True, recordings_dir="/r").clear


def test_recordings_are_recognised_through_a_link(decide, tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real", target_is_directory=True)
    with pytest.raises(SettingsError, match="would clear the recordings"):
        decide(clear=True, recordings_dir=str(tmp_path / "real"), cache_dir=str(tmp_path / "link"))


@pytest.mark.parametrize("name", ["cache_dir", "recordings_dir"])
@pytest.mark.parametrize("place", ["asked", "environment", "ini"])
def test_directory_that_is_a_file_is_refused_with_its_source(decide, tmp_path, name, place):
    path = tmp_path / "file"
    path.write_bytes(b"")
    given, source = {
        "asked": ({name: str(path)}, "command line"),
        "environment": ({"environment": {f"RUSSO_{name.upper()}": str(path)}}, f"RUSSO_{name.upper()}"),
        "ini": ({"ini": {f"russo_{name}": str(path)}}, f"russo_{name}"),
    }[place]
    with pytest.raises(SettingsError, match="is a file; russo needs a directory there") as caught:
        decide(**given)
    assert str(path) in str(caught.value)
    assert source in str(caught.value)


def test_default_directory_that_is_a_file_is_refused(decide, tmp_path):
    (tmp_path / "root" / ".russo_cache").write_bytes(b"")
    with pytest.raises(SettingsError, match=r"\.russo_cache is a file; .* \(default\)"):
        decide()


OPTIONS = [
    (["google.voice=Kore"], {"google": {"voice": "Kore"}}),
    (["google.voice=Kore", "google.speed=1.2"], {"google": {"voice": "Kore", "speed": "1.2"}}),
    (
        ["google.voice=Kore", "openai.voice=alloy"],
        {"google": {"voice": "Kore"}, "openai": {"voice": "alloy"}},
    ),
    (["google.voice=a", "google.voice=b"], {"google": {"voice": "b"}}),
    (["google.instructions=Don't shout: a=b\\c"], {"google": {"instructions": "Don't shout: a=b\\c"}}),
    (["google.voice="], {"google": {"voice": ""}}),
    (["  google.voice = Kore "], {"google": {"voice": "Kore"}}),
    (["custom.base_url=http://127.0.0.1:1/v1?a=b"], {"custom": {"base_url": "http://127.0.0.1:1/v1?a=b"}}),
    ([], {}),
]


@pytest.mark.parametrize(("texts", "options"), OPTIONS)
def test_options_are_grouped_by_backend(decide, texts, options):
    assert decide(options=texts).options == options
    assert decide(ini={"russo_synth_options": texts}).options == options
    assert decide(ini={"russo_synth_options": "\n".join(["", *texts, ""])}).options == options


def test_each_option_of_the_command_line_overrides_the_ini_file(decide):
    ini = {"russo_synth_options": ["google.voice=a", "google.speed=2"]}
    assert decide(ini=ini, options=["google.voice=b"]).options == {"google": {"voice": "b", "speed": "2"}}


def test_options_of_a_backend_are_found_by_its_name(decide):
    settings = decide(options=["google.voice=a", "custom.voice=b"])
    assert settings.options_of("google") == {"voice": "a"}
    assert settings.options_of("openai") == {}
    assert settings.options_of("package.module:factory") == {"voice": "b"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("voice=Kore", " 'voice=…'"),
        ("google.voice", " 'google.voice'"),
        ("google", " 'google'"),
        ("=", ""),
        (".voice=a", " '.voice=…'"),
        ("google.=a", " 'google.=…'"),
        ("google.a-b=c", " 'google.a-b=…'"),
        ("google.a.b=c", " 'google.a.b=…'"),
        ("google.1=a", ""),
    ],
)
@pytest.mark.parametrize("place", ["asked", "ini"])
def test_malformed_option_is_refused(decide, text, shown, place):
    given = {"options": [text]} if place == "asked" else {"ini": {"russo_synth_options": [text]}}
    with pytest.raises(SettingsError) as caught:
        decide(**given)
    subject = f"backend option{shown}" if shown else "a backend option"
    assert str(caught.value) == f"{subject} does not have the form NAME.OPTION=VALUE, such as local.speed=1.2"


@pytest.mark.parametrize(
    ("text", "synth", "hint"),
    [
        ("voice=Kore", "google", "; write google.voice=Kore"),
        ("voice=Kore", "acme:Synth", "; write custom.voice=Kore"),
        ("api_key=Kore", "google", "; write google.api_key=…"),
        ("instructions=a long and secret text", "openai", "; write openai.instructions=…"),
        ("google.=Kore", "google", ", such as local.speed=1.2"),
        ("voice", "google", ", such as local.speed=1.2"),
    ],
)
def test_refusal_of_an_option_without_a_name_shows_the_correct_text(decide, text, synth, hint):
    with pytest.raises(SettingsError) as caught:
        decide(options=[text], synth=synth)
    assert str(caught.value).endswith(f" does not have the form NAME.OPTION=VALUE{hint}")


def ask_in_each_place(decide, name, value):
    """Set a value on the command line, in the environment and in the ini-file; yield each error."""
    variable = f"RUSSO_{name.upper()}"
    for given, source in (
        ({name: value}, "command line"),
        ({"environment": {variable: value}}, f"environment variable {variable}"),
        ({"ini": {f"russo_{name}": value}}, f"ini-file, russo_{name}"),
    ):
        with pytest.raises(SettingsError) as caught:
            decide(**given)
        yield str(caught.value), source


IMPOSSIBLE = {
    "no such user": "~no-such-user-here/speech",
    "NUL": "speech\0kept",
    "long name": "x" * 300,
    "long path": "x/" * 3000,
    "link to itself": "{tmp}/loop/speech",
    "lone surrogate": "speech\ud800",
}


@pytest.mark.parametrize("name", ["cache_dir", "recordings_dir"])
@pytest.mark.parametrize("path", IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_impossible_path_is_refused_with_its_source(decide, tmp_path, name, path):
    (tmp_path / "loop").symlink_to("loop")
    for message, source in ask_in_each_place(decide, name, path.format(tmp=tmp_path)):
        assert "cannot be used as a path: " in message
        assert message.endswith(f"({source})")
        assert message.isprintable()
        assert len(message) < 400


@pytest.mark.parametrize("name", ["cache_dir", "recordings_dir"])
def test_tilde_without_a_home_is_refused_with_its_source(decide, monkeypatch, name):
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(
        "pwd.getpwuid", dict[int, str]().__getitem__
    )  # as in a container that has no such user
    for message, source in ask_in_each_place(decide, name, "~/speech"):
        assert message == (
            "~/speech cannot be used as a path: the home directory is not known; write the path without ~ "
            f"({source})"
        )


ODD_PATHS = [
    "//speech",
    "new\nline",
    "\x1b[31mred",
    "./a//b/.",
    " ",
    "raw\udcff",
    "é🎤",
    "-",
    "a;b",
    "$HOME",
    "%s{}",
]


@pytest.mark.parametrize("name", ["cache_dir", "recordings_dir"])
@pytest.mark.parametrize("path", ODD_PATHS)
def test_unusual_path_is_accepted_unchanged(decide, tmp_path, name, path):
    assert getattr(decide(**{name: path}), name) == Path(os.path.abspath(tmp_path / "work" / path))


@pytest.mark.parametrize("path", [each for each in ODD_PATHS if each != "//speech"])
def test_messages_show_an_unusual_path_on_one_line(decide, tmp_path, path):
    (tmp_path / "work" / path).parent.mkdir(parents=True, exist_ok=True)
    given = {"cache_dir": path, "recordings_dir": path, "clear": True}
    with pytest.raises(SettingsError, match="would clear the recordings in ") as caught:
        decide(**given)
    assert str(caught.value).isprintable()
    os.makedirs(tmp_path / "work", exist_ok=True)
    Path(os.path.abspath(tmp_path / "work" / path)).touch()
    with pytest.raises(SettingsError, match="is a file") as caught:
        decide(cache_dir=path)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("exists", [True, False], ids=["exists", "does not exist"])
@pytest.mark.parametrize("below", ["", "speech"], ids=["itself", "its parent"])
def test_directory_mounted_at_two_paths_is_recognised(decide, tmp_path, exists, below):
    real, mounted = tmp_path / "real", tmp_path / "mounted"
    for each in (real, mounted):
        each.mkdir()
    if exists:
        (real / below).mkdir(exist_ok=True)
    elif not below:
        pytest.skip("a mounted directory exists")
    done = subprocess.run(["mount", "--bind", real, mounted], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("needs root to mount")
    try:
        assert is_same_directory(real / below, mounted / below)
        with pytest.raises(SettingsError, match="would clear the recordings"):
            decide(clear=True, recordings_dir=str(real / below), cache_dir=str(mounted / below))
        assert not is_same_directory(real / below, mounted / below / "deeper")
        assert decide(clear=True, recordings_dir=str(real / "a"), cache_dir=str(mounted / "b")).clear
    finally:
        subprocess.run(["umount", mounted], check=True)


@pytest.mark.parametrize(("recordings", "cache"), [("kept", "kept/own"), ("own/kept", "own")])
def test_recordings_and_cache_may_be_nested(decide, tmp_path, recordings, cache):
    (tmp_path / "work" / recordings).mkdir(parents=True)
    assert decide(clear=True, recordings_dir=recordings, cache_dir=cache).clear


# -- a shared store

REMOTE = "s3://team/voice"


@pytest.mark.parametrize("off", ["off", "OFF"])
@pytest.mark.parametrize("place", ["remote", "environment"])
def test_off_overrides_the_shared_store_of_later_sources(decide, off, place):
    given = {"remote": off} if place == "remote" else {"environment": {"RUSSO_REMOTE": off}}
    settings = decide(ini={"russo_remote": REMOTE}, **given)
    assert (settings.remote, settings.remote_write) == (None, False)


@pytest.mark.parametrize(
    ("value", "writes"),
    [("1", True), ("Yes", True), ("true", True), ("0", False), ("no", False), ("", False)],
)
def test_variable_gives_the_right_to_write(decide, value, writes):
    settings = decide(remote=REMOTE, environment={"RUSSO_REMOTE_WRITE": value})
    assert settings.remote_write is writes
    assert settings.sources["remote_write"] == (
        "environment variable RUSSO_REMOTE_WRITE" if value else "default"
    )


def test_option_gives_the_right_to_write_although_the_variable_does_not(decide):
    settings = decide(remote=REMOTE, remote_write=True, environment={"RUSSO_REMOTE_WRITE": "no"})
    assert settings.remote_write
    assert settings.sources["remote_write"] == "command line"


def test_ini_file_gives_no_right_to_write(decide):
    assert not decide(ini={"russo_remote": REMOTE, "russo_remote_write": "yes"}).remote_write


@pytest.mark.parametrize("value", ["1", "perhaps"])
def test_variable_without_a_shared_store_does_nothing(decide, value):
    assert not decide(environment={"RUSSO_REMOTE_WRITE": value}).remote_write


def test_variable_that_is_neither_yes_nor_no_is_refused(decide):
    with pytest.raises(SettingsError) as caught:
        decide(remote=REMOTE, environment={"RUSSO_REMOTE_WRITE": "perhaps"})
    assert str(caught.value) == "'perhaps' is neither yes nor no (environment variable RUSSO_REMOTE_WRITE)"


@pytest.mark.parametrize("remote", [None, "off"])
def test_option_without_a_shared_store_is_refused(decide, remote):
    with pytest.raises(SettingsError) as caught:
        decide(remote=remote, remote_write=True)
    assert str(caught.value) == "--russo-remote-write needs a shared store: add --russo-remote=URL"


def test_lock_file_is_in_the_rootdir(decide, tmp_path):
    assert decide(remote=REMOTE).lock_file == tmp_path / "root" / "russo.lock"
