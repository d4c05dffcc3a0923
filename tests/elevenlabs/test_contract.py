from typing import ClassVar

from russo import (
    AuthenticationError,
    NoAudioError,
    QuotaExceededError,
    RateLimitError,
    RequestRejectedError,
    ServiceError,
    SynthesisError,
    SynthesisTimeoutError,
    TextRejectedError,
)
from russo.testing import Failure, HttpService, Reply, json_reply
from support.elevenlabs_api import coded, error_reply, refused_field, spoken, wait
from support.first_party import LIMITS, FirstPartyService
from support.first_party_bounds import BoundedHttp
from support.first_party_secrets import HidesKey


def failure(kind: type[SynthesisError], reply: Reply) -> Failure:
    return Failure(reply=reply, error=kind, retried=kind.default_retryable)


def no_audio(body: bytes, kind: str = "audio/pcm", *, retried: bool = False) -> Failure:
    reply = Reply(body=body, headers={"Content-Type": kind})
    return Failure(reply=reply, error=NoAudioError, retried=retried, retry_now=False)


PAID_PLAN = {"type": "payment_required", "code": "paid_plan_required", "request_id": "r1"}


class TestElevenLabs(BoundedHttp, HidesKey, FirstPartyService):
    backend = "elevenlabs"
    class_name = "ElevenLabsSynthesizer"
    sdk = ("elevenlabs", "httpx", "pydantic")
    declared: ClassVar = {
        "voice": "EXAVITQu4vr4xnSDxMaL",
        "model": "eleven_flash_v2_5",
        "language": "de",
        "speed": 1.2,
        "seed": 7,
        "stability": 0.25,
        "similarity_boost": 0.5,
        "style": 0.125,
        "use_speaker_boost": False,
    }
    undeclared: ClassVar = {
        "api_key": "another-key",
        "base_url": "https://api.eu.residency.elevenlabs.io",
        **LIMITS,
    }
    service = HttpService(
        good=spoken,
        sent_key=lambda request: request.headers["xi-api-key"],
        error_reply=error_reply,
        failures={
            "bad key": failure(AuthenticationError, coded(401, "invalid_api_key")),
            "bad key, other status": failure(AuthenticationError, coded(400, "invalid_api_key")),
            "key without the permission": failure(AuthenticationError, coded(400, "missing_permissions")),
            "account suspected": failure(QuotaExceededError, coded(401, "detected_unusual_activity")),
            "quota gone": failure(QuotaExceededError, coded(401, "quota_exceeded")),
            "quota gone, as a rate limit": failure(QuotaExceededError, coded(429, "quota_exceeded")),
            "quota gone, newer code": failure(
                QuotaExceededError, coded(401, "error", code="insufficient_credits")
            ),
            "plan too small": failure(QuotaExceededError, coded(402, "payment_required", **PAID_PLAN)),
            "plan too small for the format": failure(
                QuotaExceededError, coded(403, "output_format_not_allowed", code="subscription_required")
            ),
            "too many at once": failure(RateLimitError, coded(400, "too_many_concurrent_requests")),
            "too many at once, newer code": failure(
                RateLimitError, coded(400, "error", code="concurrent_limit_exceeded")
            ),
            "system busy": failure(RateLimitError, coded(503, "system_busy")),
            "text too long": failure(TextRejectedError, coded(400, "max_character_limit_exceeded")),
            "text too long, newer code": failure(TextRejectedError, coded(400, "x", code="text_too_long")),
            "text too large": failure(TextRejectedError, error_reply(413, "too large")),
            "text refused": failure(TextRejectedError, refused_field("body", "text")),
            "option refused": failure(RequestRejectedError, refused_field("body", "voice_settings", "speed")),
            "unknown voice": failure(RequestRejectedError, coded(404, "voice_not_found")),
            "unknown voice, other status": failure(RequestRejectedError, coded(401, "voice_not_found")),
            "voice not shared": failure(RequestRejectedError, coded(403, "voice_access_denied")),
            "retired model": failure(RequestRejectedError, coded(403, "model_not_found")),
            "path unknown": failure(RequestRejectedError, json_reply({"detail": "Not Found"}, 404)),
            "gone": failure(RequestRejectedError, error_reply(410, "gone")),
            "timeout there": failure(SynthesisTimeoutError, error_reply(408, "late", 0.0)),
            "conflict": failure(ServiceError, error_reply(409, "again", 0.0)),
            "too early": failure(ServiceError, error_reply(425, "again", 0.0)),
            "detail absent": failure(ServiceError, json_reply({"error": "no"}, 500, wait(0.0))),
            "detail null": failure(ServiceError, json_reply({"detail": None}, 500, wait(0.0))),
            "detail of odd parts": failure(
                ServiceError, json_reply({"detail": ["no", {"loc": 3}, {"status": 4}]}, 500, wait(0.0))
            ),
            "code that is a number": failure(
                AuthenticationError, json_reply({"detail": {"status": 401, "message": 3}}, 401)
            ),
            "body that is a list": failure(ServiceError, json_reply(["no"], 500, wait(0.0))),
            "body that is a number": failure(RequestRejectedError, json_reply(4, 400)),
            "error page": failure(
                ServiceError, Reply(status=502, body=b"<html>Bad gateway", headers=wait(0.0))
            ),
            "error page of a refusal": failure(AuthenticationError, Reply(status=403, body=b"<html>No")),
            "error without a body": failure(ServiceError, Reply(status=529, headers=wait(0.0))),
            "validation without JSON": failure(RequestRejectedError, Reply(status=422, body=b"no")),
            "retry-after date": failure(
                RateLimitError, json_reply({}, 429, {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"})
            ),
            "error page in Latin-1": Failure(
                reply=Reply(status=503, body="gestört".encode("latin-1")),
                error=ServiceError,
                retried=True,
                retry_now=False,
            ),
            "error page half sent": Failure(
                reply=Reply(status=401, body=b'{"detail": "no"}', fail_at="body"),
                error=ServiceError,
                retried=True,
                retry_now=False,
            ),
            "error page badly packed": Failure(
                reply=Reply(status=503, body=b"no gzip", headers={"Content-Encoding": "gzip"}),
                error=ServiceError,
                retried=True,
                retry_now=False,
            ),
            "half a sample": no_audio(b"\1\2\3", retried=True),
            "plain text": no_audio(b"Please log in at once.", "text/plain; charset=utf-8"),
            "plain text of a failure": no_audio(b"Internal server error.", "text/plain", retried=True),
            "XML": no_audio(b"no, not now ", "application/problem+xml"),
            "MP3": no_audio(b"ID3\4" + b"\1\2" * 200, "audio/mpeg"),
            "WAV": no_audio(b"RIFF" + b"\1\2" * 200, "audio/wav"),
        },
    )
