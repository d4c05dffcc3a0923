"""What the service's refusals mean: status and JSON of an error become an error of russo.

Google says one thing in many places: a bad key is a 400, and "exceeded your current quota" stands both
in an answer to too many calls a minute and in one to a day's worth used up. So all words of the answer
are looked at, whatever field they are in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

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

if TYPE_CHECKING:
    from google.genai.errors import APIError

_LONGEST_MESSAGE: Final = 300
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
    said = json.dumps(details)
    match status:
        case 402:
            return QuotaExceededError
        case 401 | 403:
            return QuotaExceededError if "BILLING_DISABLED" in said else AuthenticationError
        case 429:
            return QuotaExceededError if _is_quota(said) else RateLimitError
        case 400 if _KEY.search(said):
            return AuthenticationError
        case 408:
            return SynthesisTimeoutError
        case 409 | 425:
            return ServiceError
        case 413:
            return TextRejectedError
        # A redirect, too, would lead to the same place again.
        case _ if 300 <= status < 500:
            return TextRejectedError if _TEXT.search(said) else RequestRejectedError
    return ServiceError


def _is_quota(said: str) -> bool:
    if _GONE.search(said):
        return True
    return not _SOON.search(said) and bool(_QUOTA.search(said))


def explain(error: APIError) -> str:
    """Say status and message on one line; not yet shortened, so that a key in it can be found."""
    return " ".join(f"HTTP {error.code} {error.status or ''}: {error.message or 'no message'}".split())


def shorten(message: str) -> str:
    """Cut a message of the service to 300 characters."""
    return message if len(message) <= _LONGEST_MESSAGE else message[: _LONGEST_MESSAGE - 1] + "…"


def seconds_to_wait(details: object, headers: Mapping[str, str]) -> float | None:
    """Return the seconds that the service asks to wait: by its ``RetryInfo``, else by ``Retry-After``."""
    asked = re.search(r'"retryDelay": "(\d+(?:\.\d+)?)s"', json.dumps(details))
    header = re.fullmatch(r" *(\d+(?:\.\d+)?) *", headers.get("retry-after", ""))
    found = asked or header
    return float(found[1]) if found else None
