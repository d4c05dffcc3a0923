"""A backend in a fresh process: what it does while it is made, and what a replay needs.

Nothing that the tests have imported, set or opened is there; imports, sockets, processes and questions
to the environment are noted.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_PATIENCE = 60.0  # seconds; an import may be slow on a busy machine
_MARK: Final = "russo.testing saw: "

# Sockets and processes are seen by an audit hook, the environment by a mapping that notes who is asked for.
_CODE: Final = f"""
import importlib.abc, json, os, sys, threading, traceback
given = json.load(sys.stdin)
sys.path[:] = given["path"]
sockets, processes, asked, wanted, files = [], [], [], [], []
FILES = {{"open", "os.mkdir", "os.listdir", "os.scandir"}}
STARTS = {{"subprocess.Popen", "os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn"}}
def watch(name, values):
    if name in FILES and given["home"] and str(values[0]).startswith(given["home"]):
        files.append(f"{{name}} {{values[0]!r:.200}}")
    noted = sockets if name.startswith("socket.") else processes if name in STARTS else None
    if noted is not None:
        noted.append(f"{{name}} {{values!r:.200}}")
        if given["directory"]:
            raise RuntimeError(f"a replay does without {{name}}")
class Noting(type(os.environ)):
    def __getitem__(self, name):
        asked.append(str(name))
        return super().__getitem__(name)
class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if any(name == each or name.startswith(each + ".") for each in given["sdk"]):
            wanted.append(name)
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
import russo
if given["directory"]:
    sys.meta_path.insert(0, Absent())
sys.addaudithook(watch)
os.environ.__class__ = Noting
seen = {{"error": None}}
try:
    synthesizer = russo.load_synthesizer(given["backend"], **given["options"])
    seen["described"] = repr(synthesizer)
    fields = synthesizer.cache_key_extra
    seen["fields"] = json.dumps(dict(fields), sort_keys=True, default=repr)
    if given["directory"]:
        cache = russo.AudioCache(given["directory"])
        cached = russo.CachedSynthesizer(synthesizer, cache=cache, mode="replay")
        try:
            cached.synthesize(given["text"]).send(None)  # by hand: an event loop has sockets
        except StopIteration as done:
            seen["data"] = done.value.data.hex()
except Exception:
    seen["error"] = traceback.format_exc()
loaded = [name for name in given["sdk"] if name in sys.modules]
others = [each for each in threading.enumerate() if each is not threading.main_thread()]
processes += [f"the thread {{each.name!r}}" for each in others]
seen |= {{"sockets": sockets, "processes": processes, "asked": asked, "sdk": loaded + wanted, "files": files}}
print({_MARK!r} + json.dumps(seen), flush=True)
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """What a fresh process saw.

    Args:
        error: The traceback of what failed, ``None`` where nothing did.
        described: The synthesizer's repr.
        fields: Its ``cache_key_extra`` as JSON with sorted names.
        data: In a replay, the audio's bytes in hex.
        sockets: Audit events of sockets.
        processes: Audit events of processes that were started, and threads.
        asked: Environment variables that were asked for.
        sdk: Modules of the SDK that were loaded or wanted.
        files: Audit events of files of the user, where the process has a home of its own.
    """

    error: str | None
    described: str = ""
    fields: str = ""
    data: str = ""
    sockets: Sequence[str] = ()
    processes: Sequence[str] = ()
    asked: Sequence[str] = ()
    sdk: Sequence[str] = ()
    files: Sequence[str] = ()


def construct(
    backend: str,
    options: Mapping[str, object],
    sdk: Sequence[str],
    variables: Mapping[str, str],
    home: str | None = None,
) -> Seen:
    """Make a synthesizer in a fresh process and tell what that took.

    Args:
        backend: The backend's name.
        options: The options it is made with.
        sdk: Modules that are told of.
        variables: More environment variables.
        home: The user's home, and the working directory; ``None`` is this process's.
    """
    given = {"backend": backend, "options": options, "sdk": sdk, "directory": None, "home": home}
    return _run(given, variables, ())


def replay(
    backend: str,
    *,
    options: Mapping[str, object],
    sdk: Sequence[str],
    credentials: Sequence[str],
    directory: Path,
    text: str,
) -> Seen:
    """Replay one text in a fresh process without SDK, credentials, sockets and other processes.

    Args:
        backend: The backend's name.
        options: The options it is made with.
        sdk: Modules that cannot be imported.
        credentials: Environment variables that are not set.
        directory: The cache's.
        text: The text.
    """
    given = {"backend": backend, "options": options, "sdk": sdk, "directory": str(directory), "text": text}
    return _run({**given, "home": None}, {}, credentials)


def _run(given: Mapping[str, Any], more: Mapping[str, str], less: Sequence[str]) -> Seen:
    variables = {name: value for name, value in {**os.environ, **more}.items() if name not in less}
    # The backend's package may be importable by the tests' own sys.path only.
    sent = json.dumps({**given, "path": [str(Path(each).absolute()) for each in sys.path]})
    try:
        done = subprocess.run(
            [sys.executable, "-c", _CODE],
            input=sent.encode(),
            env=variables,
            cwd=given["home"],
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        return Seen(error=_told_of_hanging(error.stdout or b""))
    out, err = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
    if _MARK not in out:
        return Seen(error=f"exit code {done.returncode}\n{out}{err}")
    # What the backend prints may stand before and behind, on the same line.
    value, _ = json.JSONDecoder().raw_decode(out.rpartition(_MARK)[2])
    return Seen(**value)


def _told_of_hanging(out: bytes) -> str:
    """Tell of a process that had to be killed, by what it had printed."""
    if _MARK.encode() in out:
        return f"it is made, but its process does not end within {_PATIENCE:g} s; a non-daemon thread?"
    return f"it is not made within {_PATIENCE:g} s; a wait in the constructor?"
