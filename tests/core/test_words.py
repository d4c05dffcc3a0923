"""Numbers in words."""

import pytest

from russo._words import count


@pytest.mark.parametrize(
    ("number", "nouns", "expected"),
    [
        (0, ("hit",), "0 hits"),
        (1, ("hit",), "1 hit"),
        (1200, ("hit",), "1,200 hits"),
        (1, ("entry", "entries"), "1 entry"),
        (2, ("entry", "entries"), "2 entries"),
    ],
)
def test_the_noun_fits_the_number(number, nouns, expected):
    assert count(number, *nouns) == expected
