"""Tests that a plugin runs in forked child processes, like pytest-forked."""

import os

import pytest

from support.projects import summary_lines

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

# Runs each test in a child process, which sends its reports to the parent.
FORKED = """
import json, os, warnings
import pytest
from _pytest.runner import runtestprotocol

KEEPS_ALL = True

@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    inbox, outbox = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # other threads run
        child = os.fork()
    if not child:
        reports = runtestprotocol(item, log=False, nextitem=nextitem)
        os.write(outbox, json.dumps([packed(item.config, report) for report in reports]).encode())
        os._exit(0)
    os.close(outbox)
    with open(inbox) as found:
        reports = json.load(found)
    os.waitpid(child, 0)
    for report in reports:
        report = item.config.hook.pytest_report_from_serializable(config=item.config, data=report)
        item.ihook.pytest_runtest_logreport(report=report)
    return True

def packed(config, report):
    values = config.hook.pytest_report_to_serializable(config=config, report=report)
    return {name: value for name, value in values.items() if KEEPS_ALL or not name.startswith("russo_")}
"""
LOSES_SOME = FORKED.replace("KEEPS_ALL = True", "KEEPS_ALL = False")


def summary(result):
    """Return the first line of russo's summary."""
    return next((f"russo: {line}" for line in summary_lines(result)), None)


@pytest.fixture
def forked(project):
    """A project with three tests, one unused entry and the plugin `forked`."""
    project.pytester.syspathinsert()
    project.tests("def test_it(russo_say): russo_say('Old')")
    project.run().assert_outcomes(passed=1)
    project.tests(
        """
        import pytest

        @pytest.mark.parametrize("n", range(3))
        def test_n(russo_say, n): russo_say(f"Number {n}"); russo_say("Every time")
        """
    )
    (project.path / "forked.py").write_text(FORKED)
    (project.path / "conftest.py").write_text(
        (project.path / "conftest.py").read_text() + "\npytest_plugins = ['forked']\n"
    )
    return project


@pytest.mark.parametrize("xdist", [[], ["-n", "2"]], ids=["alone", "xdist"])
def test_calls_in_forked_children_are_counted(forked, xdist):
    result = forked.run("-v", *xdist, subprocess=True)
    result.assert_outcomes(passed=3)
    assert (
        summary(result)
        == "russo: 2 hits (20 characters, 0 s of speech), 4 backend calls to speaker (34 characters)"
    )
    result = forked.run("--russo-prune-unused", *xdist, subprocess=True)
    assert summary(result) == "russo: 6 hits (54 characters, 1 s of speech), 0 backend calls"
    result.stdout.fnmatch_lines(["russo: removed: 'Old' (*"])
    assert forked.cached() == 4


def test_counts_made_before_the_fork_are_counted_once(forked):
    conftest = forked.path / "conftest.py"
    conftest.write_text(
        conftest.read_text()
        + "\n@pytest.hookimpl(wrapper=True, tryfirst=True)\n"
        + "def pytest_runtest_protocol(item):\n"
        + "    from russo._plugin.pytest_plugin import session_of\n"
        + "    session = session_of(item.config)\n"
        + "    speaker = CachedSynthesizer(Speaker()).bound_to(session.context)\n"
        + "    speaker.synthesize_sync('Before')\n"
        + "    return (yield)\n"
    )
    result = forked.run(subprocess=True)
    result.assert_outcomes(passed=3)
    # The parent makes one call and two hits for "Before"; the children make four calls and two hits.
    assert summary(result).startswith("russo: 4 hits")
    assert "5 backend calls" in summary(result)


def test_reports_without_the_data_of_russo_make_a_run_incomplete(forked):
    (forked.path / "forked.py").write_text(LOSES_SOME)
    result = forked.run("--russo-prune-unused", subprocess=True)
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(
        [
            "russo: no unused entries are removed: *(a plugin ran 3 tests where russo does not see what they use)"
        ]
    )
    assert forked.cached() == 5


def test_summary_reports_lost_counts(forked):
    (forked.path / "forked.py").write_text(LOSES_SOME)
    result = forked.run("--russo-cache-mode=auto", subprocess=True)
    assert result.outlines[-3:-1] == [
        "russo: 0 hits, 0 backend calls",
        "russo: a plugin ran 3 tests where russo does not see what they use: they are not counted",
    ]
