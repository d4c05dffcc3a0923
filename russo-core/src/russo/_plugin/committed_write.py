"""Refuse ``--russo-remote-write`` in a committed ``addopts``.

Each run of the repository uses its ``addopts``, also the run of a pull request by a stranger. So the right to
write to a shared store is given on the command line, in PYTEST_ADDOPTS or in RUSSO_REMOTE_WRITE only.
"""

from __future__ import annotations

import os
import shlex
from argparse import Namespace
from collections.abc import Sequence
from typing import Final

import pytest

from .._foreign import visible

_OPTION: Final = "--russo-remote-write"
_OVERRIDE: Final = "addopts="


def refuse_committed_write(config: pytest.Config) -> None:
    """Refuse a run whose ini-file gives it ``--russo-remote-write``.

    ``-o addopts=…`` on the command line replaces what the ini-file has.

    Args:
        config: The configuration of the controller. A worker of xdist gets its options from there.

    Raises:
        pytest.UsageError: The ``addopts`` of the ini-file has the option.
    """
    if not config.getoption("russo_remote_write") or not _is_committed(config):
        return
    file = "the ini-file" if config.inipath is None else visible(config.inipath.name)
    raise pytest.UsageError(
        f"{_OPTION} is in addopts of {file}; every run of the repository uses these options, also the run of "
        "a pull request; remove it there, and give it on the command line or set RUSSO_REMOTE_WRITE=1"
    )


def _is_committed(config: pytest.Config) -> bool:
    variable = shlex.split(os.environ.get("PYTEST_ADDOPTS", ""))
    given = _parse(config, [*variable, *config.invocation_params.args])
    overrides = [text for text in given.override_ini or () if text.startswith(_OVERRIDE)]
    if overrides:
        addopts = shlex.split(overrides[-1].removeprefix(_OVERRIDE))
        return not (_writes(config, addopts) or given.russo_remote_write)
    # The addopts of an ini-file may hold an override of themselves, which hides them from getini.
    return not given.russo_remote_write or _writes(config, config.getini("addopts"))


def _writes(config: pytest.Config, arguments: Sequence[str]) -> bool:
    return bool(_parse(config, arguments).russo_remote_write)


def _parse(config: pytest.Config, arguments: Sequence[str | os.PathLike[str]]) -> Namespace:
    return config._parser.parse_known_args(arguments)
