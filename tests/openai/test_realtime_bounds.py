"""Time and size limits of a call, and no open connections afterwards: silence, cancelling, closing."""

import asyncio
import contextlib
import socket
import time
from typing import Any

import pytest

from russo import (
    ServiceError,
    SynthesisTimeoutError,
)
from russo.testing import (
    Frames,
    WebSocketServer,
    frames,
)
from russo_openai import OpenAISynthesizer
from support import openai_realtime as service
from support.first_party import PROMPT, failed, samples_of, speak
from support.openai_realtime import SAMPLES, WHOLE, at

# Silence.


def test_connection_that_is_never_accepted_is_not_reached() -> None:
    with socket.socket() as deaf, contextlib.ExitStack() as waiting:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        for _ in range(3):  # they fill the backlog
            each = waiting.enter_context(socket.socket())
            each.setblocking(False)
            each.connect_ex(deaf.getsockname())
        url = f"ws://127.0.0.1:{deaf.getsockname()[1]}/v1"
        error = failed(OpenAISynthesizer(base_url=url, api_key="x", timeout=0.3, max_attempts=1))
    assert type(error) is SynthesisTimeoutError
    assert not error.reached
    assert "no connection to 127.0.0.1:" in str(error)


@pytest.mark.parametrize("stage", service.STAGES)
def test_server_that_stops_sending_is_a_timeout(stage: str) -> None:
    greeting, reply = service.silent(stage, SAMPLES)
    with service.serve(reply, greeting) as server:
        start = time.monotonic()
        error = failed(at(server, timeout=0.4))
        assert time.monotonic() - start < 2.0
        assert server.wait_closed()
    assert type(error) is SynthesisTimeoutError
    assert error.reached is not stage.startswith("handshake")


def test_unanswered_close_delays_neither_audio_nor_error(
    server: WebSocketServer,
) -> None:
    server.replies = Frames(body=frames(WHOLE).body, answer_close=False)
    start = time.monotonic()
    assert samples_of(speak(at(server))) == SAMPLES
    assert time.monotonic() - start < 3.0
    server.replies = Frames(body=frames([{"type": "error", "error": {}}]).body, answer_close=False)
    start = time.monotonic()
    failed(at(server))
    assert time.monotonic() - start < 0.9
    assert server.wait_closed()


def test_unanswered_close_does_not_lose_a_whole_reading(server: WebSocketServer) -> None:
    server.replies = Frames(body=frames(WHOLE).body, answer_close=False, delay=0.5)
    assert samples_of(speak(at(server, timeout=1.0))) == SAMPLES
    assert server.wait_closed()


def test_hundred_unread_frames_do_not_delay_an_error(server: WebSocketServer) -> None:
    server.replies = frames([{"type": "error", "error": {}}, *WHOLE * 20])
    start = time.monotonic()
    failed(at(server))
    assert time.monotonic() - start < 0.9


# Cancelling, and connections that stay open.


@pytest.mark.parametrize("stage", service.STAGES)
def test_cancelled_call_leaves_no_connection_and_no_task(stage: str) -> None:
    greeting, reply = service.silent(stage, SAMPLES)

    async def cancel() -> set[Any]:
        call = asyncio.ensure_future(at(server).synthesize(PROMPT))
        await asyncio.to_thread(wait_connected, server)
        await asyncio.sleep(0.05)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        assert call.cancelled()
        return asyncio.all_tasks() - {asyncio.current_task()}

    with service.serve(reply, greeting) as server:
        assert asyncio.run(cancel()) == set()
        assert server.wait_closed()


def wait_connected(server: WebSocketServer) -> None:
    until = time.monotonic() + 10
    while not server.connections and time.monotonic() < until:
        time.sleep(0.005)


def test_each_attempt_opens_its_own_connection(server: WebSocketServer) -> None:
    server.replies = [frames([], close=(1011, "try again in 0s")), frames(WHOLE)]
    assert samples_of(speak(at(server, max_attempts=2))) == SAMPLES
    first, second = server.requests
    assert first.headers["sec-websocket-key"] != second.headers["sec-websocket-key"]


# Size.

CREATED = frames([{"type": "session.created"}]).body
LARGE = frames([{"type": "any", "filling": "x" * (1 << 20)}]).body


@pytest.mark.parametrize(
    "body",
    [
        lambda: CREATED + LARGE * 65,
        lambda: LARGE * 65,
        lambda: CREATED + b"\x01\x01x" + b"\x00\x01x" * 200_000,
        lambda: CREATED + b"\x81\x7f" + (65 << 20).to_bytes(8, "big") + bytes(99),
        lambda: CREATED + b"\x82\x7f" + (1 << 62).to_bytes(8, "big") + bytes(99),
    ],
    ids=["sum of events", "before the session", "fragments", "one message", "one binary message"],
)
def test_oversized_reply_is_a_final_error(body: Any) -> None:
    with service.serve([frames(WHOLE)] * 2, Frames(body=body())) as server:
        error = failed(at(server, max_attempts=2))
        assert server.wait_closed()
    assert type(error) is ServiceError
    assert (error.retryable, error.reached) == (False, True)
    assert "64 MiB" in str(error)


def test_event_with_too_many_values_is_not_parsed() -> None:
    event = b'{"type":"any","x":[' + b"{}," * (4 << 20) + b"0]}"
    body = CREATED + b"\x81\x7f" + len(event).to_bytes(8, "big") + event
    with service.serve([frames(WHOLE)], Frames(body=body)) as server:
        start = time.process_time()
        error = failed(at(server))
        assert time.process_time() - start < 2.0
    assert type(error) is ServiceError
    assert "is not JSON" in str(error)
