"""Compares a reading with its prompt: the words of the transcript, and the duration."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

# Seconds per letter or digit. No speech is faster than _LEAST; more than 20 times the usual is noise.
_LEAST: Final = 0.025
_USUAL: Final = 0.07
_SHORTEST_USUAL: Final = 1.0
_MOST: Final = 20.0
_SPOKEN: Final = frozenset({"L", "N"})
_KEPT: Final = frozenset({"Mn", "Mc", "Sc"})  # combining marks, and currencies
_SIGNS: Final = frozenset("%+=<>@#°&")
# Private characters that replace a minus, a decimal point, and any other break between digits.
_MINUS, _POINT, _BREAK = _PLACES = "\ue000", "\ue001", "\ue002"
_BETWEEN_DIGITS: Final = (
    (re.compile(r"(?<=\d),(?=\d{3}(?!\d))"), ""),  # 1,000 is 1000
    (re.compile(r"(?<!\w)[-\u2212\u2013](?=\d)"), _MINUS),
    (re.compile(r"(?<=\d)[.,](?=\d)"), _POINT),
    (re.compile(r"(?<=\d)[\s:/\u2044\u2013-]+(?=\d)"), _BREAK),
)


def words_of(text: str) -> str:
    """Return the letters, digits, combining marks and spoken signs of a text in one spelling, joined.

    Case, other punctuation, spaces between words and emoji are dropped, because a transcript may write them
    in any way. Characters between two digits stay, because "1.5" and "15" are spoken differently.
    """
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    plain = plain.translate(dict.fromkeys(map(ord, _PLACES)))
    for pattern, place in _BETWEEN_DIGITS:
        plain = pattern.sub(place, plain)
    return "".join(filter(_is_kept, plain))


def count_spoken(text: str) -> int:
    """Return the number of letters and digits in a text."""
    return sum(unicodedata.category(each)[0] in _SPOKEN for each in text)


def odd_duration(prompt: str, seconds: float, speed: float) -> str:
    """Return what is wrong with the duration of a reading; empty if nothing is.

    It finds only obvious faults: the end is missing although the transcript is whole, or endless noise.
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
    return category[0] in _SPOKEN or category in _KEPT or each in _SIGNS or each in _PLACES
