"""``russo record``: synthesize and store every prompt of a file, before tests need it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from .._flow.remote_summary import remote_hits, uploads_to_stores
from .._words import count
from . import screen
from .prompts import read_prompts
from .recording import Recording
from .refresh import refuse_to_refresh
from .screen import Column
from .shared_store import RecordedPins, finish_uploads, remote_facts
from .speaking import open_synthesizer, run_to_end, speaking_options
from .workspace import find_workspace, json_option


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
    refresh: bool,
    yes: bool,
    remote: str | None,
    remote_write: bool,
    as_json: bool,
) -> None:
    """Synthesize and store every prompt of FILE, before tests need it.

    FILE is text (.txt: one prompt per line; a line that begins with # is a comment), CSV (.csv: only the
    column "prompt") or JSON Lines (.jsonl: strings, or objects with only "prompt"), in UTF-8. Stored prompts
    cause no backend call, so a command that was stopped continues with the rest. If russo.lock exists, the
    audio of new prompts is pinned in it.
    """
    prompts = read_prompts(file)
    workspace = find_workspace(
        cache_dir=cache_dir,
        recordings_dir=recordings_dir,
        synth=synth,
        options=options,
        remote=remote,
        remote_write=remote_write,
        uses_remote=True,
    )
    pins = RecordedPins(workspace)
    synthesizer, events = open_synthesizer(workspace, yes=yes, refresh=refresh, listeners=[pins])
    workspace.announce()
    if refresh:
        refuse_to_refresh(synthesizer, workspace, [each.text for each in prompts])
        calls = count(len(prompts), "prompt is", "prompts are")
        screen.note(f"refresh: {calls} synthesized again, with one backend call each")
    recording = Recording(synthesizer, events, prompts)
    try:
        _run(recording, functools.partial(run_to_end, synthesizer, events), jobs)
        finish_uploads(events, pins.restore)
    finally:
        changes = pins.update()
    events.pins = True
    recording.failures.sort(key=lambda failure: failure.prompt.line)
    events.show_troubles(workspace.layered.layers)
    if as_json:
        shared = remote_facts(events.counts) if workspace.remote is not None else {}
        pinned = {"pins": [each.to_json() for each in changes]}
        screen.show_json({**recording.to_json(), **pinned, **shared, **workspace.to_json()})
    else:
        _report(recording)
        pins.show(changes)
    if recording.stopped:
        _explain_stop(recording, refresh=refresh)
        raise click.exceptions.Exit(130)
    if events.is_interrupted:
        raise click.exceptions.Exit(130)
    if recording.failures:
        raise click.exceptions.Exit(1)


def _run(recording: Recording, run_to_end: Callable[..., None], jobs: int) -> None:
    with _bar() as bar:
        task = bar.add_task("", total=len(recording.prompts), counts=_progress(recording))

        def step() -> None:
            bar.update(task, advance=1, counts=_progress(recording))

        def stop() -> None:
            screen.complain(recording.stop())

        try:
            run_to_end(recording.speak_all(jobs, step), on_interrupt=stop)
        except KeyboardInterrupt:
            recording.stopped = True


def _explain_stop(recording: Recording, *, refresh: bool) -> None:
    state = recording.interrupted
    rest = "continues with the rest" if not refresh else "synthesizes all prompts again"
    screen.complain(f"stopped: {state}" + (f"; the same command {rest}" if state.left else ""))


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
        f"{_hits(recording)}, {count(counts.backend_calls, 'backend call')}, "
        f"{len(recording.failures):,} failed"
    )


def _hits(recording: Recording) -> str:
    """Return the number of hits in words; with ``--refresh``, the number of refreshed prompts."""
    if recording.events.refreshes is None:
        return count(recording.events.counts.hits, "hit")
    return f"{recording.refreshed:,} refreshed"


def _report(recording: Recording) -> None:
    counts, failures = recording.events.counts, recording.failures
    characters = f" ({count(counts.backend_characters, 'character')})" if counts.backend_calls else ""
    facts = [
        f"{_hits(recording)}{remote_hits(counts)}",
        f"{count(counts.backend_calls, 'backend call')}{characters}",
        *uploads_to_stores(counts),
        f"{len(failures):,} failed",
    ]
    screen.show(f"{recording.done:,} of {count(len(recording.prompts), 'prompt')}: {', '.join(facts)}")
    if recording.events.refreshes is not None:
        screen.show(_replacements(recording))
    if failures:
        columns = [
            Column("line", number=True),
            Column("prompt", long=True),
            Column("why", long=True, fold=True),
        ]
        rows = [(each.prompt.line, each.prompt.text, each.reason) for each in failures]
        screen.show(screen.table(columns, rows))


def _replacements(recording: Recording) -> str:
    """Return what ``--refresh`` replaced, and what it left as it was."""
    events = recording.events
    same = sum(each.is_same for each in events.replaced.values())
    unchanged = sum(map(events.is_unchanged, events.old.values()))
    parts = [f"{len(events.replaced):,} replaced" + (f" ({same:,} by the same audio)" if same else "")]
    if new := recording.refreshed - len(events.replaced):
        parts.append(f"{new:,} not stored before")
    if unchanged:
        parts.append(f"{unchanged:,} not replaced: the stored audio is unchanged")
    return ", ".join(parts)
