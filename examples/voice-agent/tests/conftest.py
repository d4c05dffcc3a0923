"""Shared fixtures: one agent per test, and the two ways to it: a call, and a function that takes audio."""

import dataclasses
from collections.abc import Callable

import pytest

from russo import Audio
from russo_agents import FunctionAgent, Heard, ToolCall
from voice_agent import tools
from voice_agent.agent import Agent
from voice_agent.hearing import SAMPLE_RATE, Hearing

Ask = Callable[[Audio], tools.ToolCall | None]


@pytest.fixture(scope="session")
def hearing() -> Hearing:
    """The speech recogniser, loaded once per run."""
    return Hearing()


@pytest.fixture
def ask(hearing: Hearing) -> Ask:
    """Start a conversation: each call is one turn and returns the agent's tool call."""
    agent = Agent(hearing)
    return lambda audio: agent.hear(audio.resample(SAMPLE_RATE).pcm())


@pytest.fixture
def russo_agent(hearing: Hearing) -> FunctionAgent:
    """The agent of `russo_call`: it takes an utterance, and returns what it heard and called."""
    agent = Agent(hearing)

    def hear(utterance: Audio) -> list[Heard | ToolCall]:
        call = agent.hear(utterance.pcm())
        called = [] if call is None else [ToolCall(call.name, dataclasses.asdict(call))]
        return [Heard(agent.heard), *called]

    return FunctionAgent(hear, SAMPLE_RATE)
