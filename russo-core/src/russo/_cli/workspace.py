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
from .urls import without_credentials

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

    def announce(self, *, names_remote: bool = False) -> None:
        """Print which directories are used, and why; also the shared store, if the command uses it.

        Args:
            names_remote: Whether to print the shared store also if the command does not use it.
        """
        for role, cache in self.layers:
            screen.note(visible(f"{role}: {cache.directory} ({self.settings.sources[f'{role}_dir']})"))
        if self.settings.remote is not None and (self.remote is not None or names_remote):
            sources = self.settings.sources
            screen.note(f"remote: {self._remote_url} ({sources['remote']})")
            if self.settings.remote_write:
                screen.note(f"remote: new audio is uploaded, too ({sources['remote_write']})")

    def to_json(self) -> dict[str, Any]:
        """Return which directories and which shared store are set, and why, as JSON values."""
        settings = self.settings
        facts: dict[str, Any] = {
            role: {"directory": str(cache.directory), "source": settings.sources[f"{role}_dir"]}
            for role, cache in self.layers
        }
        if settings.remote is not None:
            facts["remote"] = {
                "url": self._remote_url,
                "source": settings.sources["remote"],
                "write": settings.remote_write,
            }
        return facts

    @property
    def _remote_url(self) -> str:
        # Commands that do not use the store have not checked the URL, which may hold a password.
        return without_credentials(self.settings.remote or "") if self.remote is None else self.remote.url

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


def remote_option(command: CommandT) -> CommandT:
    """Add the option for the shared store."""
    return click.option(
        "--remote", metavar="URL", help="Shared store, such as s3://BUCKET/PREFIX. [default: same as pytest]"
    )(command)


def json_option(command: CommandT) -> CommandT:
    """Add the option for JSON output."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")(command)


def find_workspace(
    *,
    cache_dir: str | None = None,
    recordings_dir: str | None = None,
    synth: str | None = None,
    options: Sequence[str] = (),
    remote: str | None = None,
    remote_write: bool = False,
    uses_remote: bool = False,
) -> CommandWorkspace:
    """Find the backend, options, directories and shared store that pytest would use in this folder.

    Args:
        cache_dir: The value of ``--cache-dir``, if any.
        recordings_dir: The value of ``--recordings-dir``, if any.
        synth: The value of ``--synth``, if any.
        options: Each value of ``--synth-option``.
        remote: The value of ``--remote``, if any.
        remote_write: Whether ``--remote-write`` is given.
        uses_remote: Whether the command uses the shared store.

    Raises:
        RefusedError: pytest's configuration cannot be read.
        SettingsError: The settings are invalid or contradict each other.
    """
    folder = Path.cwd()
    side = look_like_pytest(folder)
    given = {"cache_dir": cache_dir, "recordings_dir": recordings_dir, "synth": synth, "remote": remote}
    added = side.options
    if uses_remote and (problem := committed_write(side)) is not None:
        raise screen.RefusedError(f"{problem}; remove it there, and use --remote-write or RUSSO_REMOTE_WRITE")
    settings = resolve(
        Asked(
            synth=synth or added.russo_synth,
            cache_dir=cache_dir or added.russo_cache_dir,
            recordings_dir=recordings_dir or added.russo_recordings_dir,
            options=[*added.russo_synth_option, *options],
            remote=remote or added.russo_remote,
            remote_write=side.own_options.russo_remote_write,
            # The command may call the backend and store audio, even if test runs use another mode.
            mode=Mode.AUTO,
        ),
        ini=side.ini.__getitem__,
        environment=os.environ,
        rootdir=side.rootdir,
        cwd=folder,
    )
    if remote_write:
        settings = _with_write(settings)
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
        uses_remote=uses_remote,
    )


def _with_write(settings: Settings) -> Settings:
    """Return the settings with ``--remote-write``."""
    if settings.remote is None:
        raise screen.RefusedError(
            "--remote-write needs a shared store: add --remote URL, or set russo_remote in the ini-file"
        )
    sources = {**settings.sources, "remote_write": "--remote-write"}
    return dataclasses.replace(settings, remote_write=True, sources=sources)


def committed_write(side: PytestSide) -> str | None:
    """Return why pytest refuses the addopts of the ini-file, if they give the right to write to the store."""
    if not side.options.russo_remote_write or side.own_options.russo_remote_write:
        return None
    file = "the ini-file" if side.inifile is None else visible(side.inifile.name)
    return (
        f"--russo-remote-write is in addopts of {file}, and every run of the repository uses these options, "
        "also the run of a pull request"
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
