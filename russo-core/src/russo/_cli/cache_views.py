"""``russo cache`` list, info, show, export, dir: the commands that change nothing in the cache."""

from __future__ import annotations

import itertools
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import click
from rich.table import Table

from .._audio import Audio
from .._errors import shorten
from .._foreign import shown, visible
from .._store.cache import Miss
from .._words import count
from . import screen
from .entries import Entry, all_entries, chosen, filter_options
from .output import refuse_way_out, replace_with, slug
from .player import suffix_of
from .screen import Column
from .units import age_text, seconds_text, size_text, sum_text
from .waveform import draw
from .workspace import CommandWorkspace, directory_options, find_workspace, json_option

_SORTS: Final[dict[str, Callable[[Entry], Any]]] = {
    "prompt": lambda entry: (entry.prompt is None, (entry.prompt or "").casefold(), entry.prompt or ""),
    "backend": lambda entry: entry.backend,
    "voice": lambda entry: entry.voice,
    "seconds": lambda entry: -(entry.seconds or 0.0),
    "size": lambda entry: -entry.size,
    "age": lambda entry: -entry.stored,
}
_SHORTEST_PREFIX: Final = 4
_WIDEST: Final = 100
# What `show` prints of one entry.
_MOST_ROWS: Final = 200
_LONGEST_NAME: Final = 100
_LONGEST_VALUE: Final = 4000


@click.command("list")
@filter_options
@click.option(
    "--sort",
    type=click.Choice(list(_SORTS)),
    default="prompt",
    show_default=True,
    help="Longest, largest and newest come first.",
)
@directory_options
@json_option
def list_entries(
    *,
    grep: str | None,
    backend: str | None,
    sort: str,
    cache_dir: str | None,
    recordings_dir: str | None,
    as_json: bool,
) -> None:
    """List the stored entries."""
    workspace = find_workspace(cache_dir=cache_dir, recordings_dir=recordings_dir)
    found = sorted(
        chosen(all_entries(workspace), grep=grep, backend=backend),
        key=lambda entry: (_SORTS[sort](entry), _SORTS["prompt"](entry), entry.key),
    )
    if as_json:
        screen.show_json({**workspace.to_json(), "entries": [entry.to_json() for entry in found]})
        return
    workspace.announce()
    if found:
        screen.show(entry_table(found, layers=workspace.recordings is not None))
    else:
        screen.note("no entries" if grep is None and backend is None else "no entries that match")


def entry_table(entries: Iterable[Entry], *, layers: bool) -> str | Table:
    """Return a table of entries, with a column for the layer if ``layers`` is true."""
    columns = [
        Column("prompt", long=True),
        Column("backend"),
        Column("voice"),
        Column("seconds", number=True),
        Column("size", number=True),
        Column("age", number=True),
        *([Column("in")] if layers else []),
    ]
    now = time.time()
    return screen.table(
        columns,
        (
            [
                entry.title,
                shown(entry.backend),
                shown(entry.voice),
                seconds_text(entry.seconds),
                size_text(entry.size),
                age_text(now - entry.stored),
                *([entry.place] if layers else []),
            ]
            for entry in entries
        ),
    )


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
    workspace.announce()
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
@click.argument("wanted", metavar="KEY|PROMPT")
@directory_options
@json_option
def show(*, wanted: str, cache_dir: str | None, recordings_dir: str | None, as_json: bool) -> None:
    """Show everything that is stored for an entry, and its waveform.

    Give a key, its first characters, or the exact prompt. If several voices speak the prompt, all entries
    are shown.
    """
    workspace = find_workspace(cache_dir=cache_dir, recordings_dir=recordings_dir)
    found = _find(list(all_entries(workspace)), wanted)
    if not found:
        raise screen.FailedError(
            f"no entry has the key or the prompt {shorten(wanted)} in "
            f"{' or '.join(visible(str(cache.directory)) for _, cache in workspace.layers)}; "
            "russo cache list --grep PATTERN searches"
        )
    if as_json:
        screen.show_json(
            {
                **workspace.to_json(),
                "entries": [{**e.to_json(), "meta": e.cache.describe(e.key)} for e in found],
            }
        )
        return
    workspace.announce()
    for entry in found:
        _show_entry(entry)


def _find(entries: list[Entry], wanted: str) -> list[Entry]:
    """Return the entries whose key or prompt is ``wanted``, else those whose key begins with it."""
    by_key = [entry for entry in entries if entry.key == wanted]
    by_prompt = [entry for entry in entries if entry.prompt == wanted]
    if by_key or by_prompt or len(wanted) < _SHORTEST_PREFIX:
        return by_key or by_prompt
    return [entry for entry in entries if entry.key.startswith(wanted)]


def _show_entry(entry: Entry) -> None:
    rows: list[tuple[str, object]] = [
        ("in", f"{entry.cache.directory}{' (not replayed)' if entry.is_shadowed else ''}"),
        ("stored", f"{_date(entry.stored)}, {size_text(entry.size)} on disk"),
        ("seconds", seconds_text(entry.seconds)),
    ]
    meta = entry.cache.describe(entry.key)
    rows += _rows({"key": entry.key} if meta is None else meta)
    screen.show(screen.table([Column("", fold=False), Column("", long=True, fold=True)], rows))
    found = entry.cache.lookup(entry.key)
    if isinstance(found, Miss):
        miss = entry.problem if found.reason == "absent" and entry.problem is not None else found
        screen.show(f"damaged, and counts as a miss: {miss.reason}" if miss.damaged else miss.reason)
    else:
        screen.show("\n".join(_waveform(found)))


def _date(stored: float) -> str:
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(stored))
    except (OverflowError, ValueError, OSError):  # the time of a file may be any number
        return "at an impossible time"


def _rows(meta: dict[str, Any]) -> list[tuple[str, object]]:
    """Return metadata as names and values of bounded length; rows beyond a limit are only counted."""
    found = _flat((), meta)
    rows: list[tuple[str, object]] = [
        (shown(".".join(shown(name, _LONGEST_NAME) for name in path), _LONGEST_NAME), _text(value))
        for path, value in itertools.islice(found, _MOST_ROWS)
    ]
    left = sum(1 for _ in found)
    return [*rows, ("…", f"and {left:,} more; --json shows all")] if left else rows


def _flat(path: tuple[str, ...], value: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    if not isinstance(value, dict) or not value:
        yield path, value
        return
    for name in sorted(value):
        yield from _flat((*path, name), value[name])


def _text(value: Any) -> str:
    text = "" if value is None else value if isinstance(value, str) else repr(value)
    return shown(text, _LONGEST_VALUE)


def _waveform(audio: Audio) -> list[str]:
    try:
        samples = audio.pcm()
    except ValueError as error:
        return [f"no waveform: {visible(str(error))}"]
    if not samples:
        return ["no waveform: no samples"]
    console = screen.console_for(sys.stdout)
    width = min(console.width, _WIDEST) if console.is_terminal else _WIDEST
    plain = not (console.encoding or "").startswith("utf")
    scale = f"{seconds_text(audio.known_duration)} s"
    return [*draw(samples, width, plain=plain), f"0{scale.rjust(width - 1)}"]


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
    for entry in sorted(found.values(), key=_SORTS["prompt"]):
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
    """Return why an entry is not replayed. For a lookup, audio without metadata is absent."""
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
    workspace.announce()
    screen.show(visible(str(workspace.cache.directory)))
