"""Values of the document as the page shows them."""

import pytest

from russo._report import formats


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0.0 s"), (1.26, "1.3 s"), (59.94, "59.9 s"), (59.96, "1 min 0 s"), (3725, "62 min 5 s")],
)
def test_duration(seconds, text):
    assert formats.duration(seconds) == text


@pytest.mark.parametrize(
    ("amount", "word", "text"),
    [
        (1, "failed", "1 failed"),
        (2000, "passed", "2,000 passed"),
        (1, "error", "1 error"),
        (2, "error", "2 errors"),
        (1, "warnings", "1 warning"),
        (2, "warnings", "2 warnings"),
        (2, "subtests passed", "2 subtests passed"),
    ],
)
def test_counts_have_the_words_of_the_summary_of_pytest(amount, word, text):
    assert formats.count_in_summary(amount, word) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1500, "2 kB"),
        (999_499, "999 kB"),
        (999_500, "1.0 MB"),
        (12_345_678, "12.3 MB"),
    ],
)
def test_size(size, text):
    assert formats.size(size) == text


@pytest.mark.parametrize(
    ("node_id", "parts"),
    [
        ("tests/test_it.py::test_one", ("tests/test_it.py::", "test_one")),
        ("tests/test_it.py::TestIt::test_one[a::b]", ("tests/test_it.py::TestIt::", "test_one[a::b]")),
        ("tests/test_it.py", ("", "tests/test_it.py")),
        ("", ("", "")),
    ],
)
def test_node_id_is_split_before_the_name_of_the_test(node_id, parts):
    assert formats.split_id(node_id) == parts


@pytest.mark.parametrize(
    ("words", "media_type", "name"),
    [
        ("Turn on the kitchen light.", "audio/wav", "turn-on-the-kitchen-light.wav"),
        ("../../etc/passwd", "audio/mpeg", "etc-passwd.mp3"),
        ("…", "audio/ogg", "prompt.ogg"),
        ("", "audio/flac", "prompt.flac"),
        ("x" * 100, "audio/aac", "x" * 40 + ".aac"),
        (
            "one two three four five six seven eight nine",
            "audio/wav",
            "one-two-three-four-five-six-seven-eight.wav",
        ),
        ("احجز رحلة", "audio/wav", "احجز-رحلة.wav"),
        ("a\x00b\ud800/c\u202e", "audio/../wav;x", "a-b-c.wav"),
    ],
)
def test_file_name_is_made_of_the_first_words(words, media_type, name):
    assert formats.file_name(words, media_type) == name


@pytest.mark.parametrize(
    ("value", "text"), [("é", "é"), (1.5, "1.5"), (None, "null"), ({"a": ["é"]}, '{"a": ["é"]}')]
)
def test_settings_are_text_or_json(value, text):
    assert formats.as_text(value) == text


def test_line_ends_are_kept_and_control_characters_are_symbols():
    assert formats.visible("a\r\nb\n\tc\x00\x7f\r") == "a\nb\n\tc\u2400\u2421\u240d"
