"""The adapter keeps the contract, and pytest finds it by its name."""

import math

import pytest
from russo_echo import RATE, EchoAgent

from russo import Audio
from russo_agents.testing import AgentContract


def tone(seconds):
    samples = (round(8000 * math.sin(at / 11)) for at in range(round(seconds * RATE)))
    pcm = b"".join(sample.to_bytes(2, "little", signed=True) for sample in samples)
    return Audio(pcm, "pcm", RATE)


class TestEcho(AgentContract):
    reply = "echo of 0.6 s"
    second_reply = "echo of 1.2 s"
    long_prompt = tone(3)

    @pytest.fixture
    def agent(self):
        return EchoAgent()


def test_agent_is_chosen_by_name(russo_call):
    turn = russo_call.say(tone(0.5))
    assert turn.reply == "repeated of 0.5 s"
    assert turn.audio.duration == 0.5


def test_spoken_prompt_is_repeated(russo_call):
    turn = russo_call.say("Turn on the kitchen light.")
    assert turn.reply.startswith("repeated of 1.")
