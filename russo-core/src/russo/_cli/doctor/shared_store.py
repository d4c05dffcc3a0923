"""``russo doctor``: the shared store, its package and ``russo.lock``, and with ``--online`` its answer."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..._errors import StoreError
from ..._remote.access import StoreAccess
from ..._remote.discovery import STORES, LazyStore, check_url, folder_of
from ..._remote.pins import LockFile
from ..._settings import SettingsError
from ..._words import count
from ..urls import without_credentials
from ..workspace import committed_write
from .parts import Section

if TYPE_CHECKING:
    from ..._settings import Settings
    from ..pytest_side import PytestSide


def examine_store(settings: Settings | None, side: PytestSide, *, online: bool) -> Section:
    """Return what is known of the shared store.

    Args:
        settings: The settings of a run; ``None`` if they are invalid.
        side: Pytest's configuration of this folder.
        online: Whether to ask the store for its marker, one small object.
    """
    section = Section("shared store", data={"url": None})
    if (problem := committed_write(side)) is not None:
        section.add(problem, "remove it, and give it on the command line or set RUSSO_REMOTE_WRITE=1")
    if settings is None:
        section.lines.append("not examined, because the settings are invalid")
        return section
    section.data["lock_file"] = _examine_lock(section, settings)
    if settings.remote is None:
        section.lines.insert(0, "none is set")
        return section
    url = without_credentials(settings.remote)
    source = settings.sources["remote"]
    section.data |= {"url": url, "source": source, "write": settings.remote_write}
    section.lines[:0] = [f"{url} ({source})", _rights(settings)]
    try:
        checked = check_url(settings.remote, source)
    except SettingsError as error:
        section.add(str(error), "correct the setting, or install the package")
        return section
    _examine_package(section, checked)
    _examine_answer(section, checked, online=online)
    return section


def _rights(settings: Settings) -> str:
    if settings.remote_write:
        return f"a test run reads it, and uploads new audio ({settings.sources['remote_write']})"
    return "a test run reads it, and uploads nothing"


def _examine_lock(section: Section, settings: Settings) -> dict[str, object] | None:
    try:
        lock = LockFile(settings.lock_file)
    except SettingsError as error:
        section.lines.append("russo.lock: invalid")
        section.add(str(error), "correct the file; a run with a shared store refuses it")
        return {"path": str(settings.lock_file), "pins": None}
    if not lock.exists:
        section.lines.append("russo.lock: there is none; russo cache lock makes it")
        return None
    section.lines.append(f"russo.lock: {count(len(lock.pins), 'pin')}")
    return {"path": str(settings.lock_file), "pins": len(lock.pins)}


def _examine_package(section: Section, url: str) -> None:
    scheme = url.partition(":")[0]
    (entry,) = STORES.installed()[scheme]
    package = "an unknown package" if entry.dist is None else f"{entry.dist.name} {entry.dist.version}"
    section.data["package"] = package
    section.lines.append(f"opened by {package}")


def _examine_answer(section: Section, url: str, *, online: bool) -> None:
    section.data["reachable"] = None
    if (folder := folder_of(url)) is not None:  # asking for an object would make the folder
        section.data["reachable"] = exists = os.path.isdir(folder)
        section.lines.append("the folder exists" if exists else "does not exist; the first upload makes it")
        return
    if not online:
        section.lines.append("not asked; --online asks it for one small object")
        return
    access = StoreAccess(LazyStore(url), write=False, lock_file=None)
    try:
        has_marker = access.probe()
    except StoreError as error:
        section.data["reachable"] = False
        section.lines.append(f"does not answer: {error.reason}")
        advice = "check the variables of the store" if error.kind == "refused" else "check the network"
        section.add(f"the shared store {access.url} does not answer: {error.reason}", advice)
    else:
        section.data["reachable"] = True
        section.lines.append("answers" if has_marker else "answers; no machine has uploaded to it yet")
    finally:
        access.close()
