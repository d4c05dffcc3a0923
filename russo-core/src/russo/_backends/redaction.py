"""Removing credentials from messages, and from the exceptions that caused them."""

from __future__ import annotations

import re
from typing import Final

from .._errors import chain_of

_HIDDEN: Final = "[redacted]"
# Services mask a key as its first and last letters with asterisks between them.
_MASK: Final = "**"


def redact(text: str, *secrets: str | None) -> str:
    """Return a message of a service or an SDK without credentials; masked ones (``sk-**c0de``) go, too."""
    # The longest secret first, because it may begin with another one.
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, _HIDDEN)
    return re.sub(r"[^\s'\"]+", lambda word: _HIDDEN if _MASK in word[0] else word[0], text)


def scrub(error: BaseException, *secrets: str | None) -> None:
    """Remove credentials, in place, from an SDK's exception and from all exceptions in its traceback.

    Services echo keys, and SDKs quote whole replies with their headers.
    """
    for each in chain_of(error):
        each.args = tuple(_clean(value, secrets) for value in each.args)
        for name, value in list(vars(each).items()):
            clean = _clean(value, secrets)
            if clean is not value:
                setattr(each, name, clean)


def _clean(value: object, secrets: tuple[str | None, ...]) -> object:
    """Return the value itself, or, if its text shows a credential, the text without it."""
    shown = str(value)
    clean = redact(shown, *secrets)
    return value if clean == shown else clean
