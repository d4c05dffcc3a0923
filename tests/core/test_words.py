"""Numbers in words, and misspelt words."""

import pytest

from russo._words import count, edit_distance, speech


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
def test_noun_agrees_with_the_number(number, nouns, expected):
    assert count(number, *nouns) == expected


@pytest.mark.parametrize(
    ("seconds", "unknown", "expected"),
    [
        (2.4, 0, "2 s of speech"),
        (1234.0, 0, "1,234 s of speech"),
        (0.6, 0, "1 s of speech"),
        (0.3, 0, "0 s of speech"),
        (4.0, 1200, "4 s of speech, 1,200 of unknown length"),
    ],
)
def test_a_length_of_speech_is_in_whole_seconds(seconds, unknown, expected):
    assert speech(seconds, unknown) == expected


@pytest.mark.parametrize(
    ("one", "other", "distance"),
    [
        ("", "", 0),
        ("mode", "mode", 0),
        ("", "abc", 3),
        ("synth", "synt", 1),
        ("synth", "snyth", 2),
        ("kitten", "sitting", 3),
    ],
)
def test_edit_distance_counts_letters(one, other, distance):
    assert edit_distance(one, other) == edit_distance(other, one) == distance
