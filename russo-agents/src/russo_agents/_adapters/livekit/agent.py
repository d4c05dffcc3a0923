"""`LiveKitAgent`: the user's own LiveKit session in this process, without a server, a room or a key.

The SDK is imported in `connect`, because a run without LiveKit must not need it.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any

from ..._errors import AgentConfigError

if TYPE_CHECKING:
    from livekit.agents import Agent, AgentSession

    from ..._call.playout import Playout
    from .line import LiveKitLine

_Pair = tuple["AgentSession[Any]", "Agent"]


class LiveKitAgent:
    """A LiveKit agent under test.

        LiveKitAgent(lambda: (AgentSession(stt=..., llm=..., tts=...), Home()))

    The session runs as in production: its voice detection, turn detection, tools and hand-overs are the
    user's. Only the room is missing; russo is the microphone and the speaker.

    Args:
        make: Returns a new session, which is not started, and a new agent. It may be async. russo calls it
            for each call, in the event loop of the call.
    """

    def __init__(self, make: Callable[[], _Pair | Awaitable[_Pair]]) -> None:
        self._make = make

    @contextlib.asynccontextmanager
    async def connect(self, playout: Playout) -> AsyncIterator[LiveKitLine]:
        """Start the session, and close it when the context is left.

        Raises:
            AgentConfigError: livekit-agents is not installed, `make` failed or returned something else, or
                the session did not start.
        """
        try:
            from livekit.agents.utils import http_context

            from .line import LiveKitLine
            from .pair import checked_pair
        except ImportError as error:
            raise AgentConfigError(
                "LiveKitAgent needs livekit-agents 1.5.17 or newer, which cannot be imported "
                f'({error}); install it with: pip install "russo-agents[livekit]"'
            ) from error
        # Plugins share this HTTP client, as they do in LiveKit's worker.
        async with http_context.open():
            session, agent = checked_pair(await self._made())
            line = LiveKitLine(session, agent, playout)
            try:
                await line.start()
                yield line
            finally:
                await line.aclose()

    async def _made(self) -> Any:
        try:
            made = self._make()
            return await made if inspect.isawaitable(made) else made
        except Exception as error:
            message = f"the factory of LiveKitAgent failed: {type(error).__name__}: {error}"
            if "registered on the main thread" in str(error):
                message += "; import the plugins of LiveKit at the top of a module, outside the factory"
            raise AgentConfigError(message) from error
