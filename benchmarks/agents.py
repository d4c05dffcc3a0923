"""Agents: what a call at pace 0 costs over sending the same frames by hand, and how long whole calls take.

The agent is the one of examples/livekit-agent, with real voice detection and a real recognizer.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import logging
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Final

from russo import Audio, CachedSynthesizer
from russo.synthesizers import LocalSynthesizer
from russo_agents import Agent, LiveKitAgent, TurnEnded, open_call

from .figures import Figure, Place, ratios, single
from .rounds import Subject, measure

_ROOT: Final = Path(__file__).parents[1]
_EXAMPLE: Final = _ROOT / "examples" / "livekit-agent"
_DRIVER_ALONE: Final = Path(__file__).parent / "scripts" / "driver_alone.py"
_FRAME_SECONDS: Final = 0.02
# What the driver sends besides the prompt: silence until the agent's voice detection ends the turn, and
# silence after the reply.
_EAGER_FRAMES: Final = 50
_QUIET_FRAMES: Final = 25
_TURNS: Final = ("Turn on the kitchen light.", "And the bedroom.", "Stop the music.")
_CONVERSATIONS: Final = (
    "Turn on the kitchen light.",
    "Set a timer for thirteen minutes.",
    "Set a timer for thirty minutes.",
    "Stop the music.",
    "Thank you very much.",
    "Turn the bedroom light off.",
)


def agent(place: Place) -> Iterator[Figure]:
    """Measure turns at pace 0 over the same frames sent by hand, six calls, and the driver alone."""
    logging.getLogger("livekit").setLevel(logging.ERROR)  # it warns of voice detection that is late
    with contextlib.chdir(place.fresh("agent")):
        home = _home()
        prompts = {prompt: _speech(prompt) for prompt in (*_TURNS, *_CONVERSATIONS)}
        turns = [prompts[prompt] for prompt in _TURNS]
        base = "frames by hand"
        subjects: dict[str, Subject] = {
            base: _seconds_of(lambda: _by_hand(home, turns)),
            "say": _seconds_of(lambda: _by_call(home, turns)),
        }
        rounds = measure(subjects, base=base, seconds=20 * place.seconds, block=0)
        yield from ratios("agent", f"{len(turns)} turns at pace 0", rounds, base, ["say"])
        for pace, times in ((0.0, 5 if place.seconds else 1), (1.0, 1 if place.full else 0)):
            calls = _seconds_of(lambda: _conversations(home, prompts, pace))  # noqa: B023 - called at once
            if times:
                taken = [calls(1) for _ in range(times)]
                yield single("agent", "six calls", f"pace {pace:g}", "s", *taken)
    yield from _driver_alone()


def install(place: Place) -> Iterator[Figure]:
    """Measure how long ``pip install "russo-agents[livekit]"`` takes, and its size; only ``--full``."""
    if not place.full:
        return
    environment = place.fresh("install") / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    base = getattr(sys, "_base_executable", sys.executable)  # it has pip; an environment may have none
    pip = [base, "-m", "pip", "--python", str(environment / "bin" / "python"), "install"]
    own = [f"{_ROOT / 'russo-core'}[audio]", f"{_ROOT / 'russo-agents'}[livekit]"]
    start = time.perf_counter()
    subprocess.run([*pip, "--quiet", "--disable-pip-version-check", *own], check=True)
    yield single("install", "russo-agents[livekit]", "new environment", "s", time.perf_counter() - start)
    files = [path for path in environment.rglob("*") if path.is_file() and not path.is_symlink()]
    size = sum(path.stat().st_size for path in files) / 1e6
    yield single("install", "russo-agents[livekit]", "new environment, on disk", "MB", size)


# -- the calls


def _home() -> Agent:
    """Return the agent of the example, with its models loaded."""
    if str(_EXAMPLE) not in sys.path:
        sys.path.insert(0, str(_EXAMPLE))
    session = importlib.import_module("livekit_home.session")
    home = importlib.import_module("livekit_home.agent")
    session.prewarm()
    return LiveKitAgent(lambda: (session.make_session(), home.Home()))


def _speech(prompt: str) -> Audio:
    return CachedSynthesizer(LocalSynthesizer()).synthesize_sync(prompt).resample(16_000)


def _seconds_of(work: Callable[[], Awaitable[float]]) -> Subject:
    async def repeat(number: int) -> float:
        return sum([await work() for _ in range(number)])

    return lambda number: asyncio.run(repeat(number))


async def _by_call(agent: Agent, turns: list[Audio]) -> float:
    async with open_call(agent, pace=0) as call:
        start = time.perf_counter()
        for prompt in turns:
            turn = await call.say(prompt)
            assert turn.tool_calls
        return time.perf_counter() - start


async def _conversations(agent: Agent, prompts: dict[str, Audio], pace: float) -> float:
    start = time.perf_counter()
    for prompt in _CONVERSATIONS:
        async with open_call(agent, pace=pace) as call:
            turn = await call.say(prompts[prompt])
            assert turn.reply
    return time.perf_counter() - start


class _CountedFrames:
    """The least that `LiveKitAgent` needs of a play-out clock: seconds of the frames that were sent."""

    pace = 0.0

    def __init__(self) -> None:
        self.frames = 0
        self._waiters: list[tuple[float, asyncio.Future[None]]] = []

    def now(self) -> float:
        return self.frames * _FRAME_SECONDS

    @property
    def is_awaited(self) -> bool:
        return bool(self._waiters)

    def tick(self) -> None:
        self.frames += 1
        for waiter in [each for each in self._waiters if each[0] <= self.now()]:
            self._waiters.remove(waiter)
            if not waiter[1].done():
                waiter[1].set_result(None)

    async def played(self, seconds: float) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append((self.now() + seconds, future))
        await future


async def _by_hand(agent: Agent, turns: list[Audio]) -> float:
    """Send prompts and silence as fast as the line takes them, and wait for the end of each turn."""
    clock = _CountedFrames()
    silence = bytes(640)
    ended = asyncio.Event()
    async with agent.connect(clock) as line:  # type: ignore[arg-type]

        async def listen() -> None:
            async for event in line.events():
                if isinstance(event, TurnEnded):
                    ended.set()

        async def send(frame: bytes) -> None:
            await line.send(frame)
            clock.tick()
            await asyncio.sleep(0)

        listener = asyncio.create_task(listen())
        start = time.perf_counter()
        for prompt in turns:
            for frame in [*([silence] * _QUIET_FRAMES), *prompt.frames(20), *([silence] * _EAGER_FRAMES)]:
                await send(frame)
            while not ended.is_set():
                await send(silence)
                if not clock.is_awaited:
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(ended.wait(), _FRAME_SECONDS)
            ended.clear()
        seconds = time.perf_counter() - start
        listener.cancel()
        return seconds


def _driver_alone() -> Iterator[Figure]:
    """Measure the driver with a line that does no work."""
    done = subprocess.run([sys.executable, str(_DRIVER_ALONE)], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    yield single("agent", "driver, one turn", "a line without work", "ms", *found["milliseconds"])
    if found["megabytes"] is not None:
        yield single("agent", "memory", "turns 20 to 220", "MB", found["megabytes"])
