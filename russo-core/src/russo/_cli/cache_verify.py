"""``russo cache verify``: checks every entry, and with ``--repair`` removes the damaged ones.

Recordings are never removed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import click

from .._foreign import shown
from .._store.cache import AudioCache, Miss
from .._store.directory import has_files, keys_with_files, obstacle
from .._words import count
from . import screen
from .consent import ask, consent_options
from .entries import check_entry
from .screen import Column
from .workspace import CommandWorkspace, directory_options, find_workspace, json_option

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
    """Check every byte of every entry.

    The exit code is 1 if an entry is damaged. In a test run, a damaged entry counts as a miss and
    is overwritten by the next store. Recordings are checked, but never removed.
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
        removed = _repair(ours)
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
    for layer, cache, key in screen.watched(keys, "checking"):
        miss = check_entry(cache, key)
        if miss is not None:
            damaged.append((layer, cache, key, miss))
    return len(keys), damaged


def _repair(damaged: Iterable[tuple[AudioCache, str]]) -> list[str]:
    """Remove entries; return the keys of the removed ones, and show why the others were not removed."""
    removed, staying = [], []
    for cache, key in damaged:
        cache.remove(key)
        if not has_files(cache.directory, key):
            removed.append(key)
        else:
            staying.append(obstacle(cache.directory, key) or f"{key} was stored again")
    screen.note(f"{count(len(removed), 'damaged entry', 'damaged entries')} removed")
    for reason in staying:
        screen.complain(f"an entry was not removed, because {reason}")
    return removed


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
