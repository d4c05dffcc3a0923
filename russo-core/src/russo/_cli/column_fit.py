"""Which columns of a table of entries fit a terminal, and how wide each column is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rich.cells import cell_len, set_cell_size

from .screen import GAP, Column

MOST_SETTINGS: Final = 5
# The least width of a column whose texts may be cut. The prompt gets the first spare characters.
_SHORT: Final = 10
_LONGEST_LEAST: Final = 40
_COMFORTABLE_PROMPT: Final = 24
# If more settings are shown than the rows need to be different, the prompt has at least this width.
_PROMPT_BESIDE_SETTINGS: Final = 12


@dataclass(frozen=True, slots=True)
class Part:
    """A column with its texts.

    Attributes:
        column: The column.
        texts: The text of each row.
        longest: The width that shows every text.
        least: The width that the column needs.
    """

    column: Column
    texts: Sequence[str]
    longest: int
    least: int

    @property
    def room(self) -> int:
        """The characters that the column adds to a row at least."""
        return self.least + GAP


def whole(column: Column, texts: Sequence[str]) -> Part:
    """Return a column whose texts are never cut."""
    longest = max(map(cell_len, (column.title, *set(texts))))
    return Part(column, texts, longest, longest)


def cut(column: Column, texts: Sequence[str], *, different: bool = True) -> Part:
    """Return a column whose texts may be cut; if ``different``, they stay different as far as possible."""
    longest = max(map(cell_len, (column.title, *set(texts))))
    least = min(longest, _SHORT)
    if different and longest > _SHORT:
        values = set(texts)
        widths = range(least, min(longest, _LONGEST_LEAST) + 1)
        least = next((width for width in widths if _are_different(values, width)), least)
    return Part(column, texts, longest, least)


def _are_different(values: set[str], width: int) -> bool:
    # One character shows that the text was cut.
    return len({text if cell_len(text) <= width else set_cell_size(text, width - 1) for text in values}) == (
        len(values)
    )


def fitting(
    prompt: Part,
    key: Part,
    settings: Mapping[str, Part],
    facts: Mapping[str, Part],
    *,
    prompts: Sequence[object],
    width: int,
) -> tuple[set[str], dict[str, int]]:
    """Return the names of the settings and facts that fit, and the width of each column.

    Settings that make the rows of one prompt different come first, then the facts, then the other settings.

    Args:
        prompt: The column of prompts.
        key: The column of keys.
        settings: The columns of settings by name, the important ones first.
        facts: The other columns by name, the important ones first.
        prompts: The prompt of each row.
        width: The width of the terminal.
    """
    left = width - prompt.least - key.room
    chosen = _separating(settings, prompts, left)
    left -= sum(settings[name].room for name in chosen)
    number = len(chosen)
    for name, part in facts.items():
        if part.room <= left:
            chosen.append(name)
            left -= part.room
    left -= max(0, min(prompt.longest, _PROMPT_BESIDE_SETTINGS) - prompt.least)
    for name, part in settings.items():
        if name not in chosen and number < MOST_SETTINGS and part.room <= left:
            chosen.append(name)
            number += 1
            left -= part.room
    columns = {"prompt": prompt, "key": key} | {name: {**settings, **facts}[name] for name in chosen}
    return set(chosen), _widths(columns, width)


def _separating(settings: Mapping[str, Part], prompts: Sequence[object], left: int) -> list[str]:
    """Return the settings that make the most rows of one prompt different, if they fit."""
    chosen: list[str] = []
    groups: list[int] = _numbered(prompts)
    while len(chosen) < MOST_SETTINGS:
        now = len(set(groups))
        gains = {
            name: len(set(zip(groups, part.texts, strict=True))) - now
            for name, part in settings.items()
            if name not in chosen and part.room <= left
        }
        best = max(gains, key=lambda name: (gains[name], -settings[name].least), default=None)
        if best is None or not gains[best]:
            break
        chosen.append(best)
        left -= settings[best].room
        groups = _numbered(zip(groups, settings[best].texts, strict=True))
    return chosen


def _numbered(values: Iterable[object]) -> list[int]:
    numbers: dict[object, int] = {}
    return [numbers.setdefault(value, len(numbers)) for value in values]


def _widths(columns: Mapping[str, Part], width: int) -> dict[str, int]:
    """Share the spare characters: first the prompt gets some, then the others, then the prompt again."""
    widths = {name: part.least for name, part in columns.items()}
    spare = max(0, width - sum(widths.values()) - GAP * (len(widths) - 1))
    shares = [("prompt", _COMFORTABLE_PROMPT), *((name, width) for name in columns if name != "prompt")]
    for name, most in (*shares, ("prompt", width)):
        more = min(spare, max(0, min(columns[name].longest, most) - widths[name]))
        widths[name] += more
        spare -= more
    return widths
