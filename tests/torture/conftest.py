"""Fixtures of the torture tests; torture_work sets how much they do."""

import os
import random
import sys
import zlib
from pathlib import Path

import hypothesis.configuration
import pytest

from russo import AudioCache
from support import torture_broken
from support.torture_processes import Children, child_environment
from support.torture_trials import Trials
from support.torture_work import BREAK, FACTOR, SEED

if sys.platform == "win32":
    collect_ignore_glob = ["test_*.py"]  # the tests need signals, links and file modes of POSIX

# A broken store must still pass this test; otherwise another fault than its own would be caught.
STILL_WORKS = "test_whole_or_not.py::test_stored_audio_is_returned_unchanged"

if BREAK:
    torture_broken.apply(BREAK)


@pytest.fixture(scope="session", autouse=True)
def _no_traces_of_hypothesis(tmp_path_factory):
    hypothesis.configuration.set_hypothesis_home_dir(tmp_path_factory.mktemp("hypothesis"))


@pytest.fixture
def seed(request):
    """The seed of this test; pytest prints it if the test fails."""
    print(f"RUSSO_TORTURE_SEED={SEED}")
    return SEED ^ zlib.crc32(request.node.name.encode())


@pytest.fixture
def rng(seed):
    return random.Random(seed)


@pytest.fixture
def report_figure(request):
    """Return a function that reports a figure of this test, in the summary and in a JUnit report.

    pytest's record_property does the same, but warns if the JUnit report is of family xunit2, the default.
    """

    def report(name, value):
        request.node.user_properties.append((f"torture {name}", value))

    return report


@pytest.fixture
def cache(tmp_path):
    return AudioCache(tmp_path / "cache")


@pytest.fixture
def children():
    group = Children()
    yield group
    group.close()


@pytest.fixture
def no_read_pauses(monkeypatch):
    """Remove the pauses before a reader gives up: no process writes, and the test reads often."""
    monkeypatch.setattr("russo._store.cache._LOOKS", (0.0, 0.0))


@pytest.fixture
def restored_umask():
    """The umask before the test, restored afterwards."""
    before = os.umask(0o022)
    yield before
    os.umask(before)


@pytest.fixture(scope="session", autouse=True)
def _trials_from_the_start(request):
    """Run the trials while the other tests run, because those mostly wait; under xdist, one worker runs them."""
    if not hasattr(request.config, "workerinput"):
        request.getfixturevalue("trials")


@pytest.fixture(scope="session")
def trials(request, tmp_path_factory):
    """Start the trials of broken stores; return a function that waits for one and returns its output."""
    here = Path(__file__).parent
    selected = [
        item.callspec.params["broken"]
        for item in request.session.items
        if item.path == here / "test_the_tests.py"
    ]
    if BREAK or not selected:
        yield None
        return
    nodes = {
        name: [str(here / node) for node in (STILL_WORKS, *torture_broken.BREAKS[name].caught_by)]
        for name in selected
    }
    group = Trials(
        nodes,
        tmp_path_factory.mktemp("broken"),
        at_once=os.cpu_count() or 1,  # the trials wait more than they compute
        environment=child_environment(),
        root=here.parents[1],
    )
    yield group.output
    group.close()


def pytest_terminal_summary(terminalreporter):
    """Write the figures of the run and its seed."""
    figures = [
        f"  {name}: {value}"
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", None) == "call"
        for name, value in report.user_properties
        if name.startswith("torture ")
    ]
    if figures:
        terminalreporter.write_line(f"torture: RUSSO_TORTURE={FACTOR:g} RUSSO_TORTURE_SEED={SEED}")
        for line in figures:
            terminalreporter.write_line(line.replace("torture ", "", 1))
