"""Compares a reading with its prompt: the words of the transcript, and the duration."""

from __future__ import annotations

import unicodedata
from typing import Final

# Seconds for a letter or digit. Nothing that anyone speaks is faster; more than 20 times the usual is noise.
_LEAST: Final = 0.025
_USUAL: Final = 0.07
_SHORTEST_USUAL: Final = 1.0
_MOST: Final = 20.0
_SPOKEN: Final = frozenset({"L", "N"})
_KEPT: Final = frozenset({"Mn", "Mc"})  # combining marks


def words_of(text: str) -> str:
    """Return the letters, digits and combining marks of a text in one spelling, joined.

    Case, punctuation, spaces and emoji are dropped, because a transcript writes them as it likes.
    """
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return "".join(filter(_is_kept, plain))


def count_spoken(text: str) -> int:
    """Return the number of letters and digits in a text."""
    return sum(unicodedata.category(each)[0] in _SPOKEN for each in text)


def odd_duration(prompt: str, seconds: float, speed: float) -> str:
    """Return what is wrong with the duration of a reading; empty if nothing is.

    It finds obvious faults only: the end is missing although the transcript is whole, or noise without end.
    """
    count = count_spoken(prompt)
    least, most = count * _LEAST, _MOST * max(_SHORTEST_USUAL, count * _USUAL) / speed
    if least <= seconds <= most:
        return ""
    return f"{seconds:.2f} s for {count} letters and digits; {least:.2f} to {most:.0f} s is plausible"


def _is_kept(each: str) -> bool:
    if "\ufe00" <= each <= "\ufe0f" or "\U000e0100" <= each <= "\U000e01ef":  # variation selectors, of emoji
        return False
    category = unicodedata.category(each)
    return category[0] in _SPOKEN or category in _KEPT
