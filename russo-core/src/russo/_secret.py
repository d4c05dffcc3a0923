"""Credentials among the options of backends: hidden from tracebacks, and never shown by a message.

A user may write an option in the wrong form, and then the credential is where a message would show it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, TypeVar

T = TypeVar("T")

# What a name of an option looks like. A key of a service has digits, or is longer.
_NAME: Final = re.compile(r"[A-Za-z_.-]{1,40}")
_CREDENTIAL: Final = re.compile(r"key|token|secret|passw|credential|authorization", re.IGNORECASE)
# A longer value may be a credential that was written in the wrong place.
_SHOWN_VALUE: Final = 12


class Secret(str):
    """A credential: text with a hidden ``repr``, which is what tracebacks and debuggers show of locals."""

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

    What is behind ``=``, ``:`` or a space is never shown, nor a text that may be a credential.
    """
    name, *rest = re.split(r"([=:\s])", text.strip(), maxsplit=1)
    if not _NAME.fullmatch(name):
        return ""
    return f"{name}{rest[0]}…" if rest else name


def value_of(option: str, text: str) -> str:
    """Return the literal of an option's value for a message; empty if it may be a credential."""
    return "" if is_credential(option) or len(text) > _SHOWN_VALUE else repr(text)
