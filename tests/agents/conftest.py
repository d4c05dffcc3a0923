"""Fixtures for all tests of russo-agents."""

import importlib
import pkgutil

import pytest

import russo_agents

# In-process pytester drops modules that a run imports first; a second import of these modules would
# create other classes.
for _module in pkgutil.walk_packages(russo_agents.__path__, "russo_agents."):
    if "._adapters" not in _module.name and ".testing" not in _module.name:
        importlib.import_module(_module.name)


@pytest.fixture
def agent_project(pytester):
    """A small project with an agent under test, at pace 0."""
    from support.agents.projects import AgentProject

    return AgentProject(pytester)
