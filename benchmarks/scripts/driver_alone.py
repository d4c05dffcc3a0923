"""Print what a turn costs at pace 0 if the agent does no work, and what 200 turns add to the memory.

    python driver_alone.py

The prompt has 2.2 s of sound and the reply one second. The output is JSON: the milliseconds per turn of some
rounds, and the megabytes by which 200 turns raise the peak memory of the process, or null if unknown.
"""

import array
import asyncio
import contextlib
import json
import math
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from russo import Audio
from russo_agents import Call, Heard, Playout, Said, Sound, TurnEnded, open_call

_RATE = 16_000
_SILENT_FRAMES = 25  # that end an utterance


def tone(seconds: float) -> bytes:
    """Return a tone of 440 Hz."""
    samples = (round(8000 * math.sin(2 * math.pi * 440 * n / _RATE)) for n in range(round(seconds * _RATE)))
    return array.array("h", samples).tobytes()


class Line:
    """Answers each utterance at once, with words and sound, and ends its turn when the sound was played."""

    sample_rate = _RATE
    ends_turns = True
    real_time = False

    def __init__(self, playout: Playout) -> None:
        self._playout = playout
        self._events: asyncio.Queue[Any] = asyncio.Queue()
        self._silent = self._to_play = 0
        reply = tone(1.0)
        self._reply = [Sound(reply[start : start + 640], _RATE) for start in range(0, len(reply), 640)]

    async def send(self, frame: bytes) -> None:
        """Count frames."""
        if any(frame[:100]):
            self._silent = _SILENT_FRAMES
        elif self._silent:
            self._silent -= 1
            if not self._silent:
                for event in (Heard("turn on the light"), Said("the light is on"), *self._reply):
                    self._events.put_nowait(event)
                self._to_play = len(self._reply)
        elif self._to_play:
            self._to_play -= 1
            if not self._to_play:
                self._events.put_nowait(TurnEnded())

    async def events(self) -> AsyncIterator[Any]:
        """Yield the events."""
        while True:
            yield await self._events.get()


class Agent:
    """An agent without work."""

    @contextlib.asynccontextmanager
    async def connect(self, playout: Playout) -> AsyncIterator[Line]:
        """Open a line."""
        yield Line(playout)


async def _turns(call: Call, prompt: Audio, number: int) -> float:
    start = time.perf_counter()
    for _ in range(number):
        await call.say(prompt)
    return (time.perf_counter() - start) / number * 1000


def peak() -> float | None:
    """Return the peak memory of this process in megabytes."""
    status = Path("/proc/self/status")
    if not status.exists():
        return None
    return next(int(line.split()[1]) / 1000 for line in status.read_text().splitlines() if "VmHWM:" in line)


async def _main() -> None:
    prompt = Audio(bytes(9600) + tone(1.5) + bytes(12800), "pcm", _RATE)
    async with open_call(Agent(), pace=0) as call:
        await _turns(call, prompt, 20)
        before = peak()
        taken = [await _turns(call, prompt, 20) for _ in range(10)]
        after = peak()
    grown = None if before is None or after is None else after - before
    sys.stdout.write(json.dumps({"milliseconds": taken, "megabytes": grown}))


if __name__ == "__main__":
    asyncio.run(_main())
