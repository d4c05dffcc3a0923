"""Conversations with scripted agents: what each method of a call waits for, and what it returns."""

import asyncio
import dataclasses

import pytest

from russo import Audio
from russo_agents import (
    AgentConfigError,
    AgentError,
    AgentLostError,
    Heard,
    Interrupted,
    LatencyError,
    NotObservedError,
    Said,
    Sound,
    ToolCall,
    ToolCalled,
    Turn,
    TurnEnded,
    open_call,
    tool_call,
)
from support.agents.scripted import RATE, ScriptedAgent, ScriptedLine, emits, prompt, says, stops, tone
from support.agents.talk import talk

PROMPT = prompt(-0.3, 1.0, -0.47)


# -- turns


def test_turn_has_what_the_agent_heard_said_and_did():
    call = ToolCall("set_light", {"room": "kitchen"}, result="done")
    agent = ScriptedAgent(emits(Heard("turn on"), ToolCalled(call), Said("It is on."), "mine", TurnEnded()))
    turn = talk(agent, lambda call: call.say(PROMPT))
    assert turn.heard == "turn on"
    assert turn.tool_calls == [tool_call("set_light", room="kitchen")]
    assert turn.tool_calls[0].result == "done"
    assert turn.reply == "It is on."
    assert "mine" in turn.events
    assert turn.audio is None
    assert not turn.interrupted


def test_each_turn_has_its_own_answer():
    agent = ScriptedAgent(says("one"), says("two"), says("three", seconds=3.0))

    async def script(call):
        return [await call.say(PROMPT) for _ in range(3)]

    turns = talk(agent, script)
    assert [turn.reply for turn in turns] == ["one", "two", "three"]
    assert [turn.audio.duration for turn in turns] == pytest.approx([1.0, 1.0, 3.0])


def test_turn_with_a_tool_call_only():
    turn = talk(ScriptedAgent(emits(ToolCalled(ToolCall("f")), TurnEnded())), lambda call: call.say(PROMPT))
    assert (turn.tool_calls, turn.reply) == ([tool_call("f")], "")


def test_empty_turn_needs_an_end_of_the_line():
    turn = talk(ScriptedAgent(emits(TurnEnded())), lambda call: call.say(PROMPT))
    assert (turn.tool_calls, turn.reply, turn.heard) == ([], "", "")


def test_agent_that_speaks_first_is_heard():
    async def script(call):
        return await call.hear(), await call.say(PROMPT)

    first, second = talk(ScriptedAgent(says("answer"), greeting=says("hello")), script)
    assert (first.prompt, first.reply) == (None, "hello")
    assert second.reply == "answer"


def test_greeting_that_no_one_hears_is_not_the_answer():
    agent = ScriptedAgent(says("answer"), greeting=says("hello", seconds=2.0))
    turn = talk(agent, lambda call: call.say(PROMPT))
    assert turn.reply == "answer"


def test_second_greeting_is_heard_after_a_turn():
    async def step(line):
        await says("answer")(line)
        await line.playout.played(0.3)
        await says("anything else?")(line)

    async def script(call):
        await call.say(PROMPT)
        return await call.hear()

    assert talk(ScriptedAgent(step), script).reply == "anything else?"


def test_line_without_ends_is_judged_by_silence():
    async def step(line):
        await says("first part", ends=False)(line)
        await line.playout.played(2.0)  # one second of speech, and one of silence
        await says("second part", ends=False)(line)

    agent = ScriptedAgent(step, says("next", ends=False), ends_turns=False)

    async def script(call):
        return await call.say(PROMPT), await call.say(PROMPT)

    first, second = talk(agent, script)
    assert (first.reply, second.reply) == ("first part second part", "next")


def test_line_with_ends_may_be_silent_within_a_turn():
    async def thinks(line):
        line.emit(ToolCalled(ToolCall("f")))
        await line.playout.played(5.0)
        line.emit(Said("done"), TurnEnded())

    assert talk(ScriptedAgent(thinks), lambda call: call.say(PROMPT)).reply == "done"


def test_reply_that_is_talked_over_on_a_line_without_ends_ends_before_the_next_answer():
    async def slow(line):
        await says("one", seconds=4.0, ends=False)(line)

    async def answers(line):
        await line.playout.played(line.playout.played_until() - line.playout.now() + 0.8)
        await says("two", ends=False)(line)

    async def script(call):
        pending = await call.say(PROMPT, wait=False)
        turn = await call.say(PROMPT, over=0.5)
        return await pending.turn(), turn

    first, second = talk(ScriptedAgent(slow, answers, ends_turns=False), script)
    assert (first.reply, second.reply, second.interrupted) == ("one", "two", False)


def test_line_without_ends_ends_a_turn_after_silence():
    async def script(call):
        await call.say(PROMPT)
        return {moment.kind: moment.at for moment in call.record.moments}

    at = talk(ScriptedAgent(says("x", ends=False), ends_turns=False), script)
    assert at["turn"] - at["speaks"] == pytest.approx(1.0 + 1.5, abs=0.15)


def test_streamed_silence_does_not_keep_a_turn_open():
    async def step(line):
        await says("answer", ends=False)(line)
        while True:
            line.emit(Sound(bytes(640), RATE))
            await line.playout.played(0.02)

    turn = talk(ScriptedAgent(step, ends_turns=False), lambda call: call.say(PROMPT))
    assert turn.reply == "answer"


def test_next_prompt_waits_until_the_reply_was_played():
    starts = []

    def on_voice(line):
        async def step():
            starts.append((line.playout.now(), line.playout.played_until()))

        return step()

    async def burst(line):
        line.emit(Sound(tone(4.0), RATE), Said("long"), TurnEnded())  # ends before it was played

    async def script(call):
        await call.say(PROMPT)
        await call.say(PROMPT)

    talk(ScriptedAgent(burst, says("x"), on_voice=on_voice), script)
    _, (now, played_until) = starts
    assert now >= played_until + 0.5 + 0.3 - 0.041  # quiet, and the silence before the first voiced sample


# -- interruption


def test_prompt_over_a_reply_interrupts_it():
    async def long(line):
        line.emit(Sound(tone(5.0), RATE))

    agent = ScriptedAgent(
        long, says("stopped"), on_voice=stops(Interrupted(), Said("I was say"), TurnEnded(), after=0.2)
    )

    async def script(call):
        pending = await call.say(PROMPT, wait=False)
        turn = await call.say(PROMPT, over=1.0)
        return await pending.turn(), turn, call.record.moments

    cut, turn, moments = talk(agent, script)
    assert turn.interrupted
    assert turn.stopped_after == pytest.approx(0.2, abs=0.05)
    assert turn.reply == "stopped"
    assert cut.reply == "I was say"
    assert not cut.interrupted
    assert cut.audio.duration == pytest.approx(1.2, abs=0.06)
    speaks = [moment.at for moment in moments if moment.kind == "speaks"]
    callers = [moment.at for moment in moments if moment.kind == "caller"]
    assert callers[1] + 0.3 - speaks[0] == pytest.approx(1.0, abs=0.03)


def test_prompt_that_does_not_stop_the_agent_is_a_turn():
    async def slow(line):
        await says("the whole reply", seconds=4.0)(line)
        await says("the second answer")(line)

    async def script(call):
        pending = await call.say(PROMPT, wait=False)
        turn = await call.say(PROMPT, over=0.5)
        return await pending.turn(), turn

    first, second = talk(ScriptedAgent(slow), script)
    assert (first.reply, second.reply, second.interrupted) == ("the whole reply", "the second answer", False)


def test_interruption_without_an_end_does_not_hang():
    agent = ScriptedAgent(
        says("one", seconds=5.0, ends=False),
        says("two", ends=False),
        on_voice=stops(Interrupted()),
        ends_turns=False,
    )

    async def script(call):
        await call.say(PROMPT, wait=False)
        return await call.say(PROMPT, over=1.0)

    turn = talk(agent, script)
    assert (turn.interrupted, turn.reply) == (True, "two")


def test_reply_that_still_plays_can_be_interrupted_after_its_end():
    async def burst(line):
        line.emit(Sound(tone(5.0), RATE), Said("long"), TurnEnded())

    async def script(call):
        first = await call.say(PROMPT)
        return first, await call.say(PROMPT, over=1.0)

    first, second = talk(ScriptedAgent(burst, says("two"), on_voice=stops(Interrupted())), script)
    assert (first.reply, second.reply, second.interrupted) == ("long", "two", True)


def test_over_longer_than_the_reply_is_an_error():
    async def script(call):
        await call.say(PROMPT, wait=False)
        await call.say(PROMPT, over=5.0)

    with pytest.raises(AgentError, match=r"over=5 is longer than the reply to .*, which lasted 1\.00 s"):
        talk(ScriptedAgent(says("short")), script)


def test_over_without_a_reply_is_an_error():
    with pytest.raises(AgentError, match=r"needs a reply to talk over.*wait=False"):
        talk(ScriptedAgent(), lambda call: call.say(PROMPT, over=1.0))


def test_over_a_reply_without_sound_is_an_error():
    async def script(call):
        await call.say(PROMPT, wait=False)
        await call.say(PROMPT, over=1.0)

    with pytest.raises(AgentError, match="has no sound to talk over"):
        talk(ScriptedAgent(emits(Said("text"), TurnEnded())), script)


# -- pause and hang up


def test_pause_returns_what_happened_meanwhile():
    async def script(call):
        return await call.pause(1.0), await call.pause(1.0)

    first, second = talk(ScriptedAgent(greeting=says("hello", seconds=0.5)), script)
    assert (first.reply, first.prompt) == ("hello", None)
    assert second.events == ()
    assert (second.reply, second.tool_calls) == ("", [])


def test_pause_is_seconds_of_audio():
    agent = ScriptedAgent()

    async def script(call):
        before = agent.lines[0].sent
        await call.pause(3.0)
        return agent.lines[0].sent - before

    assert talk(agent, script) == pytest.approx(150, abs=2)


def test_pause_does_not_take_the_turn_of_a_pending_prompt():
    async def script(call):
        pending = await call.say(PROMPT, wait=False)
        during = await call.pause(4.0)
        return during, await pending.turn()

    during, turn = talk(ScriptedAgent(says("answer")), script)
    assert (during.reply, turn.reply) == ("answer", "answer")


def test_after_hanging_up_nothing_can_be_said():
    async def script(call):
        await call.hang_up()
        await call.hang_up()
        await call.say(PROMPT)

    with pytest.raises(AgentLostError, match="the call has ended: it was hung up"):
        talk(ScriptedAgent(says("x")), script)


def test_pending_turn_can_be_asked_again():
    async def script(call):
        pending = await call.say(PROMPT, wait=False)
        return await pending.turn() is await pending.turn()

    assert talk(ScriptedAgent(says("x")), script)


def test_line_without_keys_refuses_them():
    with pytest.raises(AgentConfigError, match="ScriptedLine cannot press keys"):
        talk(ScriptedAgent(), lambda call: call.dtmf("1"))


# -- what cannot be read


def test_field_that_the_line_cannot_observe_raises():
    class Blind(ScriptedLine):
        observes = frozenset({"reply"})

    turn = talk(ScriptedAgent(says("x"), line_type=Blind), lambda call: call.say(PROMPT))
    assert turn.reply == "x"
    for field in ("heard", "tool_calls", "interrupted", "stopped_after"):
        with pytest.raises(NotObservedError, match=r"this line does not observe .*it observes: reply"):
            getattr(turn, field)
    with pytest.raises(NotObservedError):
        turn.called("f")
    assert "x" in repr(turn)


def test_value_that_a_line_has_all_the_same_can_be_read():
    turn = Turn(prompt="stop", events=(), audio=None, observes=frozenset({"reply"}), _stopped_after=0.0)
    assert (turn.interrupted, turn.stopped_after) == (True, 0.0)


def test_latency_at_pace_0_is_refused_and_repr_is_not():
    turn = talk(ScriptedAgent(says("x")), lambda call: call.say(PROMPT))
    with pytest.raises(LatencyError, match=r"pace 0.*russo_real_time") as caught:
        _ = turn.latency
    assert isinstance(caught.value, ValueError)
    assert "latency" not in repr(turn)
    assert turn == dataclasses.replace(turn)


# -- prompts


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (7, TypeError, "the prompt is int; it must be text or russo.Audio"),
        (None, TypeError, "the prompt is NoneType"),
        (Audio(bytes(6400), "pcm", 16000, 2), ValueError, "has 2 channels; a line is mono"),
        (Audio(b"", "pcm", 16000), ValueError, "the audio of the prompt is empty"),
        (Audio(b"ID3", "mp3"), ValueError, "mp3 is a compressed format"),
        ("text", AgentConfigError, "has no synthesizer"),
    ],
    ids=["number", "none", "stereo", "empty", "mp3", "no synthesizer"],
)
def test_unusable_prompt_is_refused(wrong, error, message):
    with pytest.raises(error, match=message):
        talk(ScriptedAgent(says("x")), lambda call: call.say(wrong))


@pytest.mark.parametrize("seconds", ["1", None, True, float("nan"), -1.0, float("inf")])
def test_seconds_that_are_no_number_are_refused(seconds):
    with pytest.raises((TypeError, ValueError), match="number of seconds"):
        talk(ScriptedAgent(), lambda call: call.pause(seconds))


@pytest.mark.parametrize("over", ["1", True, float("nan"), -1.0])
def test_over_that_is_no_number_is_refused(over):
    with pytest.raises((TypeError, ValueError), match=r"over is .* number of seconds"):
        talk(ScriptedAgent(), lambda call: call.say(PROMPT, over=over))


def test_prompt_of_another_rate_is_resampled():
    agent = ScriptedAgent(says("x"))
    talk(agent, lambda call: call.say(prompt(-0.3, 1.0, -0.4, rate=24000)))
    assert agent.lines[0].utterances == [pytest.approx(1.0, abs=0.05)]


def test_two_prompts_at_once_are_refused():
    async def script(call):
        await asyncio.gather(call.say(PROMPT), call.say(PROMPT))

    with pytest.raises(AgentError, match="say was called while say of the same call still waits"):
        talk(ScriptedAgent(says("x"), says("y")), script)


def test_synthesizer_speaks_text():
    class Voice:
        async def synthesize(self, text):
            assert text == "Turn on the light."
            return PROMPT

    async def run():
        async with open_call(ScriptedAgent(says("x")), Voice(), pace=0) as call:
            return await call.say("Turn on the light.")

    turn = asyncio.run(run())
    assert (turn.prompt, turn.reply) == ("Turn on the light.", "x")


# -- arguments


@pytest.mark.parametrize("pace", ["1", None, True, -1.0, float("nan"), float("inf")])
def test_pace_that_is_no_number_is_refused(pace):
    with pytest.raises(AgentConfigError, match=r"pace is .*; it must be a number, 0 or more"):
        talk(ScriptedAgent(), lambda call: call.pause(0), pace=pace)


def test_timeout_0_is_refused():
    with pytest.raises(AgentConfigError, match="timeout is 0"):
        talk(ScriptedAgent(), lambda call: call.pause(0), timeout=0)


def test_real_time_line_refuses_pace_0():
    class Phone(ScriptedLine):
        real_time = True

    with pytest.raises(AgentConfigError, match="pace 0 is not possible: Phone is fed in real time"):
        talk(ScriptedAgent(line_type=Phone), lambda call: call.pause(0))


@pytest.mark.parametrize("candidate", [object(), ScriptedAgent])
def test_object_without_connect_and_class_are_not_agents(candidate):
    with pytest.raises(AgentConfigError, match="is not an agent"):
        talk(candidate, lambda call: call.pause(0))


# -- the record


def test_record_has_the_moments_and_both_voices():
    async def script(call):
        await call.say(PROMPT)
        return call.record

    record = talk(ScriptedAgent(says("yes")), script)
    assert [moment.kind for moment in record.moments] == ["caller", "speaks", "said", "ended", "turn"]
    assert (record.turns, record.latencies) == (1, [])
    assert (record.seconds_said, record.seconds_heard) == (pytest.approx(1.77), pytest.approx(1.0))
    stereo = record.stereo()
    assert (stereo.channels, stereo.sample_rate) == (2, RATE)
    caller, speaks = (record.moments[index].at for index in (0, 1))
    samples = memoryview(stereo.pcm()).cast("h")
    left, right = samples[0::2].tolist(), samples[1::2].tolist()
    loud = [[n for n, value in enumerate(track) if abs(value) > 300] for track in (left, right)]
    assert loud[0][0] / RATE == pytest.approx(caller + 0.3, abs=0.01)
    assert loud[1][0] / RATE == pytest.approx(speaks, abs=0.01)
    assert (loud[1][-1] - loud[1][0]) / RATE == pytest.approx(1.0, abs=0.01)
