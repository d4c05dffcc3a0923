"""`PytestSession`: the objects that russo makes for one pytest run, and closes at its end."""

from __future__ import annotations

import logging
import math
import os
import threading
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Final, TypeVar

import pytest

from .._backends.budget import Budget
from .._flow.option_names import options_without_effect
from .._flow.run import Refreshed, RunContext
from .._flow.workspace import Workspace, add_folders
from .._hooks import make_manager
from .._mode import Mode
from .._settings import Asked, Settings, SettingsError, resolve
from .._statistics import Statistics
from .committed_write import refuse_committed_write
from .fake_files import FakeFilesWatch
from .fixture_use import FixtureUse
from .hooks_bridge import HooksBridge
from .run_backend import RunBackend
from .run_remotes import RunRemotes
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
    """

    def __init__(self, config: pytest.Config, workers: Workers, ini: Callable[[str], object]) -> None:
        self.workers = workers
        self._config = config
        if workers.is_controller:
            refuse_committed_write(config)
        try:
            self.settings = _resolve(config, ini)
            self.workspace = Workspace.of(self.settings)
        except SettingsError as error:
            raise pytest.UsageError(str(error)) from None
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
            or self.workspace.remote is not None
        )
        shared = workers.share_directory() if needs_directory else None
        if self.workspace.remote is not None and shared is not None:
            from .._remote.remote import access_of

            access_of(self.workspace.remote).share(shared)
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
            lock_file=self.settings.lock_file,
        )
        self.backend = RunBackend(config, self.workspace, self.fixtures)
        self._loop: BackgroundLoop | None = None
        self._loop_lock = threading.Lock()
        self._pid = os.getpid()
        self._has_abandoned = False
        self.remotes = RunRemotes(self.workspace.remote, self.context.remotes, workers)
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

    def wait_for(self, call: Coroutine[Any, Any, T], *, blocked_seconds: float = math.inf) -> T:
        """Run a coroutine to its end, for a plain test, in the event loop of the run."""
        __tracebackhide__ = True
        try:
            loop = self._usable_loop()
        except BaseException:
            call.close()  # otherwise Python warns that the coroutine was never awaited
            raise
        return loop.run(call, blocked_seconds=blocked_seconds)

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
        self.remotes.end()

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
        remote=get("russo_remote"),
        remote_write=get("russo_remote_write"),
    )
    return resolve(
        asked,
        ini=ini,
        environment=os.environ,
        rootdir=config.rootpath,
        cwd=config.invocation_params.dir,
    )
