"""Event loops that were given up: a call blocks them, so they are never closed.

What waits for a call of such a loop goes on as if the loop were closed.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

_given_up: Final[weakref.WeakSet[AbstractEventLoop]] = weakref.WeakSet()


def give_up(loop: AbstractEventLoop) -> None:
    """Note that nothing waits for this event loop any more."""
    _given_up.add(loop)


def is_gone(loop: AbstractEventLoop) -> bool:
    """Return whether an event loop was closed or given up, so that its calls never end."""
    return loop.is_closed() or loop in _given_up
