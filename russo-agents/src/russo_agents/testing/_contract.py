"""`AgentContract`: the contract of an adapter as tests, which the adapter's author inherits."""

from __future__ import annotations

from ._checks.cleanup import CleanupChecks
from ._checks.declarations import DeclarationChecks
from ._checks.endings import EndingChecks
from ._checks.turns import TurnChecks


# pytest collects the last base class first: list the most basic checks last.
class AgentContract(CleanupChecks, EndingChecks, TurnChecks, DeclarationChecks):
    """The contract of an adapter as tests; inherit it in a class whose name pytest collects.

        class TestAcme(AgentContract):
            prompt, reply = "What time is it?", "twelve"
            second_prompt, second_reply = "What day is it?", "Monday"
            tool_prompt, tool_calls = "Turn on the light.", [tool_call("set_light", on=True)]

            @pytest.fixture
            def agent(self):
                return AcmeAgent("ws://127.0.0.1:8000")

    A prompt is a text, which ``russo_say`` speaks, or `russo.Audio`. By default, prompts are tones of 0.6 s
    and 1.2 s at 16 kHz, which a scripted agent can distinguish by their length. The checks run at pace 0,
    except for one turn in real time, and take some seconds; those of a real-time agent take minutes.

    Attributes:
        prompt: The agent answers it with words, sound or a tool call.
        reply: The reply to ``prompt`` contains this text.
        heard: What the agent heard of ``prompt`` contains this text.
        second_prompt: Another prompt that the agent answers.
        second_reply: The reply to ``second_prompt`` contains this text, and not ``reply``.
        tool_prompt: The agent answers it with a tool call, without words and sound. ``None`` skips the check.
        tool_calls: The tool calls after ``tool_prompt``; empty means any.
        long_prompt: The agent answers it with 3 s of sound or more, which a caller can stop. ``None`` skips
            the check.
        hang_up_prompt: The agent hangs up after it. ``None`` skips the check.
        greets: Whether the agent speaks first.
        real_time: ``real_time`` of the line.
        simultaneous: Whether the agent can have two calls at the same time.
        sdk: Modules, dotted or not, that importing the adapter must not import.
        patience: The limit in seconds for one answer.
    """
