"""Foreign text: what a repository, a server or another user wrote, made safe to show.

Prompts, settings, messages of services and their headers may contain anything: escape sequences that act on
a terminal, line ends that start a command of a CI system, text directions, or a megabyte. Each place that
prints such text calls `visible` for one line of any length, or `shown` for one line of bounded length.
"""

from __future__ import annotations

from typing import Final

# Joiners only shape letters and emoji.
_HARMLESS: Final = frozenset("\u200c\u200d")
_SHOWN: Final = 200


def visible(text: str) -> str:
    r"""Return text on one line; characters that act on a terminal become escapes, as ``\x1b``."""
    if text.isprintable():
        return text
    return "".join(each if _is_harmless(each) else _escape(each) for each in text)


def shown(value: object, most: int = _SHOWN) -> str:
    """Return the text of a foreign value on one line, of at most ``most`` characters.

    Args:
        value: The value. If it is not text, its ``repr`` is shown.
        most: The greatest length. A longer text is cut and ends with an ellipsis.
    """
    text = value if isinstance(value, str) else _repr(value, most)
    # An escape is at least as long as its character, so no character after ``most`` can be shown.
    line = visible(text[: most + 1])
    return line if len(line) <= most else line[: most - 1] + "…"


def _repr(value: object, most: int) -> str:
    import reprlib

    class Bounded(reprlib.Repr):
        def repr_int(self, x: int, level: int) -> str:
            # Python refuses to write numbers of thousands of digits.
            return f"a number of {x.bit_length()} bits" if x.bit_length() > 1000 else repr(x)

    bounded = Bounded()
    bounded.maxstring = bounded.maxother = most
    return bounded.repr(value)


def _is_harmless(character: str) -> bool:
    if character.isprintable() or character in _HARMLESS:
        return True
    import unicodedata

    return unicodedata.category(character) == "Zs"


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
