"""What the service's refusals mean: status and JSON of an error become an error of russo.

Google says one thing in many places: a bad key is a 400, and "exceeded your current quota" stands both
in an answer to too many calls a minute and in one to a day's worth used up. So all words of the answer
are looked at, whatever field they are in.
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

# Of a limit that minutes do not lift. A quota of 0 is how a model outside the free tier is refused there.
_GONE: Final = re.compile(
    r'per.?(day|month)|monthly|daily|"quotaValue": "0"|limit: 0\b|credits|prepa(id|y)|BILLING_DISABLED', re.I
)
_SOON: Final = re.compile(r"per.?(minute|second)|retryDelay", re.I)
_QUOTA: Final = re.compile(r"QuotaFailure|current quota|billing", re.I)
_KEY: Final = re.compile(r"API_KEY_\w+|API key", re.I)
_TEXT: Final = re.compile(r"token count|too long|tried to generate text|Responsible AI", re.I)


def kind_of(status: int, details: object) -> type[SynthesisError]:
    """Tell what went wrong by the HTTP status and the error's JSON."""
    said, kind = json.dumps(details), kind_of_status(status)
    if kind is RateLimitError and _is_quota(said):
        return QuotaExceededError
    if kind is AuthenticationError and "BILLING_DISABLED" in said:
        return QuotaExceededError
    if status == 400 and _KEY.search(said):
        return AuthenticationError
    if kind is RequestRejectedError and _TEXT.search(said):
        return TextRejectedError
    return kind


def _is_quota(said: str) -> bool:
    if _GONE.search(said):
        return True
    return not _SOON.search(said) and bool(_QUOTA.search(said))


def seconds_to_wait(details: object) -> float | None:
    """Return the seconds that the error's ``RetryInfo`` asks to wait, if it has one."""
    asked = re.search(r'"retryDelay": "(\d+(?:\.\d+)?)s"', json.dumps(details))
    return float(asked[1]) if asked else None
