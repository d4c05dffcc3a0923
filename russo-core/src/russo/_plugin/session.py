"""`PytestSession`: the objects that russo makes for one pytest run, and closes at its end."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import threading
from collections.abc import Callable, Coroutine, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, TypeVar

import pytest

from .._backends.budget import Budget
from .._backends.discovery import installed_backends, load_backend, load_synthesizer
from .._errors import BackendConfigError, BackendNotFoundError
from .._fields import flatten
from .._flow.option_names import options_without_effect, refuse_misspelt_backends
from .._flow.request import declared_fields
from .._flow.run import Refreshed, RunContext
from .._flow.workspace import Workspace, add_folders
from .._hooks import make_manager
from .._mode import Mode
from .._settings import Asked, Settings, SettingsError, resolve
from .._statistics import Statistics
from .fake_files import FakeFilesWatch
from .fixture_use import PLUGIN_MODULE, FixtureUse
from .hooks_bridge import HooksBridge
from .speak_ahead import SpokenAhead
from .used_keys import UsedKeys

if TYPE_CHECKING:
    import pluggy

    from .._backends.synthesizer import Synthesizer
    from .._flow.background_loop import BackgroundLoop
    from .._store.layered import Cache
    from .workers import Workers

_log = logging.getLogger(__name__)
T = TypeVar("T")

_ACLOSE_SECONDS: Final = 10.0


class PytestSession:
    """The settings, the caches, the counts and the event loop of one pytest run.

    Args:
        config: The configuration of this process.
        workers: The processes of the run.
        ini: Returns the value of an ini setting.

    Raises:
        pytest.UsageError: A setting is invalid, or two settings contradict each other.

    Attributes:
        is_described: Whether pytest's header has shown the settings of the run.
        only_shown: The only installed backend, if pytest's header named it although no setting chooses it.
    """

    def __init__(self, config: pytest.Config, workers: Workers, ini: Callable[[str], object]) -> None:
        self.workers = workers
        self._config = config
        try:
            self.settings = _resolve(config, ini)
        except SettingsError as error:
            raise pytest.UsageError(str(error)) from None
        self.workspace = Workspace.of(self.settings)
        if ":" in (self.settings.synth or ""):
            add_folders(config.rootpath, config.invocation_params.dir)
        limit: int | None = config.getoption("russo_max_calls")
        if limit is not None and limit < 0:
            raise pytest.UsageError(f"--russo-max-calls={limit}: the limit must be 0 or more")
        record_only: bool = config.getoption("russo_record_only")
        needs_directory = (
            self.settings.mode is Mode.REFRESH
            or limit is not None
            or self.settings.speak_ahead > 0
            or record_only
        )
        shared = workers.share_directory() if needs_directory else None
        self.spoken_ahead = SpokenAhead(shared) if shared is not None else None
        self.statistics = Statistics(self.spoken_ahead.covers) if self.spoken_ahead else Statistics()
        self.manager = self._make_manager(config)
        if config.getoption("russo_prune_unused") or config.get_verbosity() > 0:
            config.add_cleanup(UsedKeys(self.statistics.note_used).close)
        workers.send("counts", self._take_counts)
        self.fixtures = FixtureUse(config, workers)
        self.context = RunContext(
            cache=self.workspace.layered,
            mode=self.settings.mode,
            report=self.statistics.report,
            manager=self.manager,
            refreshed=Refreshed(shared),
            budget=None if limit is None or shared is None else Budget(limit, shared),
            replay_command="pytest --russo-cache-mode=replay",
        )
        self._backend = self.settings.synth
        self._synthesizer: Synthesizer | None = None
        self.is_described = self._names_backend = False
        self.only_shown: str | None = None
        self._loop: BackgroundLoop | None = None
        self._loop_lock = threading.Lock()
        self._pid = os.getpid()
        self._has_abandoned = False
        workers.before_end(self._end)  # so that the summary names the abandoned calls
        config.add_cleanup(self._end)

    def _make_manager(self, config: pytest.Config) -> pluggy.PluginManager:
        """Return the plugin manager of the run, with the listeners to the run's requests."""
        manager = make_manager()
        manager.register(self.statistics, "statistics")
        manager.register(FakeFilesWatch(self.statistics.report), "fake files")
        if self.spoken_ahead is not None:
            manager.register(self.spoken_ahead, "ahead")
        manager.register(HooksBridge(config, self.statistics.report), "pytest")
        return manager

    @property
    def cache(self) -> Cache:
        """The cache that the fixture ``russo_cache`` returns."""
        return self.context.cache

    def check(self) -> None:
        """Refuse a backend or an option that does not exist, before any test runs.

        Raises:
            pytest.UsageError: The backend does not exist, or it refuses its options.
        """
        if self.settings.synth is not None:
            self._check_backend(self.settings.synth)
        elif self.settings.options and self._only_backend in self.settings.options:
            self._check_options(self._only_backend)
        try:
            refuse_misspelt_backends(self.settings)
        except SettingsError as error:
            raise pytest.UsageError(str(error)) from None

    def _check_backend(self, name: str) -> None:
        try:
            load_backend(name)
        except (BackendNotFoundError, BackendConfigError) as error:
            raise pytest.UsageError(f"{error} ({self.settings.sources['synth']})") from None
        self._check_options(name)

    def _check_options(self, name: str) -> None:
        try:
            options = self.workspace.options(name)
            if ":" not in name:  # a constructor makes no backend call, but a user's own factory may make one
                self._synthesizer = load_synthesizer(name, **options)
        except BackendConfigError as error:
            raise pytest.UsageError(str(error)) from None
        except Exception as error:  # noqa: BLE001 - the test that needs the synthesizer reports it
            _log.debug("backend %r cannot be made: %r", name, error)

    @functools.cached_property
    def _only_backend(self) -> str:
        """The only installed backend; empty if there are several, or if a ``conftest.py`` replaces it."""
        modules = [each for each in self._config.pluginmanager.get_plugins() if type(each) is ModuleType]
        if any("russo_synthesizer" in vars(each) for each in modules if each.__name__ != PLUGIN_MODULE):
            return ""
        installed = list(installed_backends())
        return installed[0] if len(installed) == 1 else ""

    @property
    def notices(self) -> list[str]:
        """Sentences about settings that have no effect, the most important first."""
        from . import setup

        names = [
            name.removeprefix("russo_") for name in vars(self._config.option) if name.startswith("russo_")
        ]
        return [
            *setup.unread_variables(os.environ, names),
            *setup.missing_recordings(self.settings, self._config.rootpath),
            *options_without_effect(self.settings, is_replaced=self.fixtures.replaces_backend),
        ]

    @property
    def details(self) -> list[str]:
        """Sentences that only ``-v`` shows. They are complete only in the controller's summary."""
        from .unused_markers import unused_markers

        return [sentence for sentence in (unused_markers(self.workers),) if sentence]

    def header(self) -> str:
        """Return the line of pytest's header: the backend, the mode and the directories of the run."""
        from . import setup

        if self.settings.synth is None and self._only_backend:
            self._backend = self.only_shown = self._only_backend
            if self._synthesizer is None:
                with contextlib.suppress(Exception, SystemExit):  # the test that needs it reports it
                    self._check_options(self._backend)
        backends = self._backend_words()
        self.is_described, self._names_backend = True, bool(backends)
        return f"russo: {setup.describe(self.settings, backends, self._config.rootpath)}"

    def setup_line(self) -> str | None:
        """Return for the summary what pytest's header has not shown, or ``None`` if it has shown all."""
        from . import setup

        backends = self.fixtures.backends or self._backend_words()
        if self.is_described:
            return None if self._names_backend or not backends else ", ".join(backends)
        return setup.describe(self.settings, backends, self._config.rootpath, self.fixtures.cache_layers)

    def _backend_words(self) -> list[str]:
        """Return the backend of the run and its voice in words; empty if the backend is not known."""
        from . import setup

        if self._backend is None:
            return []
        fields: Mapping[str, object] = {}
        if self._synthesizer is not None:
            with contextlib.suppress(Exception):  # the test that needs the synthesizer reports it
                fields = flatten({"own": declared_fields(self._synthesizer)[0]})
        return [setup.describe_backend(self._backend, self.settings, fields)]

    def clear_if_asked(self) -> None:
        """Clear the cache if the run asks for it; recordings stay.

        Raises:
            pytest.UsageError: Something cannot be removed.
        """
        if not self.settings.clear:
            return
        try:
            self.cache.clear()
        except OSError as error:
            raise pytest.UsageError(f"--russo-clear-cache: {error}") from error

    def load_synthesizer(self) -> Synthesizer:
        """Make the synthesizer of the chosen backend, else of the only one installed."""
        self.fixtures.note_own_backend()
        self._backend = self.workspace.backend("--russo-synth=")
        self._synthesizer = self.workspace.make_synthesizer(self._backend)
        for words in self._backend_words():
            self.fixtures.note_own_words(words)
        return self._synthesizer

    def wait_for(self, call: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end, for a plain test, in the event loop of the run."""
        __tracebackhide__ = True
        try:
            loop = self._usable_loop()
        except BaseException:
            call.close()  # otherwise Python warns that the coroutine was never awaited
            raise
        return loop.run(call)

    def _usable_loop(self) -> BackgroundLoop:
        """Return the event loop of the run; make a new one if there is none, or if it is blocked."""
        if self._pid != os.getpid():  # a forked child: the parent has the loop, and may hold the lock
            self._pid, self._loop, self._loop_lock = os.getpid(), None, threading.Lock()
        with self._loop_lock:
            if self._loop is not None and not self._loop.is_usable:
                self._close_loop(seconds=0.0)
            if self._loop is None:
                from .._flow.background_loop import BackgroundLoop

                self._loop = BackgroundLoop()
            return self._loop

    def close_synthesizer(self, synthesizer: Synthesizer) -> None:
        """Close a synthesizer, if it has an ``aclose``."""
        close = getattr(synthesizer, "aclose", None)
        if close is None or self._has_abandoned:  # its connections belong to a loop that is blocked
            return
        from .._flow.background_loop import StillRunningError

        try:
            self._usable_loop().run(close(), _ACLOSE_SECONDS)
        except StillRunningError:
            name = type(synthesizer).__qualname__
            self.statistics.report(
                f"abandoned: aclose of {name}, which took longer than {_ACLOSE_SECONDS:g} s"
            )

    def _take_counts(self) -> dict[str, Any] | None:
        counts = self.statistics.take()
        return None if counts is None else counts.to_json()

    def _end(self) -> None:
        if self._loop is not None and self._loop.pid == os.getpid():
            self._close_loop()

    def _close_loop(self, **limits: float) -> None:
        loop, self._loop = self._loop, None
        assert loop is not None
        for sentence in loop.close(self.context.calls, **limits):
            self._has_abandoned = True
            self.statistics.report(sentence)


def _resolve(config: pytest.Config, ini: Callable[[str], object]) -> Settings:
    get = config.getoption
    asked = Asked(
        synth=get("russo_synth"),
        options=get("russo_synth_option"),
        mode=get("russo_cache_mode"),
        no_cache=get("russo_no_cache"),
        cache_dir=get("russo_cache_dir"),
        recordings_dir=get("russo_recordings_dir"),
        clear=get("russo_clear_cache"),
        record_only=get("russo_record_only"),
    )
    return resolve(
        asked,
        ini=ini,
        environment=os.environ,
        rootdir=config.rootpath,
        cwd=config.invocation_params.dir,
    )
