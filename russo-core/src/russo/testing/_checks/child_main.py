"""The program of a fresh process, for `child`: makes a synthesizer or replays a text, and prints a report.

It is run by its path, so it must not import from its package. Its input is JSON on stdin. An audit hook
records sockets, processes and files; a subclass of the environment's mapping records the variables read.
"""

from __future__ import annotations

import importlib.abc
import json
import os
import re
import sys
import threading
import traceback
from importlib.metadata import Distribution, PackageNotFoundError, entry_points
from typing import Any, Final

MARK: Final = "russo.testing saw: "
_FILES: Final = frozenset({"open", "os.mkdir", "os.listdir", "os.scandir"})
_STARTS: Final = frozenset(
    {"subprocess.Popen", "os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn"}
)

_sockets: list[str] = []
_processes: list[str] = []
_files: list[str] = []
_variables_read: list[str] = []
_searched: list[str] = []


class _RecordingEnviron(type(os.environ)):  # type: ignore[misc]
    """The environment; records the variables that are read."""

    def __getitem__(self, name: str) -> Any:
        _variables_read.append(str(name))
        return super().__getitem__(name)


class _SdkBlocker(importlib.abc.MetaPathFinder):
    """Makes the import of these modules fail, and records it."""

    def __init__(self, modules: list[str]) -> None:
        self._modules = modules

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if any(name == each or name.startswith(f"{each}.") for each in self._modules):
            _searched.append(name)
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def _hide_metadata(backend: str, modules: list[str]) -> None:
    """Hide the distributions of these modules, except those that the backend's package requires."""
    own = next((each.dist for each in entry_points(group="russo.synthesizers") if each.name == backend), None)
    required = [each for each in (own.requires if own else None) or () if "extra" not in each]
    visible = {_normalized(re.split(r"[^A-Za-z0-9._-]", each, maxsplit=1)[0]) for each in required}
    paths = [name.replace(".", "/") for name in modules]
    original = Distribution.from_name.__func__  # type: ignore[attr-defined]

    def from_name(cls: type[Distribution], name: str) -> Distribution:
        dist: Distribution = original(cls, name)
        files = [str(each) for each in dist.files or ()]
        is_sdk = any(each == f"{path}.py" or each.startswith(f"{path}/") for each in files for path in paths)
        if is_sdk and _normalized(name) not in visible:
            _searched.append(f"the metadata of {name}")
            raise PackageNotFoundError(name)
        return dist

    Distribution.from_name = classmethod(from_name)  # type: ignore[assignment, method-assign]


def _normalized(name: str) -> str:
    """Return the name of a distribution in its normalized form."""
    return re.sub("[-_.]+", "-", name).lower()


def _watch(home: str | None, *, replaying: bool) -> None:
    """Record sockets, processes, files below ``home`` and variables; in a replay, refuse the first two."""

    def record(name: str, values: tuple[Any, ...]) -> None:
        if name in _FILES and home and str(values[0]).startswith(home):
            _files.append(f"{name} {values[0]!r:.200}")
        events = _sockets if name.startswith("socket.") else _processes if name in _STARTS else None
        if events is not None:
            events.append(f"{name} {values!r:.200}")
            if replaying:
                raise RuntimeError(f"a replay must not use {name}")

    sys.addaudithook(record)
    os.environ.__class__ = _RecordingEnviron


def _use(russo: Any, given: dict[str, Any]) -> dict[str, object]:
    """Make the synthesizer, replay the text if a directory is given, and return what to report."""
    synthesizer: Any = russo.load_synthesizer(given["backend"], **given["options"])
    seen: dict[str, object] = {"described": repr(synthesizer)}
    seen["fields"] = json.dumps(dict(synthesizer.cache_key_extra), sort_keys=True, default=repr)
    if given["directory"]:
        cache = russo.AudioCache(given["directory"])
        cached = russo.CachedSynthesizer(synthesizer, cache=cache, mode="replay")
        try:
            cached.synthesize(given["text"]).send(None)  # without an event loop, which opens sockets
        except StopIteration as done:
            seen["data"] = done.value.data.hex()
    return seen


def main() -> None:
    """Read the task from stdin, run it, and print the report after the mark."""
    given = json.load(sys.stdin)
    sys.path[:] = given["path"]
    russo = importlib.import_module("russo")  # before watching: russo's own imports do not count
    if given["directory"]:
        sys.meta_path.insert(0, _SdkBlocker(given["sdk"]))
        _hide_metadata(given["backend"], given["sdk"])
    _watch(given["home"], replaying=bool(given["directory"]))
    seen: dict[str, object] = {"error": None}
    try:
        seen |= _use(russo, given)
    except Exception:  # noqa: BLE001 - the report carries any exception of the backend
        seen["error"] = traceback.format_exc()
    loaded = [name for name in given["sdk"] if name in sys.modules]
    others = [each for each in threading.enumerate() if each is not threading.main_thread()]
    seen["sockets"], seen["variables_read"], seen["files"] = _sockets, _variables_read, _files
    seen["processes"] = [*_processes, *(f"the thread {each.name!r}" for each in others)]
    seen["sdk"] = [*loaded, *_searched]
    print(MARK + json.dumps(seen), flush=True)  # noqa: T201 - the report goes to stdout


if __name__ == "__main__":
    main()
