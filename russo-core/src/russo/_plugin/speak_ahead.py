"""Speaking ahead: the marked prompts of a run, many at once, before its tests.

Only what is certain is spoken: prompts of ``@pytest.mark.russo`` whose test asks for the plugin's own
fixtures and is not skipped. A prompt that fails here fails silently; its test will ask again.
"""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .._errors import BudgetExceededError
from .._flow.cached import CachedSynthesizer
from ..hookspecs import hookimpl
from . import pytest_plugin

if TYPE_CHECKING:
    from .._events import CacheHit, EntryStored

_OWN_FIXTURES = ("russo_audio", "russo_say", "russo_synthesizer", "russo_cache")


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """What can be spoken ahead, and what cannot.

    Attributes:
        prompts: The prompts, each once, in the order of their tests.
        left_out: The tests that speak but whose prompts are not certain, with the reason.
    """

    prompts: list[str]
    left_out: list[tuple[str, str]]


def plan(items: Iterable[pytest.Item]) -> Plan:
    """Look through the selected tests for prompts that can be spoken ahead."""
    prompts: dict[str, None] = {}
    left_out = []
    for item in items:
        if not set(_OWN_FIXTURES) & set(getattr(item, "fixturenames", ())):
            continue
        reason = _reason_against(item)
        if reason is None:
            prompts[_marked_prompt(item)] = None
        else:
            left_out.append((item.nodeid, reason))
    return Plan(list(prompts), left_out)


def _reason_against(item: pytest.Item) -> str | None:
    names = item.fixturenames  # type: ignore[attr-defined]
    if "russo_audio" not in names:
        return "its prompts are known only when it runs"
    for name in _OWN_FIXTURES:
        if name in names and not _is_own(item, name):
            return f"it has a fixture {name} of its own"
    if item.get_closest_marker("skip") or any(_may_skip(mark) for mark in item.iter_markers("skipif")):
        return "it is or may be skipped"
    if not pytest_plugin.is_prompt_marker(item.get_closest_marker("russo")):
        return "it has no marker with one prompt"
    return None


def _marked_prompt(item: pytest.Item) -> str:
    mark = item.get_closest_marker("russo")
    assert mark is not None
    prompt: str = mark.args[0]
    return prompt


def _is_own(item: pytest.Item, name: str) -> bool:
    definitions = item._fixtureinfo.name2fixturedefs.get(name, ())  # type: ignore[attr-defined]
    own = inspect.getmodule(pytest_plugin)
    return bool(definitions) and inspect.getmodule(definitions[-1].func) is own


def _may_skip(mark: pytest.Mark) -> bool:
    """Tell whether a ``skipif`` may hold; a condition written as text is not evaluated here."""
    conditions = mark.args or (mark.kwargs.get("condition", True),)
    return any(isinstance(condition, str) or bool(condition) for condition in conditions)


def speak_all(
    synthesizer: CachedSynthesizer,
    prompts: Iterable[str],
    at_once: int,
    wait_for: Callable[..., object],
    done: Callable[[str, BaseException | None], None],
) -> None:
    """Speak prompts, some at once, telling ``done`` of each; failures do not stop the others.

    Args:
        synthesizer: What speaks, through the cache.
        prompts: What to speak.
        at_once: How many at once.
        wait_for: Runs a coroutine to its end.
        done: Told of each prompt and its error, if any.
    """
    waiting = iter(list(prompts))

    async def work() -> None:
        for prompt in waiting:
            try:
                await synthesizer.synthesize(prompt)
            except BudgetExceededError as error:
                done(prompt, error)
                return
            except Exception as error:  # noqa: BLE001 - whatever it is, the prompt's own test will meet it
                done(prompt, error)
            else:
                done(prompt, None)

    async def work_all() -> None:
        await asyncio.gather(*(work() for _ in range(at_once)))

    wait_for(work_all())


def share(prompts: list[str], worker: int, workers: int) -> Iterator[str]:
    """Return a worker's share of the prompts, so that the workers of a run speak different ones."""
    return (prompt for number, prompt in enumerate(prompts) if number % workers == worker)


class SpokenAhead:
    """What was paid for ahead, so that the counts of a run are the same as without.

    While prompts are spoken ahead, replaying one is no hit: its test will replay it again. What was paid
    for ahead is counted as paid; so its first use by a test is no hit either.

    Args:
        directory: Shared by the processes of the run.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.speaking = False

    @hookimpl
    def russo_entry_stored(self, event: EntryStored) -> None:
        """Note audio that was paid for ahead of its test."""
        if self.speaking:
            self._mark(event.key).touch()

    def covers(self, event: CacheHit) -> bool:
        """Tell whether a hit is not to be counted."""
        if self.speaking:
            return True
        try:
            self._mark(event.key).unlink()
        except OSError:
            return False
        return True

    def _mark(self, key: str) -> Path:
        return self._directory / f"ahead-{key}"
