"""The report of a run: its prompts, the tests that used them, and where their audio is stored.

Every process of the run records its own prompts and sends them to the controller. Audio is never sent: it
stays in the cache. Audio that is in no cache of the run goes to a temporary cache that the processes share.
`russo._plugin.report_page` writes the page itself.
"""

from __future__ import annotations

import contextvars
import dataclasses
import logging
import os
import threading
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from .._fields import flatten, plain
from .._foreign import shown, visible
from .._settings import SettingsError, path_of
from .._store.cache import AudioCache
from ..hookspecs import hookimpl
from .item import CURRENT_ITEM
from .report_audio import digest_of, is_kept
from .report_page import StoredSection, Use, write_page
from .report_section import SectionCollector
from .terminal import write_line

if TYPE_CHECKING:
    from .._audio import Audio
    from .._events import CacheHit, CacheMiss, EntryStored, Event, SynthesisFinish, SynthesisStart
    from .session import PytestSession

_log = logging.getLogger(__name__)

# Synthesized audio that is not stored yet stays in memory until the report of its test. If there are more
# than this many pieces of audio, the oldest is written to disk at once.
_WAITING: Final = 16
_NOT_CALLED: Final = {"absent": "nothing is stored", "refresh": "mode 'refresh' synthesizes it again"}
_inner_calls: contextvars.ContextVar[list[int] | None] = contextvars.ContextVar(
    "russo_inner_calls", default=None
)


class ReportListener:
    """A hook implementation that records each use of a prompt; may be called from many threads.

    Args:
        config: The configuration that knows which test is running.
        lasting: Directories that still exist after the tests. Other audio is copied.
        spare: The cache for those copies.
    """

    def __init__(self, config: pytest.Config, lasting: frozenset[Path], spare: AudioCache) -> None:
        self._config = config
        self._lasting = lasting
        self._spare = spare
        self._lock = threading.Lock()
        self._uses: list[Use] = []
        self._unanswered: dict[str, list[Use]] = {}
        self._waiting: dict[str, Audio] = {}
        self._places: dict[str, tuple[str, str]] = {}

    def take(self) -> list[Use]:
        """Return the uses since the last call of this method, each with the place of its audio."""
        with self._lock:
            uses, self._uses = [*self._uses, *chain.from_iterable(self._unanswered.values())], []
            self._unanswered = {}
            while self._waiting:
                self._copy_oldest()
            return [dataclasses.replace(use, place=self._places.get(use.audio)) for use in uses]

    @hookimpl
    def russo_cache_hit(self, event: CacheHit) -> None:
        """Record a replay, but not that of a `CachedSynthesizer` inside another one."""
        if event.nested:
            return
        use = self._use(event, "hit", audio=event.audio)
        with self._lock:
            self._keep(use.audio, event.audio, event.directory, event.key)
            self._uses.append(use)

    @hookimpl
    def russo_cache_miss(self, event: CacheMiss) -> None:
        """Record a failure. It is removed when a backend call begins; in mode ``replay`` no call begins."""
        if event.nested:
            return
        why = _NOT_CALLED.get(event.reason, f"the stored entry is not usable ({event.reason})")
        use = self._use(event, "failed", error=f"{why}, and no call was made")
        with self._lock:
            self._unanswered.setdefault(event.key, []).append(use)

    @hookimpl
    def russo_synthesis_start(self, event: SynthesisStart) -> None:
        """Remove the failure that was recorded for the miss of this call."""
        if event.nested:
            return
        _inner_calls.set([])
        with self._lock:
            self._unanswered.pop(event.key, None)

    @hookimpl
    def russo_synthesis_finish(self, event: SynthesisFinish) -> None:
        """Record a call; record a hit if it only asked an inner `CachedSynthesizer`, which had a hit."""
        inner = _inner_calls.get()
        if event.nested:
            if inner is not None and event.backend_calls:
                inner.append(event.backend_calls)
            return
        if event.audio is None:
            error = f"{type(event.error).__name__}: {event.error}".removesuffix(": ")
            use = self._use(event, "failed", error=error)
        else:
            state = "synthesized" if event.backend_calls or inner else "hit"
            use = self._use(event, state, audio=event.audio)
        with self._lock:
            if event.audio is not None:
                self._keep(use.audio, event.audio, None, event.key)
            self._uses.append(use)

    @hookimpl
    def russo_entry_stored(self, event: EntryStored) -> None:
        """Record where audio was stored."""
        digest = digest_of(event.audio)
        with self._lock:
            if digest in self._waiting:
                self._keep(digest, self._waiting[digest], event.directory, event.key)

    def _use(self, event: Event, state: str, *, error: str = "", audio: Audio | None = None) -> Use:
        item = self._config.stash.get(CURRENT_ITEM, None)
        return Use(
            key=event.key,
            prompt=event.prompt,
            backend=event.backend or event.synthesizer,
            settings=plain(flatten(event.fields)) or {},
            test="" if item is None else item.nodeid,
            state=state,
            error=error,
            audio="" if audio is None else digest_of(audio),
            duration=None if audio is None else audio.duration,
        )

    def _keep(self, digest: str, audio: Audio, directory: Path | None, key: str) -> None:
        """Remember a lasting place of the audio; if there is none yet, keep the audio itself."""
        if digest in self._places:
            return
        if directory in self._lasting:
            self._waiting.pop(digest, None)
            self._places[digest] = str(directory), key
            return
        self._waiting[digest] = audio
        if len(self._waiting) > _WAITING:
            self._copy_oldest()

    def _copy_oldest(self) -> None:
        digest = next(iter(self._waiting))
        if is_kept(self._spare, digest, self._waiting.pop(digest)):
            self._places[digest] = str(self._spare.directory), digest


class Report:
    """The pytest plugin behind ``--russo-report``: collects the uses of all processes, writes the page.

    Args:
        config: The configuration of the process.
        session: The russo objects of the run.

    Raises:
        pytest.UsageError: The option names a directory, or a path that is not a regular file.
    """

    def __init__(self, config: pytest.Config, session: PytestSession) -> None:
        self._config = config
        self._given: str = config.getoption("russo_report")
        self._workers = session.workers
        self._path = _check_path(self._given, config.invocation_params.dir)
        shared = session.workers.share_directory()
        assert shared is not None  # every process of the run has the option
        lasting = frozenset(layer.directory for layer in session.cache.layers)
        spare = AudioCache(shared / "report")
        self.listener: Final = ReportListener(config, lasting, spare)
        sections = SectionCollector(config, spare)
        self.add_section: Final = sections.add
        session.manager.register(self.listener, "report")
        session.workers.send(
            "report", lambda: [dataclasses.asdict(use) for use in self.listener.take()] or None, in_order=True
        )
        session.workers.send("report sections", sections.take, in_order=True)
        self._outcomes: dict[str, str] = {}
        self._has_run = False
        self._outcome = ""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self) -> None:
        """Record that tests will run: a run that only lists tests or fixtures writes no page."""
        self._has_run = not self._config.getoption("collectonly", False)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Record how a test ended."""
        if not self._workers.is_controller:
            return
        worst = max(self._outcomes.get(report.nodeid, ""), _outcome(report), key=_SEVERITY.index)
        self._outcomes[report.nodeid] = "" if report.outcome == "rerun" else worst  # type: ignore[comparison-overlap]

    def pytest_sessionfinish(self) -> None:
        """Write the page in the controller. An error here never fails the run."""
        if not (self._workers.is_controller and self._has_run):
            return
        given = shown(self._given)
        try:
            self._write()
        except OSError as error:
            self._outcome = f"russo: report not written to {given}: {shown(error.strerror or str(error))}"
        except Exception as error:  # noqa: BLE001 - a template or a codec that fails must not fail the run
            _log.debug("the report cannot be written", exc_info=True)
            problem = f"{type(error).__name__}: {error}".removesuffix(": ")
            self._outcome = f"russo: report not written to {given}: {shown(problem)}"
        else:
            self._outcome = f"russo: report written to {given}"

    def _write(self) -> None:
        received = self._workers.received
        uses = [Use(**values) for part in received("report") for values in part]
        sections = [StoredSection(**values) for part in received("report sections") for values in part]
        write_page(self._path, uses, self._outcomes, title=self._config.rootpath.name, sections=sections)

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self) -> None:
        """Print the path of the page, or why the page was not written."""
        if self._outcome:
            write_line(self._config, self._outcome)


_SEVERITY: Final = ("", "passed", "xfailed", "xpassed", "skipped", "failed", "error")


def _outcome(report: pytest.TestReport) -> str:
    """Return the outcome of a test if this phase decides it, else an empty string."""
    if report.failed:
        return "error" if report.when in {"setup", "teardown"} else "failed"
    if hasattr(report, "wasxfail"):
        return "xfailed" if report.skipped else "xpassed"
    if report.skipped:
        return "skipped"
    return "passed" if report.when == "call" else ""


def _check_path(given: str, directory: Path) -> Path:
    """Return the path of the page. Its folders may be links; if the page itself is a link, it is replaced."""
    try:
        path_of(given, directory, "--russo-report")
    except SettingsError as error:
        raise pytest.UsageError(str(error)) from None
    path = directory / Path(given).expanduser()
    # Not Path.is_dir and Path.is_file: they raise if a folder on the way may not be searched.
    if os.path.isdir(path) or given.endswith(("/", os.sep)):
        raise pytest.UsageError(
            f"--russo-report={visible(given)} is a directory; name a file in it, such as report.html"
        )
    if os.path.exists(path) and not os.path.isfile(path):
        raise pytest.UsageError(
            f"--russo-report={visible(given)} is not a regular file; name one, such as report.html"
        )
    return path
