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
from typing import Any

from . import child_main
from .child_main import MARK

_PATIENCE = 60.0  # seconds; an import may be slow on a busy machine


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
            [sys.executable, "-P", child_main.__file__],
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
    if MARK not in out:
        return Seen(error=f"exit code {done.returncode}\n{out}{err}")
    # What the backend prints may stand before and behind, on the same line.
    value, _ = json.JSONDecoder().raw_decode(out.rpartition(MARK)[2])
    return Seen(**value)


def _told_of_hanging(out: bytes) -> str:
    """Tell of a process that had to be killed, by what it had printed."""
    if MARK.encode() in out:
        return f"it is made, but its process does not end within {_PATIENCE:g} s; a non-daemon thread?"
    return f"it is not made within {_PATIENCE:g} s; a wait in the constructor?"
