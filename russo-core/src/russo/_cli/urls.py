"""URLs in messages."""

from __future__ import annotations

import re

from .._foreign import shown


def without_credentials(url: str) -> str:
    """Return a URL on one line, without the parts that may contain a credential."""
    scheme, separator, rest = url.rpartition("://")
    rest = re.split(r"[?#]", rest, maxsplit=1)[0]
    user, _, host = rest.rpartition("@")
    # A container of Azure is written before an @, as a user would be; a password has a colon.
    is_container = scheme == "abfss" and ":" not in user
    return shown(f"{scheme}{separator}{rest if is_container else host}")
