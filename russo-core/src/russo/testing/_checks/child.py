"""Run a backend in a fresh process and return what it used, in its constructor or in a replay.

The process does not inherit what the tests have imported or opened. It records imports of the SDK, sockets,
processes, files and the environment variables that are read.
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
class ProcessReport:
    """What happened in a fresh process.

    Args:
        error: The traceback of a failure, or ``None``.
        described: The synthesizer's repr.
        fields: Its ``cache_key_extra`` as JSON with sorted names.
        data: In a replay, the audio's bytes in hex.
        sockets: Audit events of sockets.
        processes: Audit events of processes that were started, and threads that still run.
        variables_read: The environment variables that were read.
        sdk: Modules of the SDK that were loaded or searched for.
        files: Audit events of files below the process's own home, if it has one.
    """

    error: str | None
    described: str = ""
    fields: str = ""
    data: str = ""
    sockets: Sequence[str] = ()
    processes: Sequence[str] = ()
    variables_read: Sequence[str] = ()
    sdk: Sequence[str] = ()
    files: Sequence[str] = ()


def construct(
    backend: str,
    options: Mapping[str, object],
    sdk: Sequence[str],
    variables: Mapping[str, str],
    home: str | None = None,
) -> ProcessReport:
    """Make a synthesizer in a fresh process and return what it used.

    Args:
        backend: The backend's name.
        options: The constructor's options.
        sdk: Modules to report if they are loaded.
        variables: More environment variables.
        home: The user's home and the working directory; ``None`` means those of this process.
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
) -> ProcessReport:
    """Replay one text in a fresh process without SDK, credentials, sockets or other processes.

    Args:
        backend: The backend's name.
        options: The constructor's options.
        sdk: Modules that cannot be imported.
        credentials: Environment variables that are removed.
        directory: The cache's directory.
        text: The text.
    """
    given = {"backend": backend, "options": options, "sdk": sdk, "directory": str(directory), "text": text}
    return _run({**given, "home": None}, {}, credentials)


def _run(given: Mapping[str, Any], added: Mapping[str, str], removed: Sequence[str]) -> ProcessReport:
    """Run `child_main` with the given input and changed environment variables; return its report."""
    variables = {name: value for name, value in {**os.environ, **added}.items() if name not in removed}
    # The tests may have put the backend's package on sys.path, so the process gets the same path.
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
        return ProcessReport(error=_hang_message(error.stdout or b""))
    out, err = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
    if MARK not in out:
        return ProcessReport(error=f"exit code {done.returncode}\n{out}{err}")
    # The backend may print before and after the report, even on the same line.
    value, _ = json.JSONDecoder().raw_decode(out.rpartition(MARK)[2])
    return ProcessReport(**value)


def _hang_message(out: bytes) -> str:
    """Return the message for a process that was killed; its output shows where it hung."""
    if MARK.encode() in out:
        return f"it was made, but its process did not end within {_PATIENCE:g} s; a non-daemon thread?"
    return f"it was not made within {_PATIENCE:g} s; a wait in the constructor?"
