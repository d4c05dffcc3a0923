import time

import pytest

from russo.authoring import redact


@pytest.mark.parametrize(
    ("secrets", "expected"),
    [
        (("sk-123",), "key [redacted] of [redacted] is wrong"),
        (("sk-123", None, ""), "key [redacted] of [redacted] is wrong"),
        (("other",), "key sk-123 of sk-123 is wrong"),
        ((), "key sk-123 of sk-123 is wrong"),
        (("sk-123", "wrong"), "key [redacted] of [redacted] is [redacted]"),
    ],
)
def test_credentials_are_removed_from_messages(secrets, expected):
    assert redact("key sk-123 of sk-123 is wrong", *secrets) == expected


def test_credential_that_contains_another_is_removed_completely():
    assert redact("key sk-123-456", "sk-123", "sk-123-456") == "key [redacted]"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Incorrect key: sk-1****c0de. See", "Incorrect key: [redacted] See"),
        ("{'key': 'sk-1**de'}", "{'key': '[redacted]'}"),
        ("2 * 3", "2 * 3"),
        ("two\nlines  stay", "two\nlines  stay"),
    ],
)
def test_key_masked_by_the_service_is_removed_too(text, expected):
    assert redact(text) == expected


@pytest.mark.parametrize(
    ("secret", "expected"),
    [
        ("a", "a bad test key: 'test', test-1, latest"),
        ("key", "a bad test key: 'test', test-1, latest"),
        ("test", "a bad [redacted] key: '[redacted]', test-1, latest"),
        ("test-1", "a bad test key: 'test', [redacted], latest"),
        ("test.", "a bad test key: 'test', test-1, latest"),
        ("bad test", "a [redacted] key: 'test', test-1, latest"),
    ],
)
def test_short_secret_is_removed_only_as_a_whole_word(secret, expected):
    assert redact("a bad test key: 'test', test-1, latest", secret) == expected


def test_long_text_without_blanks_is_redacted_quickly():
    text = "x" * 2_000_000
    start = time.monotonic()
    assert redact(text, "sk-123-secret") == text
    assert time.monotonic() - start < 2
