"""An adapter that keeps the contract, and adapters with one fault each.

The agent answers an utterance by its length, so that `AgentContract` can ask it for each kind of answer.
"""

import asyncio
import contextlib
import os
import threading
from dataclasses import dataclass

from russo_agents import Heard, Interrupted, Said, Sound, ToolCalled, TurnEnded, tool_call
from russo_agents.testing import AgentContract
from support.agents.microphone import tone
from support.agents.scripted import is_loud
from support.agents.scripted import prompt as sound_of

RATE = 16_000
ALL = {name for name in dir(AgentContract) if name.startswith("test_")}
CLOSED = object()


class RightLine:
    """Counts audio: 0.5 s of silence end an utterance, and 0.06 s of voice stop the reply."""

    sample_rate = RATE
    ends_turns = True
    real_time = False

    def __init__(self, agent, playout):
        self.agent = agent
        self.playout = playout
        self.queue = asyncio.Queue()
        self.voiced = self.silent = 0
        self.tasks = set()
        self.speaking = None

    async def send(self, frame):
        if is_loud(frame):
            self.voiced += 1
            self.silent = 0
            if self.voiced == 3 and self.speaking is not None:
                self.interrupt()
        else:
            self.silent += 1
            if self.silent == 25 and self.voiced:
                seconds, self.voiced = round(self.voiced / 50, 1), 0
                self.start(self.answer(seconds))
            await self.hear_silence()

    async def hear_silence(self):
        pass

    async def events(self):
        while (event := await self.queue.get()) is not CLOSED:
            yield event

    def emit(self, *events):
        for event in events:
            self.queue.put_nowait(event)

    def start(self, coroutine):
        task = asyncio.create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    def interrupt(self):
        self.speaking.cancel()
        self.emit(Interrupted(), TurnEnded())

    async def answer(self, seconds):
        if seconds == 0.6:
            self.emit(Heard("What time is it?"))
            await self.say("It is twelve.", 0.5)
        elif seconds == 1.2:
            self.emit(Heard("What day is it?"), ToolCalled(tool_call("day")), Said("It is Monday."))
        elif seconds == 0.3:
            self.emit(Heard("Turn on the light."), ToolCalled(tool_call("set_light", on=True)))
        elif seconds == 0.9:
            self.emit(Heard("Tell me a story."))
            await self.say("Once upon a time.", 8)
        elif seconds == 1.5:
            self.emit(CLOSED)
        self.end()

    def end(self):
        self.emit(TurnEnded())

    async def say(self, words, seconds):
        self.emit(Said(words), Sound(tone(seconds), RATE))
        self.speaking = asyncio.current_task()
        try:
            await self.playout.played(seconds)
        finally:
            self.speaking = None

    async def close(self):
        for task in self.tasks:
            task.cancel()
        if self.tasks:
            await asyncio.wait(self.tasks)


class RightAgent:
    line_type = RightLine

    @contextlib.asynccontextmanager
    async def connect(self, playout):
        await asyncio.sleep(0)
        line = self.line_type(self, playout)
        try:
            yield line
        finally:
            await line.close()


class ContractOfTheTests(AgentContract):
    """The declarations for the adapters of this module."""

    reply = "twelve"
    heard = "What time"
    second_reply = "Monday"
    tool_prompt = sound_of(-0.3, 0.3, -0.3)
    tool_calls = [tool_call("set_light", on=True)]  # noqa: RUF012 - as users write it
    long_prompt = sound_of(-0.3, 0.9, -0.3)
    hang_up_prompt = sound_of(-0.3, 1.5, -0.3)
    sdk = ("colorsys",)
    patience = 10.0


# -- right lines of other kinds


class EndsBySilence(RightLine):
    ends_turns = False

    def emit(self, *events):
        super().emit(*(event for event in events if event != TurnEnded()))


class ObservesNothing(RightLine):
    """A telephone: the caller hears the sound, and knows nothing else."""

    ends_turns = False
    observes = frozenset()

    def emit(self, *events):
        super().emit(*(event for event in events if isinstance(event, Sound) or event is CLOSED))

    async def answer(self, seconds):
        if seconds == 1.2:
            await self.say("It is Monday.", 0.5)
        else:
            await super().answer(seconds)


class RealTime(RightLine):
    real_time = True


class Greets(RightLine):
    def __init__(self, agent, playout):
        super().__init__(agent, playout)
        self.emit(Said("Hello."), Sound(tone(0.5), RATE), TurnEnded())


class OneLineAtATime(RightAgent):
    is_in_use = False

    @contextlib.asynccontextmanager
    async def connect(self, playout):
        if self.is_in_use:
            raise ConnectionError("the session is in use")
        self.is_in_use = True
        try:
            async with super().connect(playout) as line:
                yield line
        finally:
            self.is_in_use = False


# -- wrong lines


class ConnectIsNoContextManager(RightAgent):
    async def connect(self, playout):
        return self.line_type(self, playout)


class RaisesIfUnused(RightLine):
    """An SDK that cannot be closed before it got sound."""

    used = False

    async def send(self, frame):
        self.used = True
        await super().send(frame)

    async def close(self):
        await super().close()
        if not self.used:
            raise RuntimeError("the session was not started")


class RateWithoutWholeFrames(RightLine):
    sample_rate = 11_025


class ObservesAList(RightLine):
    observes = ["heard", "reply", "tool_calls", "interruption"]  # noqa: RUF012 - the fault


class EndsTurnsIsText(RightLine):
    ends_turns = "yes"


class RealTimeIsNotDeclared(RightLine):
    real_time = True


class EventsAreOnlyIterable(RightLine):
    def events(self):
        inner = super().events()

        class Events:
            def __aiter__(self):
                return inner

        return Events()


class EventsIsACoroutine(RightLine):
    async def events(self):
        return super().events()


class SendIsNotAsync(RightLine):
    def send(self, frame):
        self.start(super().send(frame))


class AnswersOnlyAtPaceZero(RightLine):
    async def answer(self, seconds):
        if not self.playout.pace:
            await super().answer(seconds)


class HeardIsObservedButMissing(RightLine):
    def emit(self, *events):
        super().emit(*(event for event in events if not isinstance(event, Heard)))


class HeardIsOtherWords(RightLine):
    def emit(self, *events):
        super().emit(*(Heard("Something.") if isinstance(event, Heard) else event for event in events))


class SoundWithoutWords(RightLine):
    def emit(self, *events):
        super().emit(*(event for event in events if not isinstance(event, Said)))


class EndsAreYieldedButNotDeclared(RightLine):
    ends_turns = False


class NeverEndsATurn(RightLine):
    def end(self):
        pass


class EndsBeforeTheWords(RightLine):
    """Yields TurnEnded with the response of the service, and the words a moment later."""

    async def answer(self, seconds):
        self.end()
        await self.playout.played(0.1)
        await super().answer(seconds)


class EmptyTurns(RightLine):
    async def answer(self, seconds):
        self.end()


class RepeatsItsFirstAnswer(RightLine):
    first = None

    async def answer(self, seconds):
        self.first = self.first or seconds
        await super().answer(0.6 if self.first == 0.6 else seconds)


class SaysAllAnswers(RightLine):
    """The words of all turns are said again."""

    def __init__(self, agent, playout):
        super().__init__(agent, playout)
        self.words = []

    def emit(self, *events):
        super().emit(*events)
        for event in events:
            if isinstance(event, Said) and event not in self.words:
                super().emit(*self.words)
                self.words.append(event)


class ToolCallHasNoEnd(RightLine):
    async def answer(self, seconds):
        if seconds == 0.3:
            self.emit(ToolCalled(tool_call("set_light", on=True)))
        else:
            await super().answer(seconds)


class ToolCallsAreNotReported(RightLine):
    observes = frozenset({"heard", "reply", "interruption"})

    def emit(self, *events):
        super().emit(*(event for event in events if not isinstance(event, ToolCalled)))


class ToolCallIsWrong(RightLine):
    async def answer(self, seconds):
        if seconds == 0.3:
            self.emit(ToolCalled(tool_call("set_light", on=False)))
            self.end()
        else:
            await super().answer(seconds)


class ToolCallsAreNotDeclared(RightLine):
    observes = frozenset({"heard", "reply", "interruption"})


class TalksInSilence(RightLine):
    async def hear_silence(self):
        if self.silent == 120:
            self.emit(Said("Are you still there?"), TurnEnded())


class HangsUpInSilence(RightLine):
    async def hear_silence(self):
        if self.silent == 120:
            self.emit(CLOSED)


class TalksOn(RightLine):
    """Observes interruptions, and never stops."""

    def interrupt(self):
        pass


class InterruptsWithoutAnEnd(RightLine):
    """Stops the reply, and forgets the prompt that stopped it."""

    def interrupt(self):
        super().interrupt()
        self.voiced = -1000


class ClosesWithAnError(RightLine):
    """Raises if a reply plays when the line is closed."""

    async def close(self):
        busy = bool(self.tasks)
        await super().close()
        if busy:
            raise RuntimeError("the response is still active")


class ClosesAfterTheReply(RightLine):
    """Waits for the end of the answer, which does not come: nobody moves the clock any more."""

    async def close(self):
        if self.tasks:
            await asyncio.wait(self.tasks)


class LeavesItsTasks(RightLine):
    async def close(self):
        pass


class HangUpIsSilence(RightLine):
    async def answer(self, seconds):
        if seconds != 1.5:
            await super().answer(seconds)


class AnswersAfterItsHangUp(RightLine):
    def emit(self, *events):
        super().emit(*(event for event in events if event is not CLOSED))


class ConnectCannotBeCancelled(RightAgent):
    """Reconnects if the first attempt is cancelled, and this attempt never ends."""

    @contextlib.asynccontextmanager
    async def connect(self, playout):
        try:
            for _ in range(6):
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            while not self.is_over.is_set():
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.sleep(0.01)
            raise
        async with super().connect(playout) as line:
            yield line

    is_over = threading.Event()


class OneLine(RightAgent):
    """Opens one line, and then refuses."""

    used = False

    @contextlib.asynccontextmanager
    async def connect(self, playout):
        if self.used:
            raise ConnectionError("the session is in use")
        self.used = True
        async with super().connect(playout) as line:
            yield line


class KeepsItsFirstLoop(RightAgent):
    """Keeps a lock of its first event loop."""

    loop = None

    @contextlib.asynccontextmanager
    async def connect(self, playout):
        self.loop = self.loop or asyncio.get_running_loop()
        if self.loop is not asyncio.get_running_loop():
            raise RuntimeError("is bound to a different event loop")
        async with super().connect(playout) as line:
            yield line


class SharesItsLine(RightAgent):
    """Answers on the line that was opened last."""

    class line_type(RightLine):
        def emit(self, *events):
            RightLine.emit(self.agent.last, *events)

        def __init__(self, agent, playout):
            super().__init__(agent, playout)
            agent.last = self


class LeavesThreads(RightAgent):
    is_over = threading.Event()

    class line_type(RightLine):
        def __init__(self, agent, playout):
            super().__init__(agent, playout)
            threading.Thread(target=agent.is_over.wait, daemon=True).start()


class LeavesFiles(RightAgent):
    opened = []  # noqa: RUF012 - closed by the test

    class line_type(RightLine):
        def __init__(self, agent, playout):
            super().__init__(agent, playout)
            agent.opened.append(os.open(os.devnull, os.O_RDONLY))


class FailsInTheBackground(RightLine):
    async def answer(self, seconds):
        await super().answer(seconds)
        raise RuntimeError("a task of the SDK failed")


class GreetsUnasked(RightLine):
    def __init__(self, agent, playout):
        super().__init__(agent, playout)
        self.emit(Said("Hello."), TurnEnded())


class EagerImport(RightAgent):
    """Pretends to be of a module that imports an SDK."""

    __module__ = "support.agents.eager_adapter"


@dataclass(frozen=True)
class Wrong:
    """A wrong adapter.

    Attributes:
        kind: The class of the agent, or of its line.
        caught_by: The checks that fail, without ``test_``; the first one names the fault.
        says: A part of the message of the first one.
    """

    kind: type
    caught_by: tuple
    says: str

    @property
    def checks(self):
        return {f"test_{name}" for name in self.caught_by}


def agent_of(kind):
    """Return an agent of a class of agents or of lines."""
    if issubclass(kind, RightAgent):
        return kind()
    agent = RightAgent()
    agent.line_type = kind
    return agent


# The checks of calls with an answer, and of all calls.
ANSWERS = (
    "turn_has_the_answer",
    "end_of_a_turn_is_as_declared",
    "second_turn_has_its_own_answer",
    "turn_with_a_tool_call_only",
    "silence_is_no_turn",
    "caller_interrupts_the_reply",
    "calls_one_after_another",
    "calls_at_the_same_time",
    "calls_leave_nothing_behind",
)
CALLS = (
    *ANSWERS,
    "agent_hangs_up",
    "caller_hangs_up",
    "call_can_be_cancelled",
    "connecting_and_closing_can_be_cancelled",
)
DURING = ("caller_hangs_up", "call_can_be_cancelled")

WRONG = [
    Wrong(EagerImport, ("import_of_the_adapter_imports_no_sdk",), "found: it imports colorsys"),
    Wrong(
        ConnectIsNoContextManager,
        (
            "connect_is_an_async_context_manager",
            "attributes_of_the_line",
            "methods_of_the_line",
            *CALLS,
        ),
        "found: coroutine",
    ),
    Wrong(
        RaisesIfUnused,
        (
            "connect_is_an_async_context_manager",
            "attributes_of_the_line",
            "end_of_a_turn_is_as_declared",
            "caller_hangs_up",
            "connecting_and_closing_can_be_cancelled",
        ),
        "RuntimeError: the session was not started",
    ),
    Wrong(
        RateWithoutWholeFrames,
        ("attributes_of_the_line", *CALLS),
        "RateWithoutWholeFrames.sample_rate is 11025",
    ),
    Wrong(ObservesAList, ("attributes_of_the_line",), "ObservesAList.observes is ['heard'"),
    Wrong(EndsTurnsIsText, ("attributes_of_the_line",), "EndsTurnsIsText.ends_turns is 'yes'"),
    Wrong(
        RealTimeIsNotDeclared, ("attributes_of_the_line", *CALLS), "RealTimeIsNotDeclared.real_time is True"
    ),
    Wrong(EventsAreOnlyIterable, ("methods_of_the_line",), "`events()` returns an async iterator"),
    Wrong(EventsIsACoroutine, ("methods_of_the_line", *ANSWERS), "`events()` returns an async iterator"),
    Wrong(SendIsNotAsync, ("methods_of_the_line", *ANSWERS), "`send(frame)` is an async function"),
    Wrong(AnswersOnlyAtPaceZero, ("turn_has_the_answer",), "AgentSilentError: the agent gave no sign"),
    Wrong(HeardIsObservedButMissing, ("turn_has_the_answer",), "found: no Heard(words)"),
    Wrong(HeardIsOtherWords, ("turn_has_the_answer",), "found: heard: 'Something.'"),
    Wrong(
        SoundWithoutWords,
        (
            "turn_has_the_answer",
            *(
                each
                for each in ANSWERS
                if each not in ("end_of_a_turn_is_as_declared", "calls_leave_nothing_behind")
            ),
        ),
        "found: sound without words",
    ),
    Wrong(NeverEndsATurn, ANSWERS, "yield TurnEnded() when the agent's turn is over"),
    Wrong(EndsBeforeTheWords, ANSWERS, "found: a turn with the events [TurnEnded()]"),
    Wrong(EmptyTurns, (*ANSWERS, "agent_hangs_up"), "found: a turn with the events [TurnEnded()]"),
    Wrong(FailsInTheBackground, (*ANSWERS, "agent_hangs_up"), "RuntimeError('a task of the SDK failed')"),
    Wrong(EndsAreYieldedButNotDeclared, ("end_of_a_turn_is_as_declared",), "found: a TurnEnded()"),
    Wrong(RepeatsItsFirstAnswer, ("second_turn_has_its_own_answer",), "found: the reply is 'It is twelve.'"),
    Wrong(SaysAllAnswers, ("second_turn_has_its_own_answer",), "the words 'twelve' in the second turn"),
    Wrong(ToolCallHasNoEnd, ("turn_with_a_tool_call_only",), "it called set_light(on=True)"),
    Wrong(
        ToolCallsAreNotReported,
        ("turn_with_a_tool_call_only",),
        "answers `tool_prompt` with words, sound or a tool call",
    ),
    Wrong(ToolCallIsWrong, ("turn_with_a_tool_call_only",), "found: [set_light(on=False)]"),
    Wrong(ToolCallsAreNotDeclared, ("turn_with_a_tool_call_only",), "'tool_calls' in `observes`"),
    Wrong(TalksInSilence, ("silence_is_no_turn",), "Said(text='Are you still there?')"),
    Wrong(GreetsUnasked, ("silence_is_no_turn",), "set `greets = True`"),
    Wrong(HangsUpInSilence, ("silence_is_no_turn",), "AgentLostError: the agent hung up"),
    Wrong(TalksOn, ("caller_interrupts_the_reply",), "found: no interruption"),
    Wrong(
        InterruptsWithoutAnEnd,
        ("caller_interrupts_the_reply",),
        "answers `second_prompt` over the reply to `long_prompt`",
    ),
    Wrong(ClosesWithAnError, ("caller_hangs_up",), "RuntimeError: the response is still active"),
    Wrong(ClosesAfterTheReply, DURING, "found: closing the line took longer than"),
    Wrong(LeavesItsTasks, DURING[::-1], "found: <coroutine object RightLine.answer"),
    Wrong(HangUpIsSilence, ("agent_hangs_up",), "AgentSilentError: the agent gave no sign"),
    Wrong(AnswersAfterItsHangUp, ("agent_hangs_up",), "found: the next prompt was answered"),
    Wrong(
        ConnectCannotBeCancelled,
        ("connecting_and_closing_can_be_cancelled",),
        "steps of the event loop) ends and leaves no task running",
    ),
    Wrong(
        OneLine,
        (
            "calls_one_after_another",
            "end_of_a_turn_is_as_declared",
            "connecting_and_closing_can_be_cancelled",
            "calls_at_the_same_time",
            "calls_leave_nothing_behind",
        ),
        "ConnectionError: the session is in use",
    ),
    Wrong(
        KeepsItsFirstLoop,
        ("calls_one_after_another", "calls_leave_nothing_behind"),
        "RuntimeError: is bound to a different event loop",
    ),
    Wrong(SharesItsLine, ("calls_at_the_same_time",), "each call has its own line"),
    Wrong(LeavesThreads, ("calls_leave_nothing_behind",), "after 3 calls: 3 threads more"),
    Wrong(LeavesFiles, ("calls_leave_nothing_behind",), "3 open files or sockets more"),
]
