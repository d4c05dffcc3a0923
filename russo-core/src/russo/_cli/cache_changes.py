"""``russo cache`` verify, prune, promote, clear: the commands that add or remove entries.

Recordings are never removed; only ``promote`` adds to them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import click
from rich.progress import track

from .._errors import shorten
from .._foreign import shown, visible
from .._store.cache import AudioCache, Miss
from .._store.directory import keys_with_files
from .._words import count
from . import screen
from .cache_views import entry_table
from .consent import ask, consent_options
from .entries import Entry, check_entry, chosen, entries_of, grep_option
from .screen import Column
from .units import parse_age, parse_size, size_text
from .workspace import CommandWorkspace, directory_options, find_workspace, json_option

_SHOWN: Final = 20
_LONGEST_REASON: Final = 300


@click.command()
@click.option("--repair", is_flag=True, help="Remove the damaged entries of the cache; asks first.")
@consent_options
@directory_options
@json_option
def verify(
    *,
    repair: bool,
    yes: bool,
    dry_run: bool,
    cache_dir: str | None,
    recordings_dir: str | None,
    as_json: bool,
) -> None:
    """Check every byte of every entry; exit code 1 if anything is damaged.

    A damaged entry is a miss in a test run, and the next store heals it. Recordings are checked, and never
    removed.
    """
    workspace = find_workspace(cache_dir=cache_dir, recordings_dir=recordings_dir)
    if repair:
        workspace.refuse_recordings("verify --repair")
    number, damaged = _check_all(workspace)
    if not as_json:
        workspace.announce()
        _show_damage(number, damaged)
    ours = [(cache, key) for layer, cache, key, miss in damaged if layer == "cache" and miss.damaged]
    removed: list[str] = []
    if repair and not dry_run and ours:
        ask(f"Remove {count(len(ours), 'damaged entry', 'damaged entries')}?", yes=yes)
        removed = [key for cache, key in ours if cache.remove(key)]
        screen.note(f"{count(len(removed), 'damaged entry', 'damaged entries')} removed")
    if as_json:
        problems = [
            {
                "key": key,
                "layer": layer,
                "reason": miss.reason,
                "removed": key in removed and layer == "cache",
            }
            for layer, _, key, miss in damaged
        ]
        screen.show_json({**workspace.to_json(), "checked": number, "damaged": problems})
    if len(removed) < len(damaged):
        raise click.exceptions.Exit(1)


def _check_all(workspace: CommandWorkspace) -> tuple[int, list[tuple[str, AudioCache, str, Miss]]]:
    keys = [
        (layer, cache, key) for layer, cache in workspace.layers for key in keys_with_files(cache.directory)
    ]
    damaged = []
    for layer, cache, key in _watched(keys, "checking"):
        miss = check_entry(cache, key)
        if miss is not None:
            damaged.append((layer, cache, key, miss))
    return len(keys), damaged


def _show_damage(number: int, damaged: Sequence[tuple[str, AudioCache, str, Miss]]) -> None:
    whole = count(number - len(damaged), "entry is", "entries are")
    screen.show(f"{whole} whole, {len(damaged):,} not")
    if damaged:
        columns = [
            Column("key"),
            Column("in"),
            Column("prompt", long=True),
            Column("why", long=True, fold=True),
        ]
        rows = [
            (
                key[:12],
                layer,
                shown(_prompt_of(cache, key) or "(unknown)"),
                shown(miss.reason, _LONGEST_REASON),
            )
            for layer, cache, key, miss in damaged
        ]
        screen.show(screen.table(columns, rows))


def _prompt_of(cache: AudioCache, key: str) -> str | None:
    meta = cache.describe(key)
    return None if meta is None else meta.get("prompt")


@click.command()
@click.option(
    "--older-than", metavar="AGE", type=parse_age, help="Remove what was stored longer ago: 12h, 30d, 8w."
)
@click.option(
    "--max-size",
    metavar="SIZE",
    type=parse_size,
    help="Remove the oldest until the rest is no larger: 500MB.",
)
@click.option("--force", is_flag=True, help="Also inside a git work tree, where file times mean nothing.")
@consent_options
@directory_options
@json_option
def prune(
    *,
    older_than: float | None,
    max_size: int | None,
    force: bool,
    yes: bool,
    dry_run: bool,
    cache_dir: str | None,
    recordings_dir: str | None,
    as_json: bool,
) -> None:
    """Remove old entries from the cache, by age or until it is small enough."""
    if older_than is None and max_size is None:
        raise click.UsageError("say what is to go: --older-than AGE, --max-size SIZE, or both")
    workspace = find_workspace(cache_dir=cache_dir, recordings_dir=recordings_dir)
    workspace.refuse_recordings("prune")
    tree = _work_tree(workspace.cache.directory)
    if tree is not None and not force:
        raise screen.RefusedError(
            f"{visible(str(workspace.cache.directory))} is inside the git work tree {visible(str(tree))}, "
            "where file times may be those of a checkout; add --force if they are true here"
        )
    entries = list(entries_of(workspace.cache, "cache"))
    going = outdated(entries, older_than=older_than, max_size=max_size, now=time.time())
    _remove(workspace, going, yes=yes, dry_run=dry_run, as_json=as_json)


def outdated(
    entries: Iterable[Entry], *, older_than: float | None, max_size: int | None, now: float
) -> list[Entry]:
    """Return the entries to remove, the oldest first.

    Args:
        entries: All entries.
        older_than: An age in seconds; entries that are older are removed.
        max_size: A size in bytes; the oldest entries are removed until the rest is not larger.
        now: The time, in seconds since 1970.
    """
    oldest_first = sorted(entries, key=lambda entry: (entry.stored, entry.key))
    left = sum(entry.size for entry in oldest_first)
    going = []
    for entry in oldest_first:
        is_old = older_than is not None and now - entry.stored > older_than
        if is_old or (max_size is not None and left > max_size):
            going.append(entry)
            left -= entry.size
    return going


def _work_tree(directory: Path) -> Path | None:
    """Return the git work tree that a directory is in, if any."""
    real = directory.resolve()
    return next((each for each in (real, *real.parents) if (each / ".git").exists()), None)


@click.command()
@consent_options
@directory_options
@json_option
def clear(
    *, yes: bool, dry_run: bool, cache_dir: str | None, recordings_dir: str | None, as_json: bool
) -> None:
    """Remove all entries of the cache. Recordings and files of others stay."""
    workspace = find_workspace(cache_dir=cache_dir, recordings_dir=recordings_dir)
    workspace.refuse_recordings("clear")
    going = sorted(entries_of(workspace.cache, "cache"), key=lambda entry: (entry.stored, entry.key))
    _remove(workspace, going, yes=yes, dry_run=dry_run, as_json=as_json, sweep=workspace.cache.clear)


def _remove(
    workspace: CommandWorkspace,
    going: list[Entry],
    *,
    yes: bool,
    dry_run: bool,
    as_json: bool,
    sweep: Callable[[], int] | None = None,
) -> None:
    """Show entries, ask for consent, and remove them.

    Args:
        workspace: The workspace with the cache.
        going: The entries to remove.
        yes: Whether to remove without asking.
        dry_run: Whether to only show the entries.
        as_json: Whether to print JSON.
        sweep: Removes all these entries and leftovers at once; without it, each entry is removed by itself.
    """
    size = sum(entry.size for entry in going)
    what = f"{count(len(going), 'entry', 'entries')} ({size_text(size)})"
    if not as_json:
        workspace.announce()
        _show_going(going)
    removed = 0
    if not dry_run:
        if going:
            ask(f"Remove {what} from {visible(str(workspace.cache.directory))}?", yes=yes)
        if sweep is not None:
            removed = sweep()
        else:
            removed = sum(workspace.cache.remove(entry.key) for entry in _watched(going, "removing"))
    if as_json:
        screen.show_json(
            {
                **workspace.to_json(),
                "dry_run": dry_run,
                "removed": removed,
                "bytes": size,
                "entries": [entry.to_json() for entry in going],
            }
        )
    elif dry_run:
        screen.show(f"{what} would be removed")
    else:
        screen.show(f"{count(removed, 'entry', 'entries')} removed ({size_text(size)})")


def _show_going(going: list[Entry]) -> None:
    if going:
        screen.show(entry_table(going[:_SHOWN], layers=False))
    if len(going) > _SHOWN:
        screen.show(f"and {len(going) - _SHOWN:,} more")


@click.command()
@grep_option
@click.option("--dry-run", is_flag=True, help="Show what would be copied, and copy nothing.")
@directory_options
@json_option
def promote(
    *, grep: str | None, dry_run: bool, cache_dir: str | None, recordings_dir: str | None, as_json: bool
) -> None:
    """Copy entries of the cache into the recordings, for a team to commit.

    What is recorded already stays as it is.
    """
    workspace = find_workspace(cache_dir=cache_dir, recordings_dir=recordings_dir)
    if workspace.recordings is None:
        raise screen.RefusedError(_no_recordings(workspace))
    target = AudioCache(workspace.recordings.directory)
    going = sorted(
        (
            entry
            for entry in chosen(entries_of(workspace.cache, "cache"), grep=grep)
            if isinstance(target.lookup(entry.key), Miss)
        ),
        key=lambda entry: (entry.prompt or "", entry.key),
    )
    if not as_json:
        workspace.announce()
        _show_going(going)
    failed = (
        [] if dry_run else [entry.key for entry in _watched(going, "copying") if not _copy(entry, target)]
    )
    copied = 0 if dry_run else len(going) - len(failed)
    if as_json:
        listed = [entry.to_json() for entry in going]
        screen.show_json(
            {**workspace.to_json(), "dry_run": dry_run, "copied": copied, "failed": failed, "entries": listed}
        )
    elif dry_run:
        screen.show(f"{count(len(going), 'entry', 'entries')} would be copied")
    else:
        screen.show(f"{count(copied, 'entry', 'entries')} copied to the recordings")
    if failed:
        raise screen.FailedError(f"{count(len(failed), 'entry', 'entries')} could not be copied")


def _no_recordings(workspace: CommandWorkspace) -> str:
    if workspace.is_recordings:
        directory = visible(str(workspace.cache.directory))
        return f"{directory} is the recordings' own directory: there is nothing to copy"
    return (
        "there is no recordings directory; give --recordings-dir DIR, or set russo_recordings_dir in the "
        "ini-file"
    )


def _copy(entry: Entry, target: AudioCache) -> bool:
    audio, meta = entry.cache.lookup(entry.key), entry.cache.describe(entry.key)
    if isinstance(audio, Miss) or meta is None:
        return False
    try:
        return target.put(entry.key, audio, prompt=meta.get("prompt"), fields=meta.get("fields"))
    except ValueError as error:
        # Samples that are called WAV, stored by an earlier russo; or fields, made by hand, that are longer as
        # russo writes them than it may store.
        screen.complain(f"{shorten(entry.prompt or entry.key)} is not copied: {shown(str(error))}")
        return False


def _watched(things: Sequence[Any], what: str) -> Iterable[Any]:
    """Return the things as an iterable that shows a progress bar on a terminal."""
    console = screen.error_console()
    return track(things, what, console=console, transient=True, disable=not console.is_terminal)
