"""``russo doctor``: every setting as pytest in this folder sees it, with its source, and unknown names."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from _pytest.config import builtin_plugins

from ..._foreign import shown
from ..._hooks import registered
from ..._plugin.options import INI_NAMES
from ..._plugin.setup import unread_ini_names, unread_variables
from ..._secret import is_credential
from ..._settings import Asked, Settings, SettingsError, find_setting, lines_of, parse_options, resolve
from ..pytest_side import PytestSide
from .parts import Section, module_exists, option_text, why_hidden

# Settings that only the command line of pytest has, and so also addopts.
_ONLY_OPTIONS: Final = ("no_cache", "clear_cache", "max_calls", "record_only", "prune_unused", "report")
_SETTINGS: Final = ("synth", "cache_mode", "cache_dir", "recordings_dir", "remote")
_DEFAULTS: Final = {"cache_mode": "auto", "cache_dir": ".russo_cache"}
# A setting that no ini-file has.
_WRITE: Final = "remote_write"
# The doctor has no options of pytest itself.
_IN_ADDOPTS: Final = "addopts or PYTEST_ADDOPTS"
_CORRECT: Final = f"correct the option in {_IN_ADDOPTS}"


@dataclass(frozen=True, slots=True)
class Found:
    """One setting.

    Attributes:
        name: Its name, without ``russo_``; of a backend's option ``BACKEND.OPTION``.
        value: Its value as text; ``None`` if it is not set and has no default.
        source: Where it comes from, in words.
    """

    name: str
    value: str | None
    source: str


def examine_settings(
    side: PytestSide, factories: Mapping[str, Callable[..., Any]]
) -> tuple[Section, Settings | None]:
    """Return every setting with its source, and the settings of a run, or ``None`` if pytest refuses them.

    Args:
        side: Pytest's configuration of this folder.
        factories: The imported backends, by name.
    """
    inifile = "there is none" if side.inifile is None else str(side.inifile)
    section = Section("settings")
    found = [*_settings(side), *_only_options(side), *_backend_options(side, factories)]
    section.data = {
        "rootdir": str(side.rootdir),
        "inifile": None if side.inifile is None else str(side.inifile),
        "values": [{"name": each.name, "value": each.value, "source": each.source} for each in found],
    }
    section.lines = [f"rootdir {side.rootdir}", f"ini-file {inifile}"]
    section.lines += [
        f"{each.name}: {'not set' if each.value is None else each.value} ({each.source})" for each in found
    ]
    _check_names(section, side)
    _check_options(section, side)
    _check_plugin(section, side)
    return section, _resolved(section, side)


def loads_plugin(side: PytestSide) -> bool:
    """Return whether ``-p russo`` or PYTEST_PLUGINS loads russo's plugin by its name."""
    named = [*_plugins(side), *os.environ.get("PYTEST_PLUGINS", "").split(",")]
    return any(name.strip() in ("russo", "russo._plugin.pytest_plugin") for name in named)


def options_of(side: PytestSide) -> Mapping[str, Mapping[str, str]]:
    """Return the options of backends, also if other settings are invalid; malformed options are left out."""
    options: dict[str, dict[str, str]] = {}
    for text in _option_lines(side):
        for name, values in _parsed(text).items():
            options.setdefault(name, {}).update(values)
    return options


def secrets_of(side: PytestSide, factories: Mapping[str, Callable[..., Any]]) -> Iterator[str]:
    """Yield the texts in options of backends that are, or may be, credentials, as messages have them."""
    for text in _option_lines(side):
        if not (parsed := _parsed(text)):
            yield f"={text.partition('=')[2].strip()}"  # the message may suggest a correct name for it
        for backend, values in parsed.items():
            for option, value in values.items():
                if is_credential(option):
                    yield str(value)
                elif why_hidden(backend, factories.get(backend), option, value):
                    yield repr(value)  # the message that refuses a text quotes it


def _option_lines(side: PytestSide) -> Sequence[str]:
    return [*lines_of(side.ini["russo_synth_options"]), *side.options.russo_synth_option]


def _settings(side: PytestSide) -> Iterator[Found]:
    for name in _SETTINGS:
        given = getattr(side.options, f"russo_{name}")
        setting = find_setting(name, given, environment=os.environ, ini=side.ini.__getitem__)
        source = setting.source
        if source == "command line":
            source = _option_source(f"russo_{name}", side)
        elif source.startswith("ini-file"):
            source = _ini_source(f"russo_{name}", side)
        value = setting.value or _DEFAULTS.get(name)
        yield Found(name, None if value is None else option_text(name, value), source)
    given = "yes" if side.options.russo_remote_write else None
    write = find_setting(_WRITE, given, environment=os.environ, ini=None)
    source = _option_source(f"russo_{_WRITE}", side) if given else write.source
    yield Found(_WRITE, shown(write.value or "no"), source)
    ahead = side.ini["russo_speak_ahead"]
    source = _ini_source("russo_speak_ahead", side) if ahead else "default"
    yield Found("speak_ahead", str(ahead or 0), source)


def _only_options(side: PytestSide) -> Iterator[Found]:
    for name in _ONLY_OPTIONS:
        dest = f"russo_{name}"
        value = getattr(side.options, dest, None)
        if isinstance(value, list):  # an option that may be repeated
            own = getattr(side.own_options, dest) or []
            for each in value:
                source = "PYTEST_ADDOPTS" if each in own else f"addopts in {_inifile(side)}"
                yield Found(name, option_text(name, each), source)
        elif value is not None and value is not False:
            text = "yes" if value is True else option_text(name, value)
            yield Found(name, text, _option_source(dest, side))


def _backend_options(side: PytestSide, factories: Mapping[str, Callable[..., Any]]) -> Iterator[Found]:
    """Yield each option of a backend; one of the command line replaces that of the ini-file."""
    found: dict[str, Found] = {}
    own = list(side.own_options.russo_synth_option)
    for texts, source in (
        (lines_of(side.ini["russo_synth_options"]), _ini_source("russo_synth_options", side)),
        (side.options.russo_synth_option, f"addopts in {_inifile(side)}"),
        (own, "PYTEST_ADDOPTS"),
    ):
        for line in texts:
            for backend, options in _parsed(line).items():
                for option, value in options.items():
                    name = f"{backend}.{option}"
                    reason = why_hidden(backend, factories.get(backend), option, value)
                    shown_value = f"(hidden: {reason})" if reason else option_text(option, value)
                    found[name] = Found(name, shown_value, source)
    yield from found.values()


def _parsed(text: str) -> Mapping[str, Mapping[str, str]]:
    try:
        return parse_options([text], noun="backend")
    except SettingsError:  # `_resolved` reports it
        return {}


def _option_source(dest: str, side: PytestSide) -> str:
    """Return where an option of the command line comes from."""
    value = getattr(side.options, dest)
    in_variable = getattr(side.own_options, dest) == value
    return "PYTEST_ADDOPTS" if in_variable else f"addopts in {_inifile(side)}"


def _ini_source(name: str, side: PytestSide) -> str:
    """Return where the value of an ini setting comes from."""
    if name in side.own_ini:
        return f"-o {name} in PYTEST_ADDOPTS"
    if any(text.startswith(f"{name}=") for text in side.options.override_ini or ()):
        return f"-o {name} in addopts"
    return f"{name} in {_inifile(side)}"


def _inifile(side: PytestSide) -> str:
    return "pytest's configuration" if side.inifile is None else str(side.inifile)


def _check_names(section: Section, side: PytestSide) -> None:
    """Add unknown names: a problem if one is misspelt, else a line, because companions may read it."""
    settings = {f"RUSSO_{name.upper()}" for name in (*_SETTINGS, _WRITE)} | {
        f"russo_{name}" for name in INI_NAMES
    }
    variables = [name for name in os.environ if name.startswith("RUSSO_") and os.environ[name]]
    names = [name for name in side.ini_names if name.startswith("russo_")]
    section.data["unknown"] = []
    for name in sorted({*variables, *names} - settings):
        sentences = [*unread_variables({name: "set"}, ()), *unread_ini_names([name])]
        for sentence in sentences:
            section.add(sentence, "correct the name, or remove it")
        if not sentences:
            section.data["unknown"].append(name)
            section.lines.append(f"{shown(name)}: not a setting of russo-core")


def _check_options(section: Section, side: PytestSide) -> None:
    """Add the options that pytest refuses: misspelt options of russo, and a negative limit."""
    known = [f"--{name.replace('_', '-')}" for name in vars(side.options) if name.startswith("russo_")]
    for option in side.other_options:
        if not option.startswith("--russo-"):
            continue
        if near := difflib.get_close_matches(option, known, n=1, cutoff=0.8):
            section.add(f"pytest has no option {option}; did you mean {near[0]}?", _CORRECT)
        else:  # it may belong to a companion
            section.lines.append(f"{shown(option)}: not an option of russo-core")
    limit = side.options.russo_max_calls
    if limit is not None and limit < 0:
        section.add(f"--russo-max-calls={limit}: the limit must be 0 or more", _CORRECT)


def _check_plugin(section: Section, side: PytestSide) -> None:
    for name in ("no:russo", "no:russo-core"):
        if name in _plugins(side):
            section.add(f"the option -p {name} switches russo's plugin off", "remove it from addopts")
    entries = {entry.name for entry in registered("pytest11")}
    places = [str(Path.cwd()), str(side.rootdir), *side.pythonpath, *side.conftest_folders]
    for name in _plugins(side):
        is_known = name.startswith("no:") or name in entries or name in builtin_plugins
        if not is_known and not module_exists(name, places):
            section.add(f"pytest cannot import the plugin {name}, which the option -p names", _CORRECT)


def _plugins(side: PytestSide) -> Sequence[str]:
    return list(getattr(side.options, "plugins", None) or ())


def _resolved(section: Section, side: PytestSide) -> Settings | None:
    options: Any = side.options
    try:
        settings = resolve(
            Asked(
                synth=options.russo_synth,
                options=options.russo_synth_option,
                mode=options.russo_cache_mode,
                no_cache=options.russo_no_cache,
                cache_dir=options.russo_cache_dir,
                recordings_dir=options.russo_recordings_dir,
                clear=options.russo_clear_cache,
                record_only=options.russo_record_only,
                remote=options.russo_remote,
                remote_write=options.russo_remote_write,
                source=_IN_ADDOPTS,
            ),
            ini=side.ini.__getitem__,
            environment=os.environ,
            rootdir=side.rootdir,
            cwd=Path.cwd(),
        )
        return replace(settings, sources={each.name: each.source for each in _settings(side)})
    except SettingsError as error:
        section.add(str(error), "correct this setting; pytest refuses it, too")
    return None
