"""``russo cache`` info, export, dir: the commands that change nothing in the cache."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import click

from .._audio import Audio
from .._errors import shorten
from .._foreign import shown, visible
from .._store.cache import Miss
from .._words import count
from . import screen
from .cache_list import SORTS
from .entries import Entry, all_entries, chosen, filter_options
from .output import refuse_way_out, replace_with, slug
from .player import suffix_of
from .screen import Column
from .units import size_text, sum_text
from .workspace import CommandWorkspace, directory_options, find_workspace, json_option


@click.command()
@directory_options
@json_option
def info(*, cache_dir: str | None, recordings_dir: str | None, as_json: bool) -> None:
    """Count entries, bytes and seconds of speech, by backend."""
    workspace = find_workspace(cache_dir=cache_dir, recordings_dir=recordings_dir)
    groups: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    for entry in all_entries(workspace):
        groups[entry.layer, entry.backend].append(entry)
    rows = [(layer, backend, *_sums(found)) for (layer, backend), found in sorted(groups.items())]
    entries = [entry for found in groups.values() for entry in found]
    total = _sums(entries)
    damaged = sum(entry.problem is not None and entry.problem.damaged for entry in entries)
    if as_json:
        names = ("layer", "backend", "entries", "bytes", "seconds", "of_unknown_length")
        backends = [dict(zip(names, row, strict=True)) for row in rows]
        sums = dict(zip(names[2:], total, strict=True))
        screen.show_json({**workspace.to_json(), **sums, "damaged": damaged, "backends": backends})
        return
    workspace.announce(names_remote=True)
    rows.append(("total", "", *total))
    columns = [
        Column("in"),
        Column("backend", long=True),
        *(Column(name, number=True) for name in ("entries", "size", "seconds")),
    ]
    screen.show(
        screen.table(
            columns,
            [(row[0], shown(row[1]), f"{row[2]:,}", size_text(row[3]), sum_text(*row[4:])) for row in rows],
        )
    )
    if damaged:
        screen.note(f"{count(damaged, 'entry is', 'entries are')} damaged: russo cache list")


def _sums(entries: list[Entry]) -> tuple[int, int, float, int]:
    """Return the number of entries, their bytes, their seconds, and how many have no known seconds."""
    known = [entry.seconds for entry in entries if entry.seconds is not None]
    unknown = sum(entry.seconds is None and entry.problem is None for entry in entries)
    return len(entries), sum(entry.size for entry in entries), round(sum(known), 3), unknown


@click.command()
@click.argument("target", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@filter_options
@directory_options
@json_option
def export(
    *,
    target: Path,
    grep: str | None,
    backend: str | None,
    cache_dir: str | None,
    recordings_dir: str | None,
    as_json: bool,
) -> None:
    """Copy audio to DIR as playable files with readable names."""
    workspace = find_workspace(cache_dir=cache_dir, recordings_dir=recordings_dir)
    found = {
        entry.key: entry for entry in reversed(chosen(all_entries(workspace), grep=grep, backend=backend))
    }
    refuse_way_out(target, workspace.side.rootdir)
    target.mkdir(parents=True, exist_ok=True)
    written: list[dict[str, Any]] = []
    damaged: list[dict[str, Any]] = []
    for entry in sorted(found.values(), key=SORTS["prompt"]):
        audio = workspace.layered.lookup(entry.key)  # what a test run replays
        path = (
            target / f"{slug(entry.prompt, entry.key)}{suffix_of(audio) if isinstance(audio, Audio) else ''}"
        )
        reason = _reason(audio, entry) if isinstance(audio, Miss) else _write(audio, path)
        if reason is None:
            written.append({"key": entry.key, "prompt": entry.prompt, "file": str(path)})
        else:
            damaged.append({"key": entry.key, "prompt": entry.prompt, "reason": reason})
    if as_json:
        screen.show_json({**workspace.to_json(), "written": written, "damaged": damaged})
    else:
        workspace.announce()
        screen.show(f"{count(len(written), 'file')} written to {visible(str(target))}")
    for each in damaged:
        screen.complain(f"{shorten(each['prompt'] or each['key'])} is not exported: {each['reason']}")
    if damaged:
        raise click.exceptions.Exit(1)


def _reason(miss: Miss, entry: Entry) -> str:
    """Return why an entry is not replayed. A lookup calls audio without metadata only absent."""
    return miss.reason if entry.problem is None or miss.reason != "absent" else entry.problem.reason


def _write(audio: Audio, path: Path) -> str | None:
    """Write a file; return why the audio cannot be written, or ``None`` if it was.

    Raises:
        OSError: The file cannot be written.
    """
    try:
        replace_with(audio, path)
    except ValueError as error:
        return str(error)
    return None


@click.command("dir")
@directory_options
@json_option
def directory(*, cache_dir: str | None, recordings_dir: str | None, as_json: bool) -> None:
    """Print the directory of the cache.

    The place where it is set is printed to standard error.
    """
    workspace: CommandWorkspace = find_workspace(cache_dir=cache_dir, recordings_dir=recordings_dir)
    if as_json:
        screen.show_json(workspace.to_json())
        return
    workspace.announce(names_remote=True)
    screen.show(visible(str(workspace.cache.directory)))
