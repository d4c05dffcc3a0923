"""The pytest plugin behind ``--russo-report``: collects what all processes of the run recorded.

Every process records its own prompts and sends them to the controller. `russo._report` is the rest.
"""

from __future__ import annotations

import dataclasses
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from .._foreign import shown, visible
from .._report.old_page import write_page
from .._report.sections import SectionCollector, StoredSection
from .._report.uses import ReportListener, Use
from .._settings import SettingsError, path_of
from .._store.cache import AudioCache
from .item import CURRENT_ITEM
from .terminal import write_line

if TYPE_CHECKING:
    from .session import PytestSession

_log = logging.getLogger(__name__)


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
        self.listener: Final = ReportListener(self._current_test, lasting, spare)
        sections = SectionCollector(self._current_test, spare)
        self.add_section: Final = sections.add
        session.manager.register(self.listener, "report")
        session.workers.send(
            "report", lambda: [dataclasses.asdict(use) for use in self.listener.take()] or None, in_order=True
        )
        session.workers.send("report sections", sections.take, in_order=True)
        self._outcomes: dict[str, str] = {}
        self._has_run = False
        self._outcome = ""

    def _current_test(self) -> str:
        item = self._config.stash.get(CURRENT_ITEM, None)
        return "" if item is None else item.nodeid

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
