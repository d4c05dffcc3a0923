"""The figures of the torture tests are in a JUnit report, without a warning."""

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

from support.torture_processes import child_environment

HERE = Path(__file__).parent


def test_figures_of_a_test_are_in_its_junit_report(tmp_path):
    report = tmp_path / "report.xml"
    name = "test_put_killed_at_any_call_leaves_the_old_entry_the_new_one_or_a_miss[no entry-before]"
    node = f"{HERE / 'test_whole_or_not.py'}::{name}"
    options = [
        "-q",
        "-p",
        "no:cacheprovider",
        f"--basetemp={tmp_path / 'of the run'}",
        f"--junitxml={report}",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, node],
        cwd=HERE.parents[1],
        env={**child_environment(), "RUSSO_TORTURE_BREAK": ""},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    (figure,) = ElementTree.parse(report).iter("property")
    assert figure.get("name") == "torture put killed before each call, no entry"
    assert "'miss'" in figure.get("value")
