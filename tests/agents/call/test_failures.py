"""Agents that are dead, silent, looping, flooding, slow, closing or crashing: each gives a typed error."""

import asyncio
import contextlib
import logging

import pytest

from russo_agents import (
    AgentConfigError,
    AgentError,
    AgentLostError,
    AgentSilentError,
    Heard,
    Said,
    Sound,
    ToolCall,
    ToolCalled,
    TurnEnded,
    open_call,
)
from russo_agents._call import connection
from support.agents.leaks import nothing_left_running
from support.agents.scripted import RATE, ScriptedAgent, ScriptedLine, emits, prompt, says, tone

PROMPT = prompt(-0.3, 1.0, -0.47)
TIMEOUT = 0.3


def failure(agent, script=None, *, timeout=TIMEOUT, pace=0):
    """Return the error of a call; nothing may be left running."""

    async def run():
        async with nothing_left_running():
            with pytest.raises(AgentError) as caught:
                async with asyncio.timeout(20), open_call(agent, pace=pace, timeout=timeout) as call:
                    await (script(call) if script else call.say(PROMPT))
            return caught.value

    return asyncio.run(run())


# -- silent


def test_dead_agent_is_silent():
    error = failure(ScriptedAgent())
    assert type(error) is AgentSilentError
    assert str(error) == (
        "the agent gave no sign for 0.3 s and did not end its turn after '(audio, 1.8 s)'; "
        "it heard nothing, called no tool and did not speak"
    )
    assert error.turn.events == ()


def test_silent_agent_says_what_happened_until_then():
    sound = Sound(tone(0.5), RATE)
    error = failure(ScriptedAgent(emits(Heard("turn on"), ToolCalled(ToolCall("f", {"a": 1})), sound)))
    assert type(error) is AgentSilentError
    assert "it heard 'turn on' and called f(a=1) and began to speak" in str(error)
    assert error.turn.heard == "turn on"
    assert error.turn.audio.duration == pytest.approx(0.5)


def test_message_does_not_say_what_the_line_cannot_observe():
    class Blind(ScriptedLine):
        observes = frozenset({"reply"})

    error = failure(ScriptedAgent(line_type=Blind))
    assert str(error).endswith("; it did not speak")


def test_silent_sound_is_not_a_sign():
    async def hum(line):
        while True:
            line.emit(Sound(bytes(640), RATE))
            await asyncio.sleep(0.01)

    assert type(failure(ScriptedAgent(hum))) is AgentSilentError


def test_unknown_events_are_not_a_sign():
    async def beat(line):
        while True:
            line.emit("heartbeat")
            await asyncio.sleep(0.01)

    assert type(failure(ScriptedAgent(beat))) is AgentSilentError


def test_agent_that_never_speaks_first_is_silent():
    error = failure(ScriptedAgent(), lambda call: call.hear())
    assert type(error) is AgentSilentError
    assert "after" not in str(error)


def test_timeout_counts_from_the_last_sign():
    async def slow(line):
        for index in range(4):
            await asyncio.sleep(0.15)
            line.emit(Heard(str(index)))
        line.emit(TurnEnded())

    async def run():
        async with open_call(ScriptedAgent(slow), pace=0, timeout=0.4) as call:
            return await call.say(PROMPT)

    assert asyncio.run(run()).heard == "0 1 2 3"


def test_hint_of_the_line_is_in_the_message():
    class Line(ScriptedLine):
        def hint(self):
            return "the agent is deaf for 3 s"

    assert str(failure(ScriptedAgent(line_type=Line))).endswith("; the agent is deaf for 3 s")


def test_long_reply_is_not_silence():
    async def long(line):
        for _ in range(60):
            line.emit(Sound(tone(1.0), RATE))
            await line.playout.played(1.0)
        line.emit(TurnEnded())

    async def run():
        async with open_call(ScriptedAgent(long), pace=0, timeout=TIMEOUT) as call:
            return await call.say(PROMPT)

    assert asyncio.run(run()).audio.duration == pytest.approx(60)


def test_looping_agent_does_not_end_its_turn():
    async def loop(line):
        while True:
            line.emit(Sound(tone(1.0), RATE))
            await line.playout.played(1.0)

    error = failure(ScriptedAgent(loop))
    assert type(error) is AgentSilentError
    assert "it has spoken for 120 s, and a turn lasts at most 120 s" in str(error)


def test_agent_that_never_stops_speaking_does_not_hold_the_next_prompt_for_ever():
    async def loop(line):
        line.emit(TurnEnded())
        while True:
            line.emit(Sound(tone(1.0), RATE))
            await line.playout.played(1.0)

    async def script(call):
        await call.say(PROMPT)
        await call.say(PROMPT)

    assert type(failure(ScriptedAgent(loop), script)) is AgentSilentError


# -- flooding


class FloodingLine(ScriptedLine):
    """A line whose events come as fast as Python can make them, without a pause."""

    event = Sound(bytes([0, 32] * 320), RATE)

    async def events(self):
        while True:
            yield self.event


class WordyLine(FloodingLine):
    event = Said("x")


def test_flood_of_sound_is_an_error():
    error = failure(ScriptedAgent(line_type=FloodingLine))
    assert type(error) is AgentLostError
    assert "s of sound at once; a turn has at most 120 s" in str(error)


def test_flood_of_words_is_an_error():
    error = failure(ScriptedAgent(line_type=WordyLine))
    assert type(error) is AgentLostError
    assert "the agent sent more than 50000 events in one turn" in str(error)


# -- closing and crashing


def test_agent_that_hangs_up_before_its_answer_is_lost():
    async def hang_up(line):
        line.emit(Heard("turn on"))
        line.hang_up()

    error = failure(ScriptedAgent(hang_up))
    assert type(error) is AgentLostError
    assert str(error) == "the agent hung up before the turn after '(audio, 1.8 s)' ended; it heard 'turn on'"
    assert error.turn.heard == "turn on"


def test_agent_that_hangs_up_in_the_middle_of_its_reply_is_lost():
    async def hang_up(line):
        line.emit(Sound(tone(1.0), RATE), Said("I was"))
        line.hang_up()

    assert type(failure(ScriptedAgent(hang_up))) is AgentLostError


def test_hang_up_ends_the_turn_of_a_line_without_ends():
    async def goodbye(line):
        line.emit(Sound(tone(1.0), RATE), Said("goodbye"))
        line.hang_up()

    async def run():
        async with open_call(ScriptedAgent(goodbye, ends_turns=False), pace=0, timeout=3) as call:
            return await call.say(PROMPT)

    assert asyncio.run(run()).reply == "goodbye"


def test_hang_up_without_an_answer_is_no_turn_of_a_line_without_ends():
    async def hang_up(line):
        line.emit(Heard("turn on"))
        line.hang_up()

    assert type(failure(ScriptedAgent(hang_up, ends_turns=False))) is AgentLostError


def test_crash_after_an_answer_is_no_turn_of_a_line_without_ends():
    async def crash(line):
        line.emit(Said("I was"))
        line.fail(OSError("reset"))

    assert type(failure(ScriptedAgent(crash, ends_turns=False))) is AgentLostError


def test_crash_of_the_line_is_chained():
    async def crash(line):
        line.fail(OSError("connection reset"))

    error = failure(ScriptedAgent(crash))
    assert type(error) is AgentLostError
    assert (
        "the line failed before the turn after '(audio, 1.8 s)' ended: OSError: connection reset; it"
        in str(error)
    )
    assert isinstance(error.__cause__, OSError)


def test_every_later_prompt_of_a_lost_line_fails():
    async def crash(line):
        line.fail(OSError("reset"))

    async def script(call):
        with contextlib.suppress(AgentLostError):
            await call.say(PROMPT)
        await call.say(PROMPT)

    assert "the line failed: OSError: reset" in str(failure(ScriptedAgent(crash), script))


class DeafLine(ScriptedLine):
    async def send(self, frame):
        raise BrokenPipeError("closed")


class StuckLine(ScriptedLine):
    async def send(self, frame):
        await super().send(frame)
        if self.sent > 60:
            await asyncio.Event().wait()


class LeakingLine(ScriptedLine):
    """The SDK cancels a task of its own, and its cancellation comes out of the iterator."""

    async def events(self):
        raise asyncio.CancelledError
        yield


class LeakingSendLine(ScriptedLine):
    async def send(self, frame):
        raise asyncio.CancelledError


class CoroutineLine(ScriptedLine):
    async def events(self):
        return []


class WrongSoundLine(ScriptedLine):
    async def events(self):
        yield Sound(b"123", RATE)


@pytest.mark.parametrize(
    ("line_type", "kind", "message"),
    [
        (DeafLine, AgentLostError, "the line failed: BrokenPipeError: closed"),
        (StuckLine, AgentSilentError, "the line took no sound for 0.3 s: StuckLine.send has not returned"),
        (LeakingLine, AgentLostError, "the line failed: CancelledError"),
        (LeakingSendLine, AgentLostError, "the line failed: CancelledError"),
        (CoroutineLine, AgentLostError, "CoroutineLine.events is a coroutine; it must be a generator"),
        (WrongSoundLine, AgentLostError, "Sound.pcm has 3 bytes; a 16-bit sample has two"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_faulty_line_is_a_typed_error(line_type, kind, message):
    error = failure(ScriptedAgent(line_type=line_type))
    assert type(error) is kind
    assert message in str(error)


def test_task_of_the_line_that_fails_is_noticed():
    class Agent(ScriptedAgent):
        @contextlib.asynccontextmanager
        async def connect(self, playout):
            async with asyncio.timeout(0.2), super().connect(playout) as line:
                yield line

    error = failure(Agent(), timeout=5)
    assert type(error) is AgentLostError
    assert isinstance(error.__cause__, TimeoutError)


# -- connecting


def agent_that(connect):
    class Agent:
        pass

    Agent.connect = connect
    return Agent()


def test_failing_connect_is_chained():
    @contextlib.asynccontextmanager
    async def connect(self, playout):
        raise ConnectionRefusedError("port 1")
        yield

    error = failure(agent_that(connect))
    assert type(error) is AgentLostError
    assert str(error) == "the agent could not be connected: ConnectionRefusedError('port 1')"
    assert isinstance(error.__cause__, ConnectionRefusedError)


def test_connect_that_hangs_ends_within_the_timeout():
    @contextlib.asynccontextmanager
    async def connect(self, playout):
        await asyncio.Event().wait()
        yield

    assert str(failure(agent_that(connect))) == "the agent did not connect within 0.3 s"


def test_connect_that_is_a_coroutine_is_explained():
    async def connect(self, playout):
        return None

    error = failure(agent_that(connect))
    assert type(error) is AgentConfigError
    assert "connect of Agent returned coroutine" in str(error)


class NoSend(ScriptedLine):
    send = property()


class OddRate(ScriptedLine):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.sample_rate = 11025


class Misspelt(ScriptedLine):
    observes = frozenset({"replies"})


@pytest.mark.parametrize(
    ("line_type", "message"),
    [
        (NoSend, "connect gave NoSend, which is not a line: it has no send"),
        (OddRate, "OddRate.sample_rate is 11025; it must be an integer in Hz"),
        (Misspelt, "Misspelt.observes has 'replies'; known are heard, interruption, reply, tool_calls"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_object_that_is_not_a_line_is_refused(line_type, message):
    error = failure(ScriptedAgent(line_type=line_type))
    assert type(error) is AgentConfigError
    assert message in str(error)


# -- closing


def closing(step):
    class Agent(ScriptedAgent):
        @contextlib.asynccontextmanager
        async def connect(self, playout):
            async with super().connect(playout) as line:
                yield line
                await step()

    return Agent(says("x"))


def test_line_that_does_not_close_is_abandoned(monkeypatch, caplog):
    monkeypatch.setattr(connection, "CLOSE_SECONDS", 0.2)

    async def run():
        async with nothing_left_running():
            async with open_call(closing(asyncio.Event().wait), pace=0, timeout=3) as call:
                turn = await call.say(PROMPT)
            return turn, call.record

    with caplog.at_level(logging.WARNING):
        turn, record = asyncio.run(run())
    assert turn.reply == "x"
    assert record.problems == ["closing the line took longer than 0.2 s; it was abandoned"]
    assert "closing the line took longer" in caplog.text


def test_failure_of_closing_is_raised():
    async def step():
        raise RuntimeError("disk full")

    error = failure(closing(step))
    assert type(error) is AgentLostError
    assert str(error) == "the line could not be closed: RuntimeError('disk full')"


def test_connect_is_entered_and_left_in_one_task():
    tasks = []

    class Agent(ScriptedAgent):
        @contextlib.asynccontextmanager
        async def connect(self, playout):
            tasks.append(asyncio.current_task())
            async with asyncio.TaskGroup(), super().connect(playout) as line:
                yield line
            tasks.append(asyncio.current_task())

    async def run():
        manager = open_call(Agent(says("x")), pace=0)
        call = await asyncio.create_task(manager.__aenter__())
        assert (await asyncio.create_task(call.say(PROMPT))).reply == "x"
        await asyncio.create_task(manager.__aexit__(None, None, None))

    asyncio.run(run())
    assert tasks[0] is tasks[1]


def test_hang_up_while_the_turn_is_awaited():
    async def hear_and_hang_up(line):
        line.emit(Heard("turn on"))

    async def script(call):
        async def hang_up():
            while not any(moment.kind == "heard" for moment in call.record.moments):  # noqa: ASYNC110 - the record has no event
                await asyncio.sleep(0.01)
            await call.hang_up()

        async with asyncio.TaskGroup() as group:
            group.create_task(hang_up())
            with pytest.raises(AgentLostError, match="the call was hung up meanwhile") as caught:
                await call.say(PROMPT)
        raise caught.value

    assert type(failure(ScriptedAgent(hear_and_hang_up), script, timeout=5)) is AgentLostError


# -- cancellation


@pytest.mark.parametrize("pace", [0, 20])
@pytest.mark.parametrize("steps", [*range(0, 30, 3), *range(30, 400, 23)])
def test_cancel_at_any_moment_leaves_nothing(steps, pace):
    """The task is cancelled after a number of steps of the event loop."""
    agent = ScriptedAgent(says("one", seconds=2.0), says("two"), greeting=says("hello"))

    async def work():
        async with open_call(agent, pace=pace, timeout=5) as call:
            await call.hear()
            await call.say(PROMPT, wait=False)
            await call.say(PROMPT, over=0.5)
            await call.pause(1000.0)

    async def run():
        async with nothing_left_running():
            task = asyncio.ensure_future(work())
            for _ in range(steps):
                await asyncio.sleep(0)
            assert not task.done()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asyncio.wait_for(task, 5)

    asyncio.run(run())


def test_second_cancel_does_not_stop_the_closing():
    closed = []

    async def step():
        await asyncio.sleep(0.2)
        closed.append(True)

    async def work():
        async with open_call(closing(step), pace=0, timeout=5) as call:
            await call.pause(1000.0)

    async def run():
        async with nothing_left_running():
            task = asyncio.ensure_future(work())
            await asyncio.sleep(0.1)
            for _ in range(3):
                task.cancel()
                await asyncio.sleep(0.02)
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(run())
    assert closed == [True]


def test_call_goes_on_after_a_cancelled_prompt():
    agent = ScriptedAgent(says("one"), says("two"))

    async def run():
        async with open_call(agent, pace=0, timeout=5) as call:
            task = asyncio.ensure_future(call.say(PROMPT))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return await call.say(PROMPT)

    assert asyncio.run(run()).reply == "one"


def test_timeout_of_the_test_is_not_an_answer():
    async def run():
        async with nothing_left_running(), open_call(ScriptedAgent(), pace=0, timeout=5) as call:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await call.say(PROMPT)

    asyncio.run(run())
