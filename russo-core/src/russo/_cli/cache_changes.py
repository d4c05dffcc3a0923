"""``russo cache`` prune, promote, clear: the commands that add or remove entries.

Recordings are never removed; only ``promote`` adds to them.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from .._audio import Audio, check_format
from .._errors import shorten
from .._foreign import shown, visible
from .._store.cache import AudioCache, Miss
from .._store.entry import encode_meta
from .._words import count
from . import screen
from .consent import consent_options
from .entries import Entry, chosen, entries_of, grep_option
from .entry_table import show_some
from .removal import remove_entries
from .units import parse_age, parse_size
from .workspace import CommandWorkspace, directory_options, find_workspace, json_option


@click.command()
@click.option(
    "--older-than", metavar="AGE", type=parse_age, help="Remove entries that are older: 12h, 30d, 8w."
)
@click.option(
    "--max-size",
    metavar="SIZE",
    type=parse_size,
    help="Remove entries until the rest has at most this size: 500MB.",
)
@click.option("--force", is_flag=True, help="Prune also in a git work tree, where git changes file times.")
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
    """Remove old entries from the cache, by age or total size.

    With --max-size, the oldest entries are removed first.
    """
    if older_than is None and max_size is None:
        raise click.UsageError("say which entries to remove: --older-than AGE, --max-size SIZE, or both")
    workspace = find_workspace(cache_dir=cache_dir, recordings_dir=recordings_dir)
    workspace.refuse_recordings("prune")
    tree = _work_tree(workspace.cache.directory)
    if tree is not None and not force:
        raise screen.RefusedError(
            f"{visible(str(workspace.cache.directory))} is inside the git work tree {visible(str(tree))}, "
            "where a checkout sets the file times; if they are correct here, add --force"
        )
    entries = list(entries_of(workspace.cache, "cache"))
    going = outdated(entries, older_than=older_than, max_size=max_size, now=time.time())
    remove_entries(workspace, going, yes=yes, dry_run=dry_run, as_json=as_json)


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
    """Remove all entries of the cache.

    Recordings, and files of other programs, are not removed.
    """
    workspace = find_workspace(cache_dir=cache_dir, recordings_dir=recordings_dir)
    workspace.refuse_recordings("clear")
    going = sorted(entries_of(workspace.cache, "cache"), key=lambda entry: (entry.stored, entry.key))
    remove_entries(workspace, going, yes=yes, dry_run=dry_run, as_json=as_json, sweep=workspace.cache.clear)


@click.command()
@grep_option
@click.option("--dry-run", is_flag=True, help="Show what would be copied, and copy nothing.")
@directory_options
@json_option
def promote(
    *, grep: str | None, dry_run: bool, cache_dir: str | None, recordings_dir: str | None, as_json: bool
) -> None:
    """Copy entries of the cache into the recordings.

    A team can commit the recordings. Entries that they already have are not changed.
    """
    workspace = find_workspace(cache_dir=cache_dir, recordings_dir=recordings_dir)
    if workspace.recordings is None:
        raise screen.RefusedError(_no_recordings(workspace))
    target = AudioCache(workspace.recordings.directory)
    going = sorted(
        (
            entry
            for entry in chosen(entries_of(workspace.cache, "cache", links=True), grep=grep)
            if isinstance(target.lookup(entry.key), Miss)
        ),
        key=lambda entry: (entry.prompt or "", entry.key),
    )
    if not as_json:
        workspace.announce()
        show_some(going)
    copy = _copyable if dry_run else functools.partial(_copy, target=target)
    watched = screen.watched(going, "checking" if dry_run else "copying")
    failed = [entry.key for entry in watched if not copy(entry)]
    copied = 0 if dry_run else len(going) - len(failed)
    if as_json:
        listed = [entry.to_json() for entry in going]
        screen.show_json(
            {**workspace.to_json(), "dry_run": dry_run, "copied": copied, "failed": failed, "entries": listed}
        )
    elif dry_run:
        screen.show(f"{count(len(going) - len(failed), 'entry', 'entries')} would be copied")
    else:
        screen.show(f"{count(copied, 'entry', 'entries')} copied to the recordings")
    if failed:
        raise screen.FailedError(f"{count(len(failed), 'entry', 'entries')} could not be copied")


def _no_recordings(workspace: CommandWorkspace) -> str:
    if workspace.is_recordings:
        directory = visible(str(workspace.cache.directory))
        return f"cache and recordings are the same directory, {directory}: there is nothing to copy"
    return (
        "no recordings directory is set; give --recordings-dir DIR, or set russo_recordings_dir in "
        "the ini-file"
    )


def _copyable(entry: Entry) -> tuple[Audio, dict[str, Any]] | None:
    """Return the audio and the metadata of an entry. If it cannot be copied, show why and return ``None``."""
    audio, meta = entry.cache.lookup(entry.key), entry.cache.describe(entry.key)
    if isinstance(audio, Miss) or meta is None:
        return None
    try:
        check_format(audio)
        encode_meta(entry.key, audio, prompt=meta.get("prompt"), fields=meta.get("fields"))
    except ValueError as error:
        # An earlier russo stored raw samples as WAV; or fields that were written by hand are too long in the
        # form that russo writes.
        screen.complain(f"{shorten(entry.prompt or entry.key)} is not copied: {shown(str(error))}")
        return None
    return audio, meta


def _copy(entry: Entry, target: AudioCache) -> bool:
    if (found := _copyable(entry)) is None:
        return False
    audio, meta = found
    return target.put(entry.key, audio, prompt=meta.get("prompt"), fields=meta.get("fields"))
