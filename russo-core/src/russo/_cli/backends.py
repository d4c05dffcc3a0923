"""``russo backends``: the installed backends, whether they are ready, and their documentation.

A backend's package is imported, because only an import shows whether it loads. Its SDK is not imported: its
installation is checked by metadata.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution, EntryPoint, PackageNotFoundError, version
from typing import Any

import click
from packaging.requirements import InvalidRequirement, Requirement

from .._backends.discovery import api_key_variables, installed_backends, load_backend
from .._backends.entry_points import distribution
from .._backends.model_ends import announced_ends
from .._errors import BackendConfigError
from .._foreign import visible
from . import screen
from .screen import Column
from .workspace import json_option


@dataclass(frozen=True, slots=True)
class Backend:
    """One registered backend.

    Attributes:
        name: The name that chooses it.
        package: The distribution that registers it.
        version: The version of this distribution.
        state: ``ready``, ``SDK missing``, ``broken`` or ``name claimed twice``.
        cause: Why it is not ready; empty if it is ready.
        credentials: Whether each variable that may hold a key is set; ``None`` if the backend names none.
        documentation: A URL, or the command that shows the documentation.
        model_ends: Announced ends of models, one sentence each.
    """

    name: str
    package: str
    version: str
    state: str
    cause: str
    credentials: dict[str, bool] | None
    documentation: str
    model_ends: list[str]

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return {name: getattr(self, name) for name in self.__slots__}


@click.command()
@json_option
def backends(*, as_json: bool) -> None:
    """List the installed backends.

    Shows the names of key variables, and never the keys.
    """
    found = [
        _examine(name, entries, entry) for name, entries in installed_backends().items() for entry in entries
    ]
    if as_json:
        screen.show_json({"backends": [backend.to_json() for backend in found]})
        return
    if not found:
        screen.note('no backend is installed; pip install "russo-core[local]" brings one that needs no key')
        return
    columns = [
        Column("name"),
        Column("package"),
        Column("version"),
        Column("state"),
        Column("keys", long=True, fold=True),
    ]
    screen.show(
        screen.table(
            columns,
            [(b.name, b.package, b.version, b.state, _keys(b.credentials)) for b in found],
        )
    )
    # Below the table, because it does not fit into 80 columns: a URL on two lines cannot be copied.
    for backend in found:
        screen.show(f"{visible(backend.name)}: documentation: {visible(backend.documentation)}")
    for backend in found:
        if backend.cause:
            screen.show(f"{visible(backend.name)}: {visible(backend.cause)}")
        for end in backend.model_ends:
            screen.show(f"{visible(backend.name)}: {visible(end)}")


def _keys(credentials: dict[str, bool] | None) -> str:
    if credentials is None:
        return "not declared"
    shown = [f"{name} {'set' if is_set else 'not set'}" for name, is_set in credentials.items()]
    return ", ".join(shown) or "none needed"


def _examine(name: str, entries: Sequence[EntryPoint], entry: EntryPoint) -> Backend:
    factory: object = None
    if len(entries) > 1:
        others = " and ".join(f"{distribution(each)} ({each.value})" for each in entries)
        state, cause = "name claimed twice", f"claimed by {others}; uninstall one of them"
    else:
        factory, state, cause = _load(name, entry)
    return Backend(
        name=name,
        package=distribution(entry),
        version=entry.dist.version if entry.dist is not None else "",
        state=state,
        cause=cause,
        credentials=_credentials(factory),
        documentation=_documentation(entry),
        model_ends=announced_ends(factory),
    )


def _load(name: str, entry: EntryPoint) -> tuple[object, str, str]:
    """Import the backend's package; return what it registers, the state and the cause."""
    missing = _missing_requirements(entry.dist)
    try:
        factory = load_backend(name)
    except BackendConfigError as error:
        cause = error.__cause__
        if missing or (isinstance(cause, ModuleNotFoundError) and _is_foreign(cause.name, entry)):
            return None, "SDK missing", missing or str(cause)
        return None, "broken", str(error)
    except SystemExit as error:
        return None, "broken", f"importing {entry.value!r} of {distribution(entry)} exits ({error.code!r})"
    return factory, "SDK missing" if missing else "ready", missing


def _is_foreign(module: str | None, entry: EntryPoint) -> bool:
    return module is not None and module.partition(".")[0] != entry.module.partition(".")[0]


def _missing_requirements(package: Distribution | None) -> str:
    """Return which requirements of a package are missing or too old; empty if all are installed."""
    problems = []
    for text in (package.requires if package is not None else None) or ():
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            installed = version(requirement.name)
        except PackageNotFoundError:
            problems.append(
                f"{requirement.name} is not installed: pip install {str(requirement).partition(';')[0]!r}"
            )
            continue
        if not requirement.specifier.contains(installed, prereleases=True):
            problems.append(f"{requirement.name} is {installed}, and {requirement.specifier} is needed")
    return "; ".join(problems)


def _credentials(factory: object) -> dict[str, bool] | None:
    """Return whether each variable that may hold a key is set, or ``None`` if the backend names none."""
    names = api_key_variables(factory)
    return None if names is None else {name: bool(os.environ.get(name, "").strip()) for name in names}


def _documentation(entry: EntryPoint) -> str:
    """Return the URL in the package's metadata, else the command that shows its docstrings."""
    urls = {}
    for text in (entry.dist.metadata.get_all("Project-URL") if entry.dist is not None else None) or ():
        label, _, url = str(text).partition(",")
        urls[label.strip().lower()] = url.strip()
    for label in ("documentation", "docs", "homepage", "repository", "source"):
        if urls.get(label):
            return urls[label]
    return f"python -m pydoc {entry.module}"
