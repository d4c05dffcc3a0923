"""Replies of Gemini for a `LoopbackServer`: those of ``generateContent``, and errors."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from russo.testing import Reply, json_reply, wav

_WORDS = {400: "INVALID_ARGUMENT", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED"}
_RPC = "type.googleapis.com/google.rpc."


def sound(data: bytes, kind: str = "audio/wav") -> dict[str, Any]:
    """Return one audio part."""
    return {"inlineData": {"mimeType": kind, "data": base64.b64encode(data).decode()}}


def reply(*parts: Mapping[str, object], reason: str | None = "STOP", **candidate: object) -> Reply:
    """Return a reply with one candidate; without parts its content is empty, as after a failure."""
    content = {"parts": list(parts), "role": "model"} if parts else {}
    found: dict[str, object] = {"content": content, "index": 0, **candidate}
    if reason is not None:
        found["finishReason"] = reason
    usage = {
        "promptTokenCount": 6,
        "candidatesTokenCount": 40,
        "totalTokenCount": 46,
        "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": 40}],
    }
    head = {"modelVersion": "gemini-3.8-flash-tts", "responseId": "r1"}
    return json_reply({"candidates": [found], "usageMetadata": usage, **head})


def spoken(samples: bytes, rate: int = 24000) -> Reply:
    """Return the reply of a 3.8 model: a whole WAV file."""
    return reply(sound(wav(samples, rate)))


def error_reply(status: int, message: str, wait: float | None, *details: Mapping[str, object]) -> Reply:
    """Return an error; the delay before a retry is in the body."""
    retry = [] if wait is None else [{"@type": _RPC + "RetryInfo", "retryDelay": f"{wait:g}s"}]
    error = {"code": status, "message": message, "status": _WORDS.get(status, "INTERNAL")}
    return json_reply({"error": {**error, "details": [*details, *retry]}}, status)


def reason(name: str) -> dict[str, object]:
    """Return the detail that names an error's reason."""
    return {"@type": _RPC + "ErrorInfo", "reason": name, "domain": "googleapis.com"}


def quota(name: str, value: str = "10") -> dict[str, object]:
    """Return the detail that names the exceeded quota."""
    metric = "generativelanguage.googleapis.com/generate_content_free_tier_requests"
    violation = {"quotaMetric": metric, "quotaId": name, "quotaValue": value}
    return {"@type": _RPC + "QuotaFailure", "violations": [violation]}
