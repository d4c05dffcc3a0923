"""An author of an adapter inherits the contract."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import pytest

from russo_agents import Event, Line, Playout, TurnEnded, tool_call
from russo_agents.testing import AgentContract


class QuietLine:
    sample_rate = 16_000
    ends_turns = True
    real_time = False
    observes = frozenset({"reply"})

    async def send(self, frame: bytes) -> None:
        pass

    async def events(self) -> AsyncIterator[Event]:
        yield TurnEnded()


class QuietAgent:
    @asynccontextmanager
    async def connect(self, playout: Playout) -> AsyncGenerator[Line, None]:
        yield QuietLine()


class TestQuietAgent(AgentContract):
    prompt, reply = "What time is it?", "twelve"
    tool_prompt = "Turn on the light."
    tool_calls = [tool_call("set_light", on=True)]
    simultaneous = False
    sdk = ("websockets",)
    patience = 5.0

    @pytest.fixture
    def agent(self) -> QuietAgent:
        return QuietAgent()
