"""What a status other than 200 means.

The status alone does not tell: 429 is a limit that passes or a quota that is gone, 400 a text that is too
long or an option that does not exist. Compatible servers say the same in FastAPI's words (``detail``).
"""

from __future__ import annotations

import email.utils
import re
import time
from typing import TYPE_CHECKING, Final

from russo import (
    AuthenticationError,
    QuotaExceededError,
    RateLimitError,
    RequestRejectedError,
    ServiceError,
    SynthesisTimeoutError,
    TextRejectedError,
)
from russo.authoring import redact

if TYPE_CHECKING:
    from collections.abc import Mapping

    from russo import SynthesisError

_QUOTA: Final = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})
_MODEL: Final = frozenset({"model_not_found", "invalid_model"})
_TEXT: Final = frozenset(
    {"string_above_max_length", "context_length_exceeded", "content_policy_violation", "moderation_blocked"}
)
# A validation error that points at the text: ('body', 'input') in OpenAI's message, ["body", "input"] from
# FastAPI.
_ABOUT_INPUT: Final = re.compile(r"""['"]body\\?['"], *\\?['"]input\\?['"]""")
_SHOWN: Final = 200


def kind_of(status: int, codes: set[str], param: object, body: str) -> type[SynthesisError]:
    """Return the error that a refusal is; ``codes`` are what the service calls it."""
    if status == 402 or codes & _QUOTA:
        return QuotaExceededError
    if codes & _MODEL:  # 403 where the project may not use the model
        return RequestRejectedError
    if status in {401, 403}:
        return AuthenticationError
    if status == 429:
        return RateLimitError
    if status == 408:
        return SynthesisTimeoutError
    if status in {409, 425} or status >= 500:
        return ServiceError
    if status == 413 or codes & _TEXT or param == "input" or _ABOUT_INPUT.search(body):
        return TextRejectedError
    return RequestRejectedError


def explain(status: int, body: object, text: str, key: str) -> str:
    """Return the status and what the service said, in one line, without the key and not at length.

    Args:
        status: The reply's status.
        body: Its JSON, or what the SDK takes for the error in it.
        text: The whole body, for errors of other shapes.
        key: What must not be shown.
    """
    messages = [body.get("message"), body.get("detail")] if isinstance(body, dict) else []
    said = next((each for each in messages if each and isinstance(each, str)), text)
    line = without_key(said, key)  # before the cut, which could halve the key
    if len(line) > _SHOWN:
        line = line[: _SHOWN - 1] + "…"
    return f"HTTP {status}, {line!r}" if line else f"HTTP {status}"


def without_key(text: str, key: str) -> str:
    """Put what a service wrote into one line, without the key, be it whole or masked.

    Services show a masked key as its first and last letters around asterisks.
    """
    return " ".join("[redacted]" if "**" in word else word for word in redact(text, key).split())


def seconds_to_wait(headers: Mapping[str, str]) -> float | None:
    """Read for how long the service asks to be left alone: milliseconds, seconds or a date."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        text = headers.get(name, "").strip()
        if re.fullmatch(r"[0-9]{1,9}(\.[0-9]*)?", text):
            return float(text) * unit
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None
