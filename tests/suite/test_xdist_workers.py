"""One xdist worker runs all tests of a group, even if pytest changes the names of the tests."""

from collections import defaultdict
from pathlib import Path

from support import xdist_workers
from support.xdist_workers import GROUPS

CONFTEST = """
import pytest
from support import xdist_workers

@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    return xdist_workers.make_scheduler(config, log)

@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers():
    return 3
"""
TESTS = """
import pytest, time
from pathlib import Path

@pytest.mark.parametrize("number", range(9))
def test_it(number, worker_id):
    time.sleep(0.01)
    with Path("seen.txt").open("a") as seen:
        print({group!r}, worker_id, file=seen)
"""


def test_each_group_is_run_by_one_worker(pytester):
    pytester.makeini(f"[pytest]\npythonpath = {Path(xdist_workers.__file__).parents[1]}")
    pytester.makeconftest(CONFTEST)
    for name, group in {**GROUPS, "tests/other/test_other.py": "alone"}.items():
        path = pytester.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(TESTS.format(group=group))
    result = pytester.runpytest_subprocess("-n", "auto", "--import-mode=importlib", "-p", "no:asyncio")
    result.assert_outcomes(passed=9 * (len(GROUPS) + 1))
    workers = defaultdict(set)
    for line in (pytester.path / "seen.txt").read_text().splitlines():
        group, _, worker = line.rpartition(" ")
        workers[group].add(worker)
    assert {group: len(found) for group, found in workers.items() if group != "alone"} == dict.fromkeys(
        GROUPS.values(), 1
    )
    assert len(set.union(*workers.values())) == 3
