"""Checks of many calls: in many event loops, at the same time, and after calls that failed."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Any, Final

from .._server.loopback import LoopbackServer
from .base import CROWD, SAMPLES, ContractBase, Make, synthesize
from .deadlines import BACKEND_EXCEPTIONS, run_within
from .expect import expect, refuse
from .speech import length_of
from .texts import repeated

_REPEATS: Final = 5  # a long text repeats the prompt this many times


class ConcurrencyChecks(ContractBase):
    """Checks many calls of one synthesizer."""

    def test_many_event_loops_one_after_another(self, speaking: Make) -> None:
        """One synthesizer works in many event loops, one after another."""
        synthesizer = speaking()
        self.speak(synthesizer)
        for _ in range(3):
            try:
                run_within(lambda: synthesize(synthesizer, self.prompt), self.patience)
            except BACKEND_EXCEPTIONS as error:
                refuse(
                    "one synthesizer may be used from many event loops, one after another",
                    error,
                    "each async test has its own loop, and one synthesizer serves the whole session",
                )

    def test_many_calls_at_once_in_many_event_loops(self, speaking: Make) -> None:
        """Calls that wait for each other work in many event loops, one after another."""
        synthesizer, calls = speaking(**self.one_at_a_time), 3 if self.one_at_a_time else 9
        for _ in range(2):
            self._speak_at_once(
                synthesizer,
                [self.prompt] * calls,
                "many calls at once may be made in many event loops, one after another",
                "a lock or a semaphore of asyncio belongs to the first loop in which a task waits for it",
            )

    def _speak_at_once(self, synthesizer: Any, texts: list[str], wanted: str, why: str) -> list[Any]:
        """Return the audio of texts spoken at the same time in a new event loop; an error fails the test."""

        async def crowd() -> Any:
            return await asyncio.gather(*(synthesize(synthesizer, text) for text in texts))

        try:
            spoken: list[Any] = run_within(crowd, self.patience, f"{len(texts)} calls at once end")
        except BACKEND_EXCEPTIONS as error:
            refuse(wanted, error, why)
        return spoken

    def test_many_calls_at_once_do_not_disturb_each_other(
        self, speaking: Make, server: LoopbackServer | None
    ) -> None:
        """Of 20 calls at the same time, with short and long texts, each returns the audio of its own text."""
        short, long = self.prompt, repeated(self.prompt, _REPEATS)
        if self.service is not None and server is not None:
            good = self.service.good
            server.replies = lambda sent: good(SAMPLES * 3 if self.carries(sent, long) else SAMPLES)
        synthesizer = speaking()
        spoken = self._speak_at_once(
            synthesizer,
            [short, long] * 10,
            "a synthesizer may be called many times at once",
            "russo record and parallel tests do so",
        )
        sizes = list(map(length_of, spoken))
        expect(
            max(sizes[::2]) < min(sizes[1::2]),
            f"each of many calls at once gets the audio of its own text: a text that is {_REPEATS} "
            "times as long takes longer",
            f"the short ones took {sizes[::2]}, the long ones {sizes[1::2]}",
            "audio that is stored under another prompt would be replayed forever",
        )

    def test_event_loop_goes_on_while_it_speaks(self, speaking: Make, server: LoopbackServer | None) -> None:
        """A call does not block the event loop, because an agent under test and cancellation need it."""
        synthesizer, text = speaking(), repeated(self.prompt, 4 * _REPEATS)
        self.speak(synthesizer)  # imports and loads what is loaded once, so that it is not measured below
        if self.service is not None and server is not None:
            server.replies = replace(self.service.good(SAMPLES), delay=0.6)

        async def watch() -> tuple[float, float]:
            """Return the seconds of the call, and the longest time the loop was blocked."""
            call = asyncio.ensure_future(_finish(synthesizer, text))
            start = last = time.monotonic()
            longest = 0.0
            while not call.done():
                await asyncio.sleep(0.01)
                longest, last = max(longest, time.monotonic() - last), time.monotonic()
            return last - start, longest

        took, longest = run_within(watch, self.patience)
        expect(
            longest < 0.5 or longest < 0.8 * took,
            "the event loop runs while the synthesizer speaks; run blocking code by asyncio.to_thread",
            f"the loop was blocked for {longest:.2f} s of the {took:.2f} s that a call took",
            "an agent under test uses the same loop, and a blocked loop cannot cancel a call",
        )

    def test_synthesizer_speaks_after_failed_calls(
        self, speaking: Make, server: LoopbackServer | None
    ) -> None:
        """After many calls that fail at the same time, the next call works."""
        one_attempt = {"max_attempts": 1} if self.service is not None else {}
        synthesizer = speaking(**self.one_at_a_time, **one_attempt)
        if self.service is not None and server is not None:
            server.replies = replace(self.service.good(SAMPLES), fail_at="body")
        texts = [" ", "one\0two"] * (1 if self.one_at_a_time else CROWD // 2)

        async def crowd() -> None:
            await asyncio.gather(*(synthesize(synthesizer, text) for text in texts), return_exceptions=True)

        run_within(crowd, self.patience, f"{len(texts)} calls at once, which may fail, end")
        if self.service is not None and server is not None:
            server.replies = self.service.good(SAMPLES)
        self.speak(synthesizer, when=f"after {len(texts)} calls at once that may have failed")


async def _finish(synthesizer: Any, text: str) -> None:
    """Synthesize a text and ignore an error."""
    await asyncio.gather(synthesize(synthesizer, text), return_exceptions=True)
