"""Choosing the error class for a refusal, by its body and its HTTP status.

The service's codes have precedence over the status, because "quota exceeded" has status 401 and "too long"
has 400. A code is in ``detail.status``, since 2026 also in ``detail.code``. If FastAPI refuses a field,
``detail`` is a list. If a proxy replies, ``detail`` is a string or absent.
https://help.elevenlabs.io/hc/en-us/articles/19572237925521
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from russo import (
    AuthenticationError,
    QuotaExceededError,
    RateLimitError,
    RequestRejectedError,
    SynthesisError,
    TextRejectedError,
)
from russo.authoring import kind_of_status

_CODES: Final[Mapping[str, type[SynthesisError]]] = {
    "invalid_api_key": AuthenticationError,
    "missing_permissions": AuthenticationError,
    "quota_exceeded": QuotaExceededError,
    "insufficient_credits": QuotaExceededError,
    "subscription_required": QuotaExceededError,
    "too_many_concurrent_requests": RateLimitError,
    "concurrent_limit_exceeded": RateLimitError,
    "system_busy": RateLimitError,
    "max_character_limit_exceeded": TextRejectedError,
    "text_too_long": TextRejectedError,
    "body.text": TextRejectedError,
    "voice_not_found": RequestRejectedError,
    "voice_access_denied": RequestRejectedError,
    "model_not_found": RequestRejectedError,
}


def kind_of(status: int, body: object) -> type[SynthesisError]:
    """Return the error class for an HTTP status and the body of a refusal."""
    known = [_CODES[code] for code in _codes(body) if code in _CODES]
    return known[0] if known else kind_of_status(status)


def said_in(body: object) -> tuple[str, str]:
    """Return the message of the service, and its code, which may be empty."""
    detail = _detail(body)
    if isinstance(detail, Mapping):
        return str(detail.get("message") or ""), next(iter(_codes(body)), "")
    if isinstance(detail, list):
        return "; ".join(_field_error(each) for each in detail), ""
    return str(detail or ""), ""


def _detail(body: object) -> object:
    return body.get("detail", body) if isinstance(body, Mapping) else body


def _codes(body: object) -> list[str]:
    """Return the service's codes, the most precise first; for a refused field, its place in the request."""
    detail = _detail(body)
    if isinstance(detail, list):
        return [_place(each) for each in detail]
    if not isinstance(detail, Mapping):
        return []
    return [detail[name] for name in ("code", "status", "type") if isinstance(detail.get(name), str)]


def _place(error: object) -> str:
    place = error.get("loc") if isinstance(error, Mapping) else None
    return ".".join(map(str, place)) if isinstance(place, list) else ""


def _field_error(error: object) -> str:
    message = error.get("msg") if isinstance(error, Mapping) else error
    return f"{_place(error)}: {message}" if _place(error) else str(message)
