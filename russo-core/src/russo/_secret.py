"""Credentials among the options of backends: hidden from tracebacks, and never shown by a message.

If a user writes an option in the wrong form, a message could show the credential instead of the name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, TypeVar

T = TypeVar("T")

# The form of an option's name. An API key has digits, or is longer.
_NAME: Final = re.compile(r"[A-Za-z_.-]{1,40}")
_CREDENTIAL: Final = re.compile(r"key|token|secret|passw|credential|authorization", re.IGNORECASE)
# A longer value may be a credential that was written in the wrong place.
_SHOWN_VALUE: Final = 12


class Secret(str):
    """A credential: text with a hidden ``repr``, which tracebacks and debuggers show instead of the text."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'[hidden]'"


def is_credential(option: str) -> bool:
    """Return whether an option holds a credential, by its name."""
    return _CREDENTIAL.search(option) is not None


def hide_credentials(options: Mapping[str, T]) -> dict[str, T | Secret]:
    """Return options whose credentials have a hidden ``repr``."""
    return {
        name: Secret(value) if isinstance(value, str) and is_credential(name) else value
        for name, value in options.items()
    }


def option_of(text: str) -> str:
    """Return what a message may show of an option's text: its name and ``=…``; empty if it has no name.

    Text after ``=``, ``:`` or a space is never shown, and neither is a name that may be a credential.
    """
    name, *rest = re.split(r"([=:\s])", text.strip(), maxsplit=1)
    if not _NAME.fullmatch(name):
        return ""
    return f"{name}{rest[0]}…" if rest else name


def value_of(option: str, text: str) -> str:
    """Return the literal of an option's value for a message; empty if it may be a credential."""
    return "" if is_credential(option) or len(text) > _SHOWN_VALUE else repr(text)
