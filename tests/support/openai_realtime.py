"""A local Realtime API on 127.0.0.1, with the events of the real one in the same order and shapes."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from russo.testing import Frames, LoopbackServer, Request, WebSocketServer, frames, speech_pcm
from russo_openai import OpenAISynthesizer
from support.first_party import PLANTED_KEY, PROMPT

CREATED: dict[str, Any] = {"type": "session.created", "event_id": "event_1", "session": {"id": "sess_1"}}
UPDATED: dict[str, Any] = {"type": "session.updated", "event_id": "event_2", "session": {"type": "realtime"}}
GREETING = frames([CREATED, UPDATED])
RESPONSE = "resp_1"
_PIECE = 4000


def is_last(message: Any) -> bool:
    """Return whether a message of the client requests the response."""
    return isinstance(message, dict) and message.get("type") == "response.create"


def prompt_of(request: Request) -> str:
    """Return the prompt in the messages of a client."""
    [item] = request.json[-1]["response"]["input"]
    [content] = item["content"]
    text: str = content["text"]
    return text


def session_of(request: Request) -> dict[str, Any]:
    """Return the session that the client requested."""
    session: dict[str, Any] = request.json[0]["session"]
    return session


def delta(data: bytes | str, response: str | None = RESPONSE) -> dict[str, Any]:
    """Return the event with a piece of audio as base64; a text is sent unchanged."""
    encoded = data if isinstance(data, str) else base64.b64encode(data).decode()
    return {"type": "response.output_audio.delta", "response_id": response, "delta": encoded}


def done(status: str = "completed", *, items: Sequence[str] = (), **details: Any) -> dict[str, Any]:
    """Return the event that ends a response; each text is the transcript of a separate item."""
    output = [
        {"type": "message", "role": "assistant", "content": [{"type": "output_audio", "transcript": item}]}
        for item in items
    ]
    response = {"id": RESPONSE, "status": status, "output": output, "status_details": details or None}
    return {"type": "response.done", "response": response}


def events(samples: bytes, *transcripts: str) -> list[dict[str, Any]]:
    """Return the events of a whole response, with the audio in pieces of an odd number of bytes."""
    pieces = [samples[at : at + _PIECE - 1] for at in range(0, len(samples), _PIECE - 1)]
    heard = [
        {"type": "response.output_audio_transcript.done", "response_id": RESPONSE, "transcript": each}
        for each in transcripts
    ]
    return [
        {"type": "response.created", "response": {"id": RESPONSE, "status": "in_progress"}},
        {"type": "rate_limits.updated", "rate_limits": [{"name": "requests", "remaining": 9}]},
        {"type": "response.output_item.added", "response_id": RESPONSE},
        *map(delta, pieces),
        {"type": "response.output_audio.done", "response_id": RESPONSE},
        *heard,
        {"type": "response.output_item.done", "response_id": RESPONSE},
        done(items=transcripts),
    ]


def spoken(samples: bytes, *transcripts: str) -> Frames:
    """Return the reply with these samples and these texts as transcripts."""
    return frames(events(samples, *transcripts))


def refused(message: str, **details: str | None) -> Frames:
    """Return an ``error`` event, followed by the close of the connection."""
    error = {"type": "invalid_request_error", "code": None, "message": message, "param": None} | details
    return frames([{"type": "error", "event_id": "event_9", "error": error}], close=(1000, ""))


def serve(replies: Any, greeting: Frames = GREETING) -> WebSocketServer:
    """Return a server of the Realtime API with these replies."""
    return WebSocketServer(replies, greeting=greeting, is_last=is_last)


def silent(stage: str, samples: bytes) -> tuple[Frames, Frames]:
    """Return the greeting and the reply of a server that stops sending at a stage."""
    first, half = frames([CREATED]), spoken(samples, "").body
    return {
        "handshake": (GREETING, Frames(fail_at="start", fail_how="hang")),
        "handshake headers": (GREETING, Frames(fail_at="headers", fail_how="hang")),
        "session.created": (Frames(), frames([])),
        "session.updated": (first, frames([])),
        "response": (GREETING, Frames(answer_close=False)),
        "amid the audio": (GREETING, Frames(body=half, fail_at="body", fail_how="hang")),
        "by drops": (GREETING, Frames(body=half, fail_at="body", fail_how="drip")),
    }[stage]


STAGES = (
    "handshake",
    "handshake headers",
    "session.created",
    "session.updated",
    "response",
    "amid the audio",
    "by drops",
)

SAMPLES = speech_pcm(2.0)
WHOLE = events(SAMPLES, PROMPT)


def at(server: LoopbackServer, **options: Any) -> OpenAISynthesizer:
    """Return a synthesizer that calls a server with a single attempt."""
    usual = {"base_url": f"{server.url}/v1", "api_key": PLANTED_KEY, "max_attempts": 1}
    return OpenAISynthesizer(**{**usual, **options})


def host_of(server: LoopbackServer) -> str:
    """Return the host and the port of a server, as messages show them."""
    return server.url.removeprefix("http://")
