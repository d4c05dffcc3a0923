"""The processes of one run: what xdist's workers send to the controller, and the directory they share.

This is the only transport. Counts, the report and companions of russo put their values on it by name; it
carries them as JSON text on the reports of the tests, so that a worker that crashes loses only its last
test. Without xdist there is one process, which is the controller.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, Final

import pytest

_WORKERS: Final = pytest.StashKey["Workers"]()


def workers_of(config: pytest.Config) -> Workers:
    """Return the transport of this process, which is made and registered when it is first needed."""
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
        number: The number of this worker, from 0.
        count: How many processes run tests.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        worker: dict[str, Any] = getattr(config, "workerinput", {})
        self.is_controller = not hasattr(config, "workerinput")
        self.number = int(worker.get("workerid", "gw0")[2:])
        self.count = int(worker.get("workercount", 1))
        self._directory: Path | None = None
        if given := worker.get("russo_directory"):
            self._directory = Path(given)
        self._sources: dict[str, Callable[[], Any]] = {}
        self._received: defaultdict[str, list[Any]] = defaultdict(list)

    def send(self, name: str, take: Callable[[], Any]) -> None:
        """Send values to the controller for the rest of the run.

        Args:
            name: Under which the controller receives them.
            take: Returns a JSON value that it has not returned before, or ``None`` if there is nothing
                new. Called after each phase of a test, and at the end.
        """
        self._sources[name] = take

    def received(self, name: str) -> list[Any]:
        """Return all values that were sent under a name, by every process, in the order they arrived."""
        if self.is_controller:
            self._receive(self._collect())
        return self._received[name]

    def share_directory(self) -> Path | None:
        """Return a directory that all processes of the run share, until the run ends.

        The controller makes it, before the workers start. ``None`` in a worker whose controller has not.
        """
        if self._directory is None and self.is_controller:
            directory = self._directory = Path(tempfile.mkdtemp(prefix="russo-"))
            self._config.add_cleanup(lambda: shutil.rmtree(directory, ignore_errors=True))
        return self._directory

    def _collect(self) -> str:
        values = {name: take() for name, take in self._sources.items()}
        values = {name: value for name, value in values.items() if value is not None}
        # ASCII text: xdist's own serializer refuses a lone surrogate, which a prompt may hold.
        return json.dumps(values) if values else ""

    def _receive(self, text: str) -> None:
        for name, value in json.loads(text or "{}").items():
            self._received[name].append(value)

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell an xdist worker which directory the processes of the run share."""
        if self._directory is not None:
            node.workerinput["russo_directory"] = str(self._directory)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Let each report of a worker carry what is new since the last one."""
        report = yield
        if not self.is_controller and self._sources and (text := self._collect()):
            report.russo_values = text  # type: ignore[attr-defined]
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Receive what a test's report carries."""
        if self.is_controller:
            self._receive(getattr(report, "russo_values", ""))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """Send what is new after a worker's last report."""
        if not self.is_controller and (text := self._collect()):
            self._config.workeroutput["russo_values"] = text  # type: ignore[attr-defined]

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Receive what a worker sent after its last report."""
        self._receive(getattr(node, "workeroutput", {}).get("russo_values", ""))
