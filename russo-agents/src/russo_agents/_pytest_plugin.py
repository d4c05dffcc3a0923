"""The pytest plugin of russo-agents: options, markers, fixtures and hooks.

Every pytest run of an environment that has russo-agents imports this module. It must import only pytest and
`russo.plugins`: the first fixture or option that is used imports the rest.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from russo import plugins

if TYPE_CHECKING:
    from ._plugin.sync_call import OpenCall, SyncCall
    from ._protocol import Agent

_COUNTERS: Final = pytest.StashKey[plugins.Counters]()
_SETTINGS: Final = ("agent", "pace", "agent_timeout", "keep_calls")
_MARKER: Final = "russo_real_time: run the calls of this test in real time, also if the run has another pace"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options and ini settings."""
    add = plugins.add_setting
    add(parser, "agent", metavar="NAME", help="agent under test, by name or as package.module:factory")
    plugins.add_options_setting(
        parser, "agent", help="option of an agent, such as shop.opens=9 (custom.OPTION for a factory)"
    )
    add(parser, "pace", metavar="PACE", help="pace of calls: 1 is real time (default), 0 as fast as possible")
    add(
        parser,
        "agent_timeout",
        metavar="SECONDS",
        help="after how many seconds without a sign an agent counts as silent (default: 30)",
    )
    add(
        parser,
        "keep_calls",
        metavar="WHICH",
        help="calls to write to .russo_calls: those of failed tests (default), all or none",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, and check the settings of a run that uses agents."""
    config.addinivalue_line("markers", _MARKER)
    counters = config.stash[_COUNTERS] = plugins.Counters(config, "russo-agents")
    plugins.add_summary_lines(config, lambda: _summary_lines(counters))
    plugins.shorten_tracebacks(config, Path(__file__).parent)
    if _is_any_given(config) and not config.getoption("help", False):
        if not _has_russo(config):
            raise pytest.UsageError(_no_russo("the settings of russo-agents need"))
        from ._plugin.settings import check

        check(config)


def pytest_report_header(config: pytest.Config) -> str | None:
    """Return the line with the agent and the pace, if the run sets any of them."""
    if not _is_any_given(config):
        return None
    from ._plugin.settings import header

    return header(config) or None


@pytest.fixture(scope="session")
def russo_agent(request: pytest.FixtureRequest) -> Agent:
    """The agent under test. Override it in ``conftest.py``, plain or yielded and of any scope."""
    _check_russo(request.config)
    from ._plugin.settings import chosen_agent

    return chosen_agent(request.config)


@pytest.fixture
def russo_call(request: pytest.FixtureRequest, russo_agent: Agent) -> Iterator[SyncCall]:
    """An open call to the agent, for tests that are not async."""
    _check_russo(request.config)
    from ._plugin.fixtures import sync_call

    yield from sync_call(request, russo_agent, request.config.stash[_COUNTERS])


@pytest.fixture
def russo_async_call(request: pytest.FixtureRequest, russo_agent: Agent) -> Iterator[OpenCall]:
    """A function that opens a call in the event loop of an async test, for ``async with``."""
    _check_russo(request.config)
    from ._plugin.fixtures import async_call

    yield from async_call(request, russo_agent, request.config.stash[_COUNTERS])


@pytest.hookimpl(wrapper=True, tryfirst=True)  # anyio replaces the function of an async fixture in this hook
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> Generator[None, object, object]:
    """Refuse an async ``russo_agent`` for a test that uses ``russo_call``, before anything runs.

    Note a ``russo_agent`` that replaces the agent of a setting.
    """
    __tracebackhide__ = True  # otherwise this frame is the first one of every fixture that fails
    if fixturedef.argname != "russo_agent" or request.config.getoption("setupplan", False):
        return (yield)
    from ._plugin.async_agents import note_async_agent, place_of_async, refuse_async_agent
    from ._plugin.replaced_agent import note_replaced_agent

    place = place_of_async(fixturedef)
    if place is not None and "russo_call" in request.fixturenames:
        refuse_async_agent(fixturedef, request, place)
    agent = yield
    note_replaced_agent(fixturedef, request, request.config.stash[_COUNTERS])
    if place is not None:
        note_async_agent(request, agent, place)
    return agent


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> None:
    """Refuse a marker with arguments, also if the test opens no call.

    This is not done in the setup: russo speaks prompts ahead only if no hook may end a test there.
    """
    if item.get_closest_marker("russo_real_time") is not None:
        from ._plugin.settings import runs_in_real_time

        runs_in_real_time(item)


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """Explain why two tool calls, or two lists of them, are different."""
    if op != "==" or "russo_agents._events" not in sys.modules:
        return None
    from ._plugin.comparison import explain

    return explain(left, right)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the conversation of a phase that failed, and keep the calls of a test that ended."""
    module = sys.modules.get("russo_agents._plugin.item_calls")  # not imported means that no call was opened
    calls = None if module is None else module.find_calls(item)
    if calls is None:
        return (yield)
    if call.when == "teardown":
        calls.has_failed |= call.excinfo is not None
        calls.finish()  # before the worker sends its counts and its sections with the report
    report = yield
    calls.has_passed |= call.when == "call" and report.passed
    if report.failed:
        calls.has_failed = True
        section = calls.section()
        if section is not None:
            report.sections.append(section)
    if call.when == "teardown":
        calls.forget()
    return report


def _summary_lines(counters: plugins.Counters) -> Iterable[str]:
    total = counters.total()
    if not total:
        return []
    from ._plugin.summary import lines_of_run

    return lines_of_run(total)


def _is_any_given(config: pytest.Config) -> bool:
    return (
        any(config.getoption(f"russo_{name}") for name in (*_SETTINGS, "agent_option"))
        or any(os.environ.get(f"RUSSO_{name.upper()}") for name in _SETTINGS)
        or any(config.getini(f"russo_{name}") for name in (*_SETTINGS, "agent_options"))
    )


def _has_russo(config: pytest.Config) -> bool:
    return hasattr(config.option, "russo_synth")


def _check_russo(config: pytest.Config) -> None:
    if not _has_russo(config):
        pytest.fail(_no_russo("the fixtures of russo-agents need"), pytrace=False)


def _no_russo(subject: str) -> str:
    return f"{subject} the pytest plugin of russo-core, which this run does not load (-p no:russo)"
