"""The message of `CacheMissError`: why a prompt is not replayed, found out from the stored entries."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

from .._errors import CacheMissError, shorten
from .._fields import flatten
from .._store.cache import AudioCache, Miss
from .._store.layered import Cache

# The search for entries of the same prompt only helps to read the message, so it is limited in a large cache.
_SEARCH_SECONDS: Final = 0.5
_SHOWN_ENTRIES: Final = 3
_COMMAND: Final = "pytest --russo-cache-mode=auto"


def explain_miss(
    prompt: str, key: str, fields: Mapping[str, Any], cache: Cache, miss: Miss
) -> CacheMissError:
    """Build the error of a miss in mode ``replay``."""
    layers = cache.layers
    directories = " or ".join(_display(layer.directory) for layer in layers)
    lines = [f"no cached audio for {shorten(prompt)} in {directories} (mode 'replay', key {key[:12]})"]
    if miss.reason != "absent":
        lines.append(f"an entry lies there, but it is not usable: {miss.reason}")
    same = [line for layer in layers for line in _same_prompt(layer, prompt, key, fields)]
    if same:
        lines.append("the same prompt is stored with other settings:")
        lines += [f"  {line}" for line in same[:_SHOWN_ENTRIES]]
        if len(same) > _SHOWN_ENTRIES:
            lines.append(f"  and {len(same) - _SHOWN_ENTRIES} more")
    lines.append(f"record it once with: {_COMMAND}")
    directory = str(layers[-1].directory)
    return CacheMissError("\n".join(lines), prompt=prompt, key=key, directory=directory)


def _display(directory: os.PathLike[str]) -> str:
    try:
        relative = os.path.relpath(directory)
    except ValueError:  # another drive
        return str(directory)
    return str(directory) if relative.startswith("..") else relative


def _same_prompt(cache: AudioCache, prompt: str, key: str, fields: Mapping[str, Any]) -> Iterator[str]:
    deadline = time.monotonic() + _SEARCH_SECONDS
    for other in cache.stored_keys():
        if time.monotonic() > deadline:
            return
        meta = None if other == key else cache.describe(other)
        if meta is not None and meta.get("prompt") == prompt:
            yield f"key {other[:12]}…: {_differences(meta.get('fields'), fields)}"


def _differences(stored: Any, wanted: Mapping[str, Any]) -> str:
    old, new = dict(_dotted(flatten(stored))), dict(_dotted(flatten(wanted)))
    names = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
    return (
        ", ".join(f"{name} is {old.get(name)!r}, wanted {new.get(name)!r}" for name in names)
        or "no difference seen"
    )


def _dotted(settings: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each setting with its name; a setting inside a mapping has the name ``outer.inner``."""
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _dotted(value, f"{path}{name}.")
        else:
            yield f"{path}{name}", value
