"""Foreign text is shown on one line, escaped and bounded."""

import tracemalloc

import pytest

from russo._foreign import shown, visible

CONTROLS = "\x1b]0;title\x07\x1b[2J\r\n::error::x\x9b31m\u202e\u2066\0\u2028"


def test_visible_text_has_no_control_characters():
    assert visible(CONTROLS) == (r"\x1b]0;title\x07\x1b[2J\r\n::error::x\x9b31m\u202e\u2066\x00\u2028")


@pytest.mark.parametrize("text", ["Grüße", "日本語", "👩‍💻", "a\u00a0b"])
def test_visible_text_keeps_harmless_text(text):
    assert visible(text) == text


@pytest.mark.parametrize("length", [10, 11, 200])
def test_shown_text_is_cut_to_its_maximum_length(length):
    assert shown("x" * length, 10) == ("x" * 10 if length == 10 else "x" * 9 + "…")


def test_shown_text_is_cut_after_it_is_escaped():
    assert shown("\x1b" * 10, 10) == r"\x1b\x1b\…"


@pytest.mark.parametrize(
    ("value", "text"), [(5, "5"), (None, "None"), (["\x1b"], r"['\x1b']"), ({"a": 1}, "{'a': 1}")]
)
def test_value_that_is_not_a_string_is_shown_with_repr(value, text):
    assert shown(value) == text


@pytest.mark.parametrize(
    "value",
    [
        "x" * 5_000_000,
        ["x" * 5_000_000],
        [[0] * 10_000] * 1_000,
        10**5000,
        {str(n): n for n in range(100_000)},
    ],
    ids=["text", "text in a list", "many items", "large number", "wide mapping"],
)
def test_large_value_is_shown_with_little_work(value):
    tracemalloc.start()
    try:
        assert len(shown(value)) <= 200
        assert tracemalloc.get_traced_memory()[1] < 3_000_000
    finally:
        tracemalloc.stop()
