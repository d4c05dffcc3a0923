"""Entries of the same prompt that were stored with other settings: which settings differ, in words.

The error of a miss in mode ``replay`` and the summary of a run in mode ``auto`` use the same words. Stored
entries are foreign: all texts are escaped, and the number of settings and their length are bounded.
"""

from __future__ import annotations

import contextlib
import os
from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Final, TypeAlias

from .._clock import monotonic
from .._errors import shorten
from .._fields import backend_of, flatten
from .._foreign import shown
from .._store.cache import AudioCache
from .._store.directory import stored_keys
from .._store.entry import META_SUFFIX
from .._words import count

# The search only helps to read the summary, so it is limited in a large cache.
_SEARCH_SECONDS: Final = 0.5
_PART_FOR_READING: Final = 0.8
_MOST_COMPARED: Final = 20
_MOST_GROUPS: Final = 2
_SHOWN_IN_A_LINE: Final = 3
_LONGEST_NAME: Final = 80
_LONGEST_VALUE: Final = 60
_Difference: TypeAlias = tuple[tuple[str, ...], Any, Any]


@dataclass(frozen=True, slots=True)
class Differences:
    """The settings that differ between a stored entry and a request.

    Attributes:
        number: How many settings differ.
        text: The first of them, in words; empty if none differs.
    """

    number: int
    text: str


def differences(stored: Any, wanted: Any, most: int) -> Differences:
    """Return which settings differ between the fields of two entries or requests.

    Args:
        stored: The fields of an entry.
        wanted: The fields of a request, or of its entry.
        most: How many settings the text names.
    """
    texts: list[str] = []
    number = 0
    for number, (path, old, new) in enumerate(_differing(flatten(stored), flatten(wanted)), 1):
        if number <= most:
            name = shown(".".join(shown(part, _LONGEST_NAME) for part in path), _LONGEST_NAME)
            texts.append(f"{name} is {_value(old)}, wanted {_value(new)}")
    if number > most:
        texts.append(f"and {number - most:,} more")
    return Differences(number, ", ".join(texts))


def _value(value: Any) -> str:
    return shorten(value) if isinstance(value, str) else shown(value, _LONGEST_VALUE)


def _differing(
    old: Mapping[str, Any], new: Mapping[str, Any], path: tuple[str, ...] = ()
) -> Iterator[_Difference]:
    """Yield each setting that differs, with its path of names. Only paths that are shown are joined."""
    for name in sorted(old.keys() | new.keys()):
        one, two = old.get(name), new.get(name)
        inner_one, inner_two = (value if isinstance(value, Mapping) else None for value in (one, two))
        if inner_one is None and inner_two is None:
            if type(one) is not type(two) or one != two:
                yield (*path, name), one, two
            continue
        if inner_one is None and one is not None:
            yield (*path, name), one, None
        if inner_two is None and two is not None:
            yield (*path, name), None, two
        yield from _differing(inner_one or {}, inner_two or {}, (*path, name))


@dataclass(frozen=True, slots=True)
class _Stored:
    """What an entry was stored for: the prompt, the settings, and when its metadata was written."""

    prompt: str
    fields: Any
    time: float


def other_settings(
    new_entries: Iterable[str], layers_of: Mapping[str, Sequence[AudioCache]], used: Container[str]
) -> str | None:
    """Return how many prompts of a run are stored with other settings, and which settings differ.

    An entry that the run used does not count: a test may use two voices. The search takes at most 0.5 s; if
    it stops early, the sentence says "at least".

    Args:
        new_entries: The entries that the run added because no entry had their key, as paths without suffix.
        layers_of: The caches that are read, by the directory of the cache that is written. A directory that
            is missing is read alone.
        used: The keys that the run used.
    """
    now = monotonic()
    search = _Search(used, now + _PART_FOR_READING * _SEARCH_SECONDS, now + _SEARCH_SECONDS)
    by_directory: defaultdict[str, list[str]] = defaultdict(list)
    for path in sorted(new_entries):
        directory, key = os.path.split(path)
        by_directory[directory].append(key)
    for directory, keys in by_directory.items():
        search.compare(keys, AudioCache(directory), layers_of.get(directory))
    return search.sentence()


class _Search:
    """Compares new entries with stored ones until its time is over.

    Args:
        used: The keys that the run used.
        read_until: When it stops to read stored entries.
        end: When it stops to compare.
    """

    def __init__(self, used: Container[str], read_until: float, end: float) -> None:
        self._used = used
        self._read_until = read_until
        self._end = end
        self._is_cut = False
        self._prompts: set[str] = set()
        self._groups: Counter[str] = Counter()

    def compare(self, keys: Iterable[str], cache: AudioCache, layers: Sequence[AudioCache] | None) -> None:
        """Compare the new entries of one cache with the entries of all layers that were not used."""
        new = [entry for key in keys if self._goes_on(self._read_until) and (entry := _read(cache, key))]
        others = self._others({entry.prompt for entry in new}, layers or (cache,))
        for entry in new:
            if not self._goes_on(self._end):
                return
            text = _nearest(others.get(entry.prompt, ()), entry)
            if text is not None:
                self._prompts.add(entry.prompt)
                self._groups[text] += 1

    def _others(self, prompts: Container[str], layers: Iterable[AudioCache]) -> Mapping[str, list[_Stored]]:
        found: defaultdict[str, list[_Stored]] = defaultdict(list)
        if not prompts:
            return found
        for layer in layers:
            for key in _keys_of(layer):
                if key in self._used:
                    continue
                if not self._goes_on(self._read_until):
                    return found
                entry = _read(layer, key)
                if entry and entry.prompt in prompts and len(found[entry.prompt]) < _MOST_COMPARED:
                    found[entry.prompt].append(entry)
        return found

    def _goes_on(self, until: float) -> bool:
        if monotonic() < until:
            return True
        self._is_cut = True
        return False

    def sentence(self) -> str | None:
        """Return the result in words, the most frequent differences first; ``None`` if nothing was found."""
        if not self._prompts:
            return None
        groups = [text for text, _ in self._groups.most_common(_MOST_GROUPS)]
        if len(self._groups) > _MOST_GROUPS:
            groups.append("and other settings")
        prompts = count(len(self._prompts), "prompt is", "prompts are")
        return (
            f"{'at least ' if self._is_cut else ''}{prompts} stored with other settings ({'; '.join(groups)})"
        )


def _nearest(others: Iterable[_Stored], entry: _Stored) -> str | None:
    """Return in words how an entry differs from the most similar one, the latest of several."""
    found = [
        (different.number, -other.time, different.text, backend_of(other.fields))
        for other in others
        if (different := differences(other.fields, entry.fields, _SHOWN_IN_A_LINE)).number
    ]
    if not found:
        return None
    _, _, text, old = min(found, key=itemgetter(0, 1))
    new = backend_of(entry.fields)
    # The settings of two backends have nothing in common.
    return text if old == new else differences({"own": {"backend": old}}, {"own": {"backend": new}}, 1).text


def _keys_of(layer: AudioCache) -> Iterator[str]:
    with contextlib.suppress(OSError):  # a directory that cannot be read has no entries
        yield from stored_keys(layer.directory, links=True)


def _read(cache: AudioCache, key: str) -> _Stored | None:
    """Return what an entry was stored for, or ``None`` if it cannot be read or names no prompt."""
    meta = cache.describe(key)
    prompt = None if meta is None else meta.get("prompt")
    if meta is None or not isinstance(prompt, str):
        return None
    try:
        time = os.stat(cache.directory / f"{key}{META_SUFFIX}").st_mtime
    except OSError:
        return None
    return _Stored(prompt, meta.get("fields"), time)
