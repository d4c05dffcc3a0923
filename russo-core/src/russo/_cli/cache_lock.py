"""``russo cache lock``: writes the audio of each stored prompt into ``russo.lock``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .._foreign import visible
from .._remote.pins import LockFile, Pin, after_update
from .._store.cache import Miss
from .._words import count
from . import screen
from .moving import Moved, Tally, described_prompt, first_entry, places_of, prompt_of
from .pin_changes import PinChange, changes_between, counts_text, show_changes, write_pins
from .workspace import CommandWorkspace, directory_options, find_workspace, json_option

if TYPE_CHECKING:
    from collections.abc import Sequence


@click.command()
@click.option("--prune", is_flag=True, help="Remove the pins of entries that are not stored here.")
@click.option("--check", is_flag=True, help="Change nothing; the exit code is 1 if a pin would change.")
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@directory_options
@json_option
def lock(
    *,
    prune: bool,
    check: bool,
    dry_run: bool,
    cache_dir: str | None,
    recordings_dir: str | None,
    as_json: bool,
) -> None:
    """Pin the stored audio in russo.lock.

    russo.lock is a text file in the rootdir, with a line for each prompt. Commit it: then audio from a shared
    store is used only if it is the pinned one, and a diff shows each change of speech. Pins of entries that
    are not stored here are kept. The file is made if it does not exist.
    """
    workspace = find_workspace(cache_dir=cache_dir, recordings_dir=recordings_dir)
    file = LockFile(workspace.settings.lock_file)
    if not as_json:
        workspace.announce()
    pins, damaged = _pins_here(workspace)
    here = pins.keys() | {each.key for each in damaged}
    remove = [key for key in file.pins if key not in here] if prune else []
    changes = changes_between(file.pins, after_update(file.pins, pins, remove=remove))
    is_written = not (check or dry_run) and bool(changes)
    if is_written:
        write_pins(file, pins, remove=remove)
    if as_json:
        screen.show_json(_facts(workspace, file, changes, damaged, is_written=is_written))
    else:
        _report(file, changes, only_shown=check or dry_run)
        _complain_of(damaged)
    if damaged or (check and changes):
        if check and changes:
            screen.complain("russo.lock is not up to date; run russo cache lock, and commit the file")
        raise click.exceptions.Exit(1)


def _pins_here(workspace: CommandWorkspace) -> tuple[dict[str, Pin], list[Moved]]:
    """Return the pin of each entry that can be replayed, and the entries that cannot."""
    places = places_of(workspace)
    pins: dict[str, Pin] = {}
    damaged = []
    for key, caches in screen.watched(list(places.items()), "reading"):
        entry = first_entry(caches, key)
        if isinstance(entry, Miss):
            reason = "its metadata is missing" if entry.reason == "absent" else entry.reason
            damaged.append(Moved(key, "damaged", reason, prompt=described_prompt(caches, key)))
        else:
            pins[key] = Pin.of(entry.audio, prompt_of(entry, key))
    return pins, damaged


def _report(file: LockFile, changes: Sequence[PinChange], *, only_shown: bool) -> None:
    show_changes(changes)
    name = visible(str(file.path))
    if changes:
        screen.show(f"{name}: {counts_text(changes)}{' (not written)' if only_shown else ''}")
    elif file.exists:
        screen.show(f"{name}: {count(len(file.pins), 'pin')}, up to date")
    else:
        screen.show(f"{name} was not made, because no entry is stored here")


def _complain_of(damaged: Sequence[Moved]) -> None:
    if damaged:
        Tally(damaged, fine=()).show_problems()
        entries = count(len(damaged), "damaged entry", "damaged entries")
        screen.complain(f"{entries} not pinned; russo cache verify --repair removes them")


def _facts(
    workspace: CommandWorkspace,
    file: LockFile,
    changes: Sequence[PinChange],
    damaged: Sequence[Moved],
    *,
    is_written: bool,
) -> dict[str, Any]:
    return {
        **workspace.to_json(),
        "lock_file": str(file.path),
        "written": is_written,
        "pins": len(file.pins),
        "changes": [each.to_json() for each in changes],
        "damaged": [each.to_json() for each in damaged],
    }
