import click
import pytest

from russo._cli.units import age_text, parse_age, parse_size, seconds_text, size_text, sum_text


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("45min", 2700), ("12h", 43_200), ("30d", 2_592_000), ("8w", 4_838_400), (" 1.5 H ", 5400)],
)
def test_age_is_read_in_every_unit(text, seconds):
    assert parse_age(text) == seconds


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("7", 7), ("7B", 7), ("500kB", 500_000), ("500 MB", 500_000_000), ("2GB", 2_000_000_000), ("1TB", 10**12),
        ("1KiB", 1024), ("1.5MiB", 1_572_864), ("1GiB", 1 << 30), ("1tib", 1 << 40),
    ],
)  # fmt: skip
def test_size_is_read_in_every_unit(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "s", "1m", "1y", "-1d", "1e3s", "1,5h", "0x1s", "٣s", "inf", "nans"])
def test_invalid_age_is_refused(text):
    with pytest.raises(click.BadParameter, match="is not an age"):
        parse_age(text)


@pytest.mark.parametrize("text", ["", "B", "1k", "1PB", "-1", "1e3", "inf", "٣", "9" * 400, "9" * 400 + "kB"])
def test_invalid_size_is_refused(text):
    with pytest.raises(click.BadParameter, match=r"is (not a size|too large)"):
        parse_size(text)


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (99_940, "99.9 kB"), (123_456, "123 kB"),
                       (5 * 10**6, "5.0 MB"), (999_600_000, "1.0 GB"), (2 * 10**12, "2.0 TB")]
)  # fmt: skip
def test_size_is_shown_in_decimal_units(size, text):
    assert size_text(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(-5, "now"), (0.9, "now"), (59, "59 s"), (60, "1 min"), (3599, "59 min"), (7200, "2 h"),
                          (86400 * 20, "20 d"), (86400 * 21, "3 w")]
)  # fmt: skip
def test_age_is_shown_in_its_largest_unit(seconds, text):
    assert age_text(seconds) == text


@pytest.mark.parametrize(("seconds", "text"), [(None, "?"), (0.04, "0.0"), (1234.56, "1,234.6")])
def test_length_is_shown_with_one_decimal(seconds, text):
    assert seconds_text(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "unknown", "text"), [(0.0, 0, "0.0"), (12.34, 0, "12.3"), (12.34, 2, "12.3 (2 unknown)"), (0.0, 3, "?")]
)  # fmt: skip
def test_a_sum_says_how_many_lengths_are_unknown(seconds, unknown, text):
    assert sum_text(seconds, unknown) == text
