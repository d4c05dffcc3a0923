"""The settings of entries as text, and which settings differ between entries.

Settings are foreign: names and values are escaped, and their number and length are bounded.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from .._foreign import shown
from .entries import Entry

_MOST_COMPARED: Final = 200
_LONGEST_NAME: Final = 100
_LONGEST_VALUE: Final = 120
_SHORT_TEXT: Final = 40
# Attributes of `Entry`. If an entry has no backend, its attribute is the class of the synthesizer.
_ATTRIBUTES: Final = ("backend", "voice")
_WITHOUT_COLUMN: Final = frozenset({*_ATTRIBUTES, "class"})
# Titles in the tables of `list` and `show` that do not belong to a setting.
_TITLES: Final = frozenset(
    {
        "prompt",
        "key",
        "format",
        "sample rate",
        "channels",
        "seconds",
        "size",
        "age",
        "stored",
        "in",
        "replayed",
    }
)


def named_texts(settings: Mapping[str, Any], longest: int = _LONGEST_VALUE) -> Iterator[tuple[str, str]]:
    """Yield the names and the texts of settings, sorted; settings inside a setting have a dotted name."""
    for path, value in _flat((), settings):
        yield (
            shown(".".join(shown(name, _LONGEST_NAME) for name in path), _LONGEST_NAME),
            _text(value, longest),
        )


def _flat(path: tuple[str, ...], value: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    if not isinstance(value, Mapping) or (path and not value):
        yield path, value
        return
    for name in sorted(value):
        yield from _flat((*path, name), value[name])


def _text(value: Any, longest: int) -> str:
    """Return a value as text. A backend stores null for a setting that is not set: the text is empty."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return shown(value, longest) if value != "" else '""'


def setting_title(name: str) -> str:
    """Return the title of a setting's column or row. It is different from the titles of all others."""
    return f"{name} (setting)" if name in _TITLES else name


def text_order(text: str) -> tuple[bool, float, str]:
    """Return a key that sorts texts: numbers by value, then other texts, then the empty text."""
    try:
        number = float(text)
    except ValueError:
        number = math.inf
    return not text, math.inf if math.isnan(number) else number, text


class Differences:
    """Which settings differ between entries.

    A setting other than backend and voice counts only if it differs between entries of one backend.

    Attributes:
        names: The settings that differ: backend, voice, then the others by name.
        common: The backend and the voice that all entries have, by name.
    """

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._texts: dict[int, dict[str, str]] = {}
        # If the metadata of an entry cannot be read, its settings are not known.
        self._known = known = [entry for entry in entries if entry.problem is None or entry.settings]
        self._attributes = {
            name: {value: shown(value, _LONGEST_VALUE) for value in {getattr(entry, name) for entry in known}}
            for name in _ATTRIBUTES
        }
        self.common = {
            name: shown(*texts)
            for name, texts in self._attributes.items()
            if len(texts) == 1 and "" not in texts
        }
        others = self._differing((entry.backend, entry) for entry in known) - _WITHOUT_COLUMN
        different = [name for name, texts in self._attributes.items() if len(texts) > 1]
        self.names: Sequence[str] = [*different, *sorted(others)]

    def ranked(self) -> list[str]:
        """Return the names; those that differ between entries of one prompt come first."""
        important = self._differing((entry.prompt, entry) for entry in self._known)
        return sorted(self.names, key=lambda name: name not in important)

    def text(self, entry: Entry, name: str) -> str:
        """Return the text of an entry's setting; empty if the entry does not have it."""
        if name in _ATTRIBUTES:
            return self._attributes[name].get(getattr(entry, name), "")
        return self._texts_of(entry).get(name, "")

    def texts(self, entry: Entry, most: int) -> list[str]:
        """Return names and texts of the first settings that differ."""
        return [
            f"{shown(name, _SHORT_TEXT)} {shown(self.text(entry, name), _SHORT_TEXT) or 'not set'}"
            for name in self.names[:most]
        ]

    def _texts_of(self, entry: Entry) -> dict[str, str]:
        # Entries with the same settings share one mapping.
        if (found := self._texts.get(id(entry.settings))) is None:
            found = dict(itertools.islice(named_texts(entry.settings), _MOST_COMPARED))
            self._texts[id(entry.settings)] = found
        return found

    def _differing(self, grouped: Iterable[tuple[str | None, Entry]]) -> set[str]:
        """Return the settings that differ between entries of the same group."""
        first: dict[int, Entry] = {}
        compared: set[tuple[int, int]] = set()
        names: set[str] = set()
        for group, entry in grouped:
            other = first.setdefault(hash(group), entry)
            pair = id(other.settings), id(entry.settings)
            if pair[0] != pair[1] and pair not in compared:
                compared.add(pair)
                one, two = self._texts_of(other), self._texts_of(entry)
                names |= {name for name in one.keys() | two.keys() if one.get(name, "") != two.get(name, "")}
        return names
