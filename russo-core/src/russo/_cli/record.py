"""``russo record``: synthesize and store every prompt of a file, before tests need it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from .._flow.cached import CachedSynthesizer
from .._words import count
from . import screen
from .prompts import Prompt, read_prompts
from .screen import Column
from .speaking import CommandEvents, open_synthesizer, run_to_end, speaking_options
from .workspace import find_workspace, json_option


@dataclass(frozen=True, slots=True)
class Failure:
    """A prompt that is not stored, and why."""

    prompt: Prompt
    reason: str


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
        self.prompts = prompts
        self.events = events
        self.done = 0
        self.failures: list[Failure] = []
        self.stopped = False

    async def speak_all(self, jobs: int, step: Callable[[], None]) -> None:
        """Synthesize all prompts, ``jobs`` at a time, also after failures; call ``step`` after each."""
        waiting = iter(self.prompts)

        async def work() -> None:
            for prompt in waiting:
                await asyncio.sleep(
                    0
                )  # a hit never waits, so an interrupt would have to wait for the last one
                reason = await self._speak(prompt)
                if reason is not None:
                    self.failures.append(Failure(prompt, reason))
                self.done += 1
                step()

        async with asyncio.TaskGroup() as group:
            for _ in range(min(jobs, len(self.prompts))):
                group.create_task(work())

    async def _speak(self, prompt: Prompt) -> str | None:
        """Synthesize one prompt; return why it is not stored, or ``None`` if it is stored."""
        try:
            await self._synthesizer.synthesize(prompt.text)
        except Exception as error:  # noqa: BLE001 - a failure must not stop the other prompts
            return str(error) or repr(error)
        reason = self.events.not_stored.get(prompt.text)
        return None if reason is None else f"synthesized, but not stored: {reason}"

    def to_json(self) -> dict[str, Any]:
        """Return the result as JSON values."""
        counts = self.events.counts
        return {
            "prompts": len(self.prompts),
            "done": self.done,
            "hits": counts.hits,
            "backend_calls": counts.backend_calls,
            "backend_characters": counts.backend_characters,
            "stopped": self.stopped,
            "failed": [
                {"line": each.prompt.line, "prompt": each.prompt.text, "reason": each.reason}
                for each in self.failures
            ],
        }


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--jobs",
    metavar="N",
    type=click.IntRange(min=1),
    default=4,
    show_default=True,
    help="Number of prompts synthesized at the same time.",
)
@speaking_options
@json_option
def record(
    *,
    file: Path,
    jobs: int,
    synth: str | None,
    options: tuple[str, ...],
    cache_dir: str | None,
    recordings_dir: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Synthesize and store every prompt of FILE, before tests need it.

    FILE is text (.txt: one prompt per line; a line that begins with # is a comment), CSV (.csv: only the
    column "prompt") or JSON Lines (.jsonl: strings, or objects with only "prompt"), in UTF-8. Stored prompts
    cause no backend call, so a command that was stopped continues with the rest.
    """
    prompts = read_prompts(file)
    workspace = find_workspace(
        cache_dir=cache_dir, recordings_dir=recordings_dir, synth=synth, options=options
    )
    synthesizer, events = open_synthesizer(workspace, yes=yes)
    workspace.announce()
    recording = Recording(synthesizer, events, prompts)
    with _bar() as bar:
        task = bar.add_task("", total=len(prompts), counts=_progress(recording))

        def step() -> None:
            bar.update(task, advance=1, counts=_progress(recording))

        try:
            run_to_end(synthesizer, events, recording.speak_all(jobs, step))
        except KeyboardInterrupt:
            recording.stopped = True
    recording.failures.sort(key=lambda failure: failure.prompt.line)
    events.show_troubles(workspace.layered.layers)
    if as_json:
        screen.show_json({**recording.to_json(), **workspace.to_json()})
    else:
        _report(recording)
    if recording.stopped:
        screen.complain("stopped; finished prompts are stored, and the same command continues with the rest")
        raise click.exceptions.Exit(130)
    if recording.failures:
        raise click.exceptions.Exit(1)


def _bar() -> Progress:
    console = screen.error_console()
    return Progress(
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TextColumn("{task.fields[counts]}", markup=False),
        TimeRemainingColumn(compact=True),
        TextColumn("left", markup=False),
        console=console,
        expand=True,
        transient=True,
        disable=not console.is_terminal,
    )


def _progress(recording: Recording) -> str:
    counts = recording.events.counts
    return (
        f"{count(counts.hits, 'hit')}, {count(counts.backend_calls, 'backend call')}, "
        f"{len(recording.failures):,} failed"
    )


def _report(recording: Recording) -> None:
    counts, failures = recording.events.counts, recording.failures
    characters = f" ({count(counts.backend_characters, 'character')})" if counts.backend_calls else ""
    screen.show(
        f"{recording.done:,} of {count(len(recording.prompts), 'prompt')}: {count(counts.hits, 'hit')}, "
        f"{count(counts.backend_calls, 'backend call')}{characters}, {len(failures):,} failed"
    )
    if failures:
        columns = [
            Column("line", number=True),
            Column("prompt", long=True),
            Column("why", long=True, fold=True),
        ]
        rows = [(each.prompt.line, each.prompt.text, each.reason) for each in failures]
        screen.show(screen.table(columns, rows))
