"""The end of a call: closing, cancellation while it closes, and errors that end a line in other ways."""

import asyncio
import contextlib

import pytest

from russo_agents import (
    AgentConfigError,
    AgentError,
    AgentLostError,
    Heard,
    Interrupted,
    Said,
    ToolCall,
    ToolCalled,
    TurnEnded,
    open_call,
)
from russo_agents._call import connection, session
from russo_agents._call.connection import despite_cancellation
from support.agents.leaks import nothing_left_running
from support.agents.scripted import ScriptedAgent, ScriptedLine, emits, prompt, says

PROMPT = prompt(-0.3, 0.6, -0.47)


def agent_that_closes_with(step, *steps, line_type=ScriptedLine):
    class Agent(ScriptedAgent):
        @contextlib.asynccontextmanager
        async def connect(self, playout):
            async with super().connect(playout) as line:
                try:
                    yield line
                finally:
                    await step()

    return Agent(*steps, line_type=line_type)


async def fails():
    raise RuntimeError("disk full")


def failure(agent, script=None, *, timeout=5):
    async def run():
        async with nothing_left_running():
            with pytest.raises(AgentError) as caught:
                async with asyncio.timeout(20), open_call(agent, pace=0, timeout=timeout) as call:
                    await (script(call) if script else call.say(PROMPT))
            return caught.value

    return asyncio.run(run())


# -- the error of the test comes first


def test_failure_of_closing_does_not_replace_the_failure_of_the_test():
    async def run():
        async with open_call(agent_that_closes_with(fails), pace=0) as call:
            record = call.record
            try:
                raise AssertionError("the test")
            finally:
                run.record = record

    with pytest.raises(AssertionError, match="the test"):
        asyncio.run(run())
    assert run.record.problems == ["the line could not be closed: RuntimeError('disk full')"]


def test_failure_of_closing_does_not_replace_a_cancellation():
    async def run():
        async with asyncio.timeout(0.1), open_call(agent_that_closes_with(fails), pace=0):
            await asyncio.sleep(30)

    with pytest.raises(TimeoutError):
        asyncio.run(run())


def test_failure_of_closing_is_raised_once():
    async def run():
        async with open_call(agent_that_closes_with(fails), pace=0) as call:
            with pytest.raises(AgentLostError, match="could not be closed"):
                await call.hang_up()
            await call.hang_up()
        return call.record

    assert asyncio.run(run()).problems == ["the line could not be closed: RuntimeError('disk full')"]


# -- cancellation


@pytest.mark.parametrize("steps", range(8))
def test_cancellation_at_the_end_of_the_closing_is_not_lost(steps):
    async def closes(closed):
        await closed.wait()

    async def run():
        closed = asyncio.Event()
        task = asyncio.ensure_future(despite_cancellation(closes(closed)))
        await asyncio.sleep(0.01)
        closed.set()
        for _ in range(steps):
            await asyncio.sleep(0)
        if task.done():
            return True
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        return task.cancelled()

    assert asyncio.run(run())


def test_closing_that_is_cancelled_by_the_agent_is_a_cancellation():
    async def cancels():
        raise asyncio.CancelledError

    async def run():
        with pytest.raises(asyncio.CancelledError):
            await despite_cancellation(cancels())

    asyncio.run(run())


# -- the time for closing


class DefiantLine(ScriptedLine):
    """Its events ignore their cancellation until the test ends."""

    async def events(self):
        while not self.end.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await self.end.wait()
        yield TurnEnded()


def test_time_for_closing_is_shared(monkeypatch):
    monkeypatch.setattr(connection, "CLOSE_SECONDS", 1.5)
    monkeypatch.setattr(session, "CLOSE_SECONDS", 1.5)
    monkeypatch.setattr(connection, "_CANCEL_SECONDS", 0.1)

    async def run():
        DefiantLine.end = asyncio.Event()
        loop = asyncio.get_running_loop()
        agent = agent_that_closes_with(asyncio.Event().wait, line_type=DefiantLine)
        async with open_call(agent, pace=0) as call:
            await call.pause(0.5)
            start = loop.time()
        seconds = loop.time() - start
        DefiantLine.end.set()
        await asyncio.sleep(0)
        return call.record.problems, seconds

    problems, seconds = asyncio.run(run())
    assert problems == [
        "a task of the line could not be cancelled, and was abandoned",
        "closing the line took longer than 1.5 s; it was abandoned",
    ]
    assert seconds < 2.6  # 1.5 s, and 0.1 s for each of two last tries; not 1.5 s for each part


# -- errors that are not Exceptions


@pytest.mark.parametrize("error", [pytest.fail.Exception("no light"), SystemExit(3)], ids=["fail", "exit"])
def test_error_that_is_no_exception_ends_the_line(error):
    async def step(line):
        line.emit(Heard("on"))
        line.fail(error)

    lost = failure(ScriptedAgent(step))
    assert type(lost) is AgentLostError
    assert lost.__cause__ is error
    assert lost.turn.heard == "on"


@pytest.mark.parametrize("error", [pytest.fail.Exception("no light"), SystemExit(3)], ids=["fail", "exit"])
def test_error_that_is_no_exception_in_send_ends_the_line(error):
    class Line(ScriptedLine):
        async def send(self, frame):
            raise error

    assert failure(ScriptedAgent(line_type=Line)).__cause__ is error


def test_exit_of_connect_is_an_error():
    class Agent:
        @contextlib.asynccontextmanager
        async def connect(self, playout):
            raise SystemExit(3)
            yield

    lost = failure(Agent())
    assert type(lost) is AgentLostError
    assert "the agent raised SystemExit(3)" in str(lost)


# -- events that are mistakes


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (ToolCall("f"), r"ScriptedLine.events yielded a ToolCall; it must yield ToolCalled\(call\)"),
        (TurnEnded, "yielded the class TurnEnded; it must yield an object"),
        (Interrupted, "yielded the class Interrupted"),
    ],
    ids=["call", "end", "interrupted"],
)
def test_event_that_is_a_mistake_is_refused(event, message):
    with pytest.raises(AgentLostError, match=message):
        raise failure(ScriptedAgent(emits(event, TurnEnded())))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Heard(None), "Heard.text is NoneType; it must be text"),
        (lambda: Said(7), "Said.text is int; it must be text"),
        (lambda: Interrupted("now"), "Interrupted.at is str; it must be a number of seconds, or None"),
        (lambda: ToolCalled("f"), "ToolCalled.call is str; it must be a ToolCall"),
        (lambda: ToolCalled(ToolCall(None)), "ToolCall.name is NoneType; it must be text"),
        (lambda: ToolCalled(ToolCall("f", "{}")), "ToolCall.arguments is str; it must be a mapping"),
    ],
    ids=["heard", "said", "interrupted", "call", "name", "arguments"],
)
def test_event_with_a_wrong_value_is_refused(make, message):
    with pytest.raises(TypeError, match=message):
        make()


def test_subclass_of_an_event_is_that_event():
    class MyWords(Said):
        pass

    class MyEnd(TurnEnded):
        pass

    async def run():
        async with open_call(ScriptedAgent(emits(MyWords("x"), MyEnd())), pace=0, timeout=5) as call:
            return await call.say(PROMPT), call.record.moments

    turn, moments = asyncio.run(run())
    assert turn.reply == "x"
    assert [moment.kind for moment in moments] == ["caller", "said", "ended", "turn"]


class Unprintable:
    def __repr__(self):
        raise ValueError("no repr")


@pytest.mark.parametrize("event", [Unprintable(), ToolCalled(ToolCall("f", {"a": Unprintable()}))])
def test_value_that_cannot_be_printed_does_not_end_the_call(event):
    lost = failure(ScriptedAgent(emits(event)), timeout=0.3)
    assert "whose repr raises ValueError" in str(lost) or not isinstance(event, ToolCalled)
    assert lost.turn.events == (event,)


# -- other event loops


def test_library_without_asyncio_is_explained():
    calling = open_call(ScriptedAgent(says("x"))).__aenter__()
    with pytest.raises(
        AgentConfigError, match="open_call needs asyncio, and no event loop of asyncio runs here"
    ):
        calling.send(None)  # as trio does
