"""An adapter for an agent that repeats what it hears, after half a second of silence."""

import array
import asyncio
import contextlib

from russo_agents import Interrupted, Said, Sound, TurnEnded

RATE = 16_000


class EchoAgent:
    """Repeats the caller's sound.

    Args:
        words: What it says that it does.
    """

    def __init__(self, *, words: str = "echo") -> None:
        self._words = words

    @contextlib.asynccontextmanager
    async def connect(self, playout):
        yield EchoLine(self._words, playout)


class EchoLine:
    sample_rate = RATE
    ends_turns = True
    real_time = False
    observes = frozenset({"reply", "interruption"})

    def __init__(self, words, playout):
        self._words, self._playout = words, playout
        self._events = asyncio.Queue()
        self._speech, self._silent, self._ends = b"", 0, None

    async def send(self, frame):
        if self._ends is not None and self._playout.now() >= self._ends:
            self._end()
        if max(array.array("h", frame)) > 300:
            self._speech, self._silent = self._speech + frame, 0
            if self._ends is not None:
                self._end(Interrupted())
        else:
            self._silent += 1
            if self._silent == 25 and self._speech:
                self._repeat()

    def _repeat(self):
        sound, self._speech = Sound(self._speech, RATE), b""
        self._events.put_nowait(Said(f"{self._words} of {sound.seconds:.1f} s"))
        self._events.put_nowait(sound)
        self._ends = self._playout.now() + sound.seconds

    def _end(self, *events):
        self._ends = None
        for event in (*events, TurnEnded()):
            self._events.put_nowait(event)

    async def events(self):
        while True:
            yield await self._events.get()
