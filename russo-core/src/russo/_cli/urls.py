"""URLs in messages."""

from __future__ import annotations

import re

from .._foreign import shown


def without_credentials(url: str) -> str:
    """Return a URL on one line, without the parts that may contain a credential."""
    scheme, separator, rest = url.rpartition("://")
    host = re.split(r"[?#]", rest, maxsplit=1)[0].rpartition("@")[2]
    return shown(f"{scheme}{separator}{host}")
