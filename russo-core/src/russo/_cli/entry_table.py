"""A table of entries, with the settings that differ between them."""

from __future__ import annotations

import bisect
import dataclasses
import sys
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

from .._foreign import shown
from . import screen
from .column_fit import MOST_SETTINGS, Part, cut, fitting, whole
from .entries import Entry
from .screen import Column
from .setting_texts import Differences, setting_title, text_order
from .units import age_text, seconds_text, size_text

_LONGEST_TITLE: Final = 24
_SHORT_KEY: Final = 8
_SHOWN: Final = 20
# In a file, these settings are always columns, so that each row is whole.
_ALWAYS: Final = ("backend", "voice")


def show_entries(
    entries: Sequence[Entry], *, layers: bool, order: Callable[[Entry], Any] | None = None
) -> None:
    """Print a table of entries.

    On a terminal, the backend and the voice are above the table if all entries have the same, and columns
    that do not fit are left out. If more settings differ than the table has columns for, their names are
    below it.

    Args:
        entries: The entries.
        layers: Whether the table has a column for the layer.
        order: The sort key of an entry; rows with the same sort key are sorted by the settings that the table
            shows. If ``None``, the rows are not sorted.
    """
    differences = Differences(entries)
    console = screen.console_for(sys.stdout)
    if console.is_terminal and differences.common:
        same = ", ".join(f"{name} {text}" for name, text in differences.common.items())
        screen.note(f"every entry below: {same}" if len(entries) > 1 else same)
    parts = _parts(entries, layers=layers)
    keys = None if order is None else list(map(order, entries))
    if console.is_terminal:
        shown_names = _show_on_terminal(entries, parts, differences, width=console.width, keys=keys)
    else:
        others = [name for name in differences.ranked() if name not in _ALWAYS]
        shown_names = {*_ALWAYS, *others[:MOST_SETTINGS]}
        names = [*_ALWAYS, *(name for name in differences.names if name in others[:MOST_SETTINGS])]
        _show(parts, {name: _setting(entries, differences, name) for name in names}, keys)
    _note_others([name for name in differences.names if name not in shown_names])


def _note_others(names: Sequence[str]) -> None:
    if names:
        first = ", ".join(map(setting_title, names[:MOST_SETTINGS]))
        more = len(names) - MOST_SETTINGS
        screen.note(
            f"also different: {first}{f' and {more:,} more' if more > 0 else ''}; "
            "russo cache show KEY shows all settings"
        )


def show_some(entries: Sequence[Entry], *, order: Callable[[Entry], Any] | None = None) -> None:
    """Print a table of the first entries, sorted as `show_entries` does, and how many more there are."""
    if entries:
        show_entries(entries[:_SHOWN], layers=False, order=order)
    if len(entries) > _SHOWN:
        screen.show(f"and {len(entries) - _SHOWN:,} more")


def _parts(entries: Sequence[Entry], *, layers: bool) -> dict[str, Part]:
    """Return the columns that are not settings, in their order."""
    length = key_length({entry.key for entry in entries})
    now = time.time()
    facts = {
        "seconds": [seconds_text(entry.seconds) for entry in entries],
        "size": [size_text(entry.size) for entry in entries],
        "age": [age_text(now - entry.stored) for entry in entries],
    }
    return {
        "prompt": cut(Column("prompt"), [entry.title for entry in entries], different=False),
        **{name: whole(Column(name, number=True), texts) for name, texts in facts.items()},
        "key": whole(Column("key"), [entry.key[:length] for entry in entries]),
        **({"in": cut(Column("in"), [entry.place for entry in entries])} if layers else {}),
    }


def _setting(entries: Sequence[Entry], differences: Differences, name: str) -> Part:
    title = shown(setting_title(name), _LONGEST_TITLE)
    return cut(Column(title), [differences.text(entry, name) for entry in entries])


def _show_on_terminal(
    entries: Sequence[Entry],
    parts: Mapping[str, Part],
    differences: Differences,
    *,
    width: int,
    keys: Sequence[Any] | None,
) -> set[str]:
    """Print the columns that fit; return the names of the settings among them."""
    settings = {name: _setting(entries, differences, name) for name in differences.ranked()}
    names, widths = fitting(
        parts["prompt"],
        parts["key"],
        # A setting may have the name of another column.
        {f"setting {name}": part for name, part in settings.items()},
        {name: parts[name] for name in ("in", "seconds", "size", "age") if name in parts},
        prompts=[entry.title if entry.prompt is None else (entry.prompt,) for entry in entries],
        width=width,
    )
    chosen = {name for name in settings if f"setting {name}" in names}
    _show(
        {name: _of_width(part, widths[name]) for name, part in parts.items() if name in widths},
        {
            name: _of_width(settings[name], widths[f"setting {name}"])
            for name in differences.names
            if name in chosen
        },
        keys,
    )
    return chosen


def _of_width(part: Part, width: int) -> Part:
    return dataclasses.replace(part, column=dataclasses.replace(part.column, width=width))


def _show(parts: Mapping[str, Part], settings: Mapping[str, Part], keys: Sequence[Any] | None) -> None:
    """Print the prompts, the settings and the other columns; sort the rows by keys, then by settings."""
    prompt, *others = parts.values()
    table = [prompt, *settings.values(), *others]
    rows = list(zip(*(part.texts for part in table), strict=True))
    if keys is not None:
        settings_of = [[text_order(text) for text in row[1 : 1 + len(settings)]] for row in rows]
        numbers = sorted(range(len(rows)), key=lambda number: (keys[number], settings_of[number]))
        rows = [rows[number] for number in numbers]
    screen.show(screen.table([part.column for part in table], rows))


def key_length(keys: Collection[str]) -> int:
    """Return how many first characters of the keys, at least eight, distinguish all keys."""
    longest = max(map(len, keys), default=0)
    lengths = range(_SHORT_KEY, longest)
    return _SHORT_KEY + bisect.bisect_left(
        lengths, len(keys), key=lambda length: len({key[:length] for key in keys})
    )
