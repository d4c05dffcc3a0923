"""Conversations with agents whose events are late, doubled or early."""

import pytest

from russo_agents import (
    AgentSilentError,
    Interrupted,
    Said,
    Sound,
    ToolCall,
    ToolCalled,
    TurnEnded,
    tool_call,
)
from support.agents.scripted import RATE, ScriptedAgent, prompt, says, stops, tone
from support.agents.talk import talk

PROMPT = prompt(-0.3, 0.6, -0.47)
LATE = pytest.mark.parametrize(
    "late", [Said("late"), ToolCalled(ToolCall("late"))], ids=lambda event: type(event).__name__
)


def answers(*events):
    async def step(line):
        line.emit(*events, TurnEnded())

    return step


def says_and_then(late):
    """Return a step with an event after the end of its turn."""

    async def step(line):
        await says("one")(line)
        await line.playout.played(0.2)
        line.emit(late)

    return step


@LATE
def test_event_after_the_end_does_not_take_the_next_answer(late):
    async def script(call):
        return await call.say(PROMPT), await call.say(PROMPT)

    first, second = talk(ScriptedAgent(says_and_then(late), says("two")), script)
    assert (first.reply, second.reply) == ("one", "two")
    assert second.tool_calls == []


@LATE
def test_event_after_the_end_of_a_pending_turn_belongs_to_that_turn(late):
    async def script(call):
        pending = await call.say(PROMPT, wait=False)
        await call.pause(4.0)
        return await pending.turn()

    turn = talk(ScriptedAgent(says_and_then(late)), script)
    assert late in turn.events


def test_words_in_the_same_burst_as_the_end_belong_to_the_turn():
    async def burst(line):
        line.emit(Sound(tone(0.5), RATE), TurnEnded(), Said("one"))

    assert talk(ScriptedAgent(burst), lambda call: call.say(PROMPT)).reply == "one"


def test_end_that_is_reported_twice_ends_one_turn():
    async def twice(line):
        await says("one")(line)
        line.emit(TurnEnded(), TurnEnded())

    async def script(call):
        return await call.say(PROMPT), await call.say(PROMPT)

    first, second = talk(ScriptedAgent(twice, says("two")), script)
    assert (first.reply, second.reply) == ("one", "two")


def test_agent_that_stops_by_itself_ends_its_turn():
    async def stops(line):
        line.emit(Sound(tone(3.0), RATE))
        await line.playout.played(1.0)
        line.emit(Interrupted(), Said("I was"), TurnEnded())

    turn = talk(ScriptedAgent(stops), lambda call: call.say(PROMPT))
    assert (turn.reply, turn.interrupted) == ("I was", False)
    assert turn.audio.duration == pytest.approx(1.0, abs=0.03)


# -- right after an interruption


def interruption(on_stop, answer):
    """Return the two turns of a prompt that interrupts a reply of 5 s."""

    async def long(line):
        line.emit(Sound(tone(5.0), RATE))

    async def script(call):
        pending = await call.say(PROMPT, wait=False)
        turn = await call.say(PROMPT, over=1.0)
        return await pending.turn(), turn

    return talk(ScriptedAgent(long, answer, on_voice=stops(*on_stop, after=0.2)), script)


def test_sound_on_its_way_at_an_interruption_is_not_the_answer():
    late = Sound(tone(0.1), RATE)
    _, turn = interruption([Interrupted(), late, TurnEnded()], says("stopped"))
    assert (turn.reply, turn.interrupted) == ("stopped", True)
    assert turn.audio.duration == pytest.approx(1.0)


def test_interruption_without_an_end_leaves_an_answer_in_words_to_its_prompt():
    async def answers(line):
        await line.playout.played(1.0)
        line.emit(Said("stopped"), TurnEnded())

    cut, turn = interruption([Interrupted()], answers)
    assert (cut.reply, turn.reply) == ("", "stopped")


def test_turn_that_was_cut_without_an_end_is_over_before_the_next_answer():
    def on_voice(line):
        async def step():
            if line.playout.played_until() > line.playout.now():
                line.emit(Interrupted())
                await line.playout.played(0.8)
                line.emit(Said("I was say"))

        return step()

    async def long(line):
        line.emit(Sound(tone(5.0), RATE))

    async def script(call):
        first = await call.say(PROMPT, wait=False)
        second = await call.say(PROMPT, over=1.0, wait=False)
        cut = await first.turn()
        ended = [moment.kind for moment in call.record.moments]
        agent.lines[0].emit(Said("two"), TurnEnded())
        return cut, await second.turn(), ended

    agent = ScriptedAgent(long, on_voice=on_voice)
    cut, turn, ended = talk(agent, script)
    assert (cut.reply, turn.reply) == ("I was say", "two")
    assert ended[-1] == "turn"


def test_sound_that_was_discarded_is_neither_counted_nor_recorded_nor_awaited():
    async def long(line):
        line.emit(Sound(tone(60.0), RATE))

    async def script(call):
        await call.say(PROMPT, wait=False)
        await call.say(PROMPT, over=1.0)
        await call.say(PROMPT)
        return call.record

    record = talk(
        ScriptedAgent(
            long, answers(Said("two")), answers(Said("three")), on_voice=stops(Interrupted(), TurnEnded())
        ),
        script,
    )
    assert record.seconds_heard == pytest.approx(1.0, abs=0.05)
    assert record.stereo().duration < 12
    _, second, third = (moment.at for moment in record.moments if moment.kind == "caller")
    assert third - second < 5


def test_reply_is_cut_twice():
    async def long(line):
        line.emit(Sound(tone(5.0), RATE))

    async def script(call):
        first = await call.say(PROMPT, wait=False)
        second = await call.say(PROMPT, over=1.0, wait=False)
        third = await call.say(PROMPT, over=2.0)
        return await first.turn(), await second.turn(), third

    turns = talk(ScriptedAgent(long, long, says("three"), on_voice=stops(Interrupted(), TurnEnded())), script)
    assert [turn.interrupted for turn in turns] == [False, True, True]
    assert [turn.reply for turn in turns] == ["", "", "three"]
    assert [turn.audio.duration for turn in turns] == pytest.approx([1.0, 2.0, 1.0], abs=0.05)


# -- a prompt with a pause


PAUSED = prompt(-0.3, 0.5, -0.8, 0.5, -0.47)


@pytest.mark.parametrize("thinks", [0.0, 0.5, 2.0])
def test_answer_to_the_rest_of_a_prompt_belongs_to_its_turn(thinks):
    async def second(line):
        await line.playout.played(thinks)
        line.emit(ToolCalled(ToolCall("two")), TurnEnded())

    turn = talk(ScriptedAgent(answers(Said("one")), second), lambda call: call.say(PAUSED), timeout=10)
    assert (turn.reply, turn.tool_calls) == ("one", [tool_call("two")])


def test_slow_answer_to_the_rest_of_a_prompt_is_awaited():
    async def second(line):
        line.emit(Said("let me see"))
        await line.playout.played(6.0)
        line.emit(ToolCalled(ToolCall("two")), TurnEnded())

    turn = talk(ScriptedAgent(answers(Said("one")), second), lambda call: call.say(PAUSED), timeout=10)
    assert turn.tool_calls == [tool_call("two")]


def test_reply_without_an_end_does_not_take_the_next_answer():
    async def script(call):
        with pytest.raises(AgentSilentError):
            await call.say(PROMPT)
        return await call.say(PROMPT)

    turn = talk(ScriptedAgent(says("one", ends=False), says("two")), script, timeout=0.5)
    assert turn.reply == "two"


def test_long_answer_to_the_beginning_of_a_prompt_does_not_hide_the_rest():
    async def second(line):
        await line.playout.played(5.0)
        line.emit(ToolCalled(ToolCall("two")), TurnEnded())

    first = answers(Sound(tone(6.0), RATE), Said("one"))
    turn = talk(ScriptedAgent(first, second), lambda call: call.say(PAUSED), timeout=10)
    assert turn.tool_calls == [tool_call("two")]


@pytest.mark.parametrize("timeout", [0.6, 5.0])
def test_agent_that_answers_only_the_beginning_of_a_prompt_has_a_turn(timeout):
    turn = talk(ScriptedAgent(answers(Said("one"))), lambda call: call.say(PAUSED), timeout=timeout)
    assert turn.reply == "one"
