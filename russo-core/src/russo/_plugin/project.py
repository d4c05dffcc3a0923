"""Identify the project of a pytest run, because each project has its own ledger of used entries.

Two runs belong to one project if they should use the same entries: they have the same rootdir, ini-file,
testpaths and options. Options that cannot change which prompts are used ("harmless" ones) do not count. If
an option is missing in the list of harmless ones, there is one more ledger, and entries are kept longer.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from .._store.ledger import Project

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

# Options that change the output, or how tests are distributed or ordered, or that are compared separately.
_HARMLESS_NAMES: Final = """
    basetemp cache-clear cache-show capture code-highlight color config-file css debug
    disable-pytest-warnings disable-warnings dist durations durations-min failed-first ff
    force-short-summary forked full-trace html junit-prefix junit-xml junitprefix junitxml
    max-worker-restart maxprocesses new-first nf no-fold-skipped no-header no-showlocals no-summary
    numprocesses pastebin pdb pdbcls pythonwarnings quiet randomly-seed report-log reruns
    reruns-delay rootdir russo-cache-dir russo-cache-mode russo-clear-cache russo-max-calls
    russo-no-cache russo-prune-unused russo-recordings-dir russo-report self-contained-html
    setup-show show-capture showlocals strict strict-config strict-markers tb timeout timeout-method
    trace trace-config tx verbose verbosity
"""
_HARMLESS: Final = frozenset(_HARMLESS_NAMES.split())
_HARMLESS_GROUPS: Final = ("cov", "no-cov", "log-")
# Environment variables that choose the backend or the plugins of a run, as some options do.
_VARIABLES: Final = ("RUSSO_SYNTH", "PYTEST_PLUGINS", "PYTEST_DISABLE_PLUGIN_AUTOLOAD")
_HARMLESS_SHORT: Final = re.compile(r"-(?:[vqsl]+|[vqsl]*[rnWcd].*)")


def project_of(config: pytest.Config, directory: Path) -> Project:
    """Return the project of a run, for the cache in a directory.

    The rootdir is stored relative to the cache. So the project stays the same if it is moved together with
    its cache, or if a CI system restores both elsewhere.
    """
    ini = "" if config.inipath is None else _relative(config.inipath, config.rootpath)
    given = [*_words(os.environ.get("PYTEST_ADDOPTS", "")), *map(str, config.invocation_params.args)]
    options = [*without_harmless(given), *(os.environ.get(name, "") for name in _VARIABLES)]
    # Only a digest is stored, because an option may hold a credential.
    digest = hashlib.sha256("\0".join(options).encode("utf-8", "surrogatepass")).hexdigest()
    return Project(
        rootdir=_relative(config.rootpath, directory),
        ini=ini,
        testpaths=tuple(config.getini("testpaths")),
        options=digest if any(options) else "",
    )


def _relative(path: Path, start: Path) -> str:
    try:
        relative = os.path.relpath(os.path.realpath(path), os.path.realpath(start))
    except ValueError:  # they are on different drives
        relative = os.path.realpath(path)
    return relative.replace(os.sep, "/")


def _words(options: str) -> list[str]:
    try:
        return shlex.split(options)
    except ValueError:  # a test changed the variable
        return [options]


def without_harmless(arguments: Iterable[str]) -> Iterator[str]:
    """Yield the arguments of a command line that may change which entries its run uses."""
    dropped = False
    for argument in arguments:
        if argument.startswith("-"):
            dropped = _is_harmless(argument)
        # Complete runs have no paths, so an argument without a dash is the value of the option before it.
        if not dropped:
            yield argument


def _is_harmless(argument: str) -> bool:
    if not argument.startswith("--"):
        return _HARMLESS_SHORT.fullmatch(argument) is not None
    name, _, value = argument[2:].partition("=")
    return name in _HARMLESS or name.startswith(_HARMLESS_GROUPS) or ".api_key=" in value
