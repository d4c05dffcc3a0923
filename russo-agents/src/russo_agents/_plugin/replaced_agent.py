"""The sentence about a fixture ``russo_agent`` that replaces the agent of a setting.

Without the sentence, a run with ``--russo-agent=staging`` would pass although no test called that agent.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest

from russo import plugins

from .settings import settings_of
from .summary import count_note


def note_replaced_agent(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest, counters: plugins.Counters
) -> None:
    """Note a fixture that made an agent, if a setting of this run chooses another one.

    The agent of an ini-file is not meant for one run, so it may be replaced. A fixture that requests the
    fixture which it overrides uses the agent of the setting.
    """
    settings = settings_of(request.config)
    is_own = fixturedef.func.__module__.startswith("russo_agents.")
    is_chosen = settings.agent is not None and not settings.source.startswith("ini-file")
    if is_chosen and not is_own and "russo_agent" not in fixturedef.argnames:
        file = _file_of(fixturedef.func, request)
        count_note(
            counters,
            f"the fixture russo_agent of {file} replaces the agent {settings.agent} ({settings.source})",
        )


def _file_of(function: Any, request: pytest.FixtureRequest) -> str:
    """Return the file of a fixture, relative to the rootdir; for a parameter, that of the test."""
    if function.__module__.startswith("_pytest."):
        test: str = request.node.nodeid
        return test.partition("::")[0]
    code = inspect.unwrap(function).__code__
    path, root = Path(code.co_filename), request.config.rootpath
    return str(path.relative_to(root) if path.is_relative_to(root) else path)
