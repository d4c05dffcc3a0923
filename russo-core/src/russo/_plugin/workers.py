"""The processes of one run: what xdist's workers send to the controller, and the directory they share.

This is the only transport. Counts, the report and other packages send values by name. The values travel as
JSON text on the reports of the tests, so that a worker that crashes loses only its last test. A plugin that
runs a test again does not log each report: the next one that it logs carries their values too. Without xdist
there is one process, the controller. If a plugin runs each test in a forked child, the child's reports carry
its values in the same way.
"""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Callable, Generator, Iterable
from pathlib import Path
from typing import Any, Final

import pytest

_log = logging.getLogger(__name__)

WITNESSED: Final = "russo_witnessed"
"""Attribute of each test report that carries values to the controller."""
_WORKERS: Final = pytest.StashKey["Workers"]()


def workers_of(config: pytest.Config) -> Workers:
    """Return the transport of this process; the first call creates and registers it."""
    workers = config.stash.get(_WORKERS, None)
    if workers is None:
        workers = config.stash[_WORKERS] = Workers(config)
        config.pluginmanager.register(workers, "russo-workers")
    return workers


class Workers:
    """A pytest plugin, one per process of a run.

    Args:
        config: The configuration of this process.

    Attributes:
        is_controller: Whether this process prints the summary: it is not an xdist worker.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        worker: dict[str, Any] = getattr(config, "workerinput", {})
        self.is_controller = not hasattr(config, "workerinput")
        self._worker = worker
        self._pid = self._forgot_in = os.getpid()
        self._directory: Path | None = None
        if given := worker.get("russo_directory"):
            self._directory = Path(given)
        self._sources: dict[str, Callable[[], Any]] = {}
        self._ordered: list[str] = []
        self._last_acts: list[Callable[[], None]] = []
        self._received: defaultdict[str, list[Any]] = defaultdict(list)
        self._unlogged: dict[int, str] = {}  # the values on reports that are not logged yet, in order
        self._reports = 0

    @property
    def number(self) -> int:
        """The number of this worker, from 0. A worker whose name has no number counts as the first."""
        digits = re.search(r"[0-9]+$", self._worker.get("workerid", "gw0"))
        return int(digits[0]) if digits else 0

    @property
    def count(self) -> int:
        """How many processes run tests."""
        return int(self._worker.get("workercount", 1))

    def send(self, name: str, take: Callable[[], Any], *, in_order: bool = False) -> None:
        """Send values to the controller for the rest of the run.

        Args:
            name: The name under which the controller receives the values.
            take: Returns a new JSON value, or ``None`` if there is nothing new. A worker calls it after
                each phase of a test, and at the end.
            in_order: Whether the controller also calls ``take`` after each phase of its own tests, so that
                each value can be assigned to a test. Otherwise it calls ``take`` only at the end, which
                costs less.

        Raises:
            ValueError: The name is already used.
        """
        if name in self._sources:
            raise ValueError(f"the name {name!r} is already used for values; choose another name")
        self._sources[name] = take
        if in_order:
            self._ordered.append(name)

    def before_end(self, act: Callable[[], None]) -> None:
        """Call a function after all tests and fixtures have ended, before the last values are sent."""
        self._last_acts.append(act)

    def received(self, name: str) -> list[Any]:
        """Return all values that any process sent under a name, in the order of their arrival."""
        if self.is_controller:
            self._receive(self._collect(self._sources))
        return self._received[name]

    def share_directory(self) -> Path | None:
        """Return a directory that all processes of the run share, until the run ends.

        The controller creates it before the workers start. If it did not, a worker gets ``None``.
        """
        if self._directory is None and self.is_controller:
            directory = self._directory = Path(tempfile.mkdtemp(prefix="russo-"))
            self._config.add_cleanup(lambda: shutil.rmtree(directory, ignore_errors=True))
        return self._directory

    def _collect(self, names: Iterable[str]) -> str:
        """Return the new values as ASCII text: xdist refuses lone surrogates, which a prompt may hold."""
        values: dict[str, Any] = {}
        for name in names:
            try:
                value = self._sources[name]()
                json.dumps(value)
            except Exception as error:  # noqa: BLE001 - it may be another package's function; the run goes on
                from .._foreign import shown  # a run that does not use russo loads nothing more

                _log.warning("values named %r are not sent: %s", name, shown(str(error) or repr(error)))
            else:
                if value is not None:
                    values[name] = value
        return json.dumps(values) if values else ""

    @property
    def _is_forked(self) -> bool:
        return os.getpid() != self._pid

    def _receive(self, *texts: str) -> None:
        for text in texts:
            for name, value in json.loads(text or "{}").items():
                self._received[name].append(value)

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Send an xdist worker the directory that the processes of the run share."""
        if self._directory is not None:
            node.workerinput["russo_directory"] = str(self._directory)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self) -> None:
        """In a forked child, drop the inherited values, because the parent sends them."""
        if self._is_forked and self._forgot_in != os.getpid():
            self._forgot_in = os.getpid()
            self._collect(self._sources)
            self._unlogged = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Attach the new values to each report of a worker or a forked child."""
        report = yield
        if self.is_controller and not self._is_forked:
            self._receive(self._collect(self._ordered))
        elif text := self._collect(self._sources):
            self._reports += 1
            self._unlogged[self._reports] = text
            report.russo_number = self._reports  # type: ignore[attr-defined]
            report.russo_values = [text]  # type: ignore[attr-defined]
        setattr(report, WITNESSED, True)
        return report

    @pytest.hookimpl(tryfirst=True)  # xdist sends the report in the same hook
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Receive the values that a test's report carries; in a worker, add those of earlier reports."""
        if getattr(report, "russo_logged_in", None) == os.getpid():  # pytest-retry logs a report twice
            report.russo_values = []  # type: ignore[attr-defined]
        report.russo_logged_in = os.getpid()  # type: ignore[attr-defined]
        if self.is_controller:
            self._receive(*getattr(report, "russo_values", ()))
        elif (number := getattr(report, "russo_number", 0)) in self._unlogged:
            sent = [earlier for earlier in self._unlogged if earlier <= number]
            report.russo_values = [self._unlogged.pop(each) for each in sent]  # type: ignore[attr-defined]

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """Send the values that are new after a worker's last report."""
        for act in self._last_acts:
            act()
        if self.is_controller:
            return
        texts = [*self._unlogged.values(), self._collect(self._sources)]
        if any(texts):
            self._config.workeroutput["russo_values"] = texts  # type: ignore[attr-defined]

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Receive the values that a worker sent after its last report."""
        # Removed, because xdist calls this hook twice for a worker that Ctrl-C ended.
        self._receive(*getattr(node, "workeroutput", {}).pop("russo_values", ()))
