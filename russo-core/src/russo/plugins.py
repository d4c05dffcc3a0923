"""Tools for companion distributions: pytest plugins that share russo's settings, event loop and report.

    from russo import plugins

    AGENTS = plugins.EntryPointGroup("acme.agents", noun="agent", product="agent")

    def pytest_addoption(parser):
        plugins.add_setting(parser, "acme", metavar="NAME", help="the agent under test")
        plugins.add_options_setting(parser, "acme", help="option of an agent")

    @pytest.fixture
    def acme_agent(request):
        chosen = plugins.setting_of(request.config, "acme")
        texts = plugins.options_of(request.config, "acme", chosen.value)
        options = AGENTS.convert_options(chosen.value, AGENTS.load(chosen.value), texts)
        return AGENTS.make(chosen.value, options, check_agent)

A companion may use this module and the public names of `russo`, and nothing that begins with an
underscore. Importing it in a pytest run loads no other module. Make an `EntryPointGroup` at its first use,
not where a module is imported, so that a run which uses no companion does not load more.
"""

from __future__ import annotations

import math
import os
import threading
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from ._plugin.pytest_plugin import COMPANIONS, session_of
from ._plugin.workers import workers_of

if TYPE_CHECKING:
    from ._backends.entry_points import EntryPointGroup as EntryPointGroup
    from ._flow.background_loop import LoopBlockedError as LoopBlockedError
    from ._foreign import shown as shown
    from ._foreign import visible as visible
    from ._report.sections import ReportSection as ReportSection
    from ._settings import Setting as Setting
else:
    # Every pytest run of an environment with a companion imports this module.
    _HOMES = {
        "EntryPointGroup": "_backends.entry_points",
        "LoopBlockedError": "_flow.background_loop",
        "ReportSection": "_report.sections",
        "Setting": "_settings",
        "shown": "_foreign",
        "visible": "_foreign",
    }

    def __getattr__(name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        import importlib

        value = getattr(importlib.import_module(f".{_HOMES[name]}", __package__), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return list(__all__)


__all__ = [
    "Counters",
    "EntryPointGroup",
    "LoopBlockedError",
    "ReportSection",
    "Setting",
    "add_import_folders",
    "add_options_setting",
    "add_report_section",
    "add_setting",
    "add_summary_lines",
    "options_of",
    "setting_of",
    "shared_directory",
    "shorten_tracebacks",
    "shown",
    "visible",
    "wait_for",
]

T = TypeVar("T")


def add_setting(parser: pytest.Parser, name: str, *, metavar: str, help: str, in_ini: bool = True) -> None:
    """Add a setting, which users set with ``--russo-NAME``, ``RUSSO_…`` or ``russo_name`` in the ini-file.

    Call it in ``pytest_addoption``.

    Args:
        parser: pytest's parser.
        name: The name in lower-case letters, with ``_`` between words.
        metavar: What ``--help`` shows for the value.
        help: One line for ``--help``.
        in_ini: False keeps the setting out of the ini-file, because a committed file must not switch it on.
    """
    group = parser.getgroup("russo", "russo: speech for voice-agent tests")
    group.addoption(f"--russo-{name.replace('_', '-')}", dest=f"russo_{name}", metavar=metavar, help=help)
    if in_ini:
        parser.addini(f"russo_{name}", help)


def setting_of(config: pytest.Config, name: str) -> Setting:
    """Return a setting by russo's precedence: command line, environment, ini-file, default."""
    from ._settings import find_setting

    return find_setting(
        name, config.getoption(f"russo_{name}"), environment=os.environ, ini=_ini_of(config, f"russo_{name}")
    )


def add_options_setting(parser: pytest.Parser, name: str, *, help: str) -> None:
    """Add the options of entry points: ``--russo-NAME-option``, and ``russo_name_options`` in the ini-file.

    Both take ``NAME.OPTION=VALUE``, so that each option belongs to one entry point. The command-line option
    may be repeated; the ini setting has one ``NAME.OPTION=VALUE`` per line.

    Args:
        parser: pytest's parser.
        name: The name of the setting that chooses the entry point.
        help: One line for ``--help``.
    """
    group = parser.getgroup("russo", "russo: speech for voice-agent tests")
    group.addoption(
        f"--russo-{name.replace('_', '-')}-option",
        dest=f"russo_{name}_option",
        metavar="NAME.OPTION=VALUE",
        action="append",
        default=[],
        help=help,
    )
    parser.addini(f"russo_{name}_options", help, type="linelist")


def options_of(config: pytest.Config, name: str, entry: str) -> Mapping[str, str]:
    """Return the options that users set for one entry point, as text; the command line replaces the ini-file.

    Args:
        config: The configuration of the run.
        name: The name of the setting that chooses the entry point.
        entry: The name of the entry point. Options of a ``package.module:factory`` have the name ``custom``.

    Raises:
        pytest.UsageError: An option does not have the form ``NAME.OPTION=VALUE``.
    """
    from ._settings import SettingsError, lines_of, parse_options

    texts = [*lines_of(config.getini(f"russo_{name}_options")), *config.getoption(f"russo_{name}_option")]
    try:
        options = parse_options(texts, noun=name)
    except SettingsError as error:
        raise pytest.UsageError(str(error)) from None
    return options.get("custom" if ":" in entry else entry, {})


def add_import_folders(config: pytest.Config) -> None:
    """Let ``package.module:factory`` be found in the rootdir and the current folder, after all other places.

    Call it before `EntryPointGroup.load`. The same places are searched for a backend.
    """
    from ._flow.workspace import add_folders

    add_folders(config.rootpath, config.invocation_params.dir)


def wait_for(config: pytest.Config, call: Coroutine[Any, Any, T], *, blocked_seconds: float = math.inf) -> T:
    """Run a coroutine to its end for a test that is not async, in the event loop that russo's fixtures use.

    The loop has its own thread and runs until the run ends, so that connections may stay open between tests.

    Args:
        config: The configuration of the run.
        call: The coroutine.
        blocked_seconds: How long code in the event loop may block it. A coroutine's own timeouts cannot
            expire in a loop that is blocked. By default there is no limit.

    Raises:
        LoopBlockedError: The loop was blocked for longer. Later calls use a new loop, and tasks of the old
            loop never end.
    """
    __tracebackhide__ = True
    return session_of(config).wait_for(call, blocked_seconds=blocked_seconds)


def shorten_tracebacks(config: pytest.Config, package: Path) -> None:
    """End the tracebacks of russo's errors, and of a companion's own ones, at the call of a package.

    So a failing test shows its own line and the message. The causes of an error that the package defines
    keep the frames of the user's own code. Call it in ``pytest_configure``.

    Args:
        config: The configuration of this process.
        package: The folder of the package. Frames of its folder ``testing`` are shown.
    """
    config.stash.setdefault(COMPANIONS, []).append(package)


def shared_directory(config: pytest.Config) -> Path | None:
    """Return a directory that all processes of the run share until it ends.

    Call this function in ``pytest_configure``, before xdist starts the workers. In a worker it returns
    ``None`` if the controller did not call it.
    """
    return workers_of(config).share_directory()


class Counters:
    """Numbers by name, added up over all processes of a run.

    Make one in ``pytest_configure``, in every process. May be used from any thread.

    Args:
        config: The configuration of this process.
        name: A name that no other companion uses.
    """

    def __init__(self, config: pytest.Config, name: str) -> None:
        self._workers = workers_of(config)
        self._name = f"counters of {name}"
        self._lock = threading.Lock()
        self._numbers: Counter[str] = Counter()
        self._workers.send(self._name, self._take)

    def add(self, counter: str, number: int = 1) -> None:
        """Add to a counter of this process."""
        with self._lock:
            self._numbers[counter] += number

    def total(self) -> Counter[str]:
        """Return the sums over all processes. They are complete only in the controller's summary."""
        total: Counter[str] = Counter()
        for numbers in self._workers.received(self._name):
            total.update(numbers)
        return total

    def _take(self) -> dict[str, int] | None:
        with self._lock:
            numbers, self._numbers = self._numbers, Counter()
        return dict(numbers) or None


def add_summary_lines(config: pytest.Config, make: Callable[[], Iterable[str]]) -> None:
    """Print lines after russo's own summary line, once per run.

    Args:
        config: The configuration of this process.
        make: Returns the lines. Called in the controlling process when the tests have ended.
    """
    if workers_of(config).is_controller:
        config.pluginmanager.register(_SummaryLines(make))


def add_report_section(config: pytest.Config, section: ReportSection) -> None:
    """Add a section to a test in the report of ``--russo-report``. Without that option it does nothing.

    May be called in any process of the run, during a test or after it. A section without a test belongs to
    the attempt of the test that is running, else to no test. A section that names a test belongs to its last
    attempt, or to the current one if this test is running.
    """
    report = config.pluginmanager.get_plugin("russo-report")
    if report is not None:
        report.add_section(section)


class _SummaryLines:
    def __init__(self, make: Callable[[], Iterable[str]]) -> None:
        self._make = make

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for line in self._make():
            terminalreporter.write_line(line)


def _ini_of(config: pytest.Config, name: str) -> Callable[[str], object] | None:
    """Return the function that reads the ini-file, or ``None`` if the setting is not allowed there."""
    try:
        config.getini(name)
    except (KeyError, ValueError):
        return None
    return config.getini
