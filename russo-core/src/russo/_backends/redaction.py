"""Credentials, kept out of everything that is shown: messages, and the exceptions behind them."""

from __future__ import annotations

import re
from typing import Final

from .._errors import chain_of

_HIDDEN: Final = "[redacted]"
# Services show a masked key as its first and last letters around asterisks.
_MASK: Final = "**"


def redact(text: str, *secrets: str | None) -> str:
    """Remove credentials from a message that a service or an SDK wrote, also masked ones (``sk-**c0de``)."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):  # one may begin with another
        text = text.replace(secret, _HIDDEN)
    return re.sub(r"[^\s'\"]+", lambda word: _HIDDEN if _MASK in word[0] else word[0], text)


def scrub(error: BaseException, *secrets: str | None) -> None:
    """Remove credentials from all that a traceback shows of an SDK's exception, in place.

    Services echo keys, and SDKs quote whole replies, headers included.
    """
    for each in chain_of(error):
        each.args = tuple(_clean(value, secrets) for value in each.args)
        for name, value in list(vars(each).items()):
            clean = _clean(value, secrets)
            if clean is not value:
                setattr(each, name, clean)


def _clean(value: object, secrets: tuple[str | None, ...]) -> object:
    """Return the value itself, or its text without credentials where that shows one."""
    shown = str(value)
    clean = redact(shown, *secrets)
    return value if clean == shown else clean
