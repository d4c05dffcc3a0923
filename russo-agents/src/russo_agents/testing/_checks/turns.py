"""Checks of turns: answers, tool calls, silence and interruption, and what the line says it observes."""

from __future__ import annotations

import pytest

from ..._call.call import Call
from ..._errors import AgentError
from ..._events import Heard, Interrupted, Said, Sound, ToolCalled, TurnEnded
from ..._protocol import Agent
from ..._turn import Turn
from .base import ContractBase, Spoken
from .expect import expect, refuse

_SILENCE_SECONDS = 3.0
_OVER_SECONDS = 0.5


class TurnChecks(ContractBase):
    """Checks what a caller gets."""

    @pytest.mark.parametrize("pace", ["as fast as possible", "real time"])
    def test_turn_has_the_answer(self, agent: Agent, spoken: Spoken, pace: str) -> None:
        """The agent answers ``prompt``; the turn has ``reply``, ``heard`` and what the line observes."""
        if pace == "as fast as possible" and self.real_time:
            pytest.skip("the agent must be fed in real time")

        async def script() -> None:
            async with self.call(agent, 1.0 if pace == "real time" else 0.0) as call:
                turn = await self.say(call, spoken, "prompt")
                self._check_words(call, turn, "prompt", self.reply)
                self._check_heard(call, turn)

        self.run(script)

    def test_end_of_a_turn_is_as_declared(self, agent: Agent, spoken: Spoken) -> None:
        """A line yields TurnEnded if its ``ends_turns`` is True, and only then."""

        async def script() -> None:
            async with self.line(agent) as line:
                ends = bool(line.ends_turns)
            async with self.call(agent) as call:
                await self.say(call, spoken, "prompt")
                ended = any(moment.kind == "ended" for moment in call.record.moments)
                expect(
                    ended == ends,
                    f"a line whose `ends_turns` is {ends} yields {'' if ends else 'no '}TurnEnded()",
                    f"{'a' if ended else 'no'} TurnEnded()",
                    "set `ends_turns` to what the line does; if False, silence ends a turn",
                    call.record,
                )

        self.run(script)

    def test_second_turn_has_its_own_answer(self, agent: Agent, spoken: Spoken) -> None:
        """The answer to ``second_prompt`` belongs to the second turn, and nothing of the first one does."""

        async def script() -> None:
            async with self.call(agent) as call:
                await self.say(call, spoken, "prompt")
                turn = await self.say(call, spoken, "second_prompt")
                self._check_words(call, turn, "second_prompt", self.second_reply)
                if self.reply and self.reply not in self.second_reply:
                    late = self.reply in _words(turn)
                    expect(not late, *_stale(f"the words {self.reply!r} in the second turn"), call.record)
                expect(
                    "interruption" not in turn.observes or not turn.interrupted,
                    "a prompt that is said after the end of the reply interrupts nothing",
                    "the second turn is interrupted",
                    "yield Interrupted() only if the caller speaks while sound is not played yet",
                    call.record,
                )

        self.run(script)

    def test_turn_with_a_tool_call_only(self, agent: Agent, spoken: Spoken) -> None:
        """A turn after ``tool_prompt`` ends without words and sound, and the next turn works."""
        if self.tool_prompt is None:
            pytest.skip("no `tool_prompt` is declared, which the agent answers with a tool call only")

        async def script() -> None:
            async with self.call(agent) as call:
                turn = await self.say(call, spoken, "tool_prompt")
                self._check_calls(call, turn)
                turn = await self.say(call, spoken, "prompt")
                self._check_words(call, turn, "prompt", self.reply)

        self.run(script)

    def test_silence_is_no_turn(self, agent: Agent, spoken: Spoken) -> None:
        """Silence of the caller makes no event and does not end the call."""

        async def script() -> None:
            async with self.call(agent) as call:
                try:
                    turn = await call.pause(_SILENCE_SECONDS)
                except AgentError as error:
                    refuse(*_silence(error), call.record)
                known = [event for event in turn.events if isinstance(event, _KNOWN)]
                expect(not known, *_silence(f"events without a prompt: {known!r:.200}"), call.record)
                turn = await self.say(call, spoken, "prompt")
                self._check_words(call, turn, "prompt", self.reply)

        self.run(script)

    def test_caller_interrupts_the_reply(self, agent: Agent, spoken: Spoken) -> None:
        """Speech over the reply to ``long_prompt`` stops it, and has its own answer."""
        if self.long_prompt is None:
            pytest.skip("no `long_prompt` is declared, whose reply has 3 s of sound or more")

        async def script() -> None:
            async with self.call(agent) as call:
                pending = await call.say(spoken["long_prompt"], wait=False)
                over = call.say(spoken["second_prompt"], over=_OVER_SECONDS)
                turn = await self.answered(call, over, "`second_prompt` over the reply to `long_prompt`")
                expect(
                    "interruption" not in turn.observes or turn.interrupted,
                    "a line that observes interruptions reports that the caller stopped the reply",
                    "no interruption",
                    "yield Interrupted() when the agent stops, or remove 'interruption' from `observes`; "
                    "at pace 0, let `send` return only when the agent has the frame",
                    call.record,
                )
                self._check_words(call, turn, "second_prompt", self.second_reply)
                try:
                    await pending.turn()
                except AgentError as error:
                    refuse(
                        "the turn that was interrupted ends",
                        error,
                        "yield TurnEnded() after Interrupted()",
                        call.record,
                    )

        self.run(script)

    def _check_words(self, call: Call, turn: Turn, name: str, reply: str) -> None:
        if "reply" not in turn.observes:
            return
        words = _words(turn)
        spoke = any(isinstance(event, Sound) for event in turn.events)
        expect(
            words or not spoke,
            "a line that observes replies reports their words",
            "sound without words",
            "yield Said(words); or remove 'reply' from `observes`",
            call.record,
        )
        expect(
            reply in words,
            f"the reply to `{name}` contains {reply!r}",
            f"the reply is {words!r:.200}",
            "the answer must arrive before TurnEnded(), and in the turn of its question",
            call.record,
        )

    def _check_heard(self, call: Call, turn: Turn) -> None:
        heard = " ".join(event.text for event in turn.events if isinstance(event, Heard))
        expect(
            "heard" not in turn.observes or heard,
            "a line that observes `heard` reports what the agent understood",
            "no Heard(words)",
            "yield Heard(words), before the answer; or remove 'heard' from `observes`",
            call.record,
        )
        expect(
            self.heard in heard,
            f"what the agent heard of `prompt` contains {self.heard!r}",
            f"heard: {heard!r:.200}",
            "Heard must have the final words; or change `heard` of the test class",
            call.record,
        )

    def _check_calls(self, call: Call, turn: Turn) -> None:
        calls = [event.call for event in turn.events if isinstance(event, ToolCalled)]
        wanted = f"the calls {self.tool_calls!r}" if self.tool_calls else "a call"
        expect(
            calls == self.tool_calls if self.tool_calls else calls,
            f"the turn after `tool_prompt` has {wanted}",
            f"{calls!r:.200}",
            "yield ToolCalled(ToolCall(name, arguments, result)) when the tool has returned",
            call.record,
        )
        expect(
            "tool_calls" in turn.observes,
            "a line that reports tool calls has 'tool_calls' in `observes`",
            f"observes: {sorted(turn.observes)}",
            "add it, else `turn.tool_calls == []` raises in a user's test",
            call.record,
        )


_KNOWN = (Heard, Said, Sound, ToolCalled, Interrupted, TurnEnded)


def _words(turn: Turn) -> str:
    return " ".join(event.text for event in turn.events if isinstance(event, Said))


def _stale(found: str) -> tuple[str, str, str]:
    return (
        "nothing of an answer belongs to a later turn",
        found,
        "yield all events of a turn before TurnEnded()",
    )


def _silence(found: object) -> tuple[str, object, str]:
    return (
        f"silence of {_SILENCE_SECONDS:g} s is not a turn, and does not end the call",
        found,
        "yield events for speech only; if the agent greets the caller, set `greets = True`",
    )
