"""`OpenedCall`: opens and closes a call for callers that are not async."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .._call.call import Call


class OpenedCall:
    """A call, from `open` to `close`. Both run in russo's event loop, each in a task of its own.

    Args:
        context: What `open_call` returned.
    """

    def __init__(self, context: AbstractAsyncContextManager[Call]) -> None:
        self._context = context
        self._call: Call | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def open(self) -> Call:
        """Connect to the agent."""
        self._loop = asyncio.get_running_loop()
        self._call = await self._context.__aenter__()
        return self._call

    async def close(self) -> None:
        """Close the line. A call whose event loop is blocked cannot be closed: it is abandoned."""
        assert self._call is not None
        if self._loop is asyncio.get_running_loop():
            await self._context.__aexit__(None, None, None)
        else:
            self._call.record.problems.append("the line was not closed, because its event loop is blocked")
