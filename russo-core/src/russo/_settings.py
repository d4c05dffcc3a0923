"""The settings of a run and their sources: command line, then environment, then ini-file, then default.

The pytest plugin and the ``russo`` command both use this module, so that they find the same backend,
options and directories in the same folder.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ._foreign import shown, visible
from ._mode import Mode
from ._same_directory import is_same_directory
from ._secret import hide_credentials, option_of, value_of

# Errors of paths that can never exist. A path below a file is not among them: the file may be removed.
_IMPOSSIBLE: Final = (errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL)
DEFAULT_DIRECTORY: Final = ".russo_cache"
LOCK_FILE: Final = "russo.lock"
NO_REMOTE: Final = "off"
OPTIONS_OF_INI: Final = "ini-file, russo_synth_options"
OPTIONS_GIVEN: Final = "--russo-synth-option"
_YES: Final = ("yes", "true", "on", "1")
_NO: Final = ("no", "false", "off", "0")
_COMMAND_LINE: Final = "command line"


class SettingsError(ValueError):
    """A setting is invalid, or two settings contradict each other."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The settings on the command line; ``None`` for those that are not given.

    Attributes:
        synth: A backend's name, or ``package.module:factory``.
        options: Each ``NAME.OPTION=VALUE`` that is given.
        mode: A cache mode.
        no_cache: The same as mode ``off``.
        cache_dir: Directory of the cache.
        recordings_dir: Directory of recordings.
        clear: Whether to clear the cache first.
        record_only: Whether to record the marked prompts without running tests.
        remote: URL of a shared store, or ``off``.
        remote_write: Whether to store new audio in it, too.
        source: Where these settings come from, in words, for messages.
    """

    synth: str | None = None
    options: Sequence[str] = ()
    mode: str | None = None
    no_cache: bool = False
    cache_dir: str | None = None
    recordings_dir: str | None = None
    clear: bool = False
    record_only: bool = False
    remote: str | None = None
    remote_write: bool = False
    source: str = _COMMAND_LINE


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings that a run uses.

    Attributes:
        synth: The chosen backend, or ``None`` if none is chosen.
        options: Options as text, by backend (``custom`` for a factory) and by name.
        mode: The cache mode.
        cache_dir: Directory of the cache, absolute.
        recordings_dir: Directory of recordings, absolute, if there are any.
        clear: Whether to clear the cache first.
        remote: URL of the shared store, if there is one.
        remote_write: Whether new audio is stored in it, too.
        lock_file: Where ``russo.lock`` is, if it exists.
        speak_ahead: How many marked prompts to speak at once before the tests, or 0 to not speak ahead.
        sources: The source of each value, in words, by the value's name.
        option_sources: The source of each backend's options, in words, by the backend's name.
    """

    synth: str | None
    options: Mapping[str, Mapping[str, str]]
    mode: Mode
    cache_dir: Path
    recordings_dir: Path | None
    clear: bool
    speak_ahead: int
    sources: Mapping[str, str]
    option_sources: Mapping[str, str] = field(default_factory=dict)
    remote: str | None = None
    remote_write: bool = False
    lock_file: Path = Path(LOCK_FILE)

    def options_of(self, name: str) -> Mapping[str, str]:
        """Return the options given for a backend, or for a factory written as a path."""
        return self.options.get(options_name(name), {})


@dataclass(frozen=True, slots=True)
class Setting:
    """The value of one setting, and where it comes from.

    Attributes:
        value: The value as text, or ``None`` if it is not set anywhere.
        source: In words: ``command line``, ``environment variable RUSSO_…``, ``ini-file, russo_…`` or
            ``default``.
    """

    value: str | None
    source: str


def find_setting(
    name: str,
    given: str | None,
    *,
    environment: Mapping[str, str],
    ini: Callable[[str], object] | None,
    given_source: str = _COMMAND_LINE,
) -> Setting:
    """Return a setting by the precedence of russo: command line, environment, ini-file, default.

    Args:
        name: The name without ``russo_``. The environment variable has it in capitals: ``RUSSO_…``.
        given: The value on the command line, if any.
        environment: Environment variables; empty ones count as unset.
        ini: Returns the value of a setting in the ini-file. ``None`` if the setting is not allowed there.
        given_source: The source of the value on the command line, in words.
    """
    variable = f"RUSSO_{name.upper()}"
    for value, source in (
        (given, given_source),
        (environment.get(variable), f"environment variable {variable}"),
        (str((ini and ini(f"russo_{name}")) or ""), f"ini-file, russo_{name}"),
    ):
        if value:
            return Setting(value, source)
    return Setting(None, "default")


def resolve(
    asked: Asked, *, ini: Callable[[str], object], environment: Mapping[str, str], rootdir: Path, cwd: Path
) -> Settings:
    """Return the settings that a run uses.

    Args:
        asked: The command line.
        ini: Returns the value of a setting in the ini-file, empty if it is not set.
        environment: Environment variables; empty ones count as unset.
        rootdir: The base of relative directories in the ini-file and of the default directory.
        cwd: The base of relative directories on the command line and in the environment.

    Raises:
        SettingsError: A mode is unknown, an option has the wrong form, settings contradict each other, or
            a directory is a file.
    """
    sources = {"remote_write": "default"}

    def choose(name: str, given: str | None) -> str | None:
        setting = find_setting(name, given, environment=environment, ini=ini, given_source=asked.source)
        sources[name] = setting.source
        return setting.value

    def choose_directory(name: str, given: str | None) -> Path | None:
        value = choose(name, given)
        base = rootdir if sources[name].startswith("ini-file") else cwd
        return None if value is None else _directory(value, base, sources[name])

    mode = Mode.OFF if asked.no_cache else _mode(choose("cache_mode", asked.mode), sources)
    if asked.no_cache:
        if asked.mode not in (None, Mode.OFF):
            raise SettingsError(
                f"--russo-no-cache and --russo-cache-mode={asked.mode} disagree; give one of them"
            )
        sources["cache_mode"] = f"{asked.source}, --russo-no-cache"
    cache_dir = choose_directory("cache_dir", asked.cache_dir) or _directory(
        DEFAULT_DIRECTORY, rootdir, "default"
    )
    recordings_dir = choose_directory("recordings_dir", asked.recordings_dir)
    synth = choose("synth", asked.synth)
    remote = choose("remote", asked.remote)
    remote = None if remote is None or remote.lower() == NO_REMOTE else remote
    chosen = options_name(synth) if synth else None
    in_ini = parse_options(lines_of(ini("russo_synth_options")), noun="backend", chosen=chosen)
    given = parse_options(asked.options, noun="backend", chosen=chosen)
    settings = Settings(
        synth=synth,
        options={name: in_ini.get(name, {}) | given.get(name, {}) for name in in_ini | given},
        mode=mode,
        cache_dir=cache_dir,
        recordings_dir=recordings_dir,
        clear=asked.clear,
        speak_ahead=_number("russo_speak_ahead", ini("russo_speak_ahead")),
        sources=sources,
        remote=remote,
        remote_write=remote is not None and _writes(asked, environment, sources),
        lock_file=rootdir / LOCK_FILE,
        option_sources=dict.fromkeys(in_ini, OPTIONS_OF_INI) | dict.fromkeys(given, OPTIONS_GIVEN),
    )
    _refuse_contradictions(asked, settings)
    return settings


def _writes(asked: Asked, environment: Mapping[str, str], sources: dict[str, str]) -> bool:
    """Return whether new audio is stored in the shared store.

    No ini setting says so: it would be committed, and give the right to write to every pull request.
    """
    setting = find_setting(
        "remote_write",
        "yes" if asked.remote_write else None,
        environment=environment,
        ini=None,
        given_source=asked.source,
    )
    sources["remote_write"] = setting.source
    value = (setting.value or "no").lower()
    if value not in (*_YES, *_NO):
        raise SettingsError(f"{shown(value, 60)!r} is neither yes nor no ({setting.source})")
    return value in _YES


def _refuse_contradictions(asked: Asked, settings: Settings) -> None:
    if asked.record_only and settings.mode in (Mode.REPLAY, Mode.OFF):
        raise SettingsError(
            f"--russo-record-only and mode {str(settings.mode)!r} ({settings.sources['cache_mode']}) "
            "disagree: nothing would be recorded"
        )
    if asked.remote_write and settings.remote is None:
        raise SettingsError("--russo-remote-write needs a shared store: add --russo-remote=URL")
    if settings.clear and settings.mode is Mode.REPLAY:
        raise SettingsError("--russo-clear-cache and mode 'replay' disagree: nothing would be left to replay")
    recordings = settings.recordings_dir
    if recordings is None:
        return
    own, place = is_same_directory(recordings, settings.cache_dir), visible(str(recordings))
    if settings.mode is Mode.REFRESH and not own:
        raise SettingsError(
            f"mode 'refresh' cannot replace the recordings in {place}, which are read-only; "
            f"to refresh them, add --russo-cache-dir={place}"
        )
    if settings.clear and own:
        raise SettingsError(f"--russo-clear-cache would clear the recordings in {place}")


def _mode(value: str | None, sources: Mapping[str, str]) -> Mode:
    if value is None:
        return Mode.AUTO
    try:
        return Mode.parse(value)
    except ValueError as error:
        raise SettingsError(f"{error} ({sources['cache_mode']})") from None


def path_of(text: str, base: Path, source: str) -> Path:
    """Return the absolute path that a setting names; ``~`` is the home directory.

    Args:
        text: The setting's value.
        base: The base of a relative path.
        source: The source of the value in words, for the message.

    Raises:
        SettingsError: No file can have this path, or it begins with ``~`` and the home directory is unknown.
    """
    try:
        path = Path(os.path.abspath(base / Path(text).expanduser()))
        path.stat()
    except RuntimeError:
        problem = "the home directory is not known; write the path without ~"
    except ValueError as error:  # a NUL, or a character that file names cannot have
        problem = str(error)
    except OSError as error:
        if error.errno not in _IMPOSSIBLE:
            return path
        problem = error.strerror or str(error)
    else:
        return path
    raise SettingsError(f"{shown(text)} cannot be used as a path: {problem} ({source})")


def _directory(text: str, base: Path, source: str) -> Path:
    path = path_of(text, base, source)
    # Not Path.is_dir: it raises if a folder on the way may not be searched.
    if os.path.exists(path) and not os.path.isdir(path):
        raise SettingsError(f"{visible(str(path))} is a file; russo needs a directory there ({source})")
    return path


def _number(name: str, value: object) -> int:
    number = value if isinstance(value, int) else 0
    if number < 0:
        raise SettingsError(f"{name} is {number}; it must be 0 or more")
    return number


def lines_of(value: object) -> list[str]:
    """Return the lines of an ini-file's setting, without the empty ones."""
    if isinstance(value, str):
        value = value.splitlines()
    return [str(line).strip() for line in value if str(line).strip()] if isinstance(value, list) else []


def options_name(name: str) -> str:
    """Return the name before the options of a backend: its own, or ``custom`` for a factory."""
    return "custom" if ":" in name else name


def parse_options(texts: Sequence[str], *, noun: str, chosen: str | None = None) -> dict[str, dict[str, str]]:
    """Return options that are written as ``NAME.OPTION=VALUE``, by name; a later one replaces an earlier one.

    Args:
        texts: The options.
        noun: What a name names, for the message: "backend".
        chosen: The name that the message adds to an option without a name, if it is known.

    Raises:
        SettingsError: A text has another form. If only the name is missing, the message has the correct text.
    """
    options: dict[str, dict[str, str]] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        entry, dot, option = name.strip().partition(".")
        if not equals or not dot or not entry or not option.isidentifier():
            shown = option_of(text)
            article = "an" if noun[0] in "aeiou" else "a"
            said = f"{noun} option {shown!r}" if shown else f"{article} {noun} option"
            example = ", such as local.speed=1.2" if noun == "backend" else ""
            hint = _with_name(text, chosen) or example
            raise SettingsError(f"{said} does not have the form NAME.OPTION=VALUE{hint}")
        options.setdefault(entry, {})[option] = value.strip()
    return {name: hide_credentials(texts) for name, texts in options.items()}


def _with_name(text: str, name: str | None) -> str:
    """Return a hint with the correct text of an option, if only the name is missing; else an empty text."""
    option, equals, value = map(str.strip, text.partition("="))
    if name is None or not equals or not option.isidentifier() or not option_of(text):
        return ""
    literal = value_of(option, value)
    return f"; write {shown(name)}.{option}={shown(value) if literal else '…'}"
