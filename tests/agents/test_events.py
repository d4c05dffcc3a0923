"""How a tool call prints."""

import pytest

from russo_agents import ToolCall, tool_call
from support.agents.foreign import Unprintable, nested


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (tool_call("set_light", room="kitchen", on=True), "set_light(room='kitchen', on=True)"),
        (ToolCall("f\x1b[2J", {"a\n": "\x07"}), "f\\x1b[2J(a\\n='\\x07')"),
        (ToolCall("größe", {"ä b": 1, 2: 3}), "größe(ä b=1, 2=3)"),
        (tool_call("f", x=Unprintable()), "f(x=<Unprintable, whose repr raises ValueError>)"),
        (tool_call("f", x=10**5000), "f(x=<int, whose repr raises ValueError>)"),
        (tool_call("f", x=nested(200_000)), "f(x=<list, whose repr raises RecursionError>)"),
        (ToolCall("f", 1), "f(1)"),
    ],
    ids=["plain", "escapes", "letters", "broken", "long number", "deep", "no mapping"],
)
def test_tool_call_prints_as_the_call(call, text):
    assert str(call) == repr(call) == text
