"""Credentials are never shown: not in a message, a cause, a log record or a local of a frame."""

import logging
import traceback
from collections.abc import Iterator
from typing import Any

import pytest

from russo import (
    ServiceError,
)
from russo.testing import (
    Frames,
    LoopbackServer,
    Reply,
    Request,
    WebSocketServer,
    frames,
    json_reply,
)
from russo_openai import OpenAISynthesizer
from support import openai_realtime as service
from support.first_party import PLANTED_KEY, failed, speak
from support.openai_realtime import SAMPLES, WHOLE, at

# Messages, logs and frames.


@pytest.mark.parametrize(
    "place", ["handshake", "handshake headers", "event", "done", "close", "frame", "session"]
)
def test_key_that_the_service_repeats_is_not_shown(
    server: WebSocketServer, place: str, caplog: pytest.LogCaptureFixture
) -> None:
    said = f"Bad key {PLANTED_KEY}!"
    server.replies = {
        "handshake": json_reply({"error": {"message": said}}, 401),
        "handshake headers": Reply(status=401, headers={"X-Key": PLANTED_KEY}),
        "event": service.refused(said),
        "done": frames([service.done("failed", error={"message": said})]),
        "close": frames([], close=(4000, said)),
        "frame": frames([said.encode()]),
        "session": service.spoken(SAMPLES, said),
    }[place]
    with caplog.at_level(logging.DEBUG):
        error = failed(at(server))
    shown = [caplog.text, repr(error), repr(vars(error)), *traceback.format_exception(error)]
    cause: BaseException | None = error
    while cause is not None:
        shown += [repr(cause), str(cause), repr(vars(cause))]
        cause = cause.__cause__ or cause.__context__
    assert not [text for text in shown if PLANTED_KEY in text or "planted" in text]


@pytest.mark.parametrize("stage", ["refused", "handshake", "by drops"])
def test_no_frame_of_a_traceback_holds_the_key(stage: str) -> None:
    greeting, reply = service.silent("handshake" if stage == "refused" else stage, SAMPLES)
    with service.serve(Reply(status=401) if stage == "refused" else reply, greeting) as server:
        error = failed(at(server, timeout=0.4))
    assert not [name for name, value in locals_of(error) if PLANTED_KEY in str(value)]


def test_no_frame_holds_a_key_that_a_header_cannot_carry(server: WebSocketServer) -> None:
    error = failed(at(server, api_key=f"{PLANTED_KEY} two words"))
    assert not [name for name, value in locals_of(error) if PLANTED_KEY in str(value)]


def locals_of(error: BaseException) -> Iterator[tuple[str, Any]]:
    """Yield the locals of the frames that pytest -l shows, without those of this test."""
    each: BaseException | None = error
    while each is not None:
        for frame, _ in traceback.walk_tb(each.__traceback__):
            if "/tests/" not in frame.f_code.co_filename:
                yield from frame.f_locals.items()
        each = each.__cause__ or each.__context__


@pytest.mark.parametrize(
    "proxy",
    [
        "http://me:pr0xypass@127.0.0.1:9",
        "gopher://me:pr0xypass@127.0.0.1:9",
        "http://me:pr0xypass@127.0.0.1:port",
        "me:pr0xypass@127.0.0.1:9",
        "//me:pr0xypass@127.0.0.1",
        "http:/me:pr0xypass@127.0.0.1",
        "http://me:pr0xypass/x@127.0.0.1",
        "gopher://me:a'pr0xypass@127.0.0.1:9",
    ],
)
def test_proxy_password_is_not_shown(
    proxy: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("NO_PROXY")
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with caplog.at_level(logging.DEBUG):
        error = failed(
            OpenAISynthesizer(base_url="wss://speech.example/v1", api_key=PLANTED_KEY, max_attempts=1)
        )
    assert not error.reached
    shown = [
        caplog.text,
        *traceback.format_exception(error),
        repr(error.__cause__),
        repr(vars(error.__cause__)),
    ]
    assert not [text for text in shown if "pr0xypass" in text]


def test_refusal_by_a_proxy_is_classified_by_its_status(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_PROXY")
    with LoopbackServer(Reply(status=407)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("//", "//me:pr0xypass@"))
        error = failed(
            OpenAISynthesizer(base_url="wss://speech.example/v1", api_key=PLANTED_KEY, max_attempts=1)
        )
    assert type(error) is ServiceError
    assert not error.reached
    assert "no connection to speech.example: " in str(error)
    assert "407" in str(error)
    assert "pr0xypass" not in "".join(traceback.format_exception(error))


def test_missing_certificate_file_is_reported_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from russo.authoring import shared_tls

    shared_tls.cache_clear()
    monkeypatch.setenv("SSL_CERT_FILE", "/no/such/file")
    error = failed(OpenAISynthesizer(base_url="wss://127.0.0.1:9/v1", api_key=PLANTED_KEY))
    assert type(error) is ServiceError
    assert (error.retryable, error.reached) == (False, False)
    assert "check base_url, and the variables for proxies and certificates" in str(error)


def test_request_is_two_whole_messages(server: WebSocketServer) -> None:
    asked: list[Request] = []

    def reply(request: Request) -> Frames:
        asked.append(request)
        return frames(WHOLE)

    server.replies = reply
    speak(at(server))
    assert [message["type"] for message in asked[0].json] == ["session.update", "response.create"]


def test_credential_in_a_custom_header_is_not_shown(
    server: WebSocketServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "Gateway-Key: Bearer gw-5ecret-0f-0ne")
    server.replies = service.refused("gw-5ecret-0f-0ne is not known", code="no")
    error = failed(at(server))
    assert "'[redacted] is not known'" in str(error)
    assert "0f-" not in "".join(traceback.format_exception(error))
