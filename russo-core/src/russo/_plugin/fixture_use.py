"""Which fixtures ``russo_synthesizer`` and ``russo_cache`` a run used: russo's own, or the user's."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from .._foreign import shown
from .._secret import option_of
from .._settings import is_same_directory
from .._store.cache import AudioCache

if TYPE_CHECKING:
    import pytest

    from .._flow.cached import CachedSynthesizer
    from .._settings import Settings
    from .workers import Workers

_OWN_MODULE: Final = "russo._plugin.pytest_plugin"


class FixtureUse:
    """Notes the fixtures of this process, and sends them to the controller.

    Args:
        config: The configuration of this process.
        workers: The processes of the run.
    """

    def __init__(self, config: pytest.Config, workers: Workers) -> None:
        self._config = config
        self._workers = workers
        self._new: list[tuple[str, Any]] = []
        self._noted: set[tuple[str, Any]] = set()
        workers.send("fixtures", self._take)

    def _take(self) -> list[tuple[str, Any]] | None:
        new, self._new = self._new, []
        return new or None

    def _note(self, kind: str, value: Any = None) -> None:
        if (kind, value) not in self._noted:
            self._noted.add((kind, value))
            self._new.append((kind, value))

    def note_own_backend(self) -> None:
        """Note that the backend of the settings was used."""
        self._note("own")

    def note_fixture(self, fixturedef: pytest.FixtureDef[Any], synthesizer: CachedSynthesizer) -> None:
        """Note a fixture that was set up, and the caches of its synthesizer."""
        if fixturedef.func.__module__ != _OWN_MODULE:
            self._note("file", _file_of(fixturedef.func, self._config.rootpath))
        self._note("layers", tuple(str(layer.directory) for layer in synthesizer.cache.layers))

    def note_cache(self, fixturedef: pytest.FixtureDef[Any]) -> None:
        """Note a fixture ``russo_cache`` that was set up."""
        if fixturedef.func.__module__ == _OWN_MODULE:
            self._note("own cache")
        else:
            self._note("cache file", _file_of(fixturedef.func, self._config.rootpath))

    def _received(self, kind: str) -> Iterator[Any]:
        for part in self._workers.received("fixtures"):
            yield from (value for name, value in part if name == kind)

    @property
    def layers(self) -> Mapping[str, Sequence[AudioCache]]:
        """The caches that are read, by the directory of the cache that is written."""
        return {paths[-1]: [AudioCache(path) for path in paths] for paths in self._received("layers")}

    def settings_without_effect(self, settings: Settings, speakers: Iterable[str]) -> str | None:
        """Return in words that fixtures of the user replaced the chosen backend, or ``None``.

        Args:
            settings: The settings of the run.
            speakers: The backends that the run used. A fixture may use the chosen one.
        """
        files = sorted(set(self._received("file")))
        if not files or list(self._received("own")):
            return None
        given = [*_backend_setting(settings, speakers), *_option_settings(self._config, settings)]
        if not given:
            return None
        replaced = "it" if len(given) == 1 and "-option=" not in given[0] else "the chosen backend"
        return (
            f"{' and '.join(given)} had no effect: the fixture russo_synthesizer of {_listed(files)} "
            f"replaces {replaced}"
        )

    def directories_without_effect(self, settings: Settings) -> str | None:
        """Return in words that fixtures of the user replaced the cache of the settings, or ``None``.

        A directory of the ini-file is not named, because the ``russo`` command uses it too.
        """
        files = sorted(set(self._received("cache file")))
        if not files or list(self._received("own cache")):
            return None
        used = [layer.directory for layers in self.layers.values() for layer in layers]
        given = [
            f"--russo-{name.replace('_', '-')}" if source == "command line" else f"RUSSO_{name.upper()}"
            for name, path in (("cache_dir", settings.cache_dir), ("recordings_dir", settings.recordings_dir))
            if (source := settings.sources[name]).startswith(("command line", "environment"))
            and path is not None
            and not any(is_same_directory(path, each) for each in used)
        ]
        if not given:
            return None
        return (
            f"{' and '.join(given)} had no effect: the fixture russo_cache of {_listed(files)} "
            "replaces the cache"
        )


def _backend_setting(settings: Settings, speakers: Iterable[str]) -> Iterator[str]:
    name, source = settings.synth, settings.sources["synth"]
    if name is None or name in speakers:
        return
    if source == "command line":
        yield f"--russo-synth={shown(name)}"
    elif source.startswith("environment"):
        yield f"RUSSO_SYNTH={shown(name)}"
    else:
        yield f"russo_synth = {shown(name)}"


def _option_settings(config: pytest.Config, settings: Settings) -> Iterator[str]:
    """Yield the options of the chosen backend on the command line, without their values."""
    name = settings.synth
    for text in config.getoption("russo_synth_option"):
        backend, _, option = option_of(text).partition(".")
        if option and (name is None or backend == ("custom" if ":" in name else name)):
            yield f"--russo-synth-option={backend}.{option}"


def _file_of(function: Any, rootdir: Path) -> str:
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is None:
        return str(function.__module__)
    path = Path(code.co_filename)
    return str(path.relative_to(rootdir) if path.is_relative_to(rootdir) else path)


def _listed(files: Sequence[str]) -> str:
    more = [f"{len(files) - 2:,} more"] if len(files) > 2 else []
    return " and ".join([*map(shown, files[:2]), *more])
