"""The cause of a refusal if status, code and words disagree."""

import json

import pytest

from russo import AuthenticationError, QuotaExceededError, RateLimitError, TextRejectedError
from russo._backends.documents import is_other_format
from russo._backends.refusals import cause_of
from russo._backends.service_words import read_words
from russo.testing import speech_pcm, wav
from support.speakers import PROMPT


def kind_of(body, status, prompt=PROMPT):
    return cause_of(read_words(json.dumps(body)), status=status, prompt=prompt).kind


def test_413_rejects_the_text_even_with_a_rate_limit_code():
    body = {"error": {"code": "rate_limit_exceeded", "message": "Request too large for model m"}}
    assert kind_of(body, 413) is TextRejectedError
    assert kind_of(body, 429) is RateLimitError


@pytest.mark.parametrize("codes", [("insufficient_quota", "rate_limit_exceeded")])
@pytest.mark.parametrize("order", [1, -1])
def test_more_precise_of_two_codes_decides_in_any_order(codes, order):
    first, second = codes[::order]
    body = {"error": {"code": first, "type": second, "message": "no"}}
    assert kind_of(body, 429) is QuotaExceededError


def test_words_in_a_url_do_not_decide():
    said = "Access denied. See https://speech.example.com/usage-policies"
    assert kind_of({"error": {"message": said}}, 403) is AuthenticationError
    said = "Access denied by the usage policies"
    assert kind_of({"error": {"message": said}}, 403) is TextRejectedError


@pytest.mark.parametrize(
    "spelled",
    [
        json.dumps,
        str.upper,
        lambda text: text.replace("ys", "&#121;s").replace("au", "a&#117;").replace("ay", "&#97;y"),
    ],
)
def test_words_of_the_prompt_do_not_decide_in_any_encoding(spelled):
    prompt = 'My "free plan" says: insufficient-balance, because the quota is exceeded today'
    said = f"cannot speak this: {spelled(prompt)}"
    assert kind_of({"error": {"message": said}}, 401, prompt) is AuthenticationError
    assert kind_of({"error": {"message": said}}, 401, "Hello") is QuotaExceededError


def test_beginning_of_a_wav_file_is_not_another_format():
    whole = wav(speech_pcm(0.1), 24000)
    assert [is_other_format(whole[:length], wav=True) for length in (3, 11, 12, 60)] == [False] * 4
    assert is_other_format(b"ID3\x04\0\0\0\0\0\0\0", wav=True) is False  # too short to decide
    assert is_other_format(b"ID3\x04\0\0\0\0\0\0\0\0", wav=True) is True
