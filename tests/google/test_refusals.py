import json
import traceback

import pytest

from russo import (
    AuthenticationError,
    QuotaExceededError,
    RateLimitError,
    RequestRejectedError,
    ServiceError,
    SynthesisTimeoutError,
    TextRejectedError,
)
from russo.testing import LoopbackServer, Reply, json_reply
from russo_google import GoogleSynthesizer
from support.first_party import failed
from support.gemini import error_reply, quota, reason

KEY = "AIza-secret-0123456789"
CURRENT = "You exceeded your current quota, please check your plan and billing details."
MINUTE = "GenerateRequestsPerMinutePerProjectPerModel-FreeTier"
DAY = "GenerateRequestsPerDayPerProjectPerModel-FreeTier"
VERTEX_MINUTE = (
    "Quota exceeded for aiplatform.googleapis.com/generate_content_requests_per_minute_per_project"
)


def refused(answer):
    with LoopbackServer(answer) as server:
        return failed(GoogleSynthesizer(api_key=KEY, base_url=server.url, max_attempts=1))


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (error_reply(400, "Invalid JSON payload received.", None), RequestRejectedError),
        (error_reply(400, "API key expired. Please renew the API key.", None), AuthenticationError),
        (error_reply(400, "API Key not found.", None, reason("API_KEY_INVALID")), AuthenticationError),
        (error_reply(400, "The model tried to generate text, not speech.", None), TextRejectedError),
        (error_reply(402, "Payment required.", None), QuotaExceededError),
        (error_reply(404, "models/nothing is not found for API version v1.", None), RequestRejectedError),
        (error_reply(408, "too slow", None), SynthesisTimeoutError),
        (error_reply(409, "aborted", None), ServiceError),
        (error_reply(413, "too large", None), TextRejectedError),
        (error_reply(429, "Resource has been exhausted (e.g. check quota).", None), RateLimitError),
        (error_reply(429, CURRENT, 26.0, quota(MINUTE)), RateLimitError),
        (error_reply(429, CURRENT, 26.0, quota(MINUTE), quota(DAY)), QuotaExceededError),
        (error_reply(429, CURRENT, 26.0, quota(MINUTE, "0")), QuotaExceededError),
        (error_reply(429, CURRENT, None), QuotaExceededError),
        (error_reply(429, "Your prepayment credits are depleted.", None), QuotaExceededError),
        (error_reply(429, VERTEX_MINUTE, None), RateLimitError),
        (error_reply(504, "Deadline expired.", None), ServiceError),
        (Reply(status=599, body=b""), ServiceError),
    ],
)
def test_status_and_message_decide_the_class(answer, kind):
    assert type(refused(answer)) is kind


DAILY = 'Read "my daily credits" report, please: how much is there per month?'


@pytest.mark.parametrize(
    "echo", [DAILY, DAILY.lower(), DAILY.upper(), DAILY[:50], DAILY[9:], json.dumps(DAILY)]
)
def test_quoted_prompt_does_not_decide_the_class(echo):
    answer = error_reply(429, f"Too many requests: {echo}", 0.5, quota(MINUTE))
    with LoopbackServer(answer) as server:
        error = failed(GoogleSynthesizer(api_key=KEY, base_url=server.url, max_attempts=1), DAILY)
    assert type(error) is RateLimitError


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        (error_reply(429, "m", 26.0), 26.0),
        (error_reply(429, "m", 0.5), 0.5),
        (error_reply(503, "m", 3.0), 3.0),
        (json_reply({"error": {"message": "m"}}, 429, {"Retry-After": "12"}), 12.0),
        (json_reply({"error": {"message": "m"}}, 429, {"Retry-After": "soon"}), None),
        (json_reply({"error": {"message": "m"}}, 503, {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}), 0.0),
        (error_reply(429, "m", None), None),
    ],
)
def test_retry_delay_of_the_service_is_kept(answer, seconds):
    assert refused(answer).retry_after == seconds


def test_message_has_status_code_and_text_of_the_service():
    said = str(refused(error_reply(404, "models/nothing is not found", None)))
    assert "HTTP 404 (NOT_FOUND), 'models/nothing is not found'; " in said
    assert "gemini-3.8-flash-tts" in said
    assert "check voice, model and options" in said


def test_gateway_page_is_shortened_to_one_line():
    page = Reply(
        status=502, body=b"<html>\n" + b"<p>bad gateway</p>\n" * 500, headers={"Content-Type": "text/html"}
    )
    error = refused(page)
    assert type(error) is ServiceError
    assert "HTTP 502 (Bad Gateway), 'bad gateway bad gateway" in str(error)
    assert len(str(error)) < 600
    assert "\n" not in str(error)


@pytest.mark.parametrize(
    "body",
    [b"\xff\xfe\x00", b"[]", b"[1, 2]", b"7", b'"no"', b"null", b'{"error": "no"}', b'{"error": null}'],
)
def test_error_with_any_body_is_classified_by_its_status(body):
    error = refused(Reply(status=503, body=body, headers={"Content-Type": "application/json"}))
    assert type(error) is ServiceError
    assert error.retryable


def test_error_in_a_list_is_read():
    listed = json.dumps([json.loads(error_reply(429, CURRENT, 26.0, quota(DAY)).body)]).encode()
    assert type(refused(Reply(status=429, body=listed))) is QuotaExceededError


@pytest.mark.parametrize(
    "answer",
    [
        error_reply(403, f"Permission denied: Consumer 'api_key:{KEY}' has been suspended.", None),
        error_reply(400, "x" * 290 + KEY, None),
        json_reply({"error": {"message": f"no {KEY}"}}),
        json_reply({"candidates": [{"content": {"parts": [{"text": KEY}]}, "finishReason": "STOP"}]}),
        Reply(status=500, body=f"<p>{KEY}</p>".encode()),
        Reply(body=f"<p>{KEY}</p>".encode()),
    ],
)
def test_key_that_the_service_repeats_is_not_shown(answer):
    error = refused(answer)
    shown = "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))
    shown += repr(vars(error.__cause__)) if error.__cause__ else ""
    assert KEY not in shown
    assert KEY[:12] not in shown
