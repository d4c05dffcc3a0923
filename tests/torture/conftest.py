"""Fixtures of the torture; see torture_work for how much of it there is."""

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
    collect_ignore_glob = ["test_*.py"]  # signals, links and file modes of POSIX are what it works with

# What a broken store must still do, lest it be caught for a reason that is not its own.
STILL_WORKS = "test_whole_or_not.py::test_a_store_keeps_what_it_was_given"

if BREAK:
    torture_broken.apply(BREAK)


@pytest.fixture(scope="session", autouse=True)
def _no_traces_of_hypothesis(tmp_path_factory):
    hypothesis.configuration.set_hypothesis_home_dir(tmp_path_factory.mktemp("hypothesis"))


@pytest.fixture
def seed(request):
    """The seed of this test, printed where it fails."""
    print(f"RUSSO_TORTURE_SEED={SEED}")
    return SEED ^ zlib.crc32(request.node.name.encode())


@pytest.fixture
def rng(seed):
    return random.Random(seed)


@pytest.fixture
def report_figure(request):
    """A function that reports a figure of this test, in the summary and in a JUnit report.

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
def quick_looks(monkeypatch):
    """No pauses before a reader gives up: nobody is writing, and there is much to read."""
    monkeypatch.setattr("russo._store.cache._LOOKS", (0.0, 0.0))


@pytest.fixture
def old_umask():
    """The umask, put back after the test."""
    before = os.umask(0o022)
    yield before
    os.umask(before)


@pytest.fixture(scope="session", autouse=True)
def _trials_from_the_start(request):
    """Run the trials behind the other tests, which mostly wait; of xdist's workers, one has them alone."""
    if not hasattr(request.config, "workerinput"):
        request.getfixturevalue("trials")


@pytest.fixture(scope="session")
def trials(request, tmp_path_factory):
    """Start the trials of broken stores; return a function to ask how one ended."""
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
        at_once=os.cpu_count() or 1,  # they wait more than they work
        environment=child_environment(),
        root=here.parents[1],
    )
    yield group.output
    group.close()


def pytest_terminal_summary(terminalreporter):
    """Tell what was done, and from which seed."""
    told = [
        f"  {name}: {value}"
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", None) == "call"
        for name, value in report.user_properties
        if name.startswith("torture ")
    ]
    if told:
        terminalreporter.write_line(f"torture: RUSSO_TORTURE={FACTOR:g} RUSSO_TORTURE_SEED={SEED}")
        for line in told:
            terminalreporter.write_line(line.replace("torture ", "", 1))
