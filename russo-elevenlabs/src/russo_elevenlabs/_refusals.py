"""What the service's refusals mean: status and body of an error become an error of russo.

The service's own codes come before the status, for it says "quota exceeded" with a 401 and "too long"
with a 400. A code stands in ``detail.status``, since 2026 in ``detail.code`` as well; ``detail`` is a list
where FastAPI refuses a field, a string or absent where something in between answers.
https://help.elevenlabs.io/hc/en-us/articles/19572237925521
"""

from __future__ import annotations

import email.utils
import re
import time
from collections.abc import Mapping
from typing import Final

from russo import (
    AuthenticationError,
    QuotaExceededError,
    RateLimitError,
    RequestRejectedError,
    ServiceError,
    SynthesisError,
    SynthesisTimeoutError,
    TextRejectedError,
)
from russo.authoring import redact

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
_SHOWN: Final = 200


def kind_of(status: int, body: object) -> type[SynthesisError]:
    """Tell what went wrong."""
    known = [_CODES[code] for code in _codes(body) if code in _CODES]
    if known:
        return known[0]
    match status:
        case 401 | 403:
            return AuthenticationError
        case 402:
            return QuotaExceededError
        case 408:
            return SynthesisTimeoutError
        case 413:
            return TextRejectedError
        case 429:
            return RateLimitError
        case 409 | 425:
            return ServiceError
    return ServiceError if status >= 500 else RequestRejectedError


def advice_of(status: int) -> str | None:
    """Tell what to do next where the error's own advice would mislead."""
    if 300 <= status < 400:
        return "correct base_url: a redirect is not followed, for the key would go with it"
    return None


def explain(status: int, body: object, key: str) -> str:
    """Return status, code and what the service said, in one line, without the key and not at length."""
    detail = _detail(body)
    if isinstance(detail, Mapping):
        said, code = str(detail.get("message") or ""), next(iter(_codes(body)), "")
    elif isinstance(detail, list):
        said, code = "; ".join(_field_error(each) for each in detail), ""
    else:
        said, code = str(detail or ""), ""
    line = redact(" ".join(said.split()), key)  # before the cut, which could halve the key
    if len(line) > _SHOWN:
        line = line[: _SHOWN - 1] + "…"
    start = redact(f"HTTP {status} ({code:.80})" if code else f"HTTP {status}", key)
    return f"{start}, {line!r}" if line else start


def seconds_to_wait(header: str | None) -> float | None:
    """Read ``Retry-After``: seconds, or a date."""
    text = (header or "").strip()
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]*)?", text):
        return float(text)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


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
