"""The state of a registered backend: whether it loads, its key, its documentation.

A backend's package is imported, because only an import shows whether it loads. Its SDK is not imported: its
installation is checked by metadata. The metadata belongs to another package, so each part may be malformed.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution, EntryPoint, PackageNotFoundError
from typing import Any, Final

from packaging.requirements import InvalidRequirement, Requirement

from .._backends.constructor import convert_options
from .._backends.descriptions import logins_of, service_url_of
from .._backends.discovery import api_key_variables, installed_backends, load_backend
from .._backends.entry_points import distribution
from .._backends.model_ends import announced_ends
from .._errors import BackendConfigError
from .._secret import is_credential
from .._settings import SettingsError
from .screen import RefusedError
from .workspace import find_workspace

READY: Final = "ready"
KEY_MISSING: Final = "key missing"
# Options as text, by backend and by name.
Options = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Backend:
    """One backend.

    Attributes:
        name: The name that chooses it.
        package: The distribution that registers it.
        version: The version of this distribution.
        state: ``ready``, ``key missing``, ``SDK missing``, ``broken`` or ``name claimed twice``.
        cause: Why it is not ready; empty if it is ready.
        credentials: Whether each variable that may hold a key is set; ``None`` if the backend names none.
        key_option: The option that is the key, or replaces it; empty if none is set.
        logins: What replaces the key, in words, by the option that chooses it.
        documentation: A URL, or the command that shows the documentation.
        service_url: The address of the vendor's own documentation; empty if the backend does not declare it.
        model_ends: Announced ends of models, one sentence each.
        factory: What the entry point registers; ``None`` if it does not load.
    """

    name: str
    package: str
    version: str
    state: str
    cause: str
    credentials: dict[str, bool] | None
    key_option: str
    logins: dict[str, str]
    documentation: str
    service_url: str
    model_ends: list[str]
    factory: object

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return {name: getattr(self, name) for name in self.__slots__ if name != "factory"}

    @property
    def key_words(self) -> str:
        """Which variables may hold its key, whether each is set, and the option instead, in words."""
        if self.credentials is None:
            return "not declared"
        shown = [f"{name} {'set' if is_set else 'not set'}" for name, is_set in self.credentials.items()]
        option = [f"option {self.key_option} set"] if self.key_option else []
        return ", ".join([*shown, *option]) or "none needed"


def options_of_folder() -> Options:
    """Return the options of backends by pytest's configuration in this folder; none if it cannot be read."""
    with contextlib.suppress(RefusedError, SettingsError):
        return find_workspace().settings.options
    return {}


def examine_all(options: Options) -> list[Backend]:
    """Return all registered backends; a name that two packages claim is in the list twice.

    Args:
        options: The options that are set: one of them may be the key, or replace it.
    """
    return [
        examine(name, options, entries=entries, entry=entry)
        for name, entries in installed_backends().items()
        for entry in entries
    ]


def examine(name: str, options: Options, *, entries: Sequence[EntryPoint], entry: EntryPoint) -> Backend:
    """Return one registered backend.

    Args:
        name: Its name.
        options: The options that are set.
        entries: All entry points of this name.
        entry: The one to examine.
    """
    factory: object = None
    if len(entries) > 1:
        others = " and ".join(f"{distribution(each)} ({each.value})" for each in entries)
        state, cause = "name claimed twice", f"claimed by {others}; uninstall one of them"
    else:
        factory, state, cause = _load(name, entry)
    return _backend(name, entry, factory, (state, cause), options.get(name, {}))


def examine_path(path: str, options: Options) -> Backend:
    """Return the backend of a factory that is written as ``package.module:factory``.

    Raises:
        BackendConfigError: It cannot be loaded.
        BackendNotFoundError: The path has another form.
    """
    with contextlib.redirect_stdout(sys.stderr):  # standard output may be JSON
        factory = load_backend(path)
    entry = EntryPoint(path, path, "")
    return _backend(path, entry, factory, (READY, ""), options.get("custom", {}))


def _backend(
    name: str, entry: EntryPoint, factory: object, found: tuple[str, str], given: Mapping[str, str]
) -> Backend:
    variables = api_key_variables(factory)
    credentials = None if variables is None else {each: _is_set(each) for each in variables}
    logins = logins_of(factory)
    state, cause = found
    key_option = _key_option(factory, given)
    if state == READY and credentials and not any(credentials.values()) and not key_option:
        state = KEY_MISSING
        instead = "".join(f"; the option {option} uses {login} instead" for option, login in logins.items())
        cause = f"set {' or '.join(credentials)}{instead}"
    package = entry.dist
    return Backend(
        name=name,
        package="" if ":" in name else distribution(entry),
        version=version_of(package),
        state=state,
        cause=cause,
        credentials=credentials,
        key_option=key_option,
        logins=logins,
        documentation=_documentation(entry),
        service_url=service_url_of(factory),
        model_ends=announced_ends(factory),
        factory=factory,
    )


def _is_set(variable: str) -> bool:
    return bool(os.environ.get(variable, "").strip())


def _key_option(factory: Any, given: Mapping[str, str]) -> str:
    """Return the option that is the key, or replaces it by another login; empty if there is none."""
    logins = logins_of(factory)
    for option, text in given.items():
        with contextlib.suppress(ValueError):
            is_login = option in logins and convert_options(factory, {option: text})[option]
            if is_login or (is_credential(option) and text):
                return option
    return ""


def _load(name: str, entry: EntryPoint) -> tuple[object, str, str]:
    """Import the backend's package; return what it registers, the state and the cause."""
    missing = missing_requirements(entry.dist)
    try:
        with contextlib.redirect_stdout(sys.stderr):  # standard output may be JSON
            factory = load_backend(name)
    except BackendConfigError as error:
        cause = error.__cause__
        if missing or (isinstance(cause, ModuleNotFoundError) and _is_foreign(cause.name, entry)):
            return None, "SDK missing", missing or str(cause)
        return None, "broken", str(error)
    except SystemExit as error:
        return None, "broken", f"importing {entry.value!r} of {distribution(entry)} exits ({error.code!r})"
    return factory, "SDK missing" if missing else READY, missing


def _is_foreign(module: str | None, entry: EntryPoint) -> bool:
    return module is not None and module.partition(".")[0] != entry.module.partition(".")[0]


def missing_requirements(package: Distribution | None) -> str:
    """Return which requirements of a package are missing or have another version; empty if all fit."""
    requires: Sequence[str] = ()
    with contextlib.suppress(Exception):  # the metadata may be damaged
        requires = (package.requires if package is not None else None) or ()
    return "; ".join(filter(None, map(_problem_of, requires)))


def _problem_of(text: str) -> str:
    try:
        requirement = Requirement(text)
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            return ""
        installed = version_of(Distribution.from_name(requirement.name))
    except PackageNotFoundError:
        wanted = str(requirement).partition(";")[0]
        return f"{requirement.name} is not installed: pip install {wanted!r}"
    except (InvalidRequirement, LookupError, ValueError):
        return ""
    name, fits = requirement.name, False
    with contextlib.suppress(TypeError, ValueError):  # the version may be malformed
        fits = requirement.specifier.contains(installed, prereleases=True)
    if not installed:  # the metadata has no version
        return f"{name} has no version: pip install --force-reinstall {name}"
    return "" if fits else f"{name} is {installed}, and {requirement.specifier} is needed"


def version_of(package: Distribution | None) -> str:
    """Return the version of a distribution; empty if its metadata has none."""
    with contextlib.suppress(Exception):  # the metadata may be damaged
        # Distribution.version warns in Python 3.13 if there is none.
        return str((package and package.metadata.json.get("version")) or "")
    return ""


def _documentation(entry: EntryPoint) -> str:
    """Return the URL in the package's metadata, else the command that shows its docstrings."""
    urls = {}
    with contextlib.suppress(Exception):  # the metadata may be damaged
        for text in (entry.dist.metadata.get_all("Project-URL") if entry.dist is not None else None) or ():
            label, _, url = str(text).partition(",")
            urls[label.strip().lower()] = url.strip()
    for label in ("documentation", "docs", "homepage", "repository", "source"):
        if urls.get(label):
            return urls[label]
    return f"python -m pydoc {entry.module}"
