"""Reads the delay that an event asks for, because an event has no Retry-After header."""

from __future__ import annotations

import re
from typing import Final

_WAIT: Final = re.compile(
    r"try again in (?:([0-9]{1,3})h)?(?:([0-9]{1,6})m(?!s))?(?:([0-9]{1,6}(?:\.[0-9]+)?)(ms|s))?",
    re.IGNORECASE,
)


def wait_said_in(message: str) -> float | None:
    """Return the delay in seconds that an event asks for ("try again in 1.2s"), or None."""
    found = _WAIT.search(message)
    if found is None or not any(found.groups()):
        return None
    rest = float(found[3] or 0) * (0.001 if (found[4] or "").lower() == "ms" else 1.0)
    return 3600.0 * int(found[1] or 0) + 60.0 * int(found[2] or 0) + rest
