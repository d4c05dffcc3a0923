"""A line without the driver: a test sends frames by hand and reads the events. The clock counts the frames."""

import asyncio
import contextlib

from russo_agents._call.clock import AudioClock
from russo_agents._call.playout import Playout


def tone(seconds, rate=16_000, level=3000):
    """Return a square wave of about 200 Hz: 16-bit little-endian mono."""
    high, low = level.to_bytes(2, "little", signed=True), (-level).to_bytes(2, "little", signed=True)
    half = rate // 400
    count = round(seconds * rate)
    return ((high * half + low * half) * (count // (2 * half) + 1))[: 2 * count]


def silence(seconds, rate=16_000):
    """Return silence: 16-bit mono."""
    return bytes(2 * round(seconds * rate))


class Microphone:
    """Sends sound to a line, frame by frame, and collects the events.

    Attributes:
        got: Each event with the second of audio at which it came.
        error: What `Line.events` raised, or ``None``.
    """

    def __init__(self, line, clock):
        self.line = line
        self.clock = clock
        self.got = []
        self.error = None
        self._reader = asyncio.create_task(self._read())

    @property
    def events(self):
        return [event for event, _ in self.got]

    async def send(self, pcm):
        size = 2 * self.line.sample_rate // 50
        for start in range(0, len(pcm), size):
            await self.line.send(pcm[start : start + size].ljust(size, b"\0"))
            self.clock.tick()
            await self._let_others_run()

    async def until(self, kind, count=1):
        """Send silence until so many events of a kind have come; fail after 10 s of wall time."""
        async with asyncio.timeout(10):
            while sum(isinstance(event, kind) for event in self.events) < count:
                if self.error is not None:
                    raise self.error
                await self.send(silence(0.02, self.line.sample_rate))
                await asyncio.sleep(0.001)  # a thread of the agent may have to run

    async def end(self):
        """Wait until the events end; return what they raised."""
        await asyncio.wait_for(asyncio.shield(self._reader), 10)
        return self.error

    async def _read(self):
        try:
            async for event in self.line.events():
                self.got.append((event, self.clock.now()))
        except Exception as error:  # noqa: BLE001 - a test looks at it
            self.error = error

    async def _let_others_run(self):
        for _ in range(5):
            await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def microphone(agent):
    """Open a line to an agent and yield its `Microphone`."""
    clock = AudioClock(0)
    async with agent.connect(Playout(clock)) as line:
        yield Microphone(line, clock)
