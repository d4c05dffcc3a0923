"""Sentences about settings that fixtures of the user replace, or that no test used."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .._foreign import shown
from .._mode import Mode
from .._same_directory import is_same_directory
from .._secret import option_of
from .._settings import Settings
from .setup import listed, shown_path

if TYPE_CHECKING:
    import pytest

    from .fixture_use import FixtureUse

_INI: Final = "ini-file"
_LONGEST_URL: Final = 200


def replaced_backend(
    config: pytest.Config,
    fixtures: FixtureUse,
    settings: Settings,
    speakers: Collection[str],
    *,
    only: str | None,
) -> str | None:
    """Return a sentence if fixtures of the user replaced the backend of a setting, or if no test used it.

    `replaced_backend_of_ini` names the backend of the ini-file.

    Args:
        config: The configuration of the controller.
        fixtures: The fixtures that the run used.
        settings: The settings of the run.
        speakers: The backends that the run used. A fixture may use the chosen one.
        only: The only installed backend, if pytest's header named it although no setting chooses it.
    """
    given = [*_backend_setting(settings, speakers), *_option_settings(config)]
    if not fixtures.replaces_backend:
        return _unused(fixtures, settings, speakers)
    if given and given != _ini_setting(settings):
        return _replaced(fixtures, f"of {' and '.join(given)}")
    if only is not None and only not in speakers:
        return _replaced(fixtures, f"{shown(repr(only))}, the only one installed")
    return None


def replaced_backend_of_ini(
    config: pytest.Config, fixtures: FixtureUse, settings: Settings, speakers: Collection[str]
) -> str | None:
    """Return a sentence if fixtures of the user replaced the backend of the ini-file.

    Only ``-v`` shows it, because packages may share an ini-file, and only some of them have such a fixture.
    """
    given = [*_backend_setting(settings, speakers), *_option_settings(config)]
    if not given or given != _ini_setting(settings) or not fixtures.replaces_backend:
        return None
    return _replaced(fixtures, f"of {given[0]}")


def replaced_cache(fixtures: FixtureUse, settings: Settings, rootdir: Path, *, is_shown: bool) -> str | None:
    """Return a sentence if fixtures of the user replaced the directories or the shared store of the settings.

    Args:
        fixtures: The fixtures that the run used.
        settings: The settings of the run.
        rootdir: Paths below it are shown relative to it.
        is_shown: Whether pytest's header named the directories. If not, a default directory is not named.
    """
    if not fixtures.cache_files or settings.mode is Mode.OFF:
        return None
    used = [path for paths in [*fixtures.cache_layers, *fixtures.layer_directories] for path in paths]
    replaced = [
        f"the {noun} {shown_path(path, rootdir)}{'' if source == 'default' else f' ({source})'}"
        for noun, path, source in (
            ("cache", settings.cache_dir, settings.sources["cache_dir"]),
            ("recordings", settings.recordings_dir, settings.sources["recordings_dir"]),
        )
        if path is not None
        and (is_shown or source != "default")
        and not any(is_same_directory(path, each) for each in used)
    ]
    if settings.remote is not None and settings.remote.rstrip("/") not in fixtures.cache_remotes:
        replaced.append(f"the remote {shown(settings.remote, _LONGEST_URL)} ({settings.sources['remote']})")
    if not replaced:
        return None
    return f"the fixture russo_cache of {_files(fixtures.cache_files)} replaces {' and '.join(replaced)}"


def _replaced(fixtures: FixtureUse, backend: str) -> str:
    files = _files(fixtures.backend_files)
    return f"the fixture russo_synthesizer of {files} replaces the backend {backend}"


def _unused(fixtures: FixtureUse, settings: Settings, speakers: Collection[str]) -> str | None:
    """Return a sentence if the run made requests, but certainly none to the chosen backend."""
    name, setting = settings.synth, list(_backend_setting(settings, speakers))
    # A fixture may call a factory, and the settings of its synthesizer need not name it.
    if not setting or setting == _ini_setting(settings) or name is None or ":" in name:
        return None
    if not speakers or fixtures.uses_own_backend or name in fixtures.names:
        return None
    return f"{setting[0]} had no effect: no test used the fixture russo_synthesizer"


def _ini_setting(settings: Settings) -> list[str]:
    is_of_ini = settings.synth is not None and settings.sources["synth"].startswith(_INI)
    return [f"russo_synth = {shown(settings.synth or '')}"] if is_of_ini else []


def _backend_setting(settings: Settings, speakers: Collection[str]) -> Iterator[str]:
    name, source = settings.synth, settings.sources["synth"]
    if name is None or name in speakers:
        return
    if source == "command line":
        yield f"--russo-synth={shown(name)}"
    elif source.startswith("environment"):
        yield f"RUSSO_SYNTH={shown(name)}"
    else:
        yield from _ini_setting(settings)


def _option_settings(config: pytest.Config) -> Iterator[str]:
    """Yield the backend options of the command line, without their values."""
    for text in config.getoption("russo_synth_option"):
        if option := option_of(text):
            yield f"--russo-synth-option={option}"


def _files(files: Sequence[str]) -> str:
    return listed([shown(file) for file in files])
