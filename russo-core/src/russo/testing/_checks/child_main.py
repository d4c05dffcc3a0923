"""The program of a fresh process, for `_fresh`: makes a synthesizer or replays a text, and tells what it saw.

It is run by its path, so it imports nothing beside it; what it is given comes as JSON on its stdin. Sockets,
processes and files are seen by an audit hook, the environment by a mapping that notes who is asked for.
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
_asked: list[str] = []
_wanted: list[str] = []


class _Noting(type(os.environ)):  # type: ignore[misc]
    """The environment, which notes what it is asked for."""

    def __getitem__(self, name: str) -> Any:
        _asked.append(str(name))
        return super().__getitem__(name)


class _Absent(importlib.abc.MetaPathFinder):
    """Finds none of these modules."""

    def __init__(self, modules: list[str]) -> None:
        self._modules = modules

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if any(name == each or name.startswith(f"{each}.") for each in self._modules):
            _wanted.append(name)
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def _hide_metadata(backend: str, modules: list[str]) -> None:
    """Hide the distributions of these modules, but those that come with the backend's package."""
    own = next((each.dist for each in entry_points(group="russo.synthesizers") if each.name == backend), None)
    required = [each for each in (own.requires if own else None) or () if "extra" not in each]
    kept = {_plain(re.split(r"[^A-Za-z0-9._-]", each, maxsplit=1)[0]) for each in required}
    places = [name.replace(".", "/") for name in modules]
    found = Distribution.from_name.__func__  # type: ignore[attr-defined]

    def from_name(cls: type[Distribution], name: str) -> Distribution:
        dist: Distribution = found(cls, name)
        files = [str(each) for each in dist.files or ()]
        its = any(each == f"{place}.py" or each.startswith(f"{place}/") for each in files for place in places)
        if its and _plain(name) not in kept:
            _wanted.append(f"the metadata of {name}")
            raise PackageNotFoundError(name)
        return dist

    Distribution.from_name = classmethod(from_name)  # type: ignore[assignment, method-assign]


def _plain(name: str) -> str:
    return re.sub("[-_.]+", "-", name).lower()


def _watch(home: str | None, *, replaying: bool) -> None:
    def hear(name: str, values: tuple[Any, ...]) -> None:
        if name in _FILES and home and str(values[0]).startswith(home):
            _files.append(f"{name} {values[0]!r:.200}")
        noted = _sockets if name.startswith("socket.") else _processes if name in _STARTS else None
        if noted is not None:
            noted.append(f"{name} {values!r:.200}")
            if replaying:
                raise RuntimeError(f"a replay does without {name}")

    sys.addaudithook(hear)
    os.environ.__class__ = _Noting


def _use(russo: Any, given: dict[str, Any]) -> dict[str, object]:
    """Make the synthesizer and, where a directory is given, replay the text."""
    synthesizer: Any = russo.load_synthesizer(given["backend"], **given["options"])
    seen: dict[str, object] = {"described": repr(synthesizer)}
    seen["fields"] = json.dumps(dict(synthesizer.cache_key_extra), sort_keys=True, default=repr)
    if given["directory"]:
        cache = russo.AudioCache(given["directory"])
        cached = russo.CachedSynthesizer(synthesizer, cache=cache, mode="replay")
        try:
            cached.synthesize(given["text"]).send(None)  # by hand: an event loop has sockets
        except StopIteration as done:
            seen["data"] = done.value.data.hex()
    return seen


def main() -> None:
    """Do what stdin asks, and print what was seen behind the mark."""
    given = json.load(sys.stdin)
    sys.path[:] = given["path"]
    russo = importlib.import_module("russo")  # now: what that takes is not the backend's
    if given["directory"]:
        sys.meta_path.insert(0, _Absent(given["sdk"]))
        _hide_metadata(given["backend"], given["sdk"])
    _watch(given["home"], replaying=bool(given["directory"]))
    seen: dict[str, object] = {"error": None}
    try:
        seen |= _use(russo, given)
    except Exception:  # noqa: BLE001 - whatever the backend raises is told
        seen["error"] = traceback.format_exc()
    loaded = [name for name in given["sdk"] if name in sys.modules]
    others = [each for each in threading.enumerate() if each is not threading.main_thread()]
    seen["sockets"], seen["asked"], seen["files"] = _sockets, _asked, _files
    seen["processes"] = [*_processes, *(f"the thread {each.name!r}" for each in others)]
    seen["sdk"] = [*loaded, *_wanted]
    print(MARK + json.dumps(seen), flush=True)  # noqa: T201 - it is how this program answers


if __name__ == "__main__":
    main()
