"""``russo doctor``: versions of Python, pytest, its plugins and russo, and whether they fit.

The metadata of a distribution belongs to another package, so each part of it may be malformed.
"""

from __future__ import annotations

import contextlib
import os
import platform
import re
import shutil
import sys
import sysconfig
from collections.abc import Iterator
from importlib.metadata import Distribution, EntryPoint, distributions, version
from typing import Final

from ..._backends.discovery import installed_backends
from ..._foreign import shown
from ..._hooks import package_of, registered
from ..._installation import REPAIR, problem
from ..backend_states import missing_requirements, version_of
from .parts import Section, module_exists

_PLUGINS: Final = "pytest11"
_PLUGIN: Final = "russo"
_AUTOLOAD: Final = "PYTEST_DISABLE_PLUGIN_AUTOLOAD"
_LONGEST: Final = 80


def examine_versions() -> Section:
    """Return the versions of Python, pytest and russo's distributions."""
    found = list(_distributions_of_russo())
    section = Section("versions")
    section.data = {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "platform": platform.platform(),
        "executable": sys.executable,
        "pytest": version("pytest"),
        "distributions": [{"name": name, "version": number} for name, number, _ in found],
    }
    section.lines = [
        f"python {platform.python_version()} ({platform.python_implementation()}), {sys.executable}",
        f"platform {platform.platform()}",
        f"pytest {version('pytest')}",
        *(f"{name} {number or '(no version)'}" for name, number, _ in found),
        *_other_pytest(),
    ]
    _check_installation(section, [(name, package) for name, _, package in found])
    return section


def examine_plugins(loaded_by_option: bool) -> Section:
    """Return the installed plugins of pytest with their versions. None of them is imported.

    Args:
        loaded_by_option: Whether an option or a variable loads russo's plugin by its name.
    """
    entries = registered(_PLUGINS)
    versions = {_name(entry): version_of(entry.dist) for entry in entries}
    section = Section("pytest plugins", data=versions)
    section.lines = [f"{name} {versions[name]}".rstrip() for name in sorted(versions)]
    for entry in entries:
        module = entry.value.partition(":")[0].strip()
        if not module_exists(module):
            section.add(
                f"pytest cannot import the plugin {entry.name} of {package_of(entry)}: the module "
                f"{module} does not exist",
                "reinstall the package of this plugin, or uninstall it",
            )
    if not any(entry.name == _PLUGIN and _is_ours(entry) for entry in entries):
        section.add("pytest does not find russo's plugin: its entry point is missing", f"run: {REPAIR}")
    elif os.environ.get(_AUTOLOAD) and not loaded_by_option:
        section.add(
            f"the variable {_AUTOLOAD} is set, so pytest does not load russo's plugin",
            f"unset the variable, or add -p {_PLUGIN} to addopts",
        )
    return section


def _other_pytest() -> Iterator[str]:
    """Yield a line if the program pytest on PATH is not that of this environment."""
    program = shutil.which("pytest")
    if program is not None and os.path.dirname(program) != sysconfig.get_path("scripts"):
        yield f"the program pytest on PATH belongs to another environment: {program}"


def _check_installation(section: Section, found: list[tuple[str, Distribution]]) -> None:
    if (damage := problem()) is not None:
        what, _, command = damage.rpartition(": ")
        section.add(what, f"run: {command}")
    for name in dict.fromkeys(name for name, _ in found):
        versions = [version_of(package) or "no version" for each, package in found if each == name]
        if len(versions) > 1:
            section.add(
                f"{name} is installed {len(versions)} times ({', '.join(versions)})",
                f"run until nothing is left: pip uninstall {name}; then install it again",
            )
    for name, package in found:
        if missing := missing_requirements(package):
            section.add(f"{name} does not fit: {missing}", f"run: pip install --upgrade {name}")


def _distributions_of_russo() -> Iterator[tuple[str, str, Distribution]]:
    """Yield name, version and metadata of russo's distributions and of those that register a backend."""
    backends = {_name(entry) for entries in installed_backends().values() for entry in entries}
    found = []
    for each in distributions():
        name = ""
        with contextlib.suppress(Exception):  # the metadata may be damaged
            name = _normalized(each.metadata["Name"])
        if name and (name == "russo" or name.startswith("russo-") or name in backends):
            found.append((name, shown(version_of(each), _LONGEST), each))
    yield from sorted(found, key=lambda each: each[:2])


def _name(entry: EntryPoint) -> str:
    return _normalized(package_of(entry))


def _normalized(name: str) -> str:
    return shown(re.sub(r"[-_.]+", "-", name).lower(), _LONGEST)


def _is_ours(entry: EntryPoint) -> bool:
    return entry.value.startswith("russo._plugin.")
