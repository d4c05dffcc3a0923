"""Reads the delay that a service asks for."""

from __future__ import annotations

import email.utils
import re
from collections.abc import Mapping

from .._clock import now


def seconds_to_wait(headers: Mapping[str, str]) -> float | None:
    """Return the Retry-After delay in seconds, or ``None`` if it is absent or unparsable.

    ``Retry-After`` contains seconds or a date (RFC 9110, 10.2.3), ``retry-after-ms`` milliseconds.
    """
    lower = {name.lower(): value.strip() for name, value in headers.items()}
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        if re.fullmatch(r"[0-9]{1,9}(\.[0-9]*)?", lower.get(name, "")):
            return float(lower[name]) * unit
    try:
        date = email.utils.parsedate_to_datetime(lower.get("retry-after", ""))
        return max(0.0, date.timestamp() - now())
    except (ValueError, OverflowError):
        return None
