"""Checks of many calls: in many event loops, at once, after calls that failed."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Any, Final

from .._server.loopback import LoopbackServer
from .base import SAMPLES, Declared, Make, asked
from .deadlines import RAISED, within
from .expect import expect, refuse
from .speech import size_of
from .texts import repeated

_LONG: Final = 5  # times the prompt
_CROWD: Final = 24  # calls that are more than any cap lets in


class CrowdChecks(Declared):
    """What holds of many calls of one synthesizer."""

    def test_many_event_loops_one_after_another(self, speaking: Make) -> None:
        """One synthesizer speaks in any number of event loops in turn."""
        synthesizer = speaking()
        self.speak(synthesizer)
        for _ in range(3):
            try:
                within(lambda: asked(synthesizer, self.prompt), self.patience)
            except RAISED as error:
                refuse(
                    "one synthesizer may be used from many event loops, one after another",
                    error,
                    "each async test has a loop of its own, and a session's synthesizer serves them all",
                )

    def test_many_calls_at_once_in_many_event_loops(self, speaking: Make) -> None:
        """Calls that wait for one another do so in any number of event loops in turn."""
        synthesizer, calls = speaking(**self.one_at_a_time), 3 if self.one_at_a_time else 9
        for _ in range(2):
            self._crowd(
                synthesizer,
                [self.prompt] * calls,
                "many calls at once may be made in many event loops, one after another",
                "a lock or a semaphore of asyncio belongs to the loop in which somebody first waited for it",
            )

    def _crowd(self, synthesizer: Any, texts: list[str], wanted: str, why: str) -> list[Any]:
        """Speak these texts at once, in a loop of its own; a failure is one of the test."""

        async def crowd() -> Any:
            return await asyncio.gather(*(asked(synthesizer, text) for text in texts))

        try:
            spoken: list[Any] = within(crowd, self.patience, f"{len(texts)} calls at once end")
        except RAISED as error:
            refuse(wanted, error, why)
        return spoken

    def test_many_calls_at_once_do_not_disturb_each_other(
        self, speaking: Make, server: LoopbackServer | None
    ) -> None:
        """Of 20 calls at once, short and long texts in turn, each is given the sound of its own text."""
        short, long = self.prompt, repeated(self.prompt, _LONG)
        if self.service is not None and server is not None:
            good = self.service.good
            server.replies = lambda sent: good(SAMPLES * 3 if self.carries(sent, long) else SAMPLES)
        synthesizer = speaking()
        spoken = self._crowd(
            synthesizer,
            [short, long] * 10,
            "a synthesizer may be called many times at once",
            "prompts are recorded side by side",
        )
        sizes = list(map(size_of, spoken))
        expect(
            max(sizes[::2]) < min(sizes[1::2]),
            f"of calls at once, each gets the sound of its own text: {_LONG} times the text takes longer",
            f"the short ones took {sizes[::2]}, the long ones {sizes[1::2]}",
            "a sound that is stored under another's prompt is replayed for ever",
        )

    def test_event_loop_goes_on_while_it_speaks(self, speaking: Make, server: LoopbackServer | None) -> None:
        """A call leaves the event loop to others: to an agent under test, and to cancellation."""
        synthesizer, text = speaking(), repeated(self.prompt, 4 * _LONG)
        self.speak(synthesizer)  # what is imported or loaded once is not the call's
        if self.service is not None and server is not None:
            server.replies = replace(self.service.good(SAMPLES), delay=0.6)

        async def watched() -> tuple[float, float]:
            call = asyncio.ensure_future(_settled(synthesizer, text))
            start = last = time.monotonic()
            longest = 0.0
            while not call.done():
                await asyncio.sleep(0.01)
                longest, last = max(longest, time.monotonic() - last), time.monotonic()
            return last - start, longest

        took, longest = within(watched, self.patience)
        expect(
            longest < 0.5 or longest < 0.8 * took,
            "the event loop goes on while the synthesizer speaks; asyncio.to_thread takes what blocks",
            f"it stood still for {longest:.2f} s of the {took:.2f} s that a call took",
            "an agent under test shares the loop, and nothing can be cancelled",
        )

    def test_synthesizer_speaks_after_failed_calls(
        self, speaking: Make, server: LoopbackServer | None
    ) -> None:
        """Calls that fail, more than are let in at once, take nothing away from those that follow."""
        once = {"max_attempts": 1} if self.service is not None else {}
        synthesizer = speaking(**self.one_at_a_time, **once)
        if self.service is not None and server is not None:
            server.replies = replace(self.service.good(SAMPLES), fail_at="body")
        texts = [" ", "one\0two"] * (1 if self.one_at_a_time else _CROWD // 2)

        async def crowd() -> None:
            await asyncio.gather(*(asked(synthesizer, text) for text in texts), return_exceptions=True)

        within(crowd, self.patience, f"{len(texts)} calls at once, which may fail, end")
        if self.service is not None and server is not None:
            server.replies = self.service.good(SAMPLES)
        self.speak(synthesizer, when=f"after {len(texts)} calls at once that may have failed")


async def _settled(synthesizer: Any, text: str) -> None:
    """Speak; a text that is refused is as good as one that is spoken."""
    await asyncio.gather(asked(synthesizer, text), return_exceptions=True)
