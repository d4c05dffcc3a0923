"""The names of objects that the checks use, and the reasons that more than one check gives."""

from __future__ import annotations

import hashlib
from typing import Final

from ..._remote.objects import MARKER, object_name

ONE_ERROR: Final = (
    "russo reads `kind` of a StoreError to know whether to ask the store again; raise it `from None`, so "
    "that a credential in the client's error is not shown"
)
SHARED: Final = "many machines use one place at the same time, and each must get what another one stored"
PAID_AGAIN: Final = "each machine would synthesize the same prompt again"
MIXED: Final = "an object with bytes of two entries is damaged for every machine"
MARKER_NAME: Final = MARKER


def name_of(number: int) -> str:
    """Return the name of an object as russo makes it."""
    return object_name(hashlib.sha256(b"%d" % number).hexdigest())


def content_of(number: int, size: int = 2000) -> bytes:
    """Return bytes that differ for each number in every part of them."""
    block = hashlib.sha256(b"%d" % number).digest()
    return (block * (size // len(block) + 1))[:size]
