"""A table of entries, with the settings that differ between them."""

from __future__ import annotations

import bisect
import sys
import time
from collections.abc import Collection, Sequence
from typing import Final

from .._foreign import shown
from . import screen
from .entries import Entry
from .screen import Column
from .setting_texts import Differences, setting_title
from .units import age_text, seconds_text, size_text

# Settings that differ have columns of about 12 characters. On a terminal, the other columns take about 56.
_MOST_SETTINGS: Final = 5
_WIDTH_OF_OTHERS: Final = 56
_WIDTH_OF_LAYER: Final = 12
_WIDTH_OF_SETTING: Final = 12
_LONGEST_TITLE: Final = 24
_SHORT: Final = 10
_SHORT_KEY: Final = 8
_SHOWN: Final = 20


def show_entries(entries: Sequence[Entry], *, layers: bool) -> None:
    """Print a table of entries; if ``layers`` is true, with a column for the layer.

    The backend and the voice are above the table if all entries have the same. If more settings differ than
    the table has columns for, their names are below it.
    """
    most = _most_settings(layers=layers)
    differences = Differences(entries, most)
    if differences.common:
        same = ", ".join(f"{name} {text}" for name, text in differences.common.items())
        screen.note(f"every entry below: {same}" if len(entries) > 1 else same)
    columns = differences.names[:most]
    _show_table(entries, differences, columns, layers=layers)
    if others := differences.names[most:]:
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


def _most_settings(*, layers: bool) -> int:
    console = screen.console_for(sys.stdout)
    if not console.is_terminal:
        return _MOST_SETTINGS
    left = console.width - _WIDTH_OF_OTHERS - (_WIDTH_OF_LAYER if layers else 0)
    return min(max(left // _WIDTH_OF_SETTING, 1), _MOST_SETTINGS)


def _show_table(
    entries: Sequence[Entry], differences: Differences, names: Sequence[str], *, layers: bool
) -> None:
    length = key_length({entry.key for entry in entries})
    now = time.time()
    columns = [
        Column("prompt", long=True),
        *(_setting_column(name, {differences.text(entry, name) for entry in entries}) for name in names),
        *(Column(name, number=True) for name in ("seconds", "size", "age")),
        Column("key", long=length > _SHORT),
        *([Column("in")] if layers else []),
    ]
    rows = (
        [
            entry.title,
            *(differences.text(entry, name) for name in names),
            seconds_text(entry.seconds),
            size_text(entry.size),
            age_text(now - entry.stored),
            entry.key[:length],
            *([entry.place] if layers else []),
        ]
        for entry in entries
    )
    screen.show(screen.table(columns, rows))


def _setting_column(name: str, texts: Collection[str]) -> Column:
    title = shown(setting_title(name), _LONGEST_TITLE)
    return Column(title, long=max(map(len, texts)) > _SHORT)


def key_length(keys: Collection[str]) -> int:
    """Return how many characters, at least eight, make the beginnings of different keys different."""
    longest = max(map(len, keys), default=0)
    lengths = range(_SHORT_KEY, longest)
    return _SHORT_KEY + bisect.bisect_left(
        lengths, len(keys), key=lambda length: len({key[:length] for key in keys})
    )
