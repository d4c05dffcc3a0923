"""Each test fails against a store with the fault that it looks for: a test that cannot fail proves nothing."""

import re

import pytest

from support.torture_broken import BREAKS
from support.torture_work import BREAK

# A broken store must still pass this test; otherwise another fault than its own would be caught.
STILL_WORKS = "test_whole_or_not.py::test_stored_audio_is_returned_unchanged"
OUTCOME = re.compile(r"^(PASSED|FAILED|ERROR) \S*?torture/(\S+?::.+?)(?: - .*)?$", re.MULTILINE)


@pytest.mark.parametrize(
    "broken",
    [pytest.param(name, marks=[pytest.mark.slow] if each.slow else []) for name, each in BREAKS.items()],
)
def test_broken_store_is_caught(trials, broken):
    if BREAK:
        pytest.skip("the store is broken already")
    output = trials(broken)
    # A check in a fixture fails after its test has passed: ERROR and FAILED count before PASSED.
    outcomes = {node: outcome for outcome, node in sorted(OUTCOME.findall(output), reverse=True)}
    assert outcomes.get(STILL_WORKS) == "PASSED", output[-3000:]
    missed = [node for node in BREAKS[broken].caught_by if outcomes.get(node) == "PASSED"]
    assert missed == [], f"{broken} is not caught by {missed}"
    unknown = [node for node in BREAKS[broken].caught_by if node not in outcomes and " skipped" not in output]
    assert unknown == [], f"no such test: {unknown}\n{output[-3000:]}"
