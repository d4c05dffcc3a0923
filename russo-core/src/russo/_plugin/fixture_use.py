"""Which fixtures ``russo_synthesizer`` and ``russo_cache`` a run used: russo's own, or the user's."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from .._store.cache import AudioCache
from .._store.layered import LayeredCache

if TYPE_CHECKING:
    import pytest

    from .._flow.cached import CachedSynthesizer
    from .._store.layered import Cache
    from .workers import Workers

PLUGIN_MODULE: Final = "russo._plugin.pytest_plugin"
"""The module of russo's own fixtures."""


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
        """Note that russo's own fixture ``russo_synthesizer`` is set up."""
        self._note("own")

    def note_own_words(self, words: str) -> None:
        """Note the backend that russo's own fixture loaded, with its voice, in words."""
        self._note("own backend", words)

    def note_fixture(self, fixturedef: pytest.FixtureDef[Any], synthesizer: CachedSynthesizer) -> None:
        """Note a fixture that was set up, and the caches of its synthesizer."""
        if fixturedef.func.__module__ != PLUGIN_MODULE:
            self._note("file", _file_of(fixturedef.func, self._config.rootpath))
        self._note("layers", _directories(synthesizer.cache))

    def note_names(self, synthesizer: CachedSynthesizer) -> None:
        """Note the backends that the settings of a synthesizer name, also those of the ones it wraps."""
        with contextlib.suppress(Exception):  # the test that uses the synthesizer reports it
            for name in _backends_in(synthesizer.cache_key_extra):
                self._note("name", name)

    def note_cache(self, fixturedef: pytest.FixtureDef[Any], cache: object) -> None:
        """Note a fixture ``russo_cache`` that was set up, with the directories and the store of its cache."""
        if fixturedef.func.__module__ == PLUGIN_MODULE:
            self._note("own cache")
        else:
            self._note("cache file", _file_of(fixturedef.func, self._config.rootpath))
        if issubclass(type(cache), (AudioCache, LayeredCache)):
            used = cast("Cache", cache)
            self._note("cache layers", _directories(used))
            if used.remote is not None:
                self._note("cache remote", used.remote.url)

    @property
    def uses_own_backend(self) -> bool:
        """Whether russo's own fixture ``russo_synthesizer`` was set up."""
        return any(True for _ in self._received("own"))

    @property
    def backends(self) -> list[str]:
        """The backends that russo's own fixture loaded, in words."""
        return sorted(set(self._received("own backend")))

    @property
    def backend_files(self) -> list[str]:
        """The files of the user's fixtures ``russo_synthesizer``."""
        return sorted(set(self._received("file")))

    @property
    def replaces_backend(self) -> bool:
        """Whether each ``russo_synthesizer`` that was set up is a fixture of the user."""
        return bool(self.backend_files) and not self.uses_own_backend

    @property
    def names(self) -> frozenset[str]:
        """The backends that the settings of the run's synthesizers name."""
        return frozenset(self._received("name"))

    @property
    def cache_files(self) -> list[str]:
        """The files of the user's fixtures ``russo_cache``; empty if russo's own was set up, too."""
        return [] if list(self._received("own cache")) else sorted(set(self._received("cache file")))

    @property
    def cache_layers(self) -> list[tuple[Path, ...]]:
        """The directories of each ``russo_cache`` that was set up; the last one is written."""
        return [tuple(map(Path, paths)) for paths in sorted(set(map(tuple, self._received("cache layers"))))]

    @property
    def cache_remotes(self) -> frozenset[str]:
        """The URLs of the shared stores of each ``russo_cache`` that was set up."""
        return frozenset(self._received("cache remote"))

    def _received(self, kind: str) -> Iterator[Any]:
        for part in self._workers.received("fixtures"):
            yield from (value for name, value in part if name == kind)

    @property
    def layer_directories(self) -> list[tuple[Path, ...]]:
        """The directories of the caches that synthesizers used; the last one is written."""
        return [tuple(map(Path, paths)) for paths in self._received("layers")]

    @property
    def layers(self) -> Mapping[str, Sequence[AudioCache]]:
        """The caches that are read, by the directory of the cache that is written."""
        return {paths[-1]: [AudioCache(path) for path in paths] for paths in self._received("layers")}


def _file_of(function: Any, rootdir: Path) -> str:
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is None:
        return str(function.__module__)
    path = Path(code.co_filename)
    return str(path.relative_to(rootdir) if path.is_relative_to(rootdir) else path)


def _directories(cache: Cache) -> tuple[str, ...]:
    return tuple(str(layer.directory) for layer in cache.layers)


def _backends_in(fields: Mapping[str, Any]) -> Iterator[str]:
    for name, value in fields.items():
        if name == "backend" and isinstance(value, str):
            yield value
        elif isinstance(value, Mapping):
            yield from _backends_in(value)
