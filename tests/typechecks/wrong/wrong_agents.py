"""Wrong uses of russo_agents; each line with an error ends with a comment."""

from russo_agents import (
    Agent,
    FunctionAgent,
    Heard,
    OpenCall,
    Sound,
    SyncCall,
    ToolCalled,
    Turn,
    load_agent,
    open_call,
    tool_call,
)


def test_plain(russo_call: SyncCall) -> None:
    russo_call.say()  # wrong
    russo_call.say(5)  # wrong
    russo_call.say("Hello", over="1")  # wrong
    russo_call.say("Hello", expect=[])  # wrong
    russo_call.say("Hello", wait=False).reply  # wrong
    russo_call.pause("2")  # wrong
    russo_call.hear("Hello")  # wrong
    russo_call.say("Hello").latency = 1.0  # wrong
    assert russo_call.say("Hello").stopped_after > 1.0  # wrong
    russo_call.say("Hello").audio.duration  # wrong


async def test_async(russo_async_call: OpenCall) -> None:
    async with russo_async_call("Hello") as call:  # wrong
        call.say("Hello").reply  # wrong
    with russo_async_call():  # wrong
        pass


class NoAgent:
    async def connect(self) -> None: ...


AGENT: Agent = NoAgent()  # wrong
NUMBER: int = load_agent("shop")  # wrong
FunctionAgent("hear")  # wrong
FunctionAgent(lambda audio: None, rate=8000)  # wrong
open_call(NoAgent())  # wrong
Heard(5)  # wrong
Sound("text", 16000)  # wrong
ToolCalled("set_light")  # wrong
tool_call(5)  # wrong
Turn("Hello")  # wrong
