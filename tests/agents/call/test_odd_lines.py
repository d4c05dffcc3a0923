"""Lines that are unusual and not wrong: rates, silence, iterators, hang-ups at odd moments, several calls."""

import asyncio
import gc
import time
import warnings

import pytest

from russo import Audio
from russo_agents import AgentLostError, Heard, Interrupted, Said, Sound, TurnEnded, open_call
from russo_agents._call.prompts import prepare
from support.agents.leaks import nothing_left_running
from support.agents.scripted import (
    CLOSED,
    RATE,
    ScriptedAgent,
    ScriptedLine,
    emits,
    prompt,
    says,
    tone,
)
from support.agents.talk import talk

PROMPT = prompt(-0.3, 0.6, -0.47)


# -- rates and lengths


@pytest.mark.parametrize("rate", [8000, 24000, 48000])
def test_line_has_its_own_rate(rate):
    class Line(ScriptedLine):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.sample_rate = rate

        async def send(self, frame):
            self.frames.append(len(frame))
            await super().send(frame)

    agent = ScriptedAgent(says("x"), line_type=Line)
    turn = talk(agent, lambda call: call.say(PROMPT))
    assert turn.reply == "x"
    assert set(agent.lines[0].frames) == {rate // 50 * 2}
    assert agent.lines[0].utterances == [pytest.approx(0.6, abs=0.05)]


def test_rate_of_the_sound_may_change():
    async def step(line):
        for rate in (24000, 8000, 48000):
            line.emit(Sound(tone(0.5, rate=rate), rate), Sound(b"", rate))
            await line.playout.played(0.5)
        line.emit(TurnEnded())

    async def script(call):
        return await call.say(PROMPT), call.record

    turn, record = talk(ScriptedAgent(step), script)
    assert (turn.audio.sample_rate, turn.audio.duration) == (24000, pytest.approx(1.5, abs=0.01))
    assert record.seconds_heard == pytest.approx(1.5)
    assert record.stereo().sample_rate == 24000


def test_sound_without_samples_is_no_reply():
    turn = talk(ScriptedAgent(emits(Sound(b"", RATE), TurnEnded())), lambda call: call.say(PROMPT))
    assert turn.audio is None


def test_interruption_of_sound_without_samples():
    async def step(line):
        line.emit(Sound(tone(2.0), RATE), Sound(b"", RATE), Sound(b"", 8000))
        await line.playout.played(0.5)
        line.emit(Interrupted(), TurnEnded())

    turn = talk(ScriptedAgent(step), lambda call: call.say(PROMPT))
    assert turn.audio.duration == pytest.approx(0.5, abs=0.03)


def test_prompt_may_last_minutes():
    agent = ScriptedAgent(says("x"))
    turn = talk(agent, lambda call: call.say(prompt(-0.3, 130.0, -0.47)), timeout=1)
    assert turn.reply == "x"
    assert agent.lines[0].utterances == [pytest.approx(130.0, abs=0.05)]


def test_long_prompt_lets_the_event_loop_run():
    async def run():
        longest = 0.0

        async def watch():
            nonlocal longest
            while True:
                start = time.process_time()
                await asyncio.sleep(0)
                longest = max(longest, time.process_time() - start)

        task = asyncio.ensure_future(watch())
        await prepare(Audio(bytes(2 * 16000 * 120), "pcm", 16000), None, 16000)
        task.cancel()
        return longest

    assert asyncio.run(run()) < 0.03  # 70 ms if all of the sound were looked at at once


def test_silent_prompt_can_be_said():
    async def asks(line):
        while line.sent < 100:
            await line.playout.played(0.02)
        line.emit(Said("are you there?"), TurnEnded())

    turn = talk(ScriptedAgent(greeting=asks), lambda call: call.say(prompt(-3.0)))
    assert turn.reply == "are you there?"


# -- lines that stream silence


class SilenceLine(ScriptedLine):
    """Sends 20 ms of sound for each frame that it takes, as telephone lines do."""

    async def send(self, frame):
        await super().send(frame)
        self.emit(Sound(bytes(640), RATE))


@pytest.mark.parametrize("ends_turns", [True, False])
def test_silence_that_is_streamed_for_minutes_is_not_kept(ends_turns):
    async def script(call):
        await call.pause(60.0)
        turn = await call.say(PROMPT)
        await call.pause(60.0)
        return turn, call.record

    async def step(line):
        line.emit(Said("x"), Sound(tone(0.2), RATE))
        if ends_turns:
            line.emit(TurnEnded())

    agent = ScriptedAgent(step, line_type=SilenceLine, ends_turns=ends_turns)
    turn, record = talk(agent, script)
    assert turn.reply == "x"
    assert len(turn.events) < 120
    assert len(record.moments) < 10
    stereo = record.stereo()
    assert stereo.duration < 64  # silence is not recorded


# -- iterators


class Events:
    """An iterator that is not a generator, so that it has no ``aclose``."""

    def __init__(self, queue):
        self.queue = queue

    def __aiter__(self):
        return self

    async def __anext__(self):
        event = await self.queue.get()
        if event is CLOSED:
            raise StopAsyncIteration
        return event


class IteratorLine(ScriptedLine):
    def events(self):
        return Events(self._queue)


def test_events_may_be_an_iterator_object():
    assert talk(ScriptedAgent(says("x"), line_type=IteratorLine), lambda call: call.say(PROMPT)).reply == "x"


def test_end_of_an_iterator_object_is_a_hang_up():
    async def hang_up(line):
        line.hang_up()

    with pytest.raises(AgentLostError, match="the agent hung up before the turn"):
        talk(ScriptedAgent(hang_up, line_type=IteratorLine), lambda call: call.say(PROMPT))


class ListLine(ScriptedLine):
    def events(self):
        return [Said("x")]


def test_events_that_cannot_be_iterated_are_an_error():
    with pytest.raises(
        AgentLostError, match=r"'async for' requires an object with __aiter__ method, got list"
    ):
        talk(ScriptedAgent(line_type=ListLine), lambda call: call.say(PROMPT))


# -- interruptions of nothing


def test_interruption_when_nothing_plays_changes_nothing():
    async def step(line):
        line.emit(Interrupted())
        await says("one")(line)

    async def script(call):
        return await call.say(PROMPT), await call.say(PROMPT)

    def on_voice(line):
        async def step():
            line.emit(Interrupted())

        return step()

    for turn in talk(ScriptedAgent(step, step, greeting=step, on_voice=on_voice), script):
        assert (turn.reply, turn.interrupted) == ("one", False)
        assert turn.audio.duration == pytest.approx(1.0)


# -- hanging up at odd moments


@pytest.mark.parametrize("pace", [0, 1])
@pytest.mark.parametrize("doing", ["say", "pause", "hear", "over"])
def test_hang_up_while_a_method_waits(doing, pace):
    agent = ScriptedAgent(says("x", seconds=60.0), greeting=emits(Heard("x")))

    async def script(call):
        if doing == "over":
            await call.say(PROMPT, wait=False)
        waits = asyncio.ensure_future(
            {
                "say": lambda: call.say(prompt(-0.3, 60.0)),
                "pause": lambda: call.pause(100000.0),
                "hear": call.hear,
                "over": lambda: call.say(PROMPT, over=50.0),
            }[doing]()
        )
        await asyncio.sleep(0.02 if pace == 0 else 0.2)
        assert not waits.done()
        await asyncio.gather(call.hang_up(), call.hang_up())
        with pytest.raises(AgentLostError, match="the call was hung up meanwhile"):
            await waits
        with pytest.raises(AgentLostError, match="the call has ended: it was hung up"):
            await call.pause(1.0)
        return True

    assert talk(agent, script, pace=pace)


@pytest.mark.parametrize("pace", [0, 1])
@pytest.mark.parametrize("steps", range(1, 60, 5))
def test_line_may_end_at_any_moment(steps, pace):
    """The line ends after a number of frames: the call fails with the typed error, or had its turn before."""

    class Line(ScriptedLine):
        async def send(self, frame):
            await super().send(frame)
            if self.sent == steps * (4 if pace == 0 else 1):
                self.hang_up()

    async def script(call):
        await call.hear()
        await call.say(PROMPT)
        await call.pause(1000.0)

    agent = ScriptedAgent(says("x"), greeting=says("hello", seconds=0.3), line_type=Line)
    with pytest.raises(AgentLostError, match="the agent hung up"):
        talk(agent, script, pace=pace)


# -- several calls


def test_two_calls_to_one_agent_at_the_same_time():
    agent = ScriptedAgent(says("one"), says("two"))

    async def one_call():
        async with open_call(agent, pace=0, timeout=5) as call:
            return [(await call.say(PROMPT)).reply for _ in range(2)]

    async def run():
        async with nothing_left_running():
            return await asyncio.gather(*(one_call() for _ in range(4)))

    assert asyncio.run(run()) == [["one", "two"]] * 4


def test_two_calls_within_each_other():
    agent = ScriptedAgent(says("one"), says("two"))

    async def run():
        async with open_call(agent, pace=0) as first, open_call(agent, pace=0) as second:
            return [(await call.say(PROMPT)).reply for call in (first, second, first, second)]

    assert asyncio.run(run()) == ["one", "one", "two", "two"]


# -- warnings


def test_calls_leave_nothing_that_warns():
    async def run():
        async with open_call(ScriptedAgent(says("x", seconds=40.0)), pace=0, timeout=5) as call:
            await call.say(PROMPT)
            await call.say(PROMPT, wait=False)
            return call.record

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        record = asyncio.run(run(), debug=True)
        assert record.stereo().duration > 40
        del record
        gc.collect()
    assert [str(warning.message) for warning in caught] == []
