"""Distinguishes the two refusals of Google that have the same status and the same code.

"Exceeded your current quota" is in the reply to too many calls per minute and in the reply to a used-up day's
quota. So the patterns below search the whole reply, not single fields.
"""

from __future__ import annotations

import json
import re
from typing import Final

from russo import QuotaExceededError, RateLimitError, SynthesisError
from russo.authoring import Exchange

# Words for limits that do not end within minutes. The free tier refuses models that it does not include with
# a quota of 0.
_GONE: Final = re.compile(
    r'per.?(day|month)|monthly|daily|"quotaValue": "0"|limit: 0\b|credits|prepa(id|y)|BILLING_DISABLED', re.I
)
_SOON: Final = re.compile(r"per.?(minute|second)|retryDelay", re.I)
_QUOTA: Final = re.compile(r"QuotaFailure|current quota|billing", re.I)


def kind_of_quota(status: int, details: object, exchange: Exchange) -> type[SynthesisError] | None:
    """Return the error class of a refusal with status 429, or ``None`` if the reply does not show it."""
    if status != 429:
        return None
    reply = exchange.without_prompt(_text(details).replace(json.dumps(exchange.prompt)[1:-1], ""))
    if _GONE.search(reply):
        return QuotaExceededError
    if _SOON.search(reply):
        return RateLimitError
    return QuotaExceededError if _QUOTA.search(reply) else None


def seconds_to_wait(details: object) -> float | None:
    """Return the delay of the error's ``RetryInfo`` in seconds, or ``None`` if it has none."""
    asked = re.search(r'"retryDelay": "(\d{1,9}(?:\.\d{1,9})?)s"', _text(details))
    return float(asked[1]) if asked else None


def _text(details: object) -> str:
    try:
        return json.dumps(details)
    except (ValueError, RecursionError):
        return ""
