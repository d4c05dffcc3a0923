"""Fixtures that the tests of the contract share."""

import gc
import os
import re

import pytest

from russo_agents._call import connection, session
from russo_agents.testing._checks import endings
from support.agents import contract_adapters


class ContractRun:
    """Runs the contract for an adapter in pytester's directory."""

    def __init__(self, pytester):
        self.pytester = pytester

    def run(self, kind, checks, *, declarations=""):
        """Return the names of the checks that failed, and the output.

        Args:
            kind: The class of the agent or of its line.
            checks: The checks to run.
            declarations: More lines of the test class.
        """
        self.pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
        self.pytester.makepyfile(
            test_it=f"""
import pytest
from support.agents import contract_adapters
from support.agents.contract_adapters import *


class TestIt(contract_adapters.ContractOfTheTests):
    patience = 2.0
    {declarations}

    @pytest.fixture
    def agent(self):
        return contract_adapters.agent_of(contract_adapters.{kind.__name__})
"""
        )
        result = self.pytester.runpytest_inprocess(
            "-p", "no:cacheprovider", "-W", "error", "-k", " or ".join(sorted(checks)), "-rfs"
        )
        output = result.stdout.str()
        return set(re.findall(r"^FAILED \S+::(test_\w+)", output, re.MULTILINE)), output


@pytest.fixture
def contract(pytester, monkeypatch):
    """A `ContractRun` with short waits for lines that do not close; ends what wrong adapters leave."""
    monkeypatch.setattr(connection, "CLOSE_SECONDS", 0.5)
    monkeypatch.setattr(session, "CLOSE_SECONDS", 0.5)
    monkeypatch.setattr(endings, "_END_SECONDS", 3.0)
    waiting = (contract_adapters.LeavesThreads, contract_adapters.ConnectCannotBeCancelled)
    for kind in waiting:
        kind.is_over.clear()
    gc.freeze()  # the checks call gc.collect; frozen objects are not scanned
    yield ContractRun(pytester)
    gc.unfreeze()
    for kind in waiting:
        kind.is_over.set()
    while contract_adapters.LeavesFiles.opened:
        os.close(contract_adapters.LeavesFiles.opened.pop())
