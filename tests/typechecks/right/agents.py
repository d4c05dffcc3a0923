"""Tests of an agent with every fixture of russo-agents, an adapter, and calls without pytest."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, assert_type

import livekit.agents
import pytest

import russo
import russo_agents
from russo_agents import (
    Agent,
    AgentConfigError,
    AgentError,
    AgentLostError,
    AgentSilentError,
    Call,
    Event,
    FunctionAgent,
    Heard,
    Interrupted,
    LatencyError,
    Line,
    LiveKitAgent,
    NotObservedError,
    OpenCall,
    PendingTurn,
    Playout,
    Said,
    Sound,
    SyncCall,
    SyncPendingTurn,
    ToolCall,
    ToolCalled,
    Turn,
    TurnEnded,
    load_agent,
    open_call,
    tool_call,
)


def hear(audio: russo.Audio) -> list[Any]:
    return [Heard("turn it on"), tool_call("set_light", room="kitchen"), "The light is on.", audio]


async def hear_async(audio: russo.Audio) -> str | None:
    return None if audio.duration < 1 else "Hello."


@pytest.fixture
def russo_agent() -> Agent:
    return FunctionAgent(hear)


def make_session() -> tuple[livekit.agents.AgentSession[None], livekit.agents.Agent]:
    return livekit.agents.AgentSession[None](), livekit.agents.Agent(instructions="You are a home.")


AGENTS: list[Agent] = [FunctionAgent(hear_async, sample_rate=8000), LiveKitAgent(make_session)]


def test_plain(russo_call: SyncCall, russo_agent: Agent) -> None:
    turn = russo_call.say("Turn on the kitchen light.")
    assert_type(turn, Turn)
    assert turn.tool_calls == [tool_call("set_light", room="kitchen", on=True)]
    assert_type(turn.called("set_light", room="kitchen"), list[ToolCall])
    assert_type(turn.heard, str)
    assert_type(turn.reply, str)
    assert_type(turn.prompt, str | None)
    assert_type(turn.latency, float)
    assert_type(turn.stopped_after, float | None)
    assert_type(turn.interrupted, bool)
    assert_type(turn.audio, russo.Audio | None)
    pending = russo_call.say("What can you do?", wait=False)
    assert_type(pending, SyncPendingTurn)
    assert russo_call.say("Stop.", over=1.0).interrupted
    assert_type(pending.turn(), Turn)
    assert_type(russo_call.hear(), Turn)
    assert_type(russo_call.pause(2), Turn)
    russo_call.dtmf("12#")
    russo_call.hang_up()
    assert russo_call.record.turns == 2
    assert russo_agent is not None


async def test_async(russo_async_call: OpenCall, russo_say: russo.Say) -> None:
    async with russo_async_call() as call:
        assert_type(call, Call)
        assert_type(await call.say(russo_say("Hello.")), Turn)
        pending = await call.say("Hello.", wait=False)
        assert_type(pending, PendingTurn)
        assert_type(await pending.turn(), Turn)
        await call.hang_up()


async def without_pytest(synthesizer: russo.Synthesizer) -> Turn:
    agent = load_agent("shop:Shop", opens=9)
    assert_type(agent, Agent)
    async with open_call(agent, synthesizer, pace=0, timeout=5) as call:
        try:
            return await call.say("When do you open?")
        except (AgentSilentError, AgentLostError) as error:
            assert_type(error.turn, Turn | None)
            raise
        except (AgentConfigError, LatencyError, NotObservedError, AgentError):
            raise


class EchoLine:
    """A line inherits nothing."""

    sample_rate = 16000
    ends_turns = True
    real_time = False
    observes = frozenset({"reply"})

    def __init__(self, playout: Playout) -> None:
        self.playout = playout

    async def send(self, frame: bytes) -> None:
        await self.playout.played(len(frame) / 32000)

    async def events(self) -> AsyncIterator[Event]:
        sound = Sound(bytes(640), 16000)
        assert_type(sound.seconds, float)
        for event in (Heard("a"), Said("b"), sound, ToolCalled(ToolCall("c")), Interrupted(), TurnEnded()):
            yield event


class EchoAgent:
    def connect(self, playout: Playout) -> AbstractAsyncContextManager[Line]:
        return connect(playout)


@asynccontextmanager
async def connect(playout: Playout) -> AsyncGenerator[Line, None]:
    assert playout.played_until() <= playout.now() + playout.pace
    yield EchoLine(playout)


ECHO: Agent = EchoAgent()
VERSION: str = russo_agents.__version__
