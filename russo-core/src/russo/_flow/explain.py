"""The message of `CacheMissError`: why a prompt is not replayed, according to the stored entries.

Stored entries are foreign: every line is escaped, and the length and the number of lines are bounded.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from .._errors import CacheMissError, shorten
from .._foreign import shown
from .._store.cache import AudioCache, Miss
from .._store.entry import AUDIO_SUFFIX, META_SUFFIX, PROMPT_LIMIT
from .._store.layered import Cache
from .._store.prompt_index import prompts_in
from .other_settings import differences

if TYPE_CHECKING:
    from .._remote.results import Fetched

# The search for entries of the same prompt only helps to read the message, so it is limited in a large cache.
_SEARCH_SECONDS: Final = 0.5
_SHOWN_ENTRIES: Final = 3
_TRIED_ENTRIES: Final = 20
_SHOWN_DIFFERENCES: Final = 8
_LONGEST_DIRECTORY: Final = 500
_COMMAND: Final = "pytest --russo-cache-mode=auto"
_PINS_AGAIN: Final = "pytest --russo-record-only --russo-cache-mode=refresh"


def explain_miss(
    prompt: str,
    key: str,
    fields: Mapping[str, Any],
    cache: Cache,
    miss: Miss,
    *,
    remote: Fetched | None = None,
) -> CacheMissError:
    """Build the error of a miss in mode ``replay``.

    Args:
        prompt: The prompt.
        key: Its key.
        fields: The fields of the key.
        cache: The cache.
        miss: Why no layer of the cache has the prompt.
        remote: The result of the lookup in the shared store, if the cache has one.
    """
    layers = cache.layers
    directories = " or ".join(_display(layer.directory) for layer in layers)
    url = shown(cache.remote.url, _LONGEST_DIRECTORY) if cache.remote is not None else ""
    is_absent = remote is not None and remote.reason == "absent"
    places = f"{directories} and not in {url}" if is_absent else directories
    lines = [f"no cached audio for {shorten(prompt)} in {places} (mode 'replay', key {key[:12]})"]
    is_unknown = remote is not None and remote.outcome in ("failed", "skipped")
    if remote is not None and not is_absent:
        problem = "could not be asked, and may have the entry" if is_unknown else "has no usable entry"
        lines.append(f"{url} {problem}: {shown(remote.reason, 400)}")
    lines += _state_of_the_entry(layers, key, miss)
    lines += _same_prompt(layers, prompt, key, fields)
    if miss.unreadable:
        lines.append(f"make {directories} readable for this user, and run the test again")
    elif remote is not None and remote.outcome == "refused":
        lines.append("merge the branch that pins the store's audio, or")
        lines.append(f"record all prompts again, and pin the new audio, with: {_PINS_AGAIN}")
    else:
        if is_unknown:
            lines.append("run the test again when the store can be reached, or")
        lines.append(f"record it once with: {_COMMAND}")
    directory = str(layers[-1].directory)
    return CacheMissError("\n".join(lines), prompt=prompt, key=key, directory=directory)


def _display(directory: os.PathLike[str]) -> str:
    try:
        relative = os.path.relpath(directory)
    except (ValueError, OSError):  # another drive, or the current directory was removed
        relative = ".."
    return shown(str(directory) if relative.startswith("..") else relative, _LONGEST_DIRECTORY)


def _state_of_the_entry(layers: tuple[AudioCache, ...], key: str, miss: Miss) -> Iterator[str]:
    if miss.unreadable:
        yield f"the cache cannot be read: {shown(miss.reason)}"
    elif miss.reason != "absent":
        yield f"the entry of this key cannot be used: {shown(miss.reason, 400)}"
    elif any(os.path.islink(layer.directory / f"{key}{META_SUFFIX}") for layer in layers):
        yield (
            "the entry of this key cannot be used: its metadata is a link to a file that does not exist "
            "(`git annex get` fetches files of git-annex)"
        )


def _same_prompt(
    layers: tuple[AudioCache, ...], prompt: str, key: str, fields: Mapping[str, Any]
) -> Iterator[str]:
    """Yield lines about the entries of the same prompt: all are counted, and some are shown."""
    lines: list[str] = []
    seen, more = {key}, 0
    for layer in layers:  # if two layers have a key, the entry of the first one is replayed
        keys, number = prompts_in(layer.directory).keys_of(prompt, _TRIED_ENTRIES, seconds=_SEARCH_SECONDS)
        more += number - len(keys)
        for other in keys:
            if other in seen:
                continue
            seen.add(other)
            meta = layer.describe(other)
            if meta is None or meta.get("prompt") != prompt[:PROMPT_LIMIT] or not _has_audio(layer, other):
                continue
            if len(lines) < _SHOWN_ENTRIES:
                lines.append(f"  key {other[:12]}…: {_differences(meta.get('fields'), fields)}")
            else:
                more += 1
    if lines:
        yield "the same prompt is stored with other settings:"
        yield from lines
        if more:
            yield f"  and {more:,} more"


def _has_audio(cache: AudioCache, key: str) -> bool:
    return os.path.isfile(cache.directory / f"{key}{AUDIO_SUFFIX}")


def _differences(stored: Any, wanted: Mapping[str, Any]) -> str:
    return differences(stored, wanted, _SHOWN_DIFFERENCES).text or "no difference found"
