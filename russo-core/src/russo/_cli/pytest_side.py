"""What pytest would find in a folder: rootdir, ini-file, and russo's options in ``addopts``.

Asked of pytest's own code, so that both always agree. No plugin and no ``conftest.py`` is loaded: what
they alone would change is not seen here.
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
    """What a pytest run in the folder would go by.

    Attributes:
        rootdir: The rootdir.
        inifile: The file that configures pytest, if there is one.
        ini: Its values, as they stand there.
        options: What ``addopts`` and PYTEST_ADDOPTS say.
    """

    rootdir: Path
    inifile: Path | None
    ini: Mapping[str, Any]
    options: argparse.Namespace

    @property
    def pythonpath(self) -> list[str]:
        """Directories that pytest would put first on ``sys.path``."""
        base = self.rootdir if self.inifile is None else self.inifile.parent
        return [str(base / path) for path in _words(self.ini.get("pythonpath", []))]


def look_like_pytest(folder: Path) -> PytestSide:
    """Find what pytest would go by in a folder.

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
    # Since pytest 9 a value comes with its origin.
    ini = {name: getattr(value, "value", value) for name, value in found.items()}
    ini |= _overrides(first)
    options = parse([*_words(ini.get("addopts", [])), *given])
    return PytestSide(rootdir, inifile, ini | _overrides(options), options)


def _determine(options: argparse.Namespace, folder: Path) -> tuple[Path, Path | None, Mapping[str, Any]]:
    """Call pytest's own search, whose parameters and results have grown over its versions."""
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
    """Return what ``-o name=value`` says."""
    pairs = [text.partition("=") for text in options.override_ini or ()]
    return {name: value for name, equals, value in pairs if equals}


def _words(value: object) -> list[str]:
    return shlex.split(value) if isinstance(value, str) else [str(each) for each in value or []]  # type: ignore[attr-defined]
