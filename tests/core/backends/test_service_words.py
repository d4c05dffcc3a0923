"""Reading the words of a body of any shape, depth and size takes bounded time."""

import json
import sys
import time

import pytest

from russo._backends.refusals import cause_of
from russo._backends.service_words import read_words, text_of
from russo.testing import speech_pcm, wav
from support.speakers import PROMPT

DEEP = sys.getrecursionlimit() * 10


@pytest.mark.parametrize(
    "body",
    [
        "<script" * 9000,
        "<" * 64_000,
        "'-" * 32_000,
        "\u201c" * 64_000,
        "api key " + "a " * 30_000,
        "exceed " * 9000,
        "data: " * 10_000,
        "data: {}\n" * 10_000,
        "<title " * 9000,
        "[" * DEEP,
        '{"error":' * DEEP,
        json.dumps({"error": [{"error": [{"message": ""}] * 50}] * 50}),
        json.dumps({f"name{number}": "words" for number in range(20_000)}),
        b"\xff" * 1_000_000,
        "é".encode("latin-1") * 1_000_000,
    ],
    ids=lambda body: repr(body[:12]),
)
def test_hostile_body_is_read_in_bounded_time(body):
    start = time.process_time()
    words = read_words(body)
    cause_of(words, status=400, prompt=PROMPT)
    assert time.process_time() - start < 2
    assert len(words.text) <= 64_000
    assert len(words.codes) <= 400


@pytest.mark.parametrize(
    "body", [b"", b"12345", b"NaN", b"null", b"true", b'""', b'{"error": {"code": 1e999}}']
)
def test_body_without_words_has_no_codes(body):
    assert read_words(body).codes == ()


def test_number_too_long_for_python_is_read_as_text():
    assert read_words('{"code":' + "9" * 5000 + "}").text.startswith('{"code":999')


@pytest.mark.parametrize(
    ("body", "is_text", "expected"),
    [
        (speech_pcm(), False, None),
        (wav(speech_pcm()), False, None),
        (b"U" * 400, False, None),
        (b"overloaded", False, None),
        (b"overloaded", True, "overloaded"),
        (b"please sign in", False, "please sign in"),
        (b'{"error": 1}', False, '{"error": 1}'),
        (b"\xef\xbb\xbf<html>", False, "<html>"),
        ("gestört und zu".encode("latin-1"), True, "gest\ufffdrt und zu"),
        ("é".encode() * 300, True, "é" * 300),
        ("<p>gestört".encode("utf-16"), True, "<p>gestört"),
    ],
)
def test_text_is_distinguished_from_audio(body, is_text, expected):
    assert text_of(body, is_text=is_text) == expected


@pytest.mark.parametrize(
    "said",
    [
        "cannot read {}",
        "'{}'",
        '"{}" is wrong',
        "got {}",
    ],
)
@pytest.mark.parametrize(
    "prompt", ["Your quota is exceeded, I am afraid", "You violate our content policy", "quota exceeded"]
)
def test_prompt_quoted_in_a_message_does_not_decide_the_cause(said, prompt):
    body = {"detail": said.format(prompt)}
    assert cause_of(read_words(body), status=400, prompt=prompt).kind.__name__ == "RequestRejectedError"
