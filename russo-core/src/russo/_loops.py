"""Event loops that russo gave up, because a call blocks them. They are never closed.

Callers that wait for a call in such a loop continue as if the loop were closed.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

_given_up: Final[weakref.WeakSet[AbstractEventLoop]] = weakref.WeakSet()


def give_up(loop: AbstractEventLoop) -> None:
    """Mark an event loop as given up: nothing waits for its calls any more."""
    _given_up.add(loop)


def is_gone(loop: AbstractEventLoop) -> bool:
    """Return whether an event loop was closed or given up, so that its calls never end."""
    return loop.is_closed() or loop in _given_up
