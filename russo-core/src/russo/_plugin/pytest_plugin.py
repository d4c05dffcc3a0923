"""The pytest plugin: options, marker, fixtures and hooks; the work is done in `russo._plugin.session`.

This module is imported in every pytest run of an environment that has russo installed. It imports
nothing but pytest, and must stay so: the first fixture or option of russo that is used brings in the
rest.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from .._audio import Audio
    from .._flow.cached import CachedSynthesizer
    from .._flow.run import Cache
    from .session import PytestRun

_RUN: Final = pytest.StashKey["PytestRun"]()
CURRENT_ITEM: Final = pytest.StashKey[pytest.Item | None]()
# Options and ini settings whose mere presence means that the run uses russo.
_OPTIONS: Final = (
    "synth",
    "synth_option",
    "cache_mode",
    "no_cache",
    "cache_dir",
    "recordings_dir",
    "clear_cache",
    "max_paid",
    "record_only",
)
_INIS: Final = ("synth", "synth_options", "cache_mode", "cache_dir", "recordings_dir", "speak_ahead")
_MARKER: Final = "russo(prompt): speak the prompt and pass its audio as the fixture russo_audio"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options and ini settings."""
    group = parser.getgroup("russo", "russo: speech for voice-agent tests")
    add = group.addoption
    add("--russo-synth", metavar="NAME", help="backend that speaks, by name or as package.module:factory")
    add(
        "--russo-synth-option",
        metavar="NAME.OPTION=VALUE",
        action="append",
        default=[],
        help="option of a backend, as local.speed=1.2 (custom.OPTION for a factory); may be repeated",
    )
    add("--russo-cache-mode", metavar="MODE", help="auto (default), replay, refresh or off")
    add("--russo-no-cache", action="store_true", help="always synthesize, store nothing: mode off")
    add("--russo-cache-dir", metavar="DIR", help="where audio is kept (default: .russo_cache in the rootdir)")
    add(
        "--russo-recordings-dir",
        metavar="DIR",
        help="recordings that are looked into first and never written",
    )
    add("--russo-clear-cache", action="store_true", help="remove all cached audio before the run")
    add("--russo-max-paid", metavar="N", type=int, help="refuse paid calls after the first N of the run")
    add("--russo-record-only", action="store_true", help="speak the marked prompts, run no test")
    add(
        "--russo-prune-unused", action="store_true", help="remove entries that a complete run did not ask for"
    )
    add("--russo-report", metavar="FILE", help="write a page of every prompt of the run, with its audio")
    parser.addini("russo_synth", "backend that speaks, by name or as package.module:factory")
    parser.addini(
        "russo_synth_options", "options of backends, one NAME.OPTION=VALUE per line", type="linelist"
    )
    parser.addini("russo_cache_mode", "auto, replay, refresh or off")
    parser.addini("russo_cache_dir", "where audio is kept, from the rootdir")
    parser.addini("russo_speak_ahead", "how many marked prompts to speak at once before the tests")
    parser.addini("russo_recordings_dir", "recordings that are looked into first, from the rootdir")


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Add the ``pytest_russo_…`` hooks."""
    from . import hookspecs

    pluginmanager.add_hookspecs(hookspecs)


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker; check what was asked for, if anything was."""
    config.addinivalue_line("markers", _MARKER)
    config.pluginmanager.register(Totals(config), "russo-totals")
    if config.getoption("russo_record_only"):
        config.option.dist, config.option.tx = "no", []  # one process speaks; there is nothing to distribute
    if _is_asked_for(config) and not config.option.help:
        run_of(config).check()
    if config.getoption("russo_report") and not config.option.help:
        from .report import Report

        config.pluginmanager.register(Report(config, run_of(config)), "russo-report")


def _is_asked_for(config: pytest.Config) -> bool:
    return (
        any(config.getoption(f"russo_{name}") for name in _OPTIONS)
        or any(os.environ.get(f"RUSSO_{name.upper()}") for name in _INIS)
        or any(config.getini(f"russo_{name}") for name in _INIS)
    )


def run_of(config: pytest.Config) -> PytestRun:
    """Return russo's side of a pytest run, made when it is first needed."""
    run = config.stash.get(_RUN, None)
    if run is None:
        from .session import PytestRun

        run = config.stash[_RUN] = PytestRun(config)
    return run


@pytest.fixture(scope="session")
def russo_cache(request: pytest.FixtureRequest) -> Cache:
    """The run's cache; override it in ``conftest.py`` to keep audio elsewhere."""
    return run_of(request.config).cache


@pytest.fixture(scope="session")
def russo_synthesizer(request: pytest.FixtureRequest) -> Generator[Any, None, None]:
    """The chosen backend, cached.

    Override it in ``conftest.py``, plain, yielded or async and of any scope, with any synthesizer: the
    test receives it wrapped in `CachedSynthesizer`, with the run's cache and mode.
    """
    run = run_of(request.config)
    synthesizer = run.load_synthesizer()
    yield synthesizer
    run.close_synthesizer(synthesizer)


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> Generator[None, Any, Any]:
    """Wrap whatever ``russo_synthesizer`` returned, before anybody sees it."""
    __tracebackhide__ = True
    value = yield
    if fixturedef.argname != "russo_synthesizer" or request.config.option.setupplan:
        return value
    cached = fixturedef.cached_result
    assert cached is not None
    try:
        value = run_of(request.config).adopt(value, request, fixturedef)
    except BaseException as error:
        # Else a fixture of a wider scope would hand the raw value to the next test.
        fixturedef.cached_result = (None, cached[1], (error, error.__traceback__))
        raise
    fixturedef.cached_result = (value, cached[1], None)
    return value


@pytest.fixture
def russo_say(request: pytest.FixtureRequest, russo_synthesizer: CachedSynthesizer) -> Callable[[str], Audio]:
    """Speak prompts from a plain test; a function of the prompt, to be called as often as the test likes."""
    run = run_of(request.config)

    def say(text: str) -> Audio:
        __tracebackhide__ = True
        return russo_synthesizer._synthesize_with(run.wait_for, text)

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
    from .._errors import RussoError

    try:
        return russo_synthesizer._synthesize_with(run_of(request.config).wait_for, mark.args[0])
    except RussoError as error:
        problem = str(error)
    pytest.fail(problem, pytrace=False)  # the message says it all; the frames between are pytest's


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Remember which test is running, so that hooks reach the ``conftest.py`` files above it."""
    item.config.stash[CURRENT_ITEM] = item
    try:
        return (yield)
    finally:
        item.config.stash[CURRENT_ITEM] = None


def is_prompt_marker(mark: pytest.Mark | None) -> bool:
    """Tell whether a ``russo`` marker is what it must be: one string."""
    return mark is not None and not mark.kwargs and len(mark.args) == 1 and isinstance(mark.args[0], str)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> object:
    """Speak the marked prompts ahead, if asked to; with ``--russo-record-only`` run no test."""
    config = session.config
    wanted = config.getini("russo_speak_ahead") or config.getoption("russo_record_only")
    if config.option.collectonly or not wanted:
        return None
    return run_of(config).speak_ahead(session) or None


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Refuse a marker that is not one string, also where no fixture would notice."""
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
    """Let each report of an xdist worker carry what was counted since the last one to the controller."""
    run = item.config.stash.get(_RUN, None)
    if run is not None and call.excinfo is not None and not item.config.option.fulltrace:
        from .tracebacks import shorten_trace

        shorten_trace(call.excinfo)
    report = yield
    if run is not None and not run.is_controller and (counts := run.statistics.take()):
        report.russo_counts = counts.to_json()  # type: ignore[attr-defined]
    return report


class Totals:
    """Adds up what the processes of a run counted, and prints it once, in the controlling process."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._parts: list[dict[str, Any]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take what a test's report carries."""
        if counts := getattr(report, "russo_counts", None):
            self._parts.append(counts)

    def pytest_sessionstart(self) -> None:
        """Clear the cache, if asked to, once per run."""
        run = self._config.stash.get(_RUN, None)
        if run is not None and run.is_controller:
            run.clear_if_asked()

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell an xdist worker what the processes of the run share."""
        run = self._config.stash.get(_RUN, None)
        if run is not None:
            node.workerinput["russo_shared"] = run.shared_directory

    def pytest_sessionfinish(self) -> None:
        """Hand over what was counted, in a worker after the last report."""
        run = self._config.stash.get(_RUN, None)
        if run is not None and (counts := run.statistics.take()):
            if run.is_controller:
                self._parts.append(counts.to_json())
            else:
                self._config.workeroutput["russo_counts"] = counts.to_json()  # type: ignore[attr-defined]

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take what a worker counted after its last report."""
        if counts := getattr(node, "workeroutput", {}).get("russo_counts"):
            self._parts.append(counts)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter, exitstatus: int) -> None:
        """Print the run's line of truth, and more with ``-v``."""
        if hasattr(self._config, "workerinput"):
            return  # a worker knows its own tests only, and nobody reads its terminal
        prune = self._config.getoption("russo_prune_unused")
        if self._parts or prune:
            from .._flow.summary import summarize, total_of

            total = total_of(self._parts)
            verbose = self._config.get_verbosity() > 0
            for line in summarize(total, verbose=verbose):
                terminalreporter.write_line(line)
            if verbose or prune:
                for line in run_of(self._config).tell_unused(
                    total, terminalreporter, exitstatus, prune=prune
                ):
                    terminalreporter.write_line(line)
