"""A table of entries, with the settings that differ between them."""

from __future__ import annotations

import bisect
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from .._foreign import shown
from . import screen
from .entries import Entry
from .screen import Column
from .setting_texts import Differences, setting_title
from .units import age_text, seconds_text, size_text

_MOST_SETTINGS: Final = 5
# The width of the other columns on a terminal, if the prompt has 12 characters.
_WIDTH_OF_OTHERS: Final = 49
_WIDTH_OF_LAYER: Final = 12
_GAP: Final = 2
_LONGEST_TITLE: Final = 24
_SHORT: Final = 10
_SHORT_KEY: Final = 8
_SHOWN: Final = 20


def show_entries(entries: Sequence[Entry], *, layers: bool) -> None:
    """Print a table of entries; if ``layers`` is true, with a column for the layer.

    The backend and the voice are above the table if all entries have the same. If more settings differ than
    the table has columns for, their names are below it.
    """
    differences = Differences(entries)
    if differences.common:
        same = ", ".join(f"{name} {text}" for name, text in differences.common.items())
        screen.note(f"every entry below: {same}" if len(entries) > 1 else same)
    columns = {name: _setting_column(name, differences.longest(name)) for name in differences.names}
    chosen = _fitting(columns, differences, layers=layers)
    _show_table(entries, differences, {name: columns[name][0] for name in chosen}, layers=layers)
    if others := [name for name in differences.names if name not in chosen]:
        names = ", ".join(others[:_MOST_SETTINGS])
        more = len(others) - _MOST_SETTINGS
        screen.note(
            f"also different: {names}{f' and {more:,} more' if more > 0 else ''}; "
            "russo cache show KEY shows all settings"
        )


def show_some(entries: Sequence[Entry], *, layers: bool = False) -> None:
    """Print a table of the first entries, and how many more there are."""
    if entries:
        show_entries(entries[:_SHOWN], layers=layers)
    if len(entries) > _SHOWN:
        screen.show(f"and {len(entries) - _SHOWN:,} more")


def _fitting(
    columns: Mapping[str, tuple[Column, int]], differences: Differences, *, layers: bool
) -> list[str]:
    """Return the settings whose columns fit; at least one, if any differs."""
    console = screen.console_for(sys.stdout)
    left = console.width - _WIDTH_OF_OTHERS - (_WIDTH_OF_LAYER if layers else 0)
    if not console.is_terminal:
        left = sys.maxsize
    if len(columns) <= _MOST_SETTINGS and sum(width + _GAP for _, width in columns.values()) <= left:
        return list(columns)
    chosen: set[str] = set()
    for name in differences.ranked():
        width = columns[name][1] + _GAP
        if not chosen or (len(chosen) < _MOST_SETTINGS and width <= left):
            chosen.add(name)
            left -= width
    return [name for name in columns if name in chosen]


def _show_table(
    entries: Sequence[Entry], differences: Differences, settings: Mapping[str, Column], *, layers: bool
) -> None:
    length = key_length({entry.key for entry in entries})
    now = time.time()
    columns = [
        Column("prompt", long=True),
        *settings.values(),
        *(Column(name, number=True) for name in ("seconds", "size", "age")),
        Column("key", long=length > _SHORT),
        *([Column("in", long=True)] if layers else []),
    ]
    rows = (
        [
            entry.title,
            *(differences.text(entry, name) for name in settings),
            seconds_text(entry.seconds),
            size_text(entry.size),
            age_text(now - entry.stored),
            entry.key[:length],
            *([entry.place] if layers else []),
        ]
        for entry in entries
    )
    screen.show(screen.table(columns, rows))


def _setting_column(name: str, longest: int) -> tuple[Column, int]:
    """Return the column of a setting, and its least width."""
    title = shown(setting_title(name), _LONGEST_TITLE)
    longest = max(len(title), longest)
    return Column(title, long=longest > _SHORT), min(longest, _SHORT)


def key_length(keys: Collection[str]) -> int:
    """Return how many first characters of the keys, at least eight, distinguish all keys."""
    longest = max(map(len, keys), default=0)
    lengths = range(_SHORT_KEY, longest)
    return _SHORT_KEY + bisect.bisect_left(
        lengths, len(keys), key=lambda length: len({key[:length] for key in keys})
    )
