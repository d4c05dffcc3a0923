"""Replies of ElevenLabs for a `LoopbackServer`: samples and errors."""

from __future__ import annotations

from collections.abc import Mapping

from russo.testing import Reply, json_reply


def spoken(samples: bytes) -> Reply:
    """Return the reply to ``output_format=pcm_24000``: bare samples, in chunks."""
    return Reply(body=samples, chunked=True, headers={"Content-Type": "audio/pcm"})


def wait(retry_after: float | None) -> Mapping[str, str]:
    """Return the Retry-After header, if there is a delay."""
    return {} if retry_after is None else {"Retry-After": f"{retry_after:g}"}


def error_reply(status: int, message: str, retry_after: float | None = None) -> Reply:
    """Return an error in the service's usual shape; only its status identifies it."""
    return json_reply({"detail": {"status": "error", "message": message}}, status, wait(retry_after))


def coded(status: int, code: str, message: str = "no", /, **more: str) -> Reply:
    """Return an error that its code identifies; a temporary one has a Retry-After of zero."""
    detail = {"status": code, "message": message, **more}
    return json_reply({"detail": detail}, status, wait(0.0))


def refused_field(*place: str, message: str = "Field required") -> Reply:
    """Return an error of FastAPI about a field of the request."""
    error = {"type": "value_error", "loc": list(place), "msg": message, "input": None}
    return json_reply({"detail": [error]}, 422)
