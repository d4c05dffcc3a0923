"""`Brain`: a language model of a few rules. It keeps nothing: it gets the whole conversation each time."""

import json
import re
from typing import Any

from livekit.agents import DEFAULT_API_CONNECT_OPTIONS, APIConnectOptions, llm, utils

_SMALL = """one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
sixteen seventeen eighteen nineteen"""
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_NUMBERS = {word: value for value, word in enumerate(_SMALL.split(), 1)}
_NUMBERS |= {word: 10 * value for value, word in enumerate(_TENS.split(), 2)}
_NUMBER = rf"(?:{'|'.join(_NUMBERS)})"


class Brain(llm.LLM):
    """Answers each request with a tool call, or with words."""

    def chat(
        self,
        *,
        chat_ctx: llm.ChatContext,
        tools: list[llm.Tool] | None = None,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
        **options: Any,
    ) -> llm.LLMStream:
        return _Answer(self, chat_ctx=chat_ctx, tools=tools or [], conn_options=conn_options)


class _Answer(llm.LLMStream):
    async def _run(self) -> None:
        delta = llm.ChoiceDelta(role="assistant")
        last = self._chat_ctx.items[-1]
        if last.type == "function_call_output":
            delta.content = last.output
        elif last.type == "message" and (call := _choose(last.text_content or "", self._earlier_calls())):
            delta.tool_calls = [call]
        else:
            delta.content = "Sorry, I cannot do that."
        self._event_ch.send_nowait(llm.ChatChunk(id=utils.shortuuid(), delta=delta))

    def _earlier_calls(self) -> list[llm.FunctionCall]:
        return [item for item in self._chat_ctx.items if item.type == "function_call"]


def _choose(words: str, earlier: list[llm.FunctionCall]) -> llm.FunctionToolCall | None:
    """Return the tool call for what the caller said, or ``None``.

    Args:
        words: What the caller said.
        earlier: The tool calls of the conversation so far.
    """
    if m := re.fullmatch(r"turn (on|off) the (.+) lights?", words):
        return _call("set_light", room=m[2], on=m[1] == "on")
    if m := re.fullmatch(r"turn the (.+) lights? (on|off)", words):
        return _call("set_light", room=m[1], on=m[2] == "on")
    if m := re.fullmatch(rf"(?:set )?(?:a|the) timer for ({_NUMBER}(?: {_NUMBER})?) minutes?", words):
        return _call("set_timer", minutes=sum(_NUMBERS[word] for word in m[1].split()))
    if re.fullmatch(r"cancel (it|the timer)", words):
        return _call("cancel_timer")
    if m := re.fullmatch(r"play (?:some )?(\w+)(?: music)? in the (.+)", words):
        return _call("play_music", room=m[2], genre=m[1])
    if words == "stop the music":
        return _call("stop_music")
    if words == "what can you do for me":
        return _call("help")
    return _refer(words, earlier[-1]) if earlier else None


def _refer(words: str, last: llm.FunctionCall) -> llm.FunctionToolCall | None:
    """Return the tool call for words that refer to the last tool call, or ``None``."""
    arguments = json.loads(last.arguments)
    if (m := re.fullmatch(r"turn it (on|off)(?: again)?", words)) and last.name == "set_light":
        return _call(last.name, **arguments | {"on": m[1] == "on"})
    if (m := re.fullmatch(r"and the (.+)", words)) and "room" in arguments:
        return _call(last.name, **arguments | {"room": m[1]})
    return None


def _call(name: str, **arguments: Any) -> llm.FunctionToolCall:
    return llm.FunctionToolCall(name=name, arguments=json.dumps(arguments), call_id=utils.shortuuid())
