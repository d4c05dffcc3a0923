"""What the service's refusals mean: status and body of an error become an error of russo.

The service's own codes come before the status, for it says "quota exceeded" with a 401 and "too long"
with a 400. A code stands in ``detail.status``, since 2026 in ``detail.code`` as well; ``detail`` is a list
where FastAPI refuses a field, a string or absent where something in between answers.
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
    """Tell what went wrong."""
    known = [_CODES[code] for code in _codes(body) if code in _CODES]
    return known[0] if known else kind_of_status(status)


def said_in(body: object) -> tuple[str, str]:
    """Return what the service said, and its own word for it (empty where it has none)."""
    detail = _detail(body)
    if isinstance(detail, Mapping):
        return str(detail.get("message") or ""), next(iter(_codes(body)), "")
    if isinstance(detail, list):
        return "; ".join(_field_error(each) for each in detail), ""
    return str(detail or ""), ""


def _detail(body: object) -> object:
    return body.get("detail", body) if isinstance(body, Mapping) else body


def _codes(body: object) -> list[str]:
    """Return the service's codes, the most precise first; of a refused field, its place in the request."""
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
    said = error.get("msg") if isinstance(error, Mapping) else error
    return f"{_place(error)}: {said}" if _place(error) else str(said)
