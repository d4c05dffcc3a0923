"""Errors for socket and websocket failures: whether the service was reached, and what the message names."""

import socket
from dataclasses import dataclass, field

import pytest

from russo import (
    AudioCache,
    CachedSynthesizer,
    Mode,
    NoAudioError,
    RateLimitError,
    RequestRejectedError,
    ServiceError,
    SynthesisError,
    SynthesisTimeoutError,
)
from russo._flow.run import RunContext
from russo.authoring import Attempts, Exchange

SECRET = "planted-key-0f7c1e9a"
CHECK = "check the host name, the network, and whether the service is running"
REPLAY = "; recorded prompts do not need the service: pytest --russo-cache-mode=replay"


@dataclass
class Close:
    code: int
    reason: str


class ConnectionClosed(Exception):
    """Like the exception of websockets, which the code recognises by its name."""

    def __init__(self, received: Close | None) -> None:
        super().__init__("sent 1000; then received nothing")
        self.rcvd = received


class ConnectionClosedError(ConnectionClosed):
    pass


@pytest.fixture
def exchange():
    return Exchange(Attempts("acme", model="m1", timeout=2.0), "Hello", SECRET)


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError(111, "Connect call failed"),
        ConnectionResetError("reset"),
        socket.gaierror(-2, "Name or service not known"),
        OSError(101, "Network is unreachable"),
        EOFError("stream ended"),
        ConnectionClosedError(None),
        RuntimeError("proxy said no"),
    ],
)
def test_failure_before_the_connection_is_open_did_not_reach_the_service(exchange, error):
    made = exchange.connection_error(error, host="speech.example:8443", connected=False)
    assert type(made) is ServiceError
    assert (made.retryable, made.reached) == (True, False)
    assert f"no connection to speech.example:8443: {error}" in str(made)
    assert made.advice == CHECK


@pytest.mark.parametrize(("command", "advice"), [("pytest --russo-cache-mode=replay", REPLAY), (None, "")])
@pytest.mark.parametrize("kind", [TimeoutError, ConnectionRefusedError])
def test_only_a_test_run_without_a_connection_suggests_to_replay(exchange, kind, command, advice, tmp_path):
    async def synthesize(_, text):
        raise exchange.connection_error(kind("no"), host="speech.example", connected=False)

    speaker = type("Speaker", (), {"synthesize": synthesize, "cache_key_extra": {}})()
    context = RunContext(AudioCache(tmp_path), Mode.AUTO, report=print, replay_command=command)
    with pytest.raises(SynthesisError) as caught:
        CachedSynthesizer(speaker).bound_to(context).synthesize_sync("Hello")
    assert caught.value.advice == CHECK + advice


def test_a_cached_call_without_a_run_does_not_suggest_to_replay(exchange):
    async def synthesize(_, text):
        raise exchange.connection_error(ConnectionRefusedError("no"), host="speech.example", connected=False)

    speaker = type("Speaker", (), {"synthesize": synthesize, "cache_key_extra": {}})()
    with pytest.raises(SynthesisError) as caught:
        CachedSynthesizer(speaker, mode="off").synthesize_sync("Hello")
    assert caught.value.advice == CHECK


def test_connection_timeout_did_not_reach_the_service(exchange):
    error = TimeoutError("timed out during opening handshake")
    made = exchange.connection_error(error, host="speech.example", connected=False)
    assert type(made) is SynthesisTimeoutError
    assert not made.reached
    assert "no connection to speech.example in time: timed out during opening handshake" in str(made)


@pytest.mark.parametrize("error", [ConnectionRefusedError(111, "no"), socket.gaierror(-2, "no such name")])
def test_failure_that_only_connecting_raises_did_not_reach_the_service(exchange, error):
    made = exchange.connection_error(error)
    assert not made.reached
    assert f"no connection to the service: {error}" in str(made)


@pytest.mark.parametrize(
    ("received", "said"),
    [
        (Close(1011, "internal error"), "close code 1011 internal error; try again"),
        (Close(1001, ""), "close code 1001; try again"),
        (None, "it ended without a close code; try again"),
    ],
)
def test_error_of_a_closed_websocket_has_host_code_and_reason(exchange, received, said):
    for kind in (ConnectionClosed, ConnectionClosedError):
        made = exchange.connection_error(kind(received), host="speech.example")
        assert type(made) is ServiceError
        assert (made.retryable, made.reached) == (True, True)
        assert f"the connection to speech.example was lost: {said}" in str(made)


@pytest.mark.parametrize("error", [ConnectionResetError(104, "reset by peer"), BrokenPipeError(32, "pipe")])
def test_socket_failure_after_connecting_reached_the_service(exchange, error):
    made = exchange.connection_error(error, host="speech.example")
    assert type(made) is ServiceError
    assert made.reached
    assert f"the connection to speech.example was lost: {error}" in str(made)


def test_other_exception_is_shown_with_its_type(exchange):
    made = exchange.connection_error(ValueError("odd"), host="speech.example")
    assert "the exchange with speech.example failed: ValueError('odd')" in str(made)
    assert made.reached


def test_certificate_error_names_the_host(exchange):
    error = OSError("CERTIFICATE_VERIFY_FAILED: self-signed")
    made = exchange.connection_error(error, host="speech.example", connected=False)
    assert "the certificate of speech.example is not trusted" in str(made)
    assert not made.retryable


def test_close_reason_shows_no_secret(exchange):
    error = ConnectionClosed(Close(4000, f"bad key {SECRET}"))
    made = exchange.connection_error(error, host="speech.example")
    assert "close code 4000 bad key [redacted]" in str(made)
    assert SECRET not in repr(vars(error))


# Refusals without an HTTP status.


def test_refusal_may_be_an_error_event(exchange):
    made = exchange.refusal_error(
        ValueError("x"),
        RateLimitError,
        "error event",
        "slow down",
        code="rate_limit_exceeded",
        retry_after=1.5,
    )
    assert "error event (rate_limit_exceeded), 'slow down'; wait" in str(made)
    assert made.retry_after == 1.5


def test_refusal_may_contain_advice(exchange):
    made = exchange.refusal_error(
        ValueError("x"), RequestRejectedError, 404, "no", advice="use another model"
    )
    assert str(made).endswith("HTTP 404, 'no'; use another model")


# Redaction.


@dataclass
class Response:
    status_code: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


class InvalidStatus(Exception):
    """Like the exception of websockets: its text uses the attributes of its response."""

    def __init__(self, response: Response) -> None:
        self.response = response

    def __str__(self) -> str:
        return f"HTTP {self.response.status_code:d}"


def test_exception_still_works_after_its_response_is_redacted(exchange):
    error = InvalidStatus(Response(401, f"key {SECRET}".encode(), {"x-key": SECRET}))
    exchange.refusal_error(error, RequestRejectedError, 401, "no")
    assert str(error) == "HTTP 401"
    assert error.response.body == b"key [redacted]"
    assert SECRET not in repr(error)
    assert SECRET not in repr(vars(error))


class Frozen:
    """Cannot be copied, and its text contains the secret."""

    __slots__ = ()

    def __str__(self) -> str:
        return SECRET


def test_value_that_cannot_be_copied_is_replaced_by_its_redacted_text(exchange):
    error = ValueError(Frozen())
    exchange.connection_error(error)
    assert error.args == ("[redacted]",)


@pytest.mark.parametrize(
    "url", ["http://me:p4ss@proxy.example:8080", "socks5://me:p4ss@proxy", "http://p4ss@x/y@z"]
)
def test_no_error_shows_user_and_password_of_a_url(exchange, url):
    made = exchange.client_error(ValueError(f"{url} isn't a valid proxy"))
    assert "p4ss" not in str(made)
    assert "://[redacted]@" in str(made)


def test_url_without_a_password_is_not_redacted(exchange):
    said = "see https://acme.example/help and write to me@acme.example"
    assert said in str(exchange.client_error(ValueError(said)))


# Words that the service spoke instead of the prompt.


def test_no_audio_error_may_hold_the_spoken_words(exchange):
    error = exchange.error(NoAudioError, "other words")
    assert error.said is None
    error.said = "Sure!"
    assert error.said == "Sure!"
