"""`Recording`: synthesizes and stores the prompts of a file, and counts the prompts that are done.

After the first Ctrl-C no further prompt is started, and the prompts under way are synthesized to their end,
because their calls may be billed. The second Ctrl-C cancels them.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from .._flow.cached import CachedSynthesizer, requests_of
from .._flow.remote import prefetch
from .._flow.request import Request
from .._words import count
from .prompts import Prompt
from .speaking import CommandEvents


@dataclass(frozen=True, slots=True)
class Failure:
    """A prompt that is not stored, and why."""

    prompt: Prompt
    reason: str


@dataclass(frozen=True, slots=True)
class Interrupted:
    """The numbers of prompts by their state, after a recording that Ctrl-C stopped.

    Attributes:
        done: Prompts that were done before Ctrl-C.
        stored: Prompts that were under way and were stored.
        not_stored: Prompts that were under way and were not stored.
        not_started: Prompts that were not started.
    """

    done: int
    stored: int
    not_stored: int
    not_started: int

    def __str__(self) -> str:
        return ", ".join(self._parts())

    def _parts(self) -> Iterator[str]:
        yield f"{self.done:,} done before Ctrl-C"
        if self.stored:
            yield f"{self.stored:,} under way {_were(self.stored)} stored"
        if self.not_stored:
            yield f"{self.not_stored:,} under way {_were(self.not_stored)} not stored"
        yield f"{self.not_started:,} not started"

    @property
    def left(self) -> int:
        """How many prompts the same command would continue with."""
        return self.not_stored + self.not_started


def _were(number: int) -> str:
    return "was" if number == 1 else "were"


class Recording:
    """The recording of the prompts of one file.

    Attributes:
        prompts: All prompts.
        events: The events of the recording.
        done: How many prompts were tried.
        failures: The prompts that are not stored.
        stopped: Whether the recording was interrupted.
    """

    def __init__(self, synthesizer: CachedSynthesizer, events: CommandEvents, prompts: list[Prompt]) -> None:
        self._synthesizer = synthesizer
        self._under_way: dict[str, Prompt] = {}
        self._late: list[bool] = []
        self.prompts = prompts
        self.events = events
        self.done = 0
        self.failures: list[Failure] = []
        self.stopped = False

    async def speak_all(self, jobs: int, step: Callable[[], None]) -> None:
        """Synthesize all prompts, ``jobs`` at a time, also after failures; call ``step`` after each."""
        if self._synthesizer.cache.remote is not None:
            with contextlib.suppress(Exception):  # each prompt reports its own error later
                await prefetch(self._wanted())
        waiting = iter(self.prompts)

        async def work() -> None:
            for prompt in waiting:
                # A hit does not wait, so without this pause Ctrl-C would have no effect.
                await asyncio.sleep(0)
                if self.stopped:
                    return
                await self._speak_one(prompt)
                step()

        async with asyncio.TaskGroup() as group:
            for _ in range(min(jobs, len(self.prompts))):
                group.create_task(work())

    def _wanted(self) -> Iterator[Request]:
        """Yield the request of each prompt, until Ctrl-C."""
        texts = (prompt.text for prompt in self.prompts)
        return itertools.takewhile(lambda _: not self.stopped, requests_of(self._synthesizer, texts))

    async def _speak_one(self, prompt: Prompt) -> None:
        self._under_way[prompt.text] = prompt
        reason = await self._speak(prompt)
        if reason is not None:
            self.failures.append(Failure(prompt, reason))
        if self.stopped:
            self._late.append(reason is None)
        del self._under_way[prompt.text]
        self.done += 1

    async def _speak(self, prompt: Prompt) -> str | None:
        """Synthesize one prompt; return why it is not stored, or ``None`` if it is stored."""
        try:
            await self._synthesizer.synthesize(prompt.text)
        except Exception as error:  # noqa: BLE001 - a failure must not stop the other prompts
            return str(error) or repr(error)
        reason = self.events.not_stored.get(prompt.text)
        how = "fetched" if prompt.text in self.events.remotes else "synthesized"
        return None if reason is None else f"{how}, but not stored: {reason}"

    def stop(self) -> str:
        """Start no further prompt; return a sentence about those under way."""
        self.stopped = True
        under_way = count(len(self._under_way), "prompt")
        return f"stopping: waiting for {under_way} under way, to store the audio; Ctrl-C again stops at once"

    @property
    def interrupted(self) -> Interrupted:
        """The state of each prompt after the end of a recording that was stopped."""
        # A call may have been stored just before the second Ctrl-C cancelled the task that waited for it.
        cancelled = [text in self.events.stored for text in self._under_way]
        under_way = [*self._late, *cancelled]
        return Interrupted(
            done=self.done - len(self._late),
            stored=sum(under_way),
            not_stored=len(under_way) - sum(under_way),
            not_started=len(self.prompts) - self.done - len(cancelled),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the result as JSON values."""
        counts, replaced, state = self.events.counts, self.events.replaced.values(), self.interrupted
        return {
            "prompts": len(self.prompts),
            "done": self.done,
            "hits": counts.hits,
            "refreshed": self.refreshed,
            "replaced": len(replaced),
            "replaced_by_same_audio": sum(each.is_same for each in replaced),
            "backend_calls": counts.backend_calls,
            "backend_characters": counts.backend_characters,
            "stopped": self.stopped,
            "under_way": {"stored": state.stored, "not_stored": state.not_stored},
            "not_started": state.not_started,
            "failed": [
                {"line": each.prompt.line, "prompt": each.prompt.text, "reason": each.reason}
                for each in self.failures
            ],
        }

    @property
    def refreshed(self) -> int:
        """How many prompts were synthesized again and stored."""
        return 0 if self.events.refreshes is None else len(self.events.stored)
