"""The options and ini settings of the pytest plugin, and whether a run uses any of them.

Every pytest run imports this module, so it imports pytest only.
"""

from __future__ import annotations

import os
from typing import Any, Final

import pytest

# If one of these options or ini settings is set, the run uses russo.
OPTIONS: Final = (
    "synth",
    "synth_option",
    "cache_mode",
    "no_cache",
    "cache_dir",
    "recordings_dir",
    "clear_cache",
    "max_calls",
    "record_only",
    "remote",
    "remote_write",
)
INI_NAMES: Final = (
    "synth",
    "synth_options",
    "cache_mode",
    "cache_dir",
    "recordings_dir",
    "remote",
    "speak_ahead",
)


def add_to(parser: pytest.Parser) -> None:
    """Add the options and ini settings."""
    group = parser.getgroup("russo", "russo: speech for voice-agent tests")
    add = group.addoption
    add("--russo-synth", metavar="NAME", help="backend that speaks, by name or as package.module:factory")
    add(
        "--russo-synth-option",
        metavar="NAME.OPTION=VALUE",
        action="append",
        default=[],
        help="option of a backend, such as local.speed=1.2 (custom.OPTION for a factory); may be repeated",
    )
    add("--russo-cache-mode", metavar="MODE", help="auto (default), replay, refresh or off")
    add("--russo-no-cache", action="store_true", help="always synthesize, store nothing: mode off")
    add(
        "--russo-cache-dir",
        metavar="DIR",
        help="where audio is stored (default: .russo_cache in the rootdir)",
    )
    add(
        "--russo-recordings-dir",
        metavar="DIR",
        help="recordings, read first and never written to",
    )
    add("--russo-remote", metavar="URL", help="shared store, asked before the backend; off for none")
    add("--russo-remote-write", action="store_true", help="store new audio in the shared store, too")
    add("--russo-clear-cache", action="store_true", help="remove all cached audio before the run")
    add("--russo-max-calls", metavar="N", type=int, help="refuse backend calls after the first N of the run")
    add(
        "--russo-record-only",
        action="store_true",
        help="synthesize the prompts of the russo markers, run no test",
    )
    # Two options, because an option with an optional value would take a path after it as its value.
    prune, dest = "--russo-prune-unused", "russo_prune_unused"
    add(
        prune,
        dest=dest,
        action="store_const",
        const="known",
        help="after a complete run, remove entries that earlier ones used and no test uses now",
    )
    add(
        f"{prune}=all",
        dest=dest,
        action="store_const",
        const="all",
        help="remove also entries that no complete run is known to have used",
    )
    add(
        "--russo-report",
        metavar="TARGET",
        action="append",
        default=[],
        help="write a report: a page FILE.html, its data FILE.json, or both in DIR/; may be repeated",
    )
    parser.addini("russo_synth", "backend that speaks, by name or as package.module:factory")
    parser.addini(
        "russo_synth_options", "options of backends, one NAME.OPTION=VALUE per line", type="linelist"
    )
    parser.addini("russo_cache_mode", "auto, replay, refresh or off")
    parser.addini("russo_cache_dir", "where audio is stored, relative to the rootdir")
    parser.addini(
        "russo_speak_ahead",
        "how many marked prompts to synthesize at the same time before the tests",
        type="int",
    )
    parser.addini("russo_remote", "URL of a shared store, asked before the backend")
    parser.addini("russo_recordings_dir", "recordings, read first, relative to the rootdir")


def is_any_given(config: pytest.Config) -> bool:
    """Return whether an option, an ini setting or an environment variable of russo is set."""
    return (
        any(_is_given(config.getoption(f"russo_{name}")) for name in OPTIONS)
        or any(os.environ.get(f"RUSSO_{name.upper()}") for name in INI_NAMES)
        or any(ini_value(config, f"russo_{name}") for name in INI_NAMES)
    )


def ini_value(config: pytest.Config, name: str) -> Any:
    """Return the value of an ini setting, of its type.

    Raises:
        pytest.UsageError: The value has another type.
    """
    try:
        return config.getini(name)
    except (pytest.UsageError, TypeError, ValueError) as error:  # before pytest 9.1 it is not a UsageError
        problem = str(error)
        raise pytest.UsageError(problem if name in problem else f"{name}: {problem}") from None


def _is_given(value: object) -> bool:
    """Return whether an option was given. A limit of 0 calls counts as given, though ``0 == False``."""
    return bool(value) or (value == 0 and value is not False)
