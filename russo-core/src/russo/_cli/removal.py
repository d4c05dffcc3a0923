"""Removing entries after the user has seen them and agreed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .._errors import shorten
from .._foreign import visible
from .._store.directory import has_files
from .._words import count
from . import screen
from .consent import ask
from .entries import Entry
from .entry_table import show_some
from .units import size_text
from .workspace import CommandWorkspace


def remove_entries(
    workspace: CommandWorkspace,
    going: Sequence[Entry],
    *,
    yes: bool,
    dry_run: bool,
    as_json: bool,
    of: str | None = None,
    notes: Sequence[str] = (),
    sweep: Callable[[], int] | None = None,
    order: Callable[[Entry], Any] | None = None,
) -> None:
    """Show entries, ask for consent, remove them, and show how many this process removed.

    Args:
        workspace: The workspace with the cache.
        going: The entries to remove.
        yes: Whether to remove without asking.
        dry_run: Whether to only show the entries.
        as_json: Whether to print JSON.
        of: The prompt for the question, if all entries have the same.
        notes: Sentences that are shown before the question.
        sweep: Removes what is left in the directory, after these entries.
        order: The order in which the entries are shown, for `show_entries`.

    Raises:
        OSError: Something cannot be removed. What was removed before is already shown.
    """
    what = _amount(going)
    if not as_json:
        workspace.announce()
        show_some(going, order=order)
        for sentence in notes:
            screen.note(sentence)
    if going and not dry_run:
        whose = "" if of is None else f" of {shorten(of)}"
        ask(f"Remove {what}{whose} from {visible(str(workspace.cache.directory))}?", yes=yes)
    removed: list[Entry] = []
    try:
        if not dry_run:
            _remove(workspace, going, sweep, removed)
    finally:
        # Also if an entry cannot be removed: the error follows, and those before it are gone.
        if as_json:
            screen.show_json(
                {
                    **workspace.to_json(),
                    "dry_run": dry_run,
                    "removed": len(removed),
                    "bytes": sum(entry.size for entry in (going if dry_run else removed)),
                    "entries": [entry.to_json() for entry in going],
                }
            )
        else:
            screen.show(f"{what} would be removed" if dry_run else _removed(removed))


def _amount(entries: Sequence[Entry]) -> str:
    return f"{count(len(entries), 'entry', 'entries')} ({size_text(sum(entry.size for entry in entries))})"


def _removed(entries: Sequence[Entry]) -> str:
    size = size_text(sum(entry.size for entry in entries))
    return f"{count(len(entries), 'entry', 'entries')} removed ({size})"


def _remove(
    workspace: CommandWorkspace,
    going: Sequence[Entry],
    sweep: Callable[[], int] | None,
    removed: list[Entry],
) -> None:
    """Remove entries, and add to ``removed`` each entry that this process removed."""
    others = 0
    for entry in screen.watched(going, "removing"):
        is_removed = workspace.cache.remove(entry.key)
        if is_removed and not has_files(entry.cache.directory, entry.key):
            removed.append(entry)
        elif not is_removed:
            others += 1
    if others:
        is_one = others == 1
        screen.note(
            f"{count(others, 'entry', 'entries')} {'is' if is_one else 'are'} not counted, because another "
            f"process removed {'it' if is_one else 'them'}"
        )
    if sweep is not None:
        sweep()
