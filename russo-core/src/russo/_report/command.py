"""The command that runs one test again, with the options that this needs and without credentials."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .._backends.redaction import redact
from .._secret import is_credential

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pytest

_PREFIX: Final = "--russo-"
# They belong to a run of many tests: a page, the removal of entries, a run without tests.
_NOT_REPEATED: Final = frozenset(
    {"--russo-report", "--russo-clear-cache", "--russo-prune-unused", "--russo-record-only"}
)
# They decide whether a backend is called.
_OF_THE_MODE: Final = frozenset({"--russo-cache-mode", "--russo-no-cache", "--russo-max-calls"})
# Options of pytest that decide whether it finds the test, and with which plugins and settings it runs.
_FLAGS: Final = frozenset({"--doctest-modules", "--noconftest", "--pyargs", "--runxfail"})
_WITH_VALUE: Final = frozenset(
    {
        "-c",
        "-o",
        "-p",
        "--config-file",
        "--confcutdir",
        "--doctest-glob",
        "--import-mode",
        "--override-ini",
        "--rootdir",
    }
)
# Short names of credentials, and how keys of services begin.
_LIKE_SECRET: Final = re.compile(
    r"(?<![a-z])(?:(?:pw|pwd|pass|bearer|auth)(?![a-z])|sk-|aiza)", re.IGNORECASE
)
_OPTION_IN_VALUE: Final = re.compile(r"(?:^|[\s=])-")


def test_command(config: pytest.Config, test: str) -> str:
    """Return the command that runs a test again, quoted for a shell, for the directory of this run."""
    return _join(config, test, _options(config))


def record_command(config: pytest.Config, test: str) -> str:
    """Return the command that runs a test again and records its prompts."""
    options = [option for option in _options(config) if option.partition("=")[0] not in _OF_THE_MODE]
    return _join(config, test, ["--russo-cache-mode=auto", *options])


def _join(config: pytest.Config, test: str, options: Iterable[str]) -> str:
    return shlex.join([*_pytest(), *options, _from_here(config, test)])


def _pytest() -> list[str]:
    """Return how pytest was started: ``python -m pytest`` also imports modules of the current directory."""
    is_module = Path(sys.argv[0]).parts[-2:] == ("pytest", "__main__.py")
    return ["python", "-m", "pytest"] if is_module else ["pytest"]


def _from_here(config: pytest.Config, test: str) -> str:
    """Return a node id, which is relative to the rootdir, relative to the directory of this run."""
    path, colons, rest = test.partition("::")
    if config.invocation_params.dir == config.rootpath:
        return test
    with contextlib.suppress(ValueError):  # another drive
        path = os.path.relpath(config.rootpath / path, config.invocation_params.dir)
    return f"{path}{colons}{rest}"


def _options(config: pytest.Config) -> Iterator[str]:
    """Yield the options of the command line that are repeated: those without credentials."""
    arguments = iter(map(str, config.invocation_params.args))
    for argument in arguments:
        if argument == "--":
            return
        if argument in _FLAGS:
            yield argument
            continue
        name, separator, value = _split(argument)
        if not name:
            continue
        if not separator and _takes_value(config, name):
            separator, value = ("=" if name.startswith("--") else " "), next(arguments, "")
        if name not in _NOT_REPEATED and not _may_be_secret(name, value):
            yield from [name, value] if separator == " " else [f"{name}{separator}{value}"]


def _split(argument: str) -> tuple[str, str, str]:
    """Return name, separator and value of an option that may be repeated; an empty name for all others."""
    name, separator, value = argument.partition("=")
    if name.startswith(_PREFIX) or (name.startswith("--") and name in _WITH_VALUE):
        return name, separator, value
    if argument[:2] in _WITH_VALUE:  # a short option: "-p name", "-pname"
        return argument[:2], " " if argument[2:] else "", argument[2:]
    return "", "", ""


def _takes_value(config: pytest.Config, name: str) -> bool:
    """Return whether an option takes a value: flags have a truth value or a constant."""
    if name in _WITH_VALUE:
        return True
    if name in _NOT_REPEATED:
        return name == "--russo-report"
    value = getattr(config.option, name.removeprefix("--").replace("-", "_"), None)
    return not isinstance(value, bool)


def _may_be_secret(name: str, value: str) -> bool:
    """Return whether an option or its value may hold a credential: by a name or the user of an address."""
    # Names are before the last "=": acme.api_key=…, and russo_synth_options=acme.api_key=…
    names = [name, value.rpartition("=")[0]]
    if "://" in value or _OPTION_IN_VALUE.search(value):
        names.append(value)  # a key in the query of a URL, or an option with a key in addopts
    if any(map(is_credential, names)) or _LIKE_SECRET.search(f"{name} {value}"):
        return True
    return redact(value) != value
