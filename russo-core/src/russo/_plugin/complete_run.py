"""Find out whether a run was complete: every test of the project was collected, ran and passed.

Only a complete run shows which entries are unused. If in doubt, a run counts as incomplete: that costs some
disk space, but a run that wrongly counts as complete would lose billed audio. Every pytest run registers
`CompleteRun`, so this module imports only pytest.
"""

from __future__ import annotations

import fnmatch
import glob
import hashlib
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import Any, Final

import pytest

from .workers import WITNESSED, Workers

_OPTIONS: Final = (
    ("keyword", "-k selected tests"),
    ("markexpr", "-m selected tests"),
    ("lf", "--lf selected tests"),
    ("stepwise", "--stepwise may stop early"),
    ("maxfail", "-x or --maxfail may stop early"),
    ("deselect", "--deselect left out tests"),
    ("ignore", "--ignore left out files"),
    ("ignore_glob", "--ignore-glob left out files"),
    ("collectonly", "--collect-only ran no test"),
    ("setupplan", "--setup-plan ran no test"),
    ("setuponly", "--setup-only ran no test"),
    ("showfixtures", "--fixtures ran no test"),
    ("show_fixtures_per_test", "--fixtures-per-test ran no test"),
    ("noconftest", "--noconftest left out conftest.py files"),
    ("russo_record_only", "--russo-record-only ran no test"),
)
# Ini settings that decide which tests are collected. With -o they apply to one run only.
_COLLECTING: Final = (
    "testpaths",
    "python_files",
    "python_classes",
    "python_functions",
    "norecursedirs",
    "collect_imported_tests",
)


class CompleteRun:
    """A pytest plugin, one per process, that compares the collected tests with the tests that passed.

    It counts items when they are collected, before a hook can remove one. A worker sends the number and a
    digest of its items to the controller, which also receives the reports.

    Args:
        config: The configuration of this process.
        workers: The processes of the run.
    """

    def __init__(self, config: pytest.Config, workers: Workers) -> None:
        self._config = config
        self._workers = workers
        self._collected: list[pytest.Item] = []
        self._ignored: list[str] = []
        self._passed: set[str] = set()
        self._unseen: set[str] = set()
        self._lost_worker: str | None = None
        workers.send("collected", self._take)

    @property
    def unseen(self) -> int:
        """How many tests passed without russo seeing which entries they use, because a plugin ran them."""
        return len(self._unseen)

    def why_not(self, reporter: pytest.TerminalReporter, exit_status: int) -> str | None:
        """Return why the run does not show which entries are unused, or ``None`` if it does."""
        return (
            _narrowed_by_option(self._config)
            or _narrowed_by_path(self._config)
            or _not_green(reporter, exit_status)
            or self._not_all_ran()
        )

    def _not_all_ran(self) -> str | None:
        if self.unseen:
            return unseen_tests(self.unseen)
        if self._lost_worker is not None:
            return f"worker {self._lost_worker} crashed"
        parts: list[dict[str, Any]] = self._workers.received("collected")
        if not parts:
            return "no tests ran"
        for part in parts:
            if part["ignored"]:
                return f"collection left out {part['ignored'][0]}"
            if part["digest"] != _digest(self._passed):
                missing = part["number"] - len(self._passed)
                if missing > 0:
                    return f"{missing} of {part['number']} tests did not run"
                return "the tests that ran are not those that were collected"
        return None

    def _take(self) -> dict[str, Any] | None:
        """Return the collected items, once. A worker calls this after hooks have renamed items."""
        items, self._collected = self._collected, []
        if not items:
            return None
        names = {item.nodeid for item in items}
        return {"number": len(names), "digest": _digest(names), "ignored": self._ignored[:1]}

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        """Note an item before any hook can remove it."""
        self._collected.append(item)

    @pytest.hookimpl(wrapper=True)
    def pytest_ignore_collect(
        self, collection_path: Path, config: pytest.Config
    ) -> Generator[None, bool | None, bool | None]:
        """Note a path that ``collect_ignore`` or a plugin leaves out, but that pytest would collect."""
        ignored = yield
        if ignored and not self._ignored and not _is_usually_ignored(collection_path, config):
            self._ignored.append(str(collection_path))
        return ignored

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a test that passed, and whether russo saw which entries it used."""
        if report.when == "call" and report.passed:
            (self._passed if hasattr(report, WITNESSED) else self._unseen).add(report.nodeid)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """Note a worker that crashed: the entries that it used after its last report are unknown."""
        if error and self._lost_worker is None:
            self._lost_worker = node.gateway.id


def unseen_tests(number: int) -> str:
    """Return a sentence about tests that a plugin ran."""
    from .._words import count

    return f"a plugin ran {count(number, 'test')} where russo does not see what they use"


def _narrowed_by_option(config: pytest.Config) -> str | None:
    for name, words in _OPTIONS:
        if getattr(config.option, name, None):
            return words
    for override in getattr(config.option, "override_ini", None) or ():
        if (name := str(override).partition("=")[0].strip()) in _COLLECTING:
            return f"-o {name} selected tests"
    return None


def _narrowed_by_path(config: pytest.Config) -> str | None:
    source, began = config.args_source, config.invocation_params.dir
    if source is pytest.Config.ArgsSource.ARGS:
        return "paths were given"
    if source is pytest.Config.ArgsSource.INVOCATION_DIR:
        if began != config.rootpath:
            return f"it ran in {began}, not in the rootdir"
        expected = [str(began)]
    else:
        patterns: list[str] = config.getini("testpaths")
        expected = [path for each in patterns for path in sorted(_glob(each, began))]
        if config.option.pyargs:
            expected = patterns
    return None if config.args == expected else "a plugin chose paths"


def _glob(pattern: str, directory: Path) -> Iterable[str]:
    return glob.iglob(pattern, root_dir=directory, recursive=True)


def _not_green(reporter: pytest.TerminalReporter, exit_status: int) -> str | None:
    for outcome in ("deselected", "skipped", "failed", "error", "xfailed"):
        if number := len(reporter.stats.get(outcome, ())):
            return f"{number} {outcome}"
    return None if exit_status == pytest.ExitCode.OK else f"exit code {int(exit_status)}"


def _is_usually_ignored(path: Path, config: pytest.Config) -> bool:
    """Return whether pytest never collects this path: not a test file, or a folder that pytest skips."""
    if not path.is_dir():
        return not _may_hold_tests(path, config)
    return (
        path.name == "__pycache__"
        or _matches(path, config.getini("norecursedirs"))
        or (path / "pyvenv.cfg").exists()
        or (path / "conda-meta" / "history").exists()
    )


def _may_hold_tests(path: Path, config: pytest.Config) -> bool:
    """Return whether pytest or a plugin may collect a file.

    pytest asks about every file, and by itself leaves out only files that a conftest.py names. A plugin may
    collect files of any other type (YAML, doctests in Markdown), and modules of any name may hold doctests.
    """
    if path.suffix != ".py" or _matches(path, config.getini("python_files")):
        return True
    return bool(config.getoption("doctestmodules", False)) and path.name != "setup.py"


def _matches(path: Path, patterns: Iterable[str]) -> bool:
    """Return whether a path matches one of the patterns; pytest compares them with names or with paths."""
    return any(
        fnmatch.fnmatch(str(path), f"*/{each}") if "/" in each else fnmatch.fnmatch(path.name, each)
        for each in patterns
    )


def _digest(names: Iterable[str]) -> str:
    text = "\0".join(sorted(names))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
