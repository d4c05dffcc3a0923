"""Choosing the error class for a refusal, by its HTTP status and its JSON.

Google's errors are ambiguous: a bad key has status 400, and "exceeded your current quota" is in the reply to
too many calls per minute and in the reply to a used-up day's quota. So the patterns below search the whole
reply, not single fields.
"""

from __future__ import annotations

import json
import re
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

# Limits that do not end within minutes. On the free tier, models outside of it are refused with a quota of 0.
_GONE: Final = re.compile(
    r'per.?(day|month)|monthly|daily|"quotaValue": "0"|limit: 0\b|credits|prepa(id|y)|BILLING_DISABLED', re.I
)
_SOON: Final = re.compile(r"per.?(minute|second)|retryDelay", re.I)
_QUOTA: Final = re.compile(r"QuotaFailure|current quota|billing", re.I)
_KEY: Final = re.compile(r"API_KEY_\w+|API key", re.I)
_TEXT: Final = re.compile(r"token count|too long|tried to generate text|Responsible AI", re.I)


def kind_of(status: int, details: object) -> type[SynthesisError]:
    """Return the error class for an HTTP status and the error's JSON."""
    reply, kind = json.dumps(details), kind_of_status(status)
    if kind is RateLimitError and _is_quota(reply):
        return QuotaExceededError
    if kind is AuthenticationError and "BILLING_DISABLED" in reply:
        return QuotaExceededError
    if status == 400 and _KEY.search(reply):
        return AuthenticationError
    if kind is RequestRejectedError and _TEXT.search(reply):
        return TextRejectedError
    return kind


def _is_quota(reply: str) -> bool:
    if _GONE.search(reply):
        return True
    return not _SOON.search(reply) and bool(_QUOTA.search(reply))


def seconds_to_wait(details: object) -> float | None:
    """Return the delay of the error's ``RetryInfo`` in seconds, or ``None`` if it has none."""
    asked = re.search(r'"retryDelay": "(\d+(?:\.\d+)?)s"', json.dumps(details))
    return float(asked[1]) if asked else None
