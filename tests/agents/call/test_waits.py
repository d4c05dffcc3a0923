"""What each method waits for, and for how long: pending turns, pauses, lines that stand still."""

import asyncio
import contextlib
import time

import pytest

from russo_agents import (
    AgentError,
    AgentLostError,
    AgentSilentError,
    Heard,
    Interrupted,
    Said,
    Sound,
    ToolCall,
    ToolCalled,
    TurnEnded,
)
from russo_agents._call import listener, waiting
from russo_agents._call.clock import AudioClock
from support.agents.scripted import (
    RATE,
    ScriptedAgent,
    ScriptedLine,
    emits,
    is_loud,
    prompt,
    says,
    stops,
    tone,
)
from support.agents.talk import talk

PROMPT = prompt(-0.3, 0.6, -0.47)


# -- lines that stand still


class StuckLine(ScriptedLine):
    """A line that takes a number of frames."""

    frames_taken = 20

    async def send(self, frame):
        await super().send(frame)
        if self.sent > self.frames_taken:
            await asyncio.Event().wait()


@pytest.mark.parametrize("pace", [0, 1])
def test_pause_on_a_line_that_takes_no_sound_is_an_error(pace):
    with pytest.raises(AgentSilentError, match=r"took no sound for 0.3 s: StuckLine.send has not returned"):
        talk(ScriptedAgent(line_type=StuckLine), lambda call: call.pause(5.0), pace=pace, timeout=0.3)


def test_line_that_takes_no_sound_while_a_reply_plays_is_an_error():
    class Line(StuckLine):
        frames_taken = 150

    async def long(line):
        line.emit(Heard("hello"), Sound(tone(20.0), RATE))

    with pytest.raises(AgentSilentError, match="the line took no sound") as caught:
        talk(ScriptedAgent(long, line_type=Line), lambda call: call.say(PROMPT), timeout=0.3)
    assert caught.value.turn.heard == "hello"


def test_blocked_event_loop_is_not_a_line_that_takes_no_sound():
    async def script(call):
        waiting_turn = asyncio.ensure_future(call.pause(1.0))
        await asyncio.sleep(0.1)
        end = asyncio.get_running_loop().time() + 0.6
        while asyncio.get_running_loop().time() < end:
            pass
        return await waiting_turn

    assert talk(ScriptedAgent(), script, pace=1, timeout=0.4).events == ()


def test_blocked_event_loop_is_not_the_silence_of_the_agent():
    async def blocks(line):
        time.sleep(0.6)  # noqa: ASYNC251 - the fault under test
        line.emit(Said("done"), TurnEnded())

    assert talk(ScriptedAgent(blocks), lambda call: call.say(PROMPT), timeout=0.4).reply == "done"


def test_blocked_event_loop_before_a_wait_is_not_the_silence_of_the_agent():
    async def script(call):
        pending = await call.say(PROMPT, wait=False)
        time.sleep(1.2)  # noqa: ASYNC251 - the fault under test
        return await pending.turn()

    assert talk(ScriptedAgent(emits(Said("done"), TurnEnded())), script, timeout=1.0).reply == "done"


# -- agents that do not come to an end


@pytest.mark.parametrize(
    "events",
    [
        [ToolCalled(ToolCall("again"))],
        [Heard("x")],
        [Sound(tone(0.5), RATE), Interrupted()],
    ],
    ids=["tools", "heard", "interrupted"],
)
def test_agent_that_goes_on_for_ever_does_not_end_its_turn(events):
    async def loop(line):
        while True:
            line.emit(*events)
            await line.playout.played(1.0)

    with pytest.raises(AgentSilentError, match="the agent did not end its turn") as caught:
        talk(ScriptedAgent(loop), lambda call: call.say(PROMPT), timeout=0.5)
    assert len(str(caught.value)) < 400


def test_slow_agent_may_use_more_audio_than_a_turn_has(monkeypatch):
    """At pace 0, an adapter that waits for the play-out clock makes the audio run far ahead of the agent."""
    monkeypatch.setattr(waiting, "LONGEST_TURN_SECONDS", 2.0)

    async def slow(line):
        await line.playout.played(100.0)
        line.emit(Said("done"), TurnEnded())

    assert talk(ScriptedAgent(slow), lambda call: call.say(PROMPT), timeout=5).reply == "done"


def test_quiet_needs_no_sign_of_the_agent():
    turn = talk(ScriptedAgent(says("x", seconds=0.2)), lambda call: call.say(PROMPT), pace=1, timeout=0.4)
    assert turn.reply == "x"


def test_flood_limit_is_that_of_one_turn():
    assert listener.LONGEST_TURN_SECONDS == 120.0


# -- pending turns


def test_pending_turn_that_is_awaited_twice_at_once_is_one_turn():
    async def script(call):
        pending = await call.say(PROMPT, wait=False)
        first, second = await asyncio.gather(pending.turn(), pending.turn())
        return first is second, call.record.turns

    assert talk(ScriptedAgent(says("x")), script) == (True, 1)


def test_pending_turn_that_failed_fails_again_at_once():
    async def script(call):
        pending = await call.say(PROMPT, wait=False)
        errors = []
        for _ in range(2):
            with pytest.raises(AgentSilentError) as caught:
                await pending.turn()
            errors.append(caught.value)
        return errors

    first, second = talk(ScriptedAgent(), script, timeout=0.2)
    assert first is second


def test_pending_turn_goes_on_after_a_timeout_of_the_test():
    async def slow(line):
        await asyncio.sleep(0.3)
        await says("x")(line)

    async def script(call):
        pending = await call.say(PROMPT, wait=False)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(pending.turn(), 0.05)
        return await pending.turn()

    assert talk(ScriptedAgent(slow), script).reply == "x"


def test_greeting_is_heard_after_a_timeout_of_the_test():
    async def greeting(line):
        line.emit(Said("hello"))
        await asyncio.sleep(0.3)
        line.emit(Said("there"), TurnEnded())

    async def script(call):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(call.hear(), 0.1)
        return await call.hear()

    assert talk(ScriptedAgent(greeting=greeting), script).reply == "hello there"


def test_next_prompt_waits_for_the_end_of_a_pending_turn():
    async def slow(line):
        await line.playout.played(3.0)
        await says("one")(line)

    async def script(call):
        pending = await call.say(PROMPT, wait=False)
        turn = await call.say(PROMPT)
        return await pending.turn(), turn, [moment.kind for moment in call.record.moments]

    first, second, kinds = talk(ScriptedAgent(slow, says("two")), script)
    assert (first.reply, second.reply) == ("one", "two")
    assert kinds.index("ended") < kinds.index("caller", 1)


def test_hear_waits_for_what_follows_a_pending_turn():
    async def step(line):
        await line.playout.played(1.0)
        await says("answer")(line)
        await line.playout.played(1.0)
        await says("anything else?")(line)

    async def script(call):
        pending = await call.say(PROMPT, wait=False)
        return await call.hear(), await pending.turn()

    heard, turn = talk(ScriptedAgent(step), script)
    assert (heard.prompt, heard.reply, turn.reply) == (None, "anything else?", "answer")


def test_hang_up_error_has_what_happened_until_then():
    async def script(call):
        pending = await call.say(PROMPT, wait=False)
        waits = asyncio.ensure_future(pending.turn())
        while not any(moment.kind == "heard" for moment in call.record.moments):  # noqa: ASYNC110 - the record has no event
            await asyncio.sleep(0.01)
        await call.hang_up()
        with pytest.raises(AgentLostError, match="the call was hung up meanwhile") as caught:
            await waits
        return caught.value

    assert talk(ScriptedAgent(emits(Heard("turn on"))), script).turn.heard == "turn on"


def test_what_the_agent_says_between_two_methods_is_heard():
    async def step(line):
        await says("answer")(line)
        await asyncio.sleep(0.05)
        line.emit(Said("anything else?"), TurnEnded())

    async def script(call):
        await call.say(PROMPT)
        while sum(moment.kind == "said" for moment in call.record.moments) < 2:  # noqa: ASYNC110 - the record has no event
            await asyncio.sleep(0.01)
        return await call.hear()

    assert talk(ScriptedAgent(step), script).reply == "anything else?"


# -- pause


def test_pause_leaves_what_was_said_before_it_to_hear():
    async def script(call):
        while not call.record.moments:  # noqa: ASYNC110 - the record has no event
            await asyncio.sleep(0.01)
        during = await call.pause(1.0)
        return during, await call.hear()

    during, heard = talk(ScriptedAgent(greeting=emits(Said("hello"), TurnEnded())), script)
    assert during.events == ()
    assert heard.reply == "hello"


def test_pause_of_no_length_is_possible():
    assert talk(ScriptedAgent(), lambda call: call.pause(0)).events == ()


# -- over


def test_over_after_the_reply_says_when_the_reply_ended():
    async def script(call):
        await call.say(PROMPT, wait=False)
        await call.pause(10.0)
        await call.say(PROMPT, over=1.0)

    with pytest.raises(AgentError, match=r"over=1: the reply to .* is over, its sound ended \d\.\d\d s ago"):
        talk(ScriptedAgent(says("x", seconds=5.0)), script)


def test_over_is_longer_than_a_reply_that_ends_while_the_prompt_is_still_silent():
    async def script(call):
        await call.say(PROMPT, wait=False)
        await call.say(PROMPT, over=1.2)

    with pytest.raises(AgentError, match=r"over=1.2 is longer than the reply to .*, which lasted 1\.00 s"):
        talk(ScriptedAgent(emits(Sound(tone(1.0), RATE), TurnEnded())), script)


@pytest.mark.parametrize("over", [0.0, 0.1, 0.3, 1.0])
def test_over_is_exact_also_within_the_silence_of_the_prompt(over):
    voices = []

    def on_voice(line):
        async def step():
            voices.append(line.playout.now())

        return step()

    async def script(call):
        await call.say(PROMPT, wait=False)
        await call.say(PROMPT, over=over, wait=False)
        return next(moment.at for moment in call.record.moments if moment.kind == "speaks")

    speaks = talk(ScriptedAgent(says("x", seconds=4.0), on_voice=on_voice), script)
    assert voices[1] - speaks == pytest.approx(over, abs=0.041)


def test_over_a_greeting():
    async def script(call):
        await call.pause(0.5)
        return await call.say(PROMPT, over=1.0)

    greeting = says("hello", seconds=9.0, ends=False)
    agent = ScriptedAgent(says("stopped"), greeting=greeting, on_voice=stops(Interrupted(), TurnEnded()))
    turn = talk(agent, script)
    assert (turn.reply, turn.interrupted) == ("stopped", True)


# -- prompts that are cancelled


async def cancelled(call, said, *, when):
    """Say a prompt, and cancel it when a condition holds."""
    task = asyncio.ensure_future(call.say(said))
    while not when():  # noqa: ASYNC110 - the record has no event
        await asyncio.sleep(0)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert task.cancelled()


def test_cancelled_prompt_gets_nothing_of_what_follows():
    agent = ScriptedAgent(emits(Said("yes?"), TurnEnded()))

    async def script(call):
        sent = agent.lines[0]
        await cancelled(call, prompt(-0.3, 60.0), when=lambda: sent.sent > 200)
        stereo, said = call.record.stereo(), call.record.seconds_said
        return await call.hear(), stereo, said

    heard, stereo, said = talk(agent, script)
    assert (heard.prompt, heard.reply) == (None, "yes?")
    assert said < 10
    assert stereo.duration < 10


def test_cancelled_prompt_is_not_said_to_its_end():
    class Line(ScriptedLine):
        loud = 0

        async def send(self, frame):
            self.loud += is_loud(frame)
            await super().send(frame)

    agent = ScriptedAgent(emits(TurnEnded()), line_type=Line)

    async def script(call):
        await cancelled(call, prompt(-0.3, 60.0), when=lambda: agent.lines[0].loud > 20)
        loud = agent.lines[0].loud
        await call.pause(2.0)
        return agent.lines[0].loud - loud

    assert talk(agent, script) <= 1


def test_cancelled_prompt_that_was_not_begun_was_not_said():
    agent = ScriptedAgent(says("x"), greeting=says("hello", seconds=2.0))

    async def script(call):
        await cancelled(call, PROMPT, when=lambda: agent.lines[0].sent > 20)
        return call.record.seconds_said, await call.say(PROMPT)

    said, turn = talk(agent, script)
    assert (said, turn.reply) == (0, "x")


# -- the clock


def test_waiting_for_a_time_that_has_come_lets_others_run():
    async def run():
        clock = AudioClock(0)
        others = 0

        async def other():
            nonlocal others
            while True:
                others += 1
                await asyncio.sleep(0)

        task = asyncio.ensure_future(other())
        for _ in range(100):
            await clock.sleep_until(0.0)
        task.cancel()
        return others

    assert asyncio.run(run()) > 50


def test_wait_that_was_cancelled_is_not_awaited():
    async def run():
        clock = AudioClock(0)
        task = asyncio.ensure_future(clock.sleep_until(1000.0))
        await asyncio.sleep(0)
        assert clock.is_awaited
        task.cancel()
        await asyncio.wait([task])
        assert not clock.is_awaited

    asyncio.run(run())


def test_first_prompt_waits_for_quiet_after_the_line_is_open():
    class Line(ScriptedLine):
        silent = 0

        async def send(self, frame):
            self.silent += not (self._voiced or is_loud(frame))
            await super().send(frame)

    class Slow(ScriptedAgent):
        @contextlib.asynccontextmanager
        async def connect(self, playout):
            async with super().connect(playout) as line:
                await asyncio.sleep(0.7)
                yield line

    agent = Slow(emits(TurnEnded()), line_type=Line)
    talk(agent, lambda call: call.say(PROMPT, wait=False), pace=1)
    assert agent.lines[0].silent >= (0.5 + 0.3) / 0.02 - 2


def test_line_ends_once():
    class Line(ScriptedLine):
        async def send(self, frame):
            await super().send(frame)
            if self.sent == 50:
                self.fail(OSError("first"))
            if self.sent == 60:
                raise OSError("second")

    async def script(call):
        with pytest.raises(AgentLostError, match="ended: OSError: first"):
            await call.say(prompt(-0.3, 5.0))
        while agent.lines[0].sent < 60:  # noqa: ASYNC110 - the line has no event
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        with pytest.raises(AgentLostError, match="the line failed: OSError: first"):
            await call.say(PROMPT)
        return [moment.text for moment in call.record.moments if moment.kind == "lost"]

    agent = ScriptedAgent(line_type=Line)
    assert talk(agent, script, pace=20) == ["OSError('first')"]


def test_connect_that_ends_without_an_error_is_noticed():
    class Agent(ScriptedAgent):
        @contextlib.asynccontextmanager
        async def connect(self, playout):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.1), super().connect(playout) as line:
                    yield line

    with pytest.raises(AgentLostError, match="connect closed the line while the call went on"):
        talk(Agent(), lambda call: call.say(PROMPT), timeout=5)
