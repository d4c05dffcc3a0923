"""The contract of backends, for the websocket backend."""

from typing import Any, ClassVar

import pytest

from russo import (
    AuthenticationError,
    QuotaExceededError,
    RateLimitError,
    RequestRejectedError,
    ServiceError,
    SynthesisError,
    TextRejectedError,
)
from russo.testing import Failure, Frames, LoopbackServer, Reply, WebSocketService, frames, json_reply
from support.first_party import LIMITS, FirstPartyService, failed
from support.first_party_secrets import HidesKey
from support.openai_realtime import GREETING, done, is_last, prompt_of, refused, spoken

# The service's error type for each status that /v1/audio/speech would return.
_CODES = {
    401: "invalid_api_key",
    403: "permission_denied",
    404: "model_not_found",
    429: "rate_limit_exceeded",
}


def good(samples: bytes) -> Frames:
    return spoken(samples, "the check is off")


def error_event(status: int, message: str, retry_after: float | None = None) -> Frames:
    """Return an error on an open connection, which has no Retry-After header: the message holds the delay."""
    if retry_after is not None:
        message = f"{message}. Please try again in {retry_after:g}s."
    kind = "server_error" if status >= 500 else "invalid_request_error"
    return refused(message, type=kind, code=_CODES.get(status))


def handshake(status: int, message: str = "no", **details: str | None) -> Reply:
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": None} | details
    return json_reply({"error": error}, status, {"Retry-After": "0"})


def failure(kind: type[SynthesisError], reply: Reply, *, now: bool = True) -> Failure:
    return Failure(reply=reply, error=kind, retried=kind.default_retryable, retry_now=now)


class TestOpenAI(HidesKey, FirstPartyService):
    backend = "openai"
    deep = "russo_openai._session.load_json"
    class_name = "OpenAISynthesizer"
    sdk = ("websockets", "httpx2", "httpx", "openai")
    # The kit's audio is too short for its texts: 0.2 s for 5,000 characters.
    options: ClassVar = {"check": "off"}
    declared: ClassVar = {
        "voice": "cedar",
        "model": "gpt-realtime-1.5",
        "instructions": "Speak cheerfully.",
        "speed": 1.25,
        "check": "words",
        "base_url": "http://127.0.0.1:9/v1",
    }
    undeclared: ClassVar = {"api_key": "another-key", **LIMITS}
    service = WebSocketService(
        greeting=GREETING,
        is_last=is_last,
        good=good,
        sent_key=lambda request: request.headers["authorization"].removeprefix("Bearer "),
        text_of=prompt_of,
        error_reply=error_event,
        base_url=lambda url: f"{url}/v1",
        failures={
            "handshake 401": failure(AuthenticationError, handshake(401)),
            "handshake 403": failure(AuthenticationError, handshake(403)),
            "handshake 403 for the model": failure(
                RequestRejectedError, handshake(403, code="model_not_found")
            ),
            "handshake 404": failure(RequestRejectedError, handshake(404, code="model_not_found")),
            "handshake 429": failure(RateLimitError, handshake(429, code="rate_limit_exceeded")),
            "handshake 429 for the quota": failure(
                QuotaExceededError, handshake(429, type="insufficient_quota")
            ),
            "handshake 500": failure(ServiceError, handshake(500)),
            "handshake 503": failure(ServiceError, handshake(503)),
            "handshake answered by a page": failure(
                ServiceError, Reply(status=502, body=b"<html>", headers={"Retry-After": "0"})
            ),
            "event: quota": failure(QuotaExceededError, refused("no credit", code="insufficient_quota")),
            "event: unknown parameter": failure(
                RequestRejectedError, refused("no", code="unknown_parameter", param="session.x")
            ),
            "close 4000: beta shape": failure(
                RequestRejectedError,
                frames([], close=(4000, "invalid_request_error.beta_api_shape_disabled")),
            ),
            "close 4000: key": failure(
                AuthenticationError, frames([], close=(4000, "invalid_request_error.invalid_api_key"))
            ),
            "close 1001": failure(
                ServiceError, frames([], close=(1001, "Your session hit 60 minutes")), now=False
            ),
            "response failed: quota": failure(
                QuotaExceededError, frames([done("failed", error={"code": "insufficient_quota"})])
            ),
            "response failed: server": failure(
                ServiceError, frames([done("failed", error={"type": "server_error"})]), now=False
            ),
            "response incomplete: content filter": failure(
                TextRejectedError, frames([done("incomplete", reason="content_filter")])
            ),
            "response incomplete: too long": failure(
                TextRejectedError, frames([done("incomplete", reason="max_output_tokens")])
            ),
            "response cancelled": failure(
                ServiceError, frames([done("cancelled", reason="turn_detected")]), now=False
            ),
        },
    )

    def test_declared_option_is_sent(
        self, declared_option: str, loopback: LoopbackServer, speaking: Any
    ) -> None:
        if declared_option == "check":
            pytest.skip("check judges the reply; it is in the key and not in the request")
        super().test_declared_option_is_sent(declared_option, loopback, speaking)

    @pytest.mark.parametrize(
        ("variable", "value"),
        [
            ("HTTPS_PROXY", "gopher://127.0.0.1:9"),
            ("HTTPS_PROXY", "http://127.0.0.1:port"),
            ("HTTPS_PROXY", "socks5://127.0.0.1:9"),
        ],
    )
    def test_unusable_proxy_or_certificate_variable_is_reported_at_once(
        self,
        loopback: LoopbackServer,
        speaking: Any,
        variable: str,
        value: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        # Unlike the HTTP client, a websocket reads the proxy only when it connects, and never for NO_PROXY.
        monkeypatch.delenv("NO_PROXY")
        monkeypatch.setenv(variable, value)
        error = failed(speaking())
        assert type(error) is ServiceError
        assert (error.retryable, error.reached) == (False, False)
        assert "check base_url, and the variables for proxies and certificates" in str(error)
        assert error.__cause__ is not None
        assert loopback.requests == []
