"""Failures of the Realtime API: at the handshake, by events, of the connection, by silence."""

from typing import Any

import pytest

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
from russo.testing import (
    Frames,
    Reply,
    WebSocketServer,
    frames,
    json_reply,
)
from russo_openai import OpenAISynthesizer
from support import openai_realtime as service
from support.containers import FILES, LOOKALIKES
from support.first_party import PROMPT, failed, samples_of, speak
from support.openai_realtime import SAMPLES, WHOLE, at, host_of

# The handshake.


def test_page_instead_of_a_websocket_is_not_retried(server: WebSocketServer) -> None:
    server.replies = Reply(body=b"<html><title>Sign in</title><p>Please sign in.")
    error = failed(at(server, max_attempts=3))
    assert type(error) is NoAudioError
    assert "(HTTP 200, 46 bytes) is a document instead of audio: 'Sign in'; check base_url" in str(error)
    assert "the server must return the websocket of the Realtime API" in str(error)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("status", "details", "kind"),
    [
        (400, {"code": "invalid_value", "message": "no"}, RequestRejectedError),
        (401, {"code": "invalid_api_key", "message": "no"}, AuthenticationError),
        (402, {"message": "no"}, QuotaExceededError),
        (403, {"message": "no"}, AuthenticationError),
        (403, {"code": "model_not_found", "message": "no"}, RequestRejectedError),
        (404, {"code": "model_not_found", "message": "no"}, RequestRejectedError),
        (408, {"message": "no"}, SynthesisTimeoutError),
        (429, {"code": "rate_limit_exceeded", "message": "no"}, RateLimitError),
        (429, {"type": "insufficient_quota", "message": "no"}, QuotaExceededError),
        (500, {"message": "no"}, ServiceError),
        (529, {"message": "no"}, ServiceError),
    ],
)
def test_refused_handshake_is_classified_by_its_status(
    server: WebSocketServer, status: int, details: dict[str, str], kind: type[SynthesisError]
) -> None:
    server.replies = json_reply({"error": details}, status, {"Retry-After": "90"})
    error = failed(at(server))
    assert type(error) is kind
    assert f"HTTP {status}" in str(error)
    assert "'no'" in str(error)
    assert error.retry_after == 90.0
    assert error.retryable is kind.default_retryable


@pytest.mark.parametrize(
    "body", [b"", b"\xff\xfe", b"[" * 100_000, b"null", b'{"error": "no"}', b'{"error": {"type": ["x"]}}']
)
def test_unreadable_refusal_is_classified_by_its_status(server: WebSocketServer, body: bytes) -> None:
    server.replies = Reply(status=400, body=body)
    error = failed(at(server))
    assert type(error) is RequestRejectedError
    assert "HTTP 400" in str(error)
    assert len(str(error)) < 400


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("scheme", ["http", "ws"])
def test_redirect_is_not_followed_to_the_same_or_another_host(
    server: WebSocketServer, status: int, scheme: str
) -> None:
    with service.serve(frames(WHOLE)) as elsewhere:
        for target in (elsewhere, server):
            server.requests.clear()
            url = f"{scheme}{target.url.removeprefix('http')}/v2/realtime"
            server.replies = Reply(status=status, headers={"Location": url})
            error = failed(at(server))
            assert isinstance(error, RequestRejectedError)
            assert f"HTTP {status}; correct base_url: a redirect is not followed" in str(error)
            assert len(server.requests) == 1
        assert elsewhere.requests == []


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("place", ["start", "status", "headers"])
def test_connection_lost_in_the_handshake_is_not_reached(
    server: WebSocketServer, place: Any, how: Any
) -> None:
    server.replies = Frames(fail_at=place, fail_how=how)
    error = failed(at(server))
    assert type(error) is ServiceError
    assert (error.retryable, error.reached) == (True, False)
    assert f"no connection to {host_of(server)}: " in str(error)


def test_server_that_refuses_connections_is_named(server: WebSocketServer) -> None:
    server.close()
    error = failed(at(server))
    assert type(error) is ServiceError
    assert not error.reached
    assert f"no connection to {host_of(server)}: " in str(error)


def test_host_that_does_not_exist_is_named() -> None:
    error = failed(OpenAISynthesizer(base_url="ws://no.such.host.invalid/v1", api_key="x", max_attempts=1))
    assert type(error) is ServiceError
    assert not error.reached
    assert "no connection to no.such.host.invalid: " in str(error)


# Events.


REFUSALS = [
    ("invalid_request_error", "invalid_api_key", AuthenticationError),
    ("invalid_request_error", "model_not_found", RequestRejectedError),
    ("invalid_request_error", "invalid_model", RequestRejectedError),
    ("invalid_request_error", "beta_api_shape_disabled", RequestRejectedError),
    ("invalid_request_error", "unknown_parameter", RequestRejectedError),
    ("invalid_request_error", None, RequestRejectedError),
    ("invalid_request_error", "string_above_max_length", TextRejectedError),
    ("invalid_request_error", "session_expired", ServiceError),
    ("invalid_request_error", "insufficient_quota", QuotaExceededError),
    ("insufficient_quota", None, QuotaExceededError),
    ("billing_hard_limit_reached", "billing_hard_limit_reached", QuotaExceededError),
    ("tokens", "rate_limit_exceeded", RateLimitError),
    ("server_error", None, ServiceError),
    ("something_new", "never_seen", ServiceError),
    (None, None, ServiceError),
]


@pytest.mark.parametrize("place", ["error event", "response failed", "close code 4000"])
@pytest.mark.parametrize(("of_type", "code", "kind"), REFUSALS)
def test_error_code_has_one_class_in_every_place(
    server: WebSocketServer, place: str, of_type: str | None, code: str | None, kind: type[SynthesisError]
) -> None:
    error = {"type": of_type, "code": code, "message": "no such luck", "param": None}
    server.replies = {
        "error event": frames([{"type": "error", "error": error}], close=(1000, "")),
        "response failed": frames([service.done("failed", error=error)]),
        "close code 4000": frames([], close=(4000, ".".join(filter(None, (of_type, code))))),
    }[place]
    raised = failed(at(server))
    assert type(raised) is kind
    assert raised.retryable is kind.default_retryable
    assert raised.reached
    assert place in str(raised)
    assert raised.__cause__ is not None


@pytest.mark.parametrize(
    ("message", "kind", "advice"),
    [
        ("Country, region, or territory not supported", RequestRejectedError, "the key is not the reason"),
        ("You exceeded your current quota, please check your plan", QuotaExceededError, "plan and billing"),
        ("It was flagged by our content policy", TextRejectedError, "change the prompt"),
        ("Your organization must be verified", RequestRejectedError, "verify the organization"),
        ("Incorrect API key provided", AuthenticationError, "check the credentials"),
        ("Rate limit reached", RateLimitError, "max_concurrency"),
        ("cannot read 'Book a flight from Berlin to Rome'", ServiceError, "try again later"),
    ],
)
@pytest.mark.parametrize("place", ["error event", "response failed", "close code 4000"])
def test_error_message_has_one_class_in_every_place(
    server: WebSocketServer, place: str, message: str, kind: type[SynthesisError], advice: str
) -> None:
    server.replies = {
        "error event": frames([{"type": "error", "error": {"message": message}}]),
        "response failed": frames([service.done("failed", error={"message": message})]),
        "close code 4000": frames([], close=(4000, message)),
    }[place]
    error = failed(at(server))
    assert type(error) is kind
    assert advice in str(error)


@pytest.mark.parametrize(
    ("code", "kind"), [(4401, AuthenticationError), (4404, RequestRejectedError), (4429, RateLimitError)]
)
def test_close_code_that_is_a_status_decides_the_class(
    server: WebSocketServer, code: int, kind: type[SynthesisError]
) -> None:
    server.replies = frames([], close=(code, ""))
    assert type(failed(at(server))) is kind


HOSTILE = "\x1b]0;PWNED\x07\u202e\n::error::x"


@pytest.mark.parametrize(
    "reply",
    [
        frames([{"type": "error", "error": {"message": HOSTILE, "code": HOSTILE, "type": HOSTILE}}]),
        frames([{"type": "error", "error": HOSTILE * 1000}]),
        frames([service.done(HOSTILE * 1000)]),
        frames([service.done("failed", error={"message": HOSTILE, "code": HOSTILE * 100})]),
        frames([service.done("incomplete", reason=HOSTILE)]),
        frames([], close=(4000, HOSTILE)),
        frames([], close=(1011, HOSTILE)),
        service.spoken(SAMPLES, HOSTILE * 100),
        Reply(status=400, body=HOSTILE.encode()),
    ],
)
def test_foreign_text_is_escaped_for_terminals(server: WebSocketServer, reply: Any) -> None:
    server.replies = reply
    message = str(failed(at(server)))
    assert message.isprintable()
    assert "PWNED" in message
    assert len(message) <= 700


@pytest.mark.parametrize("greeting", [[], [service.CREATED], [service.CREATED, service.UPDATED]])
@pytest.mark.parametrize("closes", [True, False])
def test_refusal_before_the_close_is_read_at_any_position(greeting: list[Any], closes: bool) -> None:
    event = {"type": "error", "error": {"code": "invalid_api_key", "message": "Incorrect API key"}}
    close = (4000, "invalid_request_error.invalid_api_key") if closes else None
    with service.serve(frames(WHOLE), frames([*greeting, event], close=close)) as server:
        error = failed(at(server))
    assert type(error) is AuthenticationError
    assert "error event (invalid_api_key), 'Incorrect API key'" in str(error)


@pytest.mark.parametrize(
    "shape", ["a text", None, ["a list"], {"message": {"deep": 1}, "code": 7, "type": ["x"]}]
)
def test_error_of_another_shape_is_a_service_error(server: WebSocketServer, shape: object) -> None:
    server.replies = frames([{"type": "error", "error": shape}])
    error = failed(at(server))
    assert type(error) is ServiceError
    assert "error event" in str(error)


@pytest.mark.parametrize(
    ("message", "seconds"),
    [
        ("Rate limit reached. Please try again in 1.2s. Visit", 1.2),
        ("Please try again in 250ms.", 0.25),
        ("Please try again in 6m0s.", 360.0),
        ("Please try again in 2m.", 120.0),
        ("Please try again in 1m30s", 90.0),
        ("Please try again in a while", None),
        ("Please try again later", None),
        ("no", None),
    ],
)
def test_delay_in_an_event_is_read(server: WebSocketServer, message: str, seconds: float | None) -> None:
    server.replies = service.refused(message, code="rate_limit_exceeded")
    error = failed(at(server))
    assert isinstance(error, RateLimitError)
    assert error.retry_after == (pytest.approx(seconds) if seconds is not None else None)


@pytest.mark.parametrize(
    ("done", "kind", "said"),
    [
        (
            service.done("incomplete", reason="content_filter"),
            TextRejectedError,
            "incomplete (content_filter)",
        ),
        (service.done("incomplete", reason="max_output_tokens"), TextRejectedError, "(max_output_tokens)"),
        (service.done("incomplete"), ServiceError, "response incomplete"),
        (service.done("cancelled", reason="turn_detected"), ServiceError, "cancelled (turn_detected)"),
        (service.done("cancelled", reason="client_cancelled"), ServiceError, "(client_cancelled)"),
        (service.done("failed"), ServiceError, "response failed"),
        (service.done("paused"), ServiceError, "response paused"),
        ({"type": "response.done"}, ServiceError, "response None"),
        ({"type": "response.done", "response": []}, ServiceError, "response None"),
    ],
)
def test_incomplete_response_is_not_a_reading(
    server: WebSocketServer, done: dict[str, Any], kind: type[SynthesisError], said: str
) -> None:
    server.replies = frames([*WHOLE[:-1], done])
    error = failed(at(server))
    assert type(error) is kind
    assert said in str(error)


# Unreadable frames, and replies that are not audio.


@pytest.mark.parametrize("frame", [b"oops", b"", b"[1]", b"null", b"7", b"[" * 100_000])
def test_frame_that_is_not_a_json_object_is_a_service_error(server: WebSocketServer, frame: bytes) -> None:
    server.replies = frames([*WHOLE[:4], frame])
    error = failed(at(server))
    assert type(error) is ServiceError
    assert f"the reply of {host_of(server)} cannot be read: a frame of" in str(error)


@pytest.mark.parametrize("delta", ["@@@", "AAA", "AA A=", "äö"])
def test_delta_that_is_not_base64_is_not_audio(server: WebSocketServer, delta: str) -> None:
    server.replies = frames([service.delta(delta), *WHOLE])
    error = failed(at(server))
    assert type(error) is NoAudioError
    assert "a piece of the audio is not base64" in str(error)


@pytest.mark.parametrize("name", FILES)
def test_reading_that_is_a_file_is_not_bare_samples(server: WebSocketServer, name: str) -> None:
    body, expected = FILES[name]
    server.replies = service.spoken(body, PROMPT)
    error = failed(at(server, max_attempts=1))
    assert type(error) is NoAudioError
    assert f"{expected} instead of bare samples" in str(error)


@pytest.mark.parametrize("name", LOOKALIKES)
def test_samples_that_begin_like_a_file_are_audio(server: WebSocketServer, name: str) -> None:
    server.replies = service.spoken(LOOKALIKES[name] + SAMPLES, PROMPT)
    assert samples_of(speak(at(server))) == LOOKALIKES[name] + SAMPLES


@pytest.mark.parametrize(
    ("samples", "said"),
    [
        (b"", "no samples"),
        (SAMPLES[:-1], "not whole 16-bit samples"),
        (bytes(96000), "silence from end to end"),
    ],
)
def test_reading_without_sound_is_not_audio(server: WebSocketServer, samples: bytes, said: str) -> None:
    server.replies = service.spoken(samples, PROMPT)
    error = failed(at(server))
    assert type(error) is NoAudioError
    assert said in str(error)


# Lost connections.


@pytest.mark.parametrize("events", range(len(WHOLE)))
@pytest.mark.parametrize("code", [1000, 1001, 1011, 1013])
def test_connection_closed_before_the_response_is_done_is_lost(
    server: WebSocketServer, events: int, code: int
) -> None:
    server.replies = frames(WHOLE[:events], close=(code, "going away"))
    error = failed(at(server))
    assert type(error) is ServiceError
    assert error.retryable
    assert error.reached
    assert f"the connection to {host_of(server)} was lost: close code {code} going away" in str(error)


@pytest.mark.parametrize("how", ["close", "reset"])
def test_connection_that_breaks_off_is_lost(server: WebSocketServer, how: Any) -> None:
    whole = frames(WHOLE)
    server.replies = Frames(body=whole.body, fail_at="body", fail_how=how)
    error = failed(at(server))
    assert type(error) is ServiceError
    assert error.reached
    assert f"the connection to {host_of(server)} was lost: " in str(error)
