"""`ScriptedAgent`: an agent whose voice detection counts audio, and whose answers follow a script.

The line ends an utterance after 0.5 s of silence in the audio that it was sent, as real voice detections do.
Then it runs the next step of its script, an async function that emits events.
"""

import array
import asyncio
import contextlib
import functools
import math

from russo import Audio
from russo_agents import Said, Sound, TurnEnded

RATE = 16000
END_SILENCE = 0.5
CLOSED = object()


@functools.lru_cache(maxsize=64)
def tone(seconds, *, rate=RATE, level=8000):
    """Return a tone of 440 Hz as samples."""
    count = round(seconds * rate)
    return array.array(
        "h", (round(level * math.sin(2 * math.pi * 440 * n / rate)) for n in range(count))
    ).tobytes()


def silence(seconds, *, rate=RATE):
    """Return silent samples."""
    return bytes(2 * round(seconds * rate))


def prompt(*parts, rate=RATE):
    """Return audio of tones and gaps in turn: a positive number of seconds is a tone, a negative one a gap."""
    pcm = b"".join(tone(part, rate=rate) if part > 0 else silence(-part, rate=rate) for part in parts)
    return Audio(pcm, "pcm", rate)


def is_loud(frame):
    return max(array.array("h", frame), default=0) > 300


class ScriptedLine:
    """One conversation with a scripted agent."""

    real_time = False

    def __init__(self, playout, steps, *, ends_turns=True, on_voice=None):
        self.sample_rate = RATE
        self.ends_turns = ends_turns
        self.playout = playout
        self.sent = 0
        self.frames = []
        self.utterances = []
        self._on_voice = on_voice
        self._steps = list(steps)
        self._queue = asyncio.Queue()
        self._quiet = 0.0
        self._voiced = 0.0
        self._tasks = set()

    # -- what russo calls

    async def send(self, frame):
        self.sent += 1
        if is_loud(frame):
            if not self._voiced and self._on_voice is not None:
                self.start(self._on_voice(self))
            self._voiced += 0.02
            self._quiet = 0.0
        elif self._voiced:
            self._quiet += 0.02
            if self._quiet > END_SILENCE - 0.001:
                self.utterances.append(round(self._voiced, 2))
                self._voiced = self._quiet = 0.0
                if self._steps:
                    self.start(self._steps.pop(0)(self))

    async def events(self):
        while (event := await self._queue.get()) is not CLOSED:
            if isinstance(event, BaseException):
                raise event
            yield event

    # -- what scripts call

    def start(self, step):
        task = asyncio.ensure_future(step)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def emit(self, *events):
        for event in events:
            self._queue.put_nowait(event)

    def hang_up(self):
        self._queue.put_nowait(CLOSED)

    def fail(self, error):
        self._queue.put_nowait(error)

    def close(self):
        for task in self._tasks:
            task.cancel()


class ScriptedAgent:
    """An agent that answers each utterance by the next step of its script.

    Args:
        steps: Async functions of the line.
        greeting: A step that runs when the line opens.
        on_voice: Returns a step that runs when the caller begins to speak.
        ends_turns: Whether the line reports the end of a turn; scripts emit `TurnEnded` themselves.
    """

    def __init__(self, *steps, greeting=None, on_voice=None, ends_turns=True, line_type=ScriptedLine):
        self.steps = steps
        self.greeting = greeting
        self.on_voice = on_voice
        self.ends_turns = ends_turns
        self.line_type = line_type
        self.lines = []

    @contextlib.asynccontextmanager
    async def connect(self, playout):
        line = self.line_type(playout, self.steps, ends_turns=self.ends_turns, on_voice=self.on_voice)
        self.lines.append(line)
        if self.greeting is not None:
            line.start(self.greeting(line))
        try:
            yield line
        finally:
            line.close()


def says(text, *, seconds=1.0, thinks=0.0, ends=True):
    """Return a step that speaks in one burst, then says its words, then ends the turn when it was played."""

    async def step(line):
        if thinks:
            await line.playout.played(thinks)
        pcm = tone(seconds)
        for start in range(0, len(pcm), 640):
            line.emit(Sound(pcm[start : start + 640], RATE))
        line.emit(Said(text))
        if ends:
            await line.playout.played(seconds)
            line.emit(TurnEnded())

    return step


def emits(*events):
    """Return a step that emits events at once."""

    async def step(line):
        line.emit(*events)

    return step


def stops(*events, after=0.0):
    """Return an ``on_voice``: events that the agent emits if the caller speaks over its sound.

    Args:
        *events: The events.
        after: How many seconds of the caller's speech come before them.
    """

    def on_voice(line):
        async def step():
            if after:
                await line.playout.played(after)
            if line.playout.played_until() > line.playout.now():
                line.emit(*events)

        return step()

    return on_voice
