"""A refusal of a service, a compatible server or a gateway becomes the same error in all backends."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from russo import SynthesisError
from russo.testing import LoopbackServer, Reply, frames
from russo_elevenlabs import ElevenLabsSynthesizer
from russo_google import GoogleSynthesizer
from russo_openai import OpenAISpeechSynthesizer, OpenAISynthesizer
from support import openai_realtime
from support.first_party import PLANTED_KEY, failed
from support.service_refusals import PROMPT, Row
from support.service_replies import DOCUMENTS, ROWS

BACKENDS: dict[str, Callable[..., Any]] = {
    "openai-speech": lambda url, **more: OpenAISpeechSynthesizer(base_url=f"{url}/v1", model="m", **more),
    "openai": lambda url, **more: OpenAISynthesizer(base_url=f"{url}/v1", **more),
    "elevenlabs": lambda url, **more: ElevenLabsSynthesizer(base_url=url, **more),
    "google": lambda url, **more: GoogleSynthesizer(base_url=url, **more),
}


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, LoopbackServer]]:
    with LoopbackServer(Reply()) as plain, openai_realtime.serve(frames([])) as sockets:
        yield {name: sockets if name == "openai" else plain for name in BACKENDS}


def refused(servers: dict[str, LoopbackServer], backend: str, row: Row) -> tuple[SynthesisError, int]:
    """Return the error and the number of calls; two attempts are allowed."""
    body = row.body if isinstance(row.body, str) else json.dumps(row.body)
    server, retried = servers[backend], expected(row)
    server.replies = Reply(status=row.status, body=body.encode(), headers={"Retry-After": "0"})
    before = len(server.requests)
    # The Retry-After header of a success is not used, so a second attempt would wait.
    attempts = 1 if retried and row.status == 200 else 2
    error = failed(BACKENDS[backend](server.url, api_key=PLANTED_KEY, max_attempts=attempts), PROMPT)
    return error, len(server.requests) - before


def expected(row: Row) -> bool:
    if row.retried is not None:
        return row.retried
    return row.kind.default_retryable and row.status != 200


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("row", [*ROWS, *DOCUMENTS], ids=lambda row: f"{row.status} {row.name}")
def test_reply_decides_the_class_and_is_quoted(
    servers: dict[str, LoopbackServer], backend: str, row: Row
) -> None:
    error, calls = refused(servers, backend, row)
    message = str(error)
    assert type(error) is row.kind, message
    assert error.retryable is expected(row)
    assert calls == (2 if expected(row) and row.status != 200 else 1)
    assert row.said in message
    assert not row.unsaid or row.unsaid not in message.replace(PROMPT[:59], "")
    assert message.isprintable()
    assert len(message) <= 700
