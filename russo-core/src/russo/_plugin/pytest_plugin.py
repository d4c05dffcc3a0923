"""The pytest plugin: options, marker, fixtures and hooks. The work is done in `russo._plugin.session`.

Every pytest run of an environment that has russo installed imports this module. It must import only pytest
and five small modules: the first fixture or option of russo that is used imports the rest.
"""

from __future__ import annotations

import contextlib
import functools
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import pytest

from .._installation import is_damaged, problem
from . import options
from .complete_run import CompleteRun
from .item import CURRENT_ITEM, is_prompt_marker
from .workers import workers_of

if TYPE_CHECKING:
    from collections.abc import Generator

    from .._audio import Audio
    from .._flow.cached import CachedSynthesizer
    from .._report.attachments import RunReport
    from .._say import Say
    from .._store.layered import Cache
    from .session import PytestSession

_SESSION: Final = pytest.StashKey["PytestSession"]()
COMPANIONS: Final = pytest.StashKey[list[Path]]()
"""The key under which the stash of a `pytest.Config` holds the folders of companions' packages."""
_COMPLETE_RUN: Final = pytest.StashKey[CompleteRun]()
_MARKER: Final = "russo(prompt): speak the prompt and pass its audio as the fixture russo_audio"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options and ini settings."""
    options.add_to(parser)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Add the ``pytest_russo_…`` hooks."""
    from . import hookspecs

    pluginmanager.add_hookspecs(hookspecs)


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests() -> Generator[None, None, None]:
    """Explain a ``conftest.py`` that fails because the package is damaged."""
    try:
        return (yield)
    except BaseException:
        if is_damaged():
            _complain()
        raise


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, and check the settings of a run that uses russo."""
    config.addinivalue_line("markers", _MARKER)
    if is_damaged():
        if options.is_any_given(config):
            raise pytest.UsageError(problem())
        if not hasattr(config, "workerinput"):
            _complain()
    complete_run = config.stash[_COMPLETE_RUN] = CompleteRun(config, workers_of(config))
    config.pluginmanager.register(complete_run, "russo-complete-run")
    if config.get_verbosity() > 0:
        from .unused_markers import UnusedMarkers

        config.pluginmanager.register(UnusedMarkers(workers_of(config)), "russo-unused-markers")
    if config.getoption("russo_record_only"):
        config.option.dist, config.option.tx = "no", []  # one process speaks; there is nothing to distribute
    if options.is_any_given(config) and not config.getoption("help", False):
        session_of(config).backend.check()
    if config.getoption("russo_report") and not config.getoption("help", False):
        from .report import Report

        config.pluginmanager.register(Report(config, session_of(config)), "russo-report")


def pytest_report_header(config: pytest.Config) -> str | None:
    """Return the line with the backend, the mode and the directories, if the run sets any of them."""
    return session_of(config).backend.header() if options.is_any_given(config) else None


def _complain() -> None:
    with contextlib.suppress(OSError, AttributeError):  # standard error is closed
        sys.stderr.write(f"{problem()}\n")


def session_of(config: pytest.Config) -> PytestSession:
    """Return the `PytestSession` of a pytest run; the first call creates it."""
    session = config.stash.get(_SESSION, None)
    if session is None:
        if is_damaged():
            pytest.fail(problem() or "", pytrace=False)
        from .session import PytestSession

        session = config.stash[_SESSION] = PytestSession(
            config, workers_of(config), functools.partial(options.ini_value, config)
        )
    return session


@pytest.fixture(scope="session")
def russo_cache(request: pytest.FixtureRequest) -> Cache:
    """The run's cache; override it in ``conftest.py`` to store audio elsewhere."""
    return session_of(request.config).cache


@pytest.fixture(scope="session")
def russo_synthesizer(request: pytest.FixtureRequest) -> Generator[CachedSynthesizer, None, None]:
    """The chosen backend, cached.

    Override it in ``conftest.py``, plain, yielded or async and of any scope, with any synthesizer: the
    test receives it wrapped in `CachedSynthesizer`, with the run's cache and mode.
    """
    session = session_of(request.config)
    synthesizer = session.backend.load()
    yield cast("CachedSynthesizer", synthesizer)  # pytest_fixture_setup wraps it
    session.close_synthesizer(synthesizer)


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> Generator[None, Any, Any]:
    """Wrap what ``russo_synthesizer`` returned, before a test or another fixture gets it.

    A `CachedSynthesizer` of another fixture is bound to the run.
    """
    __tracebackhide__ = True
    value = yield
    if request.config.getoption("setupplan", False):
        return value
    if fixturedef.argname == "russo_cache":
        session_of(request.config).fixtures.note_cache(fixturedef, value)
    if fixturedef.argname != "russo_synthesizer":
        # If the module is not imported yet, the value cannot be an object of its class. isinstance is not
        # used, because it reads __class__ of the value: this may fail, or load the object of a lazy value.
        module = sys.modules.get("russo._flow.cached")
        if module is not None and issubclass(type(value), module.CachedSynthesizer):
            from .adopt import adopt_other

            adopt_other(value, request, session_of(request.config))
        return value
    cached = fixturedef.cached_result
    assert cached is not None
    try:
        from .adopt import adopt

        value = adopt(value, request, fixturedef, session_of(request.config))
    except BaseException as error:
        # Otherwise the next test of a wider scope would get the value unwrapped.
        fixturedef.cached_result = (None, cached[1], (error, error.__traceback__))
        raise
    fixturedef.cached_result = (value, cached[1], None)
    return value


@pytest.fixture
def russo_say(request: pytest.FixtureRequest, russo_synthesizer: CachedSynthesizer) -> Say:
    """Return a function that takes a prompt and returns its audio; a plain test may call it many times."""
    session = session_of(request.config)

    def say(*arguments: Any, **named: Any) -> Audio:
        __tracebackhide__ = True
        if len(arguments) + len(named) != 1 or named.keys() - {"text"}:
            from .misuse import arguments_error

            raise arguments_error(len(arguments), named)
        (text,) = arguments or named.values()
        return russo_synthesizer.synthesize_sync(text, wait_for=session.wait_for)

    return say


@pytest.fixture
def russo_audio(request: pytest.FixtureRequest, russo_synthesizer: CachedSynthesizer) -> Audio:
    """The audio of the prompt that the closest ``russo`` marker names."""
    __tracebackhide__ = True
    mark = request.node.get_closest_marker("russo")
    if mark is None:
        pytest.fail(
            f'{request.node.name} asks for russo_audio without a @pytest.mark.russo("…")', pytrace=False
        )
    return russo_synthesizer.synthesize_sync(mark.args[0], wait_for=session_of(request.config).wait_for)


@pytest.fixture
def russo_report(request: pytest.FixtureRequest) -> RunReport:
    """Attaches texts, audio and files to the test in the report of ``--russo-report``."""
    plugin = request.config.pluginmanager.get_plugin("russo-report")
    if plugin is None:
        from .._report.attachments import RunReport

        return RunReport()
    report: RunReport = plugin.report_of_test()
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Remember the running test, so that hooks reach the ``conftest.py`` files of its folders."""
    item.config.stash[CURRENT_ITEM] = item
    try:
        return (yield)
    finally:
        item.config.stash[CURRENT_ITEM] = None


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> object:
    """Speak the marked prompts ahead, if a setting says so; with ``--russo-record-only`` run no test."""
    config = session.config
    wanted = options.ini_value(config, "russo_speak_ahead") or config.getoption("russo_record_only")
    if config.getoption("collectonly", False) or not wanted:
        return None
    from .speak_ahead import speak_ahead

    failed = speak_ahead(session_of(config), session.items, config)
    session.testsfailed += failed or 0
    return None if failed is None else True


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Refuse a marker whose argument is not exactly one string, even if the test uses no fixture of russo."""
    mark = item.get_closest_marker("russo")
    if mark is not None and not is_prompt_marker(mark):
        given = ", ".join(
            [*map(repr, mark.args), *(f"{name}={value!r}" for name, value in mark.kwargs.items())]
        )
        pytest.fail(
            f"@pytest.mark.russo takes exactly one string, the prompt; it was given ({given})", pytrace=False
        )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Shorten the traceback of russo's errors; explain errors that the wrong use of a fixture causes."""
    companions = item.config.stash.get(COMPANIONS, [])
    is_used = _SESSION in item.config.stash or (companions and "russo._errors" in sys.modules)
    if call.excinfo is None or not is_used:
        return (yield)
    from .misuse import explain_await

    explain_await(item, call.excinfo.value)
    if item.config.getoption("fulltrace", False):
        return (yield)
    from .tracebacks import is_from_fixture, message_of, shorten_trace

    shorten_trace(call.excinfo, companions)
    report = yield
    if is_from_fixture(call.excinfo, companions) and report.longrepr is not None:
        report.longrepr = message_of(call.excinfo, report.longrepr, companions)
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Clear the cache once per run, if an option says so."""
    own = session.config.stash.get(_SESSION, None)
    if own is not None and own.workers.is_controller:
        own.clear_if_asked()


@pytest.hookimpl(tryfirst=True)
def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config
) -> None:
    """Write the summary of the run."""
    workers = workers_of(config)
    if is_damaged() or not workers.is_controller:
        return  # a worker knows its own tests only, and its terminal is not shown
    parts, prune = workers.received("counts"), config.getoption("russo_prune_unused")
    complete_run = config.stash[_COMPLETE_RUN]
    is_unseen = complete_run.unseen and options.is_any_given(config)
    if not (parts or prune or is_unseen or workers.received("markers")):
        return
    from .run_summary import write_summary

    reason = complete_run.why_not(terminalreporter, exitstatus)
    write_summary(config, session_of(config), parts, unseen=complete_run.unseen, why_incomplete=reason)
