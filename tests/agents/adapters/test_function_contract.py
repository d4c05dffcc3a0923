"""`FunctionAgent` keeps the contract of an adapter."""

import pytest

from russo import Audio
from russo_agents import FunctionAgent, Heard, tool_call
from russo_agents.testing import AgentContract
from support.agents.microphone import silence, tone


def prompt(seconds):
    return Audio(silence(0.3) + tone(seconds) + silence(0.3), "pcm", 16_000)


class Answers:
    """Answers each prompt of the contract by its length."""

    def answer(self, audio):
        match round(audio.duration - 0.6, 1):
            case 0.6:
                return [Heard("What time is it?"), "It is twelve.", Audio(tone(0.5), "pcm", 16_000)]
            case 1.2:
                return [tool_call("day"), "It is Monday."]
            case 0.3:
                return tool_call("set_light", on=True)
            case 0.9:
                return ["A long story.", Audio(tone(8), "pcm", 16_000)]
            case 1.5:
                raise ConnectionError("closed")


class FunctionContract(AgentContract):
    reply = "twelve"
    heard = "What time"
    second_reply = "Monday"
    tool_prompt = prompt(0.3)
    tool_calls = [tool_call("set_light", on=True)]  # noqa: RUF012 - as users write it
    long_prompt = prompt(0.9)
    hang_up_prompt = prompt(1.5)
    sdk = ("livekit", "numpy", "soxr")


class TestPlainFunction(FunctionContract):
    @pytest.fixture
    def agent(self):
        return FunctionAgent(Answers().answer)


class TestAsyncFunction(FunctionContract):
    @pytest.fixture
    def agent(self):
        answers = Answers()

        async def hear(audio):
            return answers.answer(audio)

        return FunctionAgent(hear)
