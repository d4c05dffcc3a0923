"""pytest's configuration in a folder: rootdir, ini-file, and russo's options in ``addopts``.

pytest's own code finds it, so that the command and a test run always agree. Plugins and ``conftest.py`` files
are not loaded, so changes that they make to the configuration are missing.
"""

from __future__ import annotations

import argparse
import copy
import inspect
import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from _pytest.config import get_config
from _pytest.config.findpaths import determine_setup

from .._plugin import pytest_plugin
from .screen import RefusedError


@dataclass(frozen=True, slots=True)
class PytestSide:
    """The configuration of a pytest run in the folder.

    Attributes:
        rootdir: The rootdir.
        inifile: The file that configures pytest, if there is one.
        ini: The values of this file, unchanged.
        options: The options in ``addopts`` and PYTEST_ADDOPTS.
    """

    rootdir: Path
    inifile: Path | None
    ini: Mapping[str, Any]
    options: argparse.Namespace

    @property
    def pythonpath(self) -> list[str]:
        """The directories that pytest would put first on ``sys.path``."""
        base = self.rootdir if self.inifile is None else self.inifile.parent
        return [str(base / path) for path in _words(self.ini.get("pythonpath", []))]


def look_like_pytest(folder: Path) -> PytestSide:
    """Return the configuration that pytest would use in a folder.

    Raises:
        RefusedError: pytest's configuration cannot be read.
    """
    try:
        return _look(folder)
    except (pytest.UsageError, pytest.fail.Exception, ValueError) as error:
        raise RefusedError(f"pytest's configuration cannot be used: {error}") from error


def _look(folder: Path) -> PytestSide:
    config = get_config()
    pytest_plugin.pytest_addoption(config._parser)

    def parse(arguments: Sequence[str]) -> argparse.Namespace:
        return config._parser.parse_known_args(arguments, namespace=copy.copy(config.option))

    given = shlex.split(os.environ.get("PYTEST_ADDOPTS", ""))
    first = parse(given)
    rootdir, inifile, found = _determine(first, folder)
    # Since pytest 9 a value is an object that also has its origin.
    ini = {name: getattr(value, "value", value) for name, value in found.items()}
    ini |= _overrides(first)
    options = parse([*_words(ini.get("addopts", [])), *given])
    return PytestSide(rootdir, inifile, ini | _overrides(options), options)


def _determine(options: argparse.Namespace, folder: Path) -> tuple[Path, Path | None, Mapping[str, Any]]:
    """Call pytest's own search. Newer versions of pytest have more parameters and results."""
    values = {
        "inifile": options.inifilename,
        "override_ini": None,
        "args": options.file_or_dir,
        "rootdir_cmd_arg": options.rootdir or None,
        "invocation_dir": folder,
    }
    known = inspect.signature(determine_setup).parameters
    found: Any = determine_setup(**{name: value for name, value in values.items() if name in known})
    return found[0], found[1], found[2]


def _overrides(options: argparse.Namespace) -> dict[str, str]:
    """Return the values of ``-o name=value``."""
    pairs = [text.partition("=") for text in options.override_ini or ()]
    return {name: value for name, equals, value in pairs if equals}


def _words(value: object) -> list[str]:
    return shlex.split(value) if isinstance(value, str) else [str(each) for each in value or []]  # type: ignore[attr-defined]
