"""Removes credentials from messages, from exceptions, and from the locals that a traceback shows.

An HTTP client has the header with the key in its own frames, as bytes. So it is not enough to hide russo's
own values: the frames of an exception are cleared when it leaves an attempt.
"""

from __future__ import annotations

import copy
import re
import traceback
from collections.abc import Iterator
from typing import Final

from .._errors import chain_of

_HIDDEN: Final = "[redacted]"
# Services mask a key as its first and last letters with asterisks between them.
_MASK: Final = "**"
# User and password of a URL (of a proxy, for example), up to the last @ before its path.
_USER_OF_URL: Final = re.compile(r"(?<=://)[^/\s'\"]+(?=@)")
# The same without a scheme, as proxies are written too. Bounded, so that a long text costs linear time.
_USER_OF_HOST: Final = re.compile(r"(?<![^\s'\"(/])[^\s/:@'\"]{1,64}:(?!//)[^\s@'\"]{1,128}(?=@[\w\[])")
# An exception holds the reply as an object, and the reply holds its headers and body one level below.
_DEPTH: Final = 2
# Shorter secrets are not credentials but placeholders of local servers ("x", "test"). They are replaced only
# as whole words, and the shortest not at all, because each message has words like them.
_SHORTEST_SECRET: Final = 8
_SHORTEST_WORD: Final = 4


def redact(text: str, *secrets: str | None) -> str:
    """Return a message of a service or an SDK without credentials, also without masked ones (``sk-**c0de``).

    A secret of 4 to 7 characters is replaced only if it is a whole word. A shorter secret is not replaced.
    """
    text = _USER_OF_HOST.sub(_HIDDEN, _USER_OF_URL.sub(_HIDDEN, hide(text, *secrets)))
    return re.sub(r"[^\s'\"]+", lambda word: _HIDDEN if _MASK in word[0] else word[0], text)


def hide(text: str, *secrets: str | None) -> str:
    """Return a text without these secrets; short secrets are treated as in `redact`."""
    # The longest secret first, because it may begin with another one.
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, _HIDDEN)
        elif len(secret) >= _SHORTEST_WORD:
            text = re.sub(rf"(?<![\w-]){re.escape(secret)}(?![\w-])", _HIDDEN, text)
    return text


def repeats_secret(body: bytes, *secrets: str | None) -> bool:
    """Return whether bytes contain a secret that is long enough to be a credential."""
    return any(secret and len(secret) >= _SHORTEST_SECRET and secret.encode() in body for secret in secrets)


def clear_locals(error: BaseException, handled: BaseException | None) -> None:
    """Clear the locals of the frames that an exception and its causes left.

    Frames that still run keep theirs.

    Args:
        error: The exception.
        handled: The exception that was handled when the frames were entered. Its frames are the caller's own.
    """
    for each in _all_of(error, handled):
        traceback.clear_frames(each.__traceback__)


def _all_of(error: BaseException, handled: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception, its causes, its contexts and the members of groups, up to the handled one."""
    waiting, seen = [error], set[int]()
    while waiting:
        each = waiting.pop()
        if each is handled or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        waiting += [other for other in (each.__cause__, each.__context__) if other is not None]
        waiting += each.exceptions if isinstance(each, BaseExceptionGroup) else ()


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


def _clean(value: object, secrets: tuple[str | None, ...], depth: int = _DEPTH) -> object:
    """Return the value itself, or the value without credentials if its text shows one."""
    shown = str(value)
    clean = redact(shown, *secrets)
    if clean == shown:
        return value
    if isinstance(value, bytes):
        return redact(value.decode("latin-1"), *secrets).encode("latin-1")
    twin = _clean_copy(value, secrets, depth - 1) if depth else None
    return clean if twin is None else twin


def _clean_copy(value: object, secrets: tuple[str | None, ...], depth: int) -> object | None:
    """Return a copy with clean attributes, which the methods of an exception can still use.

    Returns:
        ``None`` if the object cannot be copied in this way.
    """
    try:
        twin = copy.copy(value)
        attributes = vars(twin)
        attributes |= {name: _clean(each, secrets, depth) for name, each in attributes.items()}
        shown = str(twin)
    except Exception:  # noqa: BLE001 - a foreign class may raise anything here; its text is used then
        return None
    return twin if redact(shown, *secrets) == shown else None
