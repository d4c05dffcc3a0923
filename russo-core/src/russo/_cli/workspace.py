"""`CommandWorkspace`: the backend, options and directories that pytest would use here, with their sources."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from .._flow.workspace import Workspace, add_folders
from .._foreign import visible
from .._mode import Mode
from .._settings import Asked, Settings, parse_options, resolve
from . import screen
from .pytest_side import PytestSide, look_like_pytest

CommandT = TypeVar("CommandT", bound=Callable[..., Any])
_DIRECTORIES: Final = ("cache_dir", "recordings_dir")
_OPTION: Final = "--synth-option"


@dataclass(frozen=True, slots=True)
class CommandWorkspace(Workspace):
    """The workspace of a command, which can show its directories and their sources.

    Attributes:
        side: The configuration of pytest in this folder.
        of_user: The backend and options that the user set, without those that come with the folder.
        given: The options on the command line, by backend (``custom`` for a factory) and by name.
    """

    side: PytestSide
    of_user: Settings
    given: Mapping[str, Mapping[str, str]]

    def announce(self) -> None:
        """Print which directories are used, and why."""
        for role, cache in self.layers:
            screen.note(visible(f"{role}: {cache.directory} ({self.settings.sources[f'{role}_dir']})"))

    def to_json(self) -> dict[str, Any]:
        """Return which directories are used, and why, as JSON values."""
        return {
            role: {"directory": str(cache.directory), "source": self.settings.sources[f"{role}_dir"]}
            for role, cache in self.layers
        }

    def refuse_recordings(self, action: str) -> None:
        """Raise `RefusedError` if the cache's directory is that of the recordings."""
        if self.is_recordings:
            raise screen.RefusedError(
                f"{visible(str(self.cache.directory))} holds the recordings, and russo cache {action} "
                "never removes recordings; to remove them, delete their files by hand"
            )


def directory_options(command: CommandT) -> CommandT:
    """Add the options for the directories."""
    for name, what in (
        ("--recordings-dir", "Recordings: read first, never removed."),
        ("--cache-dir", "Where audio is stored."),
    ):
        command = click.option(name, metavar="DIR", help=f"{what} [default: same as pytest]")(command)
    return command


def json_option(command: CommandT) -> CommandT:
    """Add the option for JSON output."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")(command)


def find_workspace(
    *,
    cache_dir: str | None = None,
    recordings_dir: str | None = None,
    synth: str | None = None,
    options: Sequence[str] = (),
) -> CommandWorkspace:
    """Find the backend, options and directories that pytest would use in this folder.

    Args:
        cache_dir: The value of ``--cache-dir``, if any.
        recordings_dir: The value of ``--recordings-dir``, if any.
        synth: The value of ``--synth``, if any.
        options: Each value of ``--synth-option``.

    Raises:
        RefusedError: pytest's configuration cannot be read.
        SettingsError: The settings are invalid or contradict each other.
    """
    folder = Path.cwd()
    side = look_like_pytest(folder)
    given = {"cache_dir": cache_dir, "recordings_dir": recordings_dir, "synth": synth}
    added = side.options
    settings = resolve(
        Asked(
            synth=synth or added.russo_synth,
            cache_dir=cache_dir or added.russo_cache_dir,
            recordings_dir=recordings_dir or added.russo_recordings_dir,
            options=[*added.russo_synth_option, *options],
            # The command may call the backend and store audio, even if test runs use another mode.
            mode=Mode.AUTO,
        ),
        ini=side.ini.__getitem__,
        environment=os.environ,
        rootdir=side.rootdir,
        cwd=folder,
    )
    sources = {name: _source(name, given.get(name), settings, side) for name in settings.sources}
    given_options = parse_options(options, noun="backend")
    of_user = resolve(
        Asked(
            synth=synth or side.own_options.russo_synth,
            options=side.own_options.russo_synth_option,
            mode=Mode.AUTO,
        ),
        ini=lambda name: side.own_ini.get(name, "") if name.startswith("russo_synth") else "",
        environment=os.environ,
        rootdir=side.rootdir,
        cwd=folder,
    )
    return CommandWorkspace.of(
        dataclasses.replace(
            settings,
            sources=sources,
            option_sources={**settings.option_sources, **dict.fromkeys(given_options, _OPTION)},
        ),
        side=side,
        of_user=of_user,
        given=given_options,
    )


def _source(name: str, given: str | None, settings: Settings, side: PytestSide) -> str:
    """Return the source of a value, in words for a user who does not run pytest now."""
    source = settings.sources[name]
    if source == "command line" and not given:
        return "addopts of pytest"
    if source.startswith("ini-file") and side.inifile is not None:
        return source.replace("ini-file", side.inifile.name, 1)
    if source == "default" and name in _DIRECTORIES:
        return f"default, in the rootdir {side.rootdir}"
    return source


def make_importable(side: PytestSide) -> None:
    """Extend ``sys.path`` so that ``package.module:factory`` is found as in a test run."""
    sys.path[:0] = side.pythonpath
    for path in side.conftest_folders:
        if side.options.importmode == "append":
            sys.path.append(path)
        elif path != sys.path[0]:
            sys.path.insert(0, path)
    add_folders(side.rootdir, Path.cwd())
