"""russo's side of one pytest run: everything that lives and ends with its ``Config``."""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
import logging
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from .. import hookspecs
from .._backends.budget import Budget
from .._backends.discovery import convert_options, installed_backends, load_backend, load_synthesizer
from .._backends.synthesizer import Synthesizer
from .._errors import BackendConfigError, BackendNotFoundError, shorten
from .._flow.cached import CachedSynthesizer
from .._flow.run import Cache, Refreshed, Run
from .._hooks import call_each, make_manager
from .._mode import Mode
from .._settings import Asked, Settings, SettingsError, resolve
from .._statistics import Counts, Statistics
from .._store.cache import AudioCache
from .._store.layered import LayeredCache
from ..hookspecs import hookimpl
from .pytest_plugin import CURRENT_ITEM
from .speak_ahead import SpokenAhead, plan, share, speak_all
from .unused import unused_entries, why_incomplete

if TYPE_CHECKING:
    from .._audio import Audio
    from .._events import Event
    from .background_loop import BackgroundLoop


_RECORD_AT_ONCE: Final = 8  # a synthesizer's own cap may be lower

_log = logging.getLogger(__name__)


class PytestRun:
    """The settings, the cache, the counts and the background loop of one pytest run."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self.is_controller = not hasattr(config, "workerinput")
        try:
            self.settings = _resolve(config)
        except SettingsError as error:
            raise pytest.UsageError(str(error)) from None
        self.cache = _make_cache(self.settings)
        self.shared_directory = self._share()
        self._ahead = SpokenAhead(Path(self.shared_directory)) if self.shared_directory else None
        self.statistics = Statistics(self._ahead.covers) if self._ahead else Statistics()
        self.manager = make_manager()
        self.manager.register(self.statistics, "statistics")
        if self._ahead is not None:
            self.manager.register(self._ahead, "ahead")
        self.manager.register(_Bridge(config, self.statistics.report), "pytest")
        self._run = Run(
            cache=self.cache,
            mode=self.settings.mode,
            report=self.statistics.report,
            manager=self.manager,
            refreshed=Refreshed(Path(self.shared_directory) if self.shared_directory else None),
            budget=self._budget(),
        )
        self._loop: BackgroundLoop | None = None
        self._loop_lock = threading.Lock()
        config.add_cleanup(self._end)

    def check(self) -> None:
        """Refuse a backend or an option that does not exist, before any test runs."""
        if self.settings.synth is None:
            return
        try:
            load_backend(self.settings.synth)
        except (BackendNotFoundError, BackendConfigError) as error:
            raise pytest.UsageError(f"{error} ({self.settings.sources['synth']})") from None
        try:
            options = self._options_of(self.settings.synth)
            if ":" not in self.settings.synth:  # constructing is free, but a factory of one's own may not be
                load_synthesizer(self.settings.synth, **options)
        except BackendConfigError as error:
            raise pytest.UsageError(str(error)) from None
        except Exception as error:  # noqa: BLE001 - whoever needs the synthesizer is told
            _log.debug("backend %r cannot be made: %r", self.settings.synth, error)

    def clear_if_asked(self) -> None:
        """Clear the cache if the run asks for it; recordings stay."""
        if not self.settings.clear:
            return
        try:
            self.cache.clear()
        except OSError as error:
            raise pytest.UsageError(f"--russo-clear-cache: {error}") from error

    def load_synthesizer(self) -> Synthesizer:
        """Make the synthesizer of the chosen backend, or of the only one installed."""
        __tracebackhide__ = True
        name = self.settings.synth or self._only_backend()
        try:
            return load_synthesizer(name, **self._options_of(name))
        except (BackendNotFoundError, BackendConfigError) as error:
            problem = str(error)
        return pytest.fail(problem, pytrace=False)

    def _options_of(self, name: str) -> dict[str, Any]:
        return convert_options(name, load_backend(name), self.settings.options_of(name))

    def _only_backend(self) -> str:
        __tracebackhide__ = True
        installed = list(installed_backends())
        if len(installed) == 1:
            return installed[0]
        if not installed:
            message = 'no backend is installed; pip install "russo-core[local]" brings one that needs no key'
        else:
            message = f"several backends are installed; choose one: --russo-synth={{{','.join(installed)}}}"
        return pytest.fail(message, pytrace=False)

    def adopt(
        self, value: object, request: pytest.FixtureRequest, fixturedef: pytest.FixtureDef[Any]
    ) -> CachedSynthesizer:
        """Wrap what a ``russo_synthesizer`` fixture returned, with the run's cache and mode."""
        __tracebackhide__ = True
        if not isinstance(value, CachedSynthesizer):
            value = _wrap(value, fixturedef)
        cache = request.getfixturevalue("russo_cache")
        if not isinstance(cache, (AudioCache, LayeredCache)):
            return pytest.fail(
                f"fixture russo_cache returned {cache!r:.80}; it must return a russo.AudioCache or a "
                "russo.LayeredCache",
                pytrace=False,
            )
        run = dataclasses.replace(self._run, cache=cache)
        layer: object = value
        while isinstance(layer, CachedSynthesizer):
            layer._run = run
            layer = layer.synthesizer
        return value

    def wait_for(self, call: Coroutine[Any, Any, Audio]) -> Audio:
        """Run a coroutine for a plain test."""
        __tracebackhide__ = True
        with self._loop_lock:
            if self._loop is None or self._loop.pid != os.getpid():
                from .background_loop import BackgroundLoop

                self._loop = BackgroundLoop()
        return self._loop.run(call)

    def close_synthesizer(self, synthesizer: Synthesizer) -> None:
        """Let a synthesizer release what it holds, if it offers to."""
        close = getattr(synthesizer, "aclose", None)
        if close is not None:
            self.wait_for(close())

    def speak_ahead(self, session: pytest.Session) -> bool:
        """Speak the marked prompts of the selected tests; return whether that is all the run does."""
        only, at_once = bool(self._config.getoption("russo_record_only")), self.settings.speak_ahead
        # The tests of a refreshing run ask for their prompts anew anyway.
        records = self.settings.mode is Mode.AUTO or (only and self.settings.mode is Mode.REFRESH)
        if not records or not session.items:
            return only
        planned = plan(session.items)
        worker = getattr(self._config, "workerinput", {})
        workers = int(worker.get("workercount", 1))
        mine = list(share(planned.prompts, int(worker.get("workerid", "gw0")[2:]), workers))
        try:
            failures = self._speak(mine, max(1, -(-(at_once or _RECORD_AT_ONCE) // workers)), progress=only)
        except pytest.fail.Exception as error:  # no backend: the tests will say so
            if only:
                raise pytest.UsageError(str(error)) from None
            return False
        if only:
            self._tell_recorded(session, len(mine), failures, planned.left_out)
        return only

    def _speak(self, prompts: list[str], at_once: int, *, progress: bool) -> list[tuple[str, BaseException]]:
        """Speak prompts through a synthesizer made for it; return those that failed."""
        if not prompts:
            return []
        assert self._ahead is not None
        synthesizer = CachedSynthesizer(self.load_synthesizer())
        synthesizer._run = self._run
        failures: list[tuple[str, BaseException]] = []
        self._ahead.speaking = True
        with _progress(len(prompts), shown=progress) as advance:

            def done(prompt: str, error: BaseException | None) -> None:
                advance()
                if error is not None:
                    failures.append((prompt, error))

            speak_all(synthesizer, prompts, at_once, self.wait_for, done)
        self._ahead.speaking = False
        self.close_synthesizer(synthesizer)
        return failures

    def _tell_recorded(
        self,
        session: pytest.Session,
        number: int,
        failures: list[tuple[str, BaseException]],
        left_out: list[tuple[str, str]],
    ) -> None:
        write = _writer(self._config)
        write(f"russo: {number - len(failures)} of {number} marked prompts are recorded")
        for prompt, error in failures:
            write(f"russo: not recorded: {error or repr(prompt)}")
        for test, reason in left_out:
            write(f"russo: not spoken ahead for {test}: {reason}")
        session.testsfailed += len(failures)

    def tell_unused(
        self, total: Counts, reporter: pytest.TerminalReporter, exit_status: int, *, prune: bool
    ) -> Iterator[str]:
        """After a complete, green run, say which entries nobody asked for, and remove them if asked to."""
        reason = why_incomplete(self._config, reporter, exit_status)
        if reason is not None:
            if prune:
                yield f"russo: no unused entries are removed: the run does not tell which they are ({reason})"
            return
        layers = self.cache.layers if isinstance(self.cache, LayeredCache) else (self.cache,)
        for layer in layers:
            unused = list(unused_entries(layer, total.used, total.speakers))
            removed = prune and not layer.read_only
            for key, prompt in unused:
                if removed:
                    layer.remove(key)
                what = "removed" if removed else "unused"
                yield f"russo: {what}: {shorten(prompt)} ({key[:12]}, {layer.directory})"

    def _budget(self) -> Budget | None:
        limit = self._config.getoption("russo_max_paid")
        if limit is None or self.shared_directory is None:
            return None
        return Budget(limit, Path(self.shared_directory))

    def _needs_sharing(self) -> bool:
        return (
            self.settings.mode is Mode.REFRESH
            or self._config.getoption("russo_max_paid") is not None
            or self.settings.speak_ahead > 0
            or self._config.getoption("russo_record_only")
        )

    def _share(self) -> str | None:
        """Make the directory in which the processes of a run tell each other what they have done."""
        if not self._needs_sharing():
            return None
        if not self.is_controller:
            shared: str | None = self._config.workerinput.get("russo_shared")  # type: ignore[attr-defined]
            return shared
        directory = tempfile.mkdtemp(prefix="russo-")
        self._config.add_cleanup(lambda: shutil.rmtree(directory, ignore_errors=True))
        return directory

    def _end(self) -> None:
        if self._loop is not None and self._loop.pid == os.getpid():
            self._loop.close()


@contextlib.contextmanager
def _progress(number: int, *, shown: bool) -> Iterator[Callable[[], None]]:
    """Show a progress bar on a terminal."""
    if not shown or not sys.stdout.isatty():
        yield lambda: None
        return
    from rich.progress import Progress

    with Progress(transient=True) as bar:
        task = bar.add_task("recording", total=number)
        yield lambda: bar.advance(task)


def _writer(config: pytest.Config) -> Callable[[str], None]:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    return print if reporter is None else reporter.write_line


class _Bridge:
    """Forwards russo's hooks to the ``pytest_russo_…`` functions of plugins and conftest files.

    Those of a ``conftest.py`` hear of the tests below it, as with every hook of pytest.
    """

    def __init__(self, config: pytest.Config, report: Callable[[str], None]) -> None:
        @hookimpl
        def forward(event: Event) -> None:
            item = config.stash.get(CURRENT_ITEM, None)
            hooks = config.hook if item is None else item.ihook
            call_each(getattr(hooks, f"pytest_{event.hook}"), event, report)

        for name in vars(hookspecs):
            if name.startswith("russo_"):
                setattr(self, name, forward)


def _resolve(config: pytest.Config) -> Settings:
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
        ini=config.getini,
        environment=os.environ,
        rootdir=config.rootpath,
        cwd=config.invocation_params.dir,
    )


def _make_cache(settings: Settings) -> Cache:
    cache, recordings = AudioCache(settings.cache_dir), settings.recordings_dir
    if recordings is None or recordings.resolve() == settings.cache_dir.resolve():
        return cache
    return LayeredCache(cache, [AudioCache(recordings, read_only=True)])


def _wrap(value: Any, fixturedef: pytest.FixtureDef[Any]) -> CachedSynthesizer:
    __tracebackhide__ = True
    try:
        return CachedSynthesizer(value)
    except TypeError as error:
        problem = str(error)
    if inspect.iscoroutine(value):  # an async fixture, and no plugin that runs it
        value.close()
    place = f"{fixturedef.func.__module__}.{fixturedef.func.__qualname__}"
    return pytest.fail(f"fixture russo_synthesizer ({place}): {problem}", pytrace=False)
