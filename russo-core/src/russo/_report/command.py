"""The command that runs one test again, with the russo options of the run and without credentials."""

from __future__ import annotations

import contextlib
import os
import shlex
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


def test_command(config: pytest.Config, test: str) -> str:
    """Return the command that runs a test again, quoted for a shell, for the directory of this run."""
    return _join(config, test, _options(config))


def record_command(config: pytest.Config, test: str) -> str:
    """Return the command that runs a test again and records its prompts."""
    options = [option for option in _options(config) if option.partition("=")[0] not in _OF_THE_MODE]
    return _join(config, test, ["--russo-cache-mode=auto", *options])


def _join(config: pytest.Config, test: str, options: Iterable[str]) -> str:
    return shlex.join(["pytest", *options, _from_here(config, test)])


def _from_here(config: pytest.Config, test: str) -> str:
    """Return a node id, which is relative to the rootdir, relative to the directory of this run."""
    path, colons, rest = test.partition("::")
    if config.invocation_params.dir == config.rootpath:
        return test
    with contextlib.suppress(ValueError):  # another drive
        path = os.path.relpath(config.rootpath / path, config.invocation_params.dir)
    return f"{path}{colons}{rest}"


def _options(config: pytest.Config) -> Iterator[str]:
    """Yield the options of russo and its companions on the command line of this run, without credentials."""
    arguments = iter(map(str, config.invocation_params.args))
    for argument in arguments:
        if argument == "--":
            return
        if not argument.startswith(_PREFIX):
            continue
        name, equals, value = argument.partition("=")
        if not equals and _takes_value(config, name):
            value = next(arguments, "")
            argument = f"{name}={value}"  # noqa: PLW2901 - the two forms mean the same
        if name not in _NOT_REPEATED and not _may_be_secret(name, value):
            yield argument


def _takes_value(config: pytest.Config, name: str) -> bool:
    """Return whether an option takes a value: flags have a truth value or a constant."""
    if name in _NOT_REPEATED:
        return name == "--russo-report"
    value = getattr(config.option, name.removeprefix("--").replace("-", "_"), None)
    return not isinstance(value, bool)


def _may_be_secret(name: str, value: str) -> bool:
    """Return whether an option or its value may hold a credential: by a name or the user of an address."""
    option, equals, inner = value.partition("=")
    names = [name, option] if equals else [name]
    if "://" in inner or ("://" in value and not equals):
        names.append(value)  # a key in the query of a URL
    return any(map(is_credential, names)) or redact(value) != value
