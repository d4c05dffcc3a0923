"""`FunctionAgent` under the driver, at pace 0 and in real time."""

import asyncio
import threading

import pytest

from russo import Audio
from russo_agents import (
    AgentLostError,
    AgentSilentError,
    FunctionAgent,
    Heard,
    NotObservedError,
    open_call,
    tool_call,
)
from support.agents.microphone import silence, tone


def audio(*seconds):
    """Return a prompt: tones and gaps in turn, with the silence of real recordings around them."""
    parts = [tone(each) if number % 2 == 0 else silence(each) for number, each in enumerate(seconds)]
    return Audio(silence(0.3) + b"".join(parts) + silence(0.47), "pcm", 16_000)


def talk(hear, script, **options):
    """Run a script, an async function of the call, within 30 s; nothing may be left running."""

    async def run():
        async with asyncio.timeout(30):
            async with open_call(FunctionAgent(hear), **{"pace": 0, "timeout": 10, **options}) as call:
                await script(call)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(run())
    assert [each for each in threading.enumerate() if each.name == "FunctionAgent"] == []


def test_each_turn_has_its_own_answer():
    answers = iter([["One.", tool_call("one")], tool_call("two"), "Three.", None])

    async def script(call):
        turns = [await call.say(audio(0.5)) for _ in range(4)]
        assert [turn.reply for turn in turns] == ["One.", "", "Three.", ""]
        assert [turn.tool_calls for turn in turns] == [[tool_call("one")], [tool_call("two")], [], []]
        assert not any(turn.interrupted for turn in turns)

    talk(lambda utterance: next(answers), script)


def test_twenty_turns_of_a_blocking_function_keep_their_order():
    def hear(utterance):
        return f"{utterance.duration:.2f}"

    async def script(call):
        for length in range(20):
            turn = await call.say(audio(0.1 + length / 50))
            assert turn.reply == f"{0.7 + length / 50:.2f}"

    talk(hear, script)


def test_heard_is_observed_only_if_the_function_returns_it():
    answers = iter(["Yes.", [Heard("")], [Heard("Turn on the light.")], "Yes."])

    async def script(call):
        turn = await call.say(audio(0.5))
        with pytest.raises(NotObservedError, match="does not observe the words that the agent understood"):
            assert turn.heard
        later = [await call.say(audio(0.5)) for _ in range(3)]
        assert [turn.heard for turn in later] == ["", "Turn on the light.", ""]

    talk(lambda utterance: next(answers), script)


def test_talking_over_the_sound_interrupts_it():
    answers = iter([["A long story.", Audio(tone(5), "pcm", 16_000), "The end."], "Stopped."])

    async def script(call):
        story = await call.say(audio(0.5), wait=False)
        stop = await call.say(audio(0.5), over=1.0)
        assert stop.interrupted
        assert stop.stopped_after == pytest.approx(0.06, abs=0.041)
        assert stop.reply == "Stopped."
        told = await story.turn()
        assert told.reply == "A long story."
        assert told.audio.duration == pytest.approx(1.06, abs=0.041)

    talk(lambda utterance: next(answers), script)


def test_next_prompt_waits_until_the_sound_has_been_played():
    answers = iter([Audio(tone(2), "pcm", 16_000), "Second."])

    async def script(call):
        first = await call.say(audio(0.5))
        second = await call.say(audio(0.5))
        assert first.audio.duration == pytest.approx(2)
        assert (second.reply, second.interrupted) == ("Second.", False)

    talk(lambda utterance: next(answers), script)


def test_pause_of_silence_calls_nothing():
    calls = []

    async def script(call):
        turn = await call.pause(20)
        assert (turn.reply, turn.tool_calls, turn.audio) == ("", [], None)

    talk(calls.append, script)
    assert calls == []


def test_function_that_raises_ends_the_call_with_the_cause():
    def hear(utterance):
        raise KeyError("room")

    async def script(call):
        with pytest.raises(AgentLostError) as raised:
            await call.say(audio(0.5))
        assert isinstance(raised.value.__cause__, KeyError)
        with pytest.raises(AgentLostError):
            await call.say(audio(0.5))

    talk(hear, script)


def test_function_that_does_not_return_is_named_by_the_silent_error():
    async def hear(utterance):
        await asyncio.Event().wait()

    async def script(call):
        with pytest.raises(AgentSilentError, match=r"; hear\(\) has not returned$"):
            await call.say(audio(0.5))

    talk(hear, script, timeout=0.2)


def test_prompt_that_is_too_quiet_is_named_by_the_silent_error():
    async def script(call):
        quiet = Audio(tone(0.5, level=100) + silence(0.5), "pcm", 16_000)
        with pytest.raises(AgentSilentError, match="; it found no speech louder than -47 dB"):
            await call.say(quiet)

    talk(lambda utterance: "Yes.", script, timeout=0.2)


def test_prompts_are_resampled_to_the_rate_of_the_function():
    rates = []

    async def run():
        agent = FunctionAgent(lambda utterance: rates.append(utterance.sample_rate), 8000)
        async with asyncio.timeout(30), open_call(agent, pace=0) as call:
            await call.say(audio(0.5))

    asyncio.run(run())
    assert rates == [8000]


def test_two_calls_at_the_same_time_do_not_share_utterances():
    async def hear(utterance):
        await asyncio.sleep(0)
        return f"{utterance.duration:.1f}"

    async def run():
        agent = FunctionAgent(hear)
        async with asyncio.timeout(30), open_call(agent, pace=0) as one, open_call(agent, pace=0) as two:
            first, second = await asyncio.gather(one.say(audio(0.4)), two.say(audio(1.4)))
        assert (first.reply, second.reply) == ("1.0", "2.0")

    asyncio.run(run())


def test_latency_in_real_time_is_the_silence_that_ends_the_utterance_and_the_time_of_the_function():
    async def script(call):
        turn = await call.say(audio(0.3))
        # A busy machine makes the microphone late, and then the latency is refused.
        if isinstance(turn._latency, float):
            assert turn.latency >= 0.5 + 0.3 - 0.05
            assert turn.latency < 5
        else:
            assert "late" in turn._latency

    def hear(utterance):
        threading.Event().wait(0.3)
        return Audio(tone(0.2), "pcm", 16_000)

    talk(hear, script, pace=1.0)
