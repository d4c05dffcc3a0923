"""The pytest plugin behind ``--russo-report``: collects what all processes of the run recorded.

Every process records its own prompts, sections and attachments, and sends them to the controller, which
writes the report at the end. `russo._report` is the rest.
"""

from __future__ import annotations

import dataclasses
import logging
import os
from typing import TYPE_CHECKING, Any, Final

import pytest

from .._clock import monotonic
from .._flow.summary import total_of
from .._foreign import shown, visible
from .._report.attachments import AttachmentCollector
from .._report.attempts import Attempts, Moment, phase_of, problem_of, tag_of
from .._report.audio import digest_of, is_kept
from .._report.document import DocumentBuilder
from .._report.files import FileStore
from .._report.remotes import remotes_of
from .._report.sections import SectionCollector, StoredSection
from .._report.sounds import Sounds
from .._report.targets import Target
from .._report.uses import ReportListener, Use
from .._settings import SettingsError
from .._store.cache import AudioCache
from .item import CURRENT_ITEM
from .terminal import write_line

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from .session import PytestSession

_log = logging.getLogger(__name__)


class Report:
    """Collects the report of a run, in each of its processes.

    Args:
        config: The configuration of the process.
        session: The russo objects of the run.

    Raises:
        pytest.UsageError: A target cannot be used.
    """

    def __init__(self, config: pytest.Config, session: PytestSession) -> None:
        self._config = config
        self._session = session
        self._workers = session.workers
        self._targets = _targets(config)
        shared = session.workers.share_directory()
        assert shared is not None  # every process of the run has the option
        lasting = frozenset(layer.directory for layer in session.cache.layers)
        spare, self._files = AudioCache(shared / "report"), FileStore(shared / "report-files")
        self._spare = spare
        self._replaced: dict[str, tuple[str, str]] = {}  # the places of audio, by its digest
        session.remotes.before_adoption = self._keep_replaced
        self.listener: Final = ReportListener(self._now, lasting, spare)
        sections = SectionCollector(self._now, spare)
        self.add_section: Final = sections.add
        attachments = AttachmentCollector(self._now, spare, self._files)
        self.report_of_test: Final = attachments.report_of_test
        session.manager.register(self.listener, "report")
        send = session.workers.send
        send(
            "report", lambda: [dataclasses.asdict(use) for use in self.listener.take()] or None, in_order=True
        )
        send("report remotes", self.listener.take_brought)
        send("report sections", sections.take, in_order=True)
        send("report attachments", attachments.take, in_order=True)
        send("report phases", self._take_unlogged)
        session.workers.before_end(self._keep_unlogged)
        self._process = str(getattr(config, "workerinput", {}).get("workerid", ""))
        self._number = 0
        self._running: tuple[pytest.Item | None, str] = None, ""
        self._made: dict[str, pytest.TestReport] = {}  # reports of the running attempt that are not logged
        self._unlogged: list[dict[str, Any]] = []
        self._attempts = Attempts()
        self._start = monotonic()
        self._has_begun = False
        self._outcomes: list[str] = []

    def _now(self) -> Moment:
        item = self._config.stash.get(CURRENT_ITEM, None)
        if item is None:
            return Moment()
        running, attempt = self._running
        return Moment(item.nodeid, attempt if item is running else "")

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> None:
        """Record that the run begins: a run that runs no test writes no report."""
        runs_no_test = ("collectonly", "setuponly", "setupplan")
        self._has_begun = not any(self._config.getoption(name, False) for name in runs_no_test)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Record that a test starts, in the order of the run."""
        if self._workers.is_controller:
            self._attempts.start(nodeid)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Begin an attempt. A plugin that runs a test again calls this hook for each attempt."""
        self._keep_unlogged()
        self._number += 1
        self._running = item, tag_of(f"{self._process}.{os.getpid()}", self._number)

    # pytest-retry runs a test again in this hook: the report has the tag of the last attempt.
    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Name the attempt in its report."""
        report = yield
        report.russo_attempt = self._running[1] if item is self._running[0] else ""  # type: ignore[attr-defined]
        self._made[report.when] = report
        return report

    @pytest.hookimpl(trylast=True)  # pytest's terminal changes the outcome of a test whose subtests failed
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Record how a phase of a test ended."""
        self._made.pop(report.when, None)
        if self._workers.is_controller:
            phase = phase_of(report, getattr(report, "russo_attempt", ""))
            if phase is not None:
                self._attempts.add(phase)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Record a file that cannot be collected, or that is skipped as a whole."""
        if self._workers.is_controller and not report.passed:
            self._attempts.add_collection(
                report.nodeid, "error" if report.failed else "skipped", problem_of(report, "collect")
            )

    def _keep_unlogged(self) -> None:
        """Keep the reports that pytest made and did not log, as plugins do that run a test again."""
        phases = [phase_of(made, getattr(made, "russo_attempt", "")) for made in self._made.values()]
        self._unlogged += filter(None, phases)
        self._made = {}

    def _keep_replaced(self, directory: Path, key: str) -> None:
        """Keep audio that the entry of a shared store may replace before the report is written."""
        audio = AudioCache(directory).get(key)
        if audio is not None and is_kept(self._spare, digest := digest_of(audio), audio):
            self._replaced[digest] = str(self._spare.directory), digest

    def _take_unlogged(self) -> list[dict[str, Any]] | None:
        unlogged, self._unlogged = self._unlogged, []
        return unlogged or None

    @pytest.hookimpl(trylast=True)  # other packages may add sections in the same hook
    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Write the report in the controller. An error here never fails the run."""
        is_refused = exitstatus == pytest.ExitCode.USAGE_ERROR  # a path that does not exist, for example
        if is_refused or not (self._workers.is_controller and self._has_begun):
            return
        try:
            sounds = Sounds()
            document = self._document(sounds)
        except Exception as error:  # noqa: BLE001 - a failing report must not fail the run
            self._outcomes = [_failure(target, error) for target in self._targets]
            return
        for target in self._targets:
            try:
                target.write(document, sounds, self._files)
            except Exception as error:  # noqa: BLE001 - neither must a template or a full disk
                self._outcomes.append(_failure(target, error))
            else:
                self._outcomes.append(f"russo: report written to {shown(target.given)}")

    def _document(self, sounds: Sounds) -> dict[str, Any]:
        def received(name: str) -> list[Any]:
            return [values for part in self._workers.received(name) for values in part]

        self._attempts.add_unlogged(received("report phases"))
        builder = DocumentBuilder(self._config, sounds, self._files)
        for brought in self._workers.received("report remotes"):
            builder.add_brought(brought)
        builder.add_uses(Use(**values) for values in received("report"))
        known = set(sounds)
        for digest, place in self._replaced.items():
            if digest in known:
                sounds.add(digest, place)
        builder.add_sections(StoredSection(**values) for values in received("report sections"))
        builder.add_attachments(received("report attachments"))
        remotes = remotes_of(total_of(self._workers.received("counts")), self._session.remotes.adopted)
        return builder.build(self._attempts, _counts(self._config), monotonic() - self._start, remotes)

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self) -> None:
        """Print where the report was written, or why it was not written."""
        for line in self._outcomes:
            write_line(self._config, line)


def _targets(config: pytest.Config) -> list[Target]:
    """Return the targets, each path once.

    Raises:
        pytest.UsageError: A target cannot be used, or a page is also a file of a directory.
    """
    try:
        targets = [Target(given, config.invocation_params.dir) for given in config.getoption("russo_report")]
    except SettingsError as error:
        raise pytest.UsageError(str(error)) from None
    by_file: dict[str, Target] = {}
    for target in targets:
        for path in target.files:
            other = by_file.setdefault(path, target)
            if other.is_directory != target.is_directory:
                names = " and ".join(f"--russo-report={visible(each.given)}" for each in (other, target))
                raise pytest.UsageError(f"{names} write the same file; leave one of them out")
    return list({os.path.abspath(target.path): target for target in targets}.values())


def _failure(target: Target, error: Exception) -> str:
    """Return the line for a report that is not written."""
    if isinstance(error, OSError):
        problem = error.strerror or str(error)
    else:
        _log.debug("the report cannot be written", exc_info=error)
        problem = f"{type(error).__name__}: {error}".removesuffix(": ")
    return f"russo: report not written to {shown(target.given)}: {shown(problem)}"


def _counts(config: pytest.Config) -> dict[str, int]:
    """Return the numbers of pytest's last line; empty if its terminal plugin is switched off."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    counted = {
        name: sum(getattr(each, "count_towards_summary", True) for each in found)
        for name, found in getattr(reporter, "stats", {}).items()
        if name
    }
    return {name: number for name, number in counted.items() if number}
