"""pytest's configuration in a folder: rootdir, ini-file, and russo's options in ``addopts``.

pytest's own code finds it, so that the command and a test run always agree. Plugins and ``conftest.py`` files
are not loaded, so their changes to the configuration are missing.
"""

from __future__ import annotations

import argparse
import copy
import glob
import inspect
import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from _pytest.config import findpaths, get_config
from _pytest.config.findpaths import determine_setup

from .._plugin import options as plugin_options
from .screen import RefusedError


@dataclass(frozen=True, slots=True)
class PytestSide:
    """The configuration of a pytest run in the folder.

    Attributes:
        rootdir: The rootdir.
        inifile: The file that configures pytest, if there is one.
        ini: The values of russo's ini settings, of their types.
        options: The options in ``addopts`` and PYTEST_ADDOPTS.
        pythonpath: The directories that pytest would put first on ``sys.path``.
        conftest_folders: The directories that pytest would add to ``sys.path`` for ``conftest.py`` files.
        own_ini: The settings that PYTEST_ADDOPTS sets with ``-o``.
        own_options: The options in PYTEST_ADDOPTS only.
        ini_names: All names in the ini-file, also those that are not settings of russo.
        other_options: The options in ``addopts`` and PYTEST_ADDOPTS that neither pytest nor russo has; other
            plugins may have them.
    """

    rootdir: Path
    inifile: Path | None
    ini: Mapping[str, Any]
    options: argparse.Namespace
    pythonpath: Sequence[str]
    conftest_folders: Sequence[str]
    own_ini: Mapping[str, str]
    own_options: argparse.Namespace
    ini_names: Sequence[str]
    other_options: Sequence[str]


def look_like_pytest(folder: Path) -> PytestSide:
    """Return the configuration that pytest would use in a folder.

    Raises:
        RefusedError: pytest's configuration cannot be read, or pytest would refuse a setting in it.
    """
    try:
        return _look(folder)
    except (pytest.UsageError, pytest.fail.Exception, TypeError, ValueError) as error:
        raise RefusedError(f"pytest's configuration cannot be used: {error}") from error


def _look(folder: Path) -> PytestSide:
    config = get_config()
    plugin_options.add_to(config._parser)
    config._parser.addini("addopts", "", "args")
    config._parser.addini("pythonpath", "", "paths")

    def parse(arguments: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
        return config._parser.parse_known_and_unknown_args(arguments, namespace=copy.copy(config.option))

    given = shlex.split(os.environ.get("PYTEST_ADDOPTS", ""))
    own, _ = parse(given)
    _configure(config, own, folder)
    options, others = parse([*config.getini("addopts"), *given])
    _override(config, options)
    return PytestSide(
        config.rootpath,
        config.inipath,
        {name: plugin_options.ini_value(config, name) for name in _ini_names()},
        options,
        [str(path) for path in config.getini("pythonpath")],
        list(_conftest_folders(config, options, folder)),
        dict(text.split("=", 1) for text in own.override_ini or () if "=" in text),
        own,
        [str(name) for name in getattr(config, _name_of_values(config))],
        [text.partition("=")[0] for text in others if text.startswith("--")],
    )


def _ini_names() -> list[str]:
    return [f"russo_{name}" for name in plugin_options.INI_NAMES]


def _configure(config: pytest.Config, options: argparse.Namespace, folder: Path) -> None:
    """Give a configuration the rootdir and the ini-file of a folder, as ``Config.parse`` does."""
    values = {
        "inifile": options.inifilename,
        "override_ini": options.override_ini,
        "args": options.file_or_dir,
        "rootdir_cmd_arg": options.rootdir or None,
        "invocation_dir": folder,
    }
    # Newer versions of pytest have more parameters and results.
    known = inspect.signature(determine_setup).parameters
    found: Any = determine_setup(**{name: value for name, value in values.items() if name in known})
    config._rootpath, config._inipath = found[0], found[1]
    setattr(config, _name_of_values(config), found[2])
    if "override_ini" not in known:
        config._override_ini = options.override_ini or ()  # type: ignore[attr-defined]


def _name_of_values(config: pytest.Config) -> str:
    """Return the attribute that holds the values of the ini-file: its name changed in pytest 9."""
    return "_inicfg" if hasattr(config, "_inicfg") else "inicfg"


def _override(config: pytest.Config, options: argparse.Namespace) -> None:
    """Apply ``-o name=value`` in ``addopts``, which older versions of pytest ignore."""
    if pytest.version_tuple >= (9, 1):
        getattr(config, _name_of_values(config)).update(findpaths.parse_override_ini(options.override_ini))
        config._inicache.clear()


def _conftest_folders(config: pytest.Config, options: argparse.Namespace, folder: Path) -> Iterator[str]:
    """Yield the folders that pytest adds to ``sys.path`` for the first ``conftest.py`` files, in order."""
    if options.importmode == "importlib" or options.noconftest:
        return
    top = Path(options.confcutdir or (config.inipath.parent if config.inipath else config.rootpath))
    for start in _starts(config, options, folder):
        inside = sorted(each for each in start.glob("test*") if each.is_dir()) if start.is_dir() else []
        for each in (start if start.is_dir() else start.parent, *inside):
            for place in (*reversed(each.parents), each):
                if place.is_relative_to(top) and (place / "conftest.py").is_file():
                    yield str(_import_root(place))


def _starts(config: pytest.Config, options: argparse.Namespace, folder: Path) -> list[Path]:
    """Return the files and directories in which pytest starts."""
    arguments = [text.partition("::")[0] for text in options.file_or_dir]
    if not arguments and folder == config.rootpath:
        found = (glob.iglob(each, recursive=True, root_dir=folder) for each in config.getini("testpaths"))
        arguments = sorted(chain.from_iterable(found))
    return [path for each in arguments if (path := folder / each).exists()] or [folder]


def _import_root(folder: Path) -> Path:
    """Return the first folder upwards that is not a package."""
    while (folder / "__init__.py").is_file() and folder.name.isidentifier():
        folder = folder.parent
    return folder
