"""Where a command works: backend, options, cache and recordings, and why these."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from .._flow.run import Cache
from .._mode import Mode
from .._settings import Asked, Settings, resolve
from .._store.cache import AudioCache
from .._store.layered import LayeredCache
from . import screen
from .pytest_side import PytestSide, look_like_pytest

CommandT = TypeVar("CommandT", bound=Callable[..., Any])
_DIRECTORIES: Final = ("cache_dir", "recordings_dir")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a command works.

    Attributes:
        settings: Backend, options and directories, with their sources in words.
        side: What pytest would go by.
        cache: The private cache.
        recordings: The recordings, if there are any beside the cache.
        is_recordings: Whether the cache's directory is that of the recordings.
    """

    settings: Settings
    side: PytestSide
    cache: AudioCache
    recordings: AudioCache | None
    is_recordings: bool

    @property
    def layers(self) -> list[tuple[str, AudioCache]]:
        """All directories by their role, in the order they are looked into."""
        recordings = [("recordings", self.recordings)] if self.recordings is not None else []
        return [*recordings, ("cache", self.cache)]

    @property
    def layered(self) -> Cache:
        """The cache as a run of pytest would have it."""
        return self.cache if self.recordings is None else LayeredCache(self.cache, [self.recordings])

    def announce(self) -> None:
        """Say which directories are used, and why."""
        for role, cache in self.layers:
            screen.note(f"{role}: {cache.directory} ({self.settings.sources[f'{role}_dir']})")

    def to_json(self) -> dict[str, Any]:
        """Tell programs which directories are used, and why."""
        return {
            role: {"directory": str(cache.directory), "source": self.settings.sources[f"{role}_dir"]}
            for role, cache in self.layers
        }

    def refuse_recordings(self, action: str) -> None:
        """Refuse to remove anything where the cache's directory is that of the recordings."""
        if self.is_recordings:
            raise screen.Refused(
                f"{self.cache.directory} holds the recordings, and russo cache {action} removes none; "
                "delete their files by hand if you mean to"
            )


def directory_options(command: CommandT) -> CommandT:
    """Add the options that say where to work."""
    for name, what in (
        ("--recordings-dir", "Recordings that are looked into first and never removed."),
        ("--cache-dir", "Where audio is kept."),
    ):
        command = click.option(name, metavar="DIR", help=f"{what} [default: as pytest]")(command)
    return command


def json_option(command: CommandT) -> CommandT:
    """Add the option for programs."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")(command)


def find_place(
    *, cache_dir: str | None = None, recordings_dir: str | None = None, synth: str | None = None
) -> Place:
    """Find backend, options and directories as pytest would in this folder.

    Args:
        cache_dir: What the command line says, if anything.
        recordings_dir: The same.
        synth: The same.

    Raises:
        Refused: pytest's configuration cannot be read.
        SettingsError: Settings that make no sense.
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
            options=added.russo_synth_option,
            # What the command is asked to speak it may pay for and keep, whatever a test run may do.
            mode=Mode.AUTO,
        ),
        ini=lambda name: side.ini.get(name, ""),
        environment=os.environ,
        rootdir=side.rootdir,
        cwd=folder,
    )
    sources = {name: _source(name, given.get(name), settings, side) for name in settings.sources}
    return _lay_out(dataclasses.replace(settings, sources=sources), side)


def _lay_out(settings: Settings, side: PytestSide) -> Place:
    cache, recordings = AudioCache(settings.cache_dir), settings.recordings_dir
    if recordings is None:
        return Place(settings, side, cache, None, is_recordings=False)
    if _is_same(recordings, settings.cache_dir):
        return Place(settings, side, cache, None, is_recordings=True)
    return Place(settings, side, cache, AudioCache(recordings, read_only=True), is_recordings=False)


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.resolve() == other.resolve() or one.samefile(other)
    except OSError:  # one of them does not exist
        return False


def _source(name: str, given: str | None, settings: Settings, side: PytestSide) -> str:
    """Say where a value comes from as somebody outside pytest would look for it."""
    source = settings.sources[name]
    if source == "command line" and not given:
        return "addopts of pytest"
    if source.startswith("ini-file") and side.inifile is not None:
        return source.replace("ini-file", side.inifile.name, 1)
    if source == "default" and name in _DIRECTORIES:
        return f"default, in the rootdir {side.rootdir}"
    return source


def make_importable(side: PytestSide) -> None:
    """Let a factory written as a path be found where a test run finds it."""
    for path in reversed([*side.pythonpath, str(side.rootdir)]):
        if path not in sys.path:
            sys.path.insert(0, path)
