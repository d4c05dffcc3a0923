"""The microphone, the pace, the latency: what the driver does with time."""

import asyncio
import contextlib
import time

import pytest

from russo_agents import LatencyError, Said, Sound, ToolCall, ToolCalled, TurnEnded
from russo_agents._call import results
from russo_agents._call.clock import AudioClock, Signal
from russo_agents._call.microphone import Microphone
from russo_agents._call.playout import PlayoutQueue
from support.agents.scripted import (
    RATE,
    ScriptedAgent,
    ScriptedLine,
    emits,
    is_loud,
    prompt,
    says,
    silence,
    tone,
)
from support.agents.talk import talk

PROMPT = prompt(-0.3, 0.6, -0.47)


# -- the microphone


async def frames_behind(line, call, pace=1):
    """Return how many frames the microphone is behind after 2 s; on a busy machine, wait until it has caught up."""
    loop = asyncio.get_running_loop()
    start, sent = loop.time(), line.sent
    await call.pause(2.0 * pace)
    behind = 1000.0
    while behind > 2 and loop.time() - start < 20:
        await asyncio.sleep(0.005)
        behind = (loop.time() - start) * pace / 0.02 - (line.sent - sent)
    return behind


@pytest.mark.parametrize("pace", [0.5, 1, 2.0])
def test_microphone_does_not_drift(pace):
    agent = ScriptedAgent()
    behind = talk(agent, lambda call: frames_behind(agent.lines[0], call, pace), pace=pace)
    assert -2 <= behind <= 2


def test_slow_frames_are_made_up_for():
    class Slow(ScriptedLine):
        async def send(self, frame):
            await super().send(frame)
            await asyncio.sleep(0.015 if self.sent % 2 else 0)

    agent = ScriptedAgent(line_type=Slow)
    behind = talk(agent, lambda call: frames_behind(agent.lines[0], call), pace=1)
    assert -2 <= behind <= 2


def test_microphone_is_open_from_connect_to_close():
    agent = ScriptedAgent(says("x"))

    async def script(call):
        sent = [agent.lines[0].sent]
        for _ in range(3):
            await asyncio.sleep(0.1)
            sent.append(agent.lines[0].sent)
        return sent

    sent = talk(agent, script, pace=1)
    assert sent == sorted(set(sent))  # frames are sent although the test does nothing


def test_each_frame_is_20_milliseconds():
    class Kept(ScriptedLine):
        async def send(self, frame):
            self.frames.append(len(frame))
            await super().send(frame)

    agent = ScriptedAgent(says("x"), line_type=Kept)
    talk(agent, lambda call: call.say(prompt(-0.3, 0.333, -0.4, rate=24000)), pace=0)
    assert set(agent.lines[0].frames) == {640}


# -- pace 0


def test_agent_that_thinks_is_not_flooded_with_silence():
    sent = []

    async def thinks(line):
        start = line.sent
        await asyncio.sleep(0.5)
        sent.append(line.sent - start)
        line.emit(TurnEnded())

    talk(ScriptedAgent(thinks), lambda call: call.say(PROMPT), pace=0)
    assert sent[0] <= 50 + 25 + 10  # the eager second, half a second of real time, and rounding


def test_audio_stands_still_while_the_test_does_something_else():
    agent = ScriptedAgent(says("long", seconds=20.0))

    async def script(call):
        pending = await call.say(PROMPT, wait=False)
        await asyncio.sleep(0.3)
        sent = agent.lines[0].sent
        await asyncio.sleep(0.3)
        sent = agent.lines[0].sent - sent
        await pending.turn()
        return sent

    assert talk(agent, script, pace=0) <= 20


def test_interruption_at_pace_0_is_at_its_second_of_audio():
    times = []

    def on_voice(line):
        async def step():
            times.append((line.playout.now(), line.playout.played_until()))

        return step()

    async def long(line):
        line.emit(Sound(tone(10.0), RATE))
        await line.playout.played(10.0)
        line.emit(TurnEnded())

    async def script(call):
        pending = await call.say(PROMPT, wait=False)
        await asyncio.sleep(0.2)  # the audio stands almost still meanwhile
        await call.say(PROMPT, over=3.0, wait=False)
        await pending.turn()

    talk(ScriptedAgent(long, on_voice=on_voice), script, pace=0)
    now, until = times[1]
    assert until - now == pytest.approx(7.0, abs=0.05)


def test_pace_0_keeps_the_distances_of_real_time():
    def script_for(agent, pace):
        async def script(call):
            await call.say(PROMPT)
            await call.say(PROMPT)
            return [(moment.kind, moment.at) for moment in call.record.moments if moment.kind != "turn"]

        return talk(agent, script, pace=pace)

    def moments(pace):
        found = script_for(ScriptedAgent(says("one", seconds=0.5), says("two", seconds=0.5)), pace)
        return [moment for moment in found if moment[0] in {"caller", "speaks", "ended"}]

    fast = moments(0)
    for _ in range(4):  # the machine may be busy
        real = moments(1)
        assert [kind for kind, _ in real] == [kind for kind, _ in fast]
        if [at for _, at in real] == pytest.approx([at for _, at in fast], abs=0.4):
            return
    pytest.fail(f"{real} is not {fast}")


# -- latency


def replies_after(seconds, *, lead=0.0):
    """Return a step that begins to speak so many seconds of audio after its VAD has ended the utterance."""

    async def step(line):
        await line.playout.played(seconds)
        line.emit(Sound(silence(lead) + tone(0.2), RATE), Said("x"))
        await line.playout.played(0.2 + lead)
        line.emit(TurnEnded())

    return step


@pytest.mark.parametrize("lead", [0.0, 0.3])
def test_latency_is_from_voice_to_voice(lead, monkeypatch):
    monkeypatch.setattr(results, "LATE_SECONDS", 60.0)  # the machine may be busy
    began = []

    async def step(line):
        began.append(line.playout.now())
        await replies_after(0.0, lead=lead)(line)

    async def script(call):
        turn = await call.say(PROMPT)
        return turn, call.record

    turn, record = talk(ScriptedAgent(step), script, pace=1)
    spoken = record.moments[0].at + 0.3 + 0.6
    assert turn.latency == pytest.approx(began[0] + lead - spoken, abs=0.1)
    assert turn.latency > 0.45 + lead  # the VAD of the line ends the utterance 0.5 s after the voice
    assert record.latencies == [turn.latency]


def test_blocked_event_loop_makes_the_latency_false():
    async def blocks(line):
        time.sleep(0.2)  # noqa: ASYNC251 - the fault under test
        await replies_after(0.0)(line)

    turn = talk(ScriptedAgent(blocks), lambda call: call.say(PROMPT), pace=1)
    with pytest.raises(LatencyError, match=r"a frame of the microphone was \d+ ms late"):
        _ = turn.latency
    assert turn.reply == "x"


def test_prompt_after_a_blocked_event_loop_has_a_true_latency():
    """Frames of silence that are late are made up for, but a prompt begins on time."""
    arrivals = []

    class Timed(ScriptedLine):
        async def send(self, frame):
            if is_loud(frame):
                arrivals.append(asyncio.get_running_loop().time())
            await super().send(frame)

    async def script(call):
        await call.pause(0.6)
        time.sleep(0.5)  # noqa: ASYNC251 - the fault under test
        return await call.say(PROMPT)

    turn = talk(ScriptedAgent(replies_after(0.0), line_type=Timed), script, pace=1)
    assert arrivals[-1] - arrivals[0] > 0.5  # not in a burst
    with contextlib.suppress(LatencyError):  # the machine is busy
        assert turn.latency > 0.4


def test_lateness_of_a_thousand_frames_is_not_forgotten():
    class Clock:
        pace, at = 1.0, 0.0

        def now(self):
            return self.at

    clock = Clock()
    microphone = Microphone(ScriptedLine(None, []), clock, None, Signal())
    for number in range(5000):
        clock.at = 10.0 + number * 0.02
        microphone.note_late(0.3 if number < 10 else 0.29)
    assert microphone.lateness(9.7, 9.8) == 0.3
    assert microphone.lateness(109.0, 110.0) == 0.3
    assert microphone.lateness(0.0, 9.0) == microphone.lateness(111.0, 120.0) == 0.0


@pytest.mark.parametrize(
    ("step", "said", "reason"),
    [
        (emits(ToolCalled(ToolCall("f")), TurnEnded()), PROMPT, "the reply has no voiced sample"),
        (emits(Sound(silence(0.5), RATE), TurnEnded()), PROMPT, "the reply has no voiced sample"),
        (says("x"), prompt(-0.5), "the prompt has no voiced sample"),
    ],
    ids=["no sound", "silent sound", "silent prompt"],
)
def test_latency_without_voice_on_both_sides_is_refused(step, said, reason):
    class Counting(ScriptedLine):
        """Answers the first frames, also silent ones."""

        async def send(self, frame):
            await super().send(frame)
            if self.sent == 40 and said is not PROMPT:
                self.start(step(self))

    agent = ScriptedAgent(step, line_type=Counting)
    turn = talk(agent, lambda call: call.say(said), pace=1)
    with pytest.raises(LatencyError, match=reason):
        _ = turn.latency


def test_reply_that_begins_before_the_end_of_the_prompt_has_no_latency():
    async def script(call):
        return await call.say(prompt(-0.3, 0.4, -0.7, 0.4, -0.4))

    turn = talk(ScriptedAgent(replies_after(0.0), emits(TurnEnded())), script, pace=1)
    with pytest.raises(LatencyError, match=r"the reply began \d\.\d\d s before the end of the prompt"):
        _ = turn.latency


# -- the play-out clock


def test_playout_queues_bursts():
    async def run():
        clock = AudioClock(0)
        playout = PlayoutQueue(clock)
        assert playout.add(1.0, 0.8) == 0.0
        assert playout.add(1.0, None) == 1.0
        assert (playout.played_until(), playout.voiced_until) == (2.0, 0.8)
        for _ in range(25):
            clock.tick()
        assert playout.cut() == pytest.approx(1.5)
        assert playout.played_until() == pytest.approx(0.5)
        for _ in range(50):
            clock.tick()
        assert playout.add(1.0, 1.0) == pytest.approx(1.5)

    asyncio.run(run())


def test_played_waits_for_the_audio_clock():
    async def run():
        clock = AudioClock(0)
        task = asyncio.ensure_future(PlayoutQueue(clock).played(0.1))
        await asyncio.sleep(0)
        for _ in range(4):
            clock.tick()
            await asyncio.sleep(0)
        assert not task.done()
        clock.tick()
        await asyncio.sleep(0)
        assert task.done()
        assert not clock.is_awaited

    asyncio.run(run())


def test_played_is_in_seconds_of_audio_at_each_pace():
    async def run():
        clock = AudioClock(20.0)
        start, before = asyncio.get_running_loop().time(), clock.now()
        await PlayoutQueue(clock).played(10.0)
        return clock.now() - before, asyncio.get_running_loop().time() - start

    audio, wall = asyncio.run(run())
    assert audio >= 9.9
    assert wall < 5


# -- many turns


def test_a_thousand_turns_at_pace_0():
    steps = [says(str(number), seconds=0.3, thinks=0.1 * (number % 3)) for number in range(1000)]

    async def script(call):
        for number in range(1000):
            turn = await call.say(PROMPT)
            assert turn.reply == str(number)
        return call.record

    record = talk(ScriptedAgent(*steps), script, pace=0)
    assert record.turns == 1000
    assert record.seconds_heard == pytest.approx(300)
