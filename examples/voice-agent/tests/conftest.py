"""Shared fixtures: one agent per test, and the function that passes russo's audio to the agent."""

from collections.abc import Callable

import pytest

from russo import Audio
from voice_agent.agent import Agent
from voice_agent.hearing import SAMPLE_RATE, Hearing
from voice_agent.tools import ToolCall

Ask = Callable[[Audio], ToolCall | None]


@pytest.fixture(scope="session")
def hearing() -> Hearing:
    """The speech recogniser, loaded once per run."""
    return Hearing()


@pytest.fixture
def ask(hearing: Hearing) -> Ask:
    """Start a conversation: each call is one turn and returns the agent's tool call."""
    agent = Agent(hearing)
    return lambda audio: agent.hear(audio.resample(SAMPLE_RATE).pcm())
