"""A small pytest project with an agent under test, which a test writes and runs."""

from textwrap import dedent

from support.projects import PytestProject

AGENT = '''
"""An agent that answers each utterance at once. An utterance ends after 0.5 s of silence in the audio."""
import asyncio
import contextlib

from russo_agents import Heard, Said, Sound, ToolCall, ToolCalled, TurnEnded

LIGHT = ToolCalled(ToolCall("set_light", {"room": "kitchen", "on": True}, "done"))
ANSWER = [Heard("turn on the light"), LIGHT, Sound(b"\\0\\x20" * 4000, 8000), Said("The light is on.")]


class Line:
    sample_rate, ends_turns, real_time = 8000, True, False

    def __init__(self, playout, answers):
        self.playout, self.answers, self.queue, self.tasks = playout, list(answers), asyncio.Queue(), set()
        self.quiet = None

    async def send(self, frame):
        self.quiet = 0 if any(frame) else None if self.quiet is None else self.quiet + 1
        if self.quiet == 25:
            self.quiet = None
            task = asyncio.ensure_future(self.answer(self.answers.pop(0) if self.answers else ANSWER))
            self.tasks.add(task)

    async def answer(self, events):
        for event in events:
            if callable(event):
                event = event()
            if isinstance(event, Exception):
                self.queue.put_nowait(event)
                return
            self.queue.put_nowait(event)
        await self.playout.played(sum(each.seconds for each in events if isinstance(each, Sound)))
        self.queue.put_nowait(TurnEnded())

    async def events(self):
        while True:
            event = await self.queue.get()
            if isinstance(event, Exception):
                raise event
            yield event


class Shop:
    opened = closed = 0

    def __init__(self, *answers, opens: int = 8):
        self.answers, self.opens = answers, opens

    @contextlib.asynccontextmanager
    async def connect(self, playout):
        Shop.opened += 1
        line = Line(playout, self.answers)
        try:
            yield line
        finally:
            Shop.closed += 1
            for task in line.tasks:
                task.cancel()
'''
FIXTURE = """
    from shop import Shop

    @pytest.fixture
    def russo_agent():
        return Shop()
"""
SAY_ONCE = """
    def test_it(russo_call):
        turn = russo_call.say("Hello")
        assert turn.reply == "The light is on."
"""


class AgentProject(PytestProject):
    """A project whose `shop.py` has an agent, with ``russo_pace = 0`` in its ini-file."""

    def __init__(self, pytester):
        super().__init__(pytester)
        (self.path / "shop.py").write_text(AGENT)
        pytester.syspathinsert()
        self.agent(FIXTURE)
        self.tests(SAY_ONCE)

    def ini(self, text):
        super().ini(dedent("russo_pace = 0\n") + dedent(text))

    def agent(self, text):
        """Write a conftest.py with the synthesizer of the project, and an agent."""
        self.conftest(
            """
    @pytest.fixture(scope="session")
    def russo_synthesizer():
        return Speaker()
"""
            + text
        )


def section(result, title="the conversation"):
    """Return the lines of a section of a failing test, without its headline and the last lines of pytest."""
    lines = result.outlines
    starts = [number for number, line in enumerate(lines) if f"russo: {title}" in line and line[0] == "-"]
    if not starts:
        return None
    found = []
    for line in lines[starts[0] + 1 :]:
        if line.startswith(("---", "===", "___", "russo: ")):
            break
        found.append(line)
    return found
