"""The agent under test. Each call gets a new session and a new agent."""

import pytest

from livekit_home.agent import Home
from livekit_home.session import make_session, prewarm
from russo_agents import LiveKitAgent


@pytest.fixture(scope="session")
def russo_agent():
    prewarm()
    return LiveKitAgent(lambda: (make_session(), Home()))
