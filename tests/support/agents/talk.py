"""Whole calls of a scripted agent, each in an event loop of its own."""

import asyncio

from russo_agents import open_call
from support.agents.leaks import nothing_left_running


def talk(agent, script, *, pace=0, timeout=5):
    """Run a script of one call; return what it returns, and check that the call leaves nothing running."""

    async def run():
        async with (
            nothing_left_running(),
            asyncio.timeout(30),
            open_call(agent, pace=pace, timeout=timeout) as call,
        ):
            return await script(call)

    return asyncio.run(run())
