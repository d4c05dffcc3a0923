from typing import ClassVar

from russo import (
    QuotaExceededError,
    RateLimitError,
    RequestRejectedError,
    ServiceError,
    SynthesisError,
    SynthesisTimeoutError,
    TextRejectedError,
)
from russo.testing import Failure, HttpService, Reply, json_reply, wav
from support.first_party import LIMITS, FirstPartyService
from support.first_party_bounds import BoundedHttp
from support.first_party_secrets import HidesKey


def good(samples: bytes) -> Reply:
    """Return a reply as the vendor sends it: a WAV file in chunks, with placeholder sizes in its header."""
    return Reply(body=wav(samples, sizes="streamed"), chunked=True, headers={"Content-Type": "audio/wav"})


def error(status: int, message: str, retry_after: float | None = None, **details: str | None) -> Reply:
    body = {"message": message, "type": "invalid_request_error", "param": None, "code": None} | details
    headers = {} if retry_after is None else {"Retry-After": f"{retry_after:g}"}
    return json_reply({"error": body}, status, headers)


def failure(kind: type[SynthesisError], reply: Reply) -> Failure:
    return Failure(reply=reply, error=kind, retried=kind.default_retryable)


TOO_LONG = (
    "[{'type': 'string_too_long', 'loc': ('body', 'input'), 'msg': 'String should have at most 4096 "
    "characters', 'input': 'word word word', 'ctx': {'max_length': 4096}}]"
)


class TestOpenAISpeech(BoundedHttp, HidesKey, FirstPartyService):
    backend = "openai-speech"
    class_name = "OpenAISpeechSynthesizer"
    sdk = ("openai", "httpx2", "httpx", "websockets")
    options: ClassVar = {"model": "gpt-4o-mini-tts"}
    declared: ClassVar = {
        "voice": "coral",
        "model": "tts-1-hd",
        "instructions": "Speak cheerfully.",
        "speed": 1.25,
        "response_format": "pcm",
        "base_url": "http://127.0.0.1:9/v1",
    }
    undeclared: ClassVar = {"api_key": "another-key", **LIMITS}
    service = HttpService(
        good=good,
        sent_key=lambda request: request.headers["authorization"].removeprefix("Bearer "),
        error_reply=error,
        base_url=lambda url: f"{url}/v1",
        failures={
            "quota gone": failure(QuotaExceededError, error(429, "no credit", 0, code="insufficient_quota")),
            "quota gone, by type": failure(
                QuotaExceededError, error(429, "no credit", 0, type="insufficient_quota")
            ),
            "payment required": failure(QuotaExceededError, error(402, "no credit", 0)),
            "rate limit": failure(RateLimitError, error(429, "slow down", 0, code="rate_limit_exceeded")),
            "unknown model": failure(RequestRejectedError, error(404, "no", code="model_not_found")),
            "model not allowed": failure(RequestRejectedError, error(403, "no", code="model_not_found")),
            "unknown voice": failure(RequestRejectedError, error(400, "no such voice", param="voice")),
            "retired": failure(RequestRejectedError, error(410, "gone")),
            "text too long": failure(TextRejectedError, error(400, TOO_LONG)),
            "text too long, by code": failure(
                TextRejectedError, error(400, "too long", code="string_above_max_length", param="input")
            ),
            "text refused, by parameter": failure(TextRejectedError, error(400, "no", param="input")),
            "text too large": failure(TextRejectedError, error(413, "too large")),
            "text refused": failure(TextRejectedError, error(400, "no", code="content_policy_violation")),
            "text refused by a compatible server": failure(
                TextRejectedError,
                json_reply({"detail": [{"loc": ["body", "input"], "msg": "Field required"}]}, 422),
            ),
            "option refused by a compatible server": failure(
                RequestRejectedError,
                json_reply({"detail": [{"loc": ["body", "speed"], "msg": "too fast"}]}, 422),
            ),
            "conflict": failure(ServiceError, error(409, "again", 0)),
            "request timeout": failure(SynthesisTimeoutError, error(408, "too slow", 0)),
            "error page": failure(
                ServiceError, Reply(status=502, body=b"<html>Bad gateway", headers={"Retry-After": "0"})
            ),
            "error without a body": failure(ServiceError, Reply(status=529, headers={"Retry-After": "0"})),
            "error that is a list": failure(ServiceError, json_reply(["no"], 500, {"Retry-After": "0"})),
            "error of another shape": failure(RequestRejectedError, json_reply({"error": "no"}, 400)),
            "retry-after-ms": failure(RateLimitError, json_reply({}, 429, {"retry-after-ms": "1"})),
            "retry-after date": failure(
                ServiceError, json_reply({}, 503, {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"})
            ),
        },
    )
