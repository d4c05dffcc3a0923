"""Removing entries after the user has seen them and agreed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

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
) -> int:
    """Show entries, ask for consent, and remove them; return how many were removed.

    Args:
        workspace: The workspace with the cache.
        going: The entries to remove.
        yes: Whether to remove without asking.
        dry_run: Whether to only show the entries.
        as_json: Whether to print JSON.
        of: The prompt for the question, if all entries have the same.
        notes: Sentences that are shown before the question.
        sweep: Removes all these entries and leftovers at once; if ``None``, entries are removed one by one.
    """
    size = sum(entry.size for entry in going)
    what = f"{count(len(going), 'entry', 'entries')} ({size_text(size)})"
    if not as_json:
        workspace.announce()
        show_some(going)
        for sentence in notes:
            screen.note(sentence)
    removed = 0
    if not dry_run:
        if going:
            whose = "" if of is None else f" of {shorten(of)}"
            ask(f"Remove {what}{whose} from {visible(str(workspace.cache.directory))}?", yes=yes)
        _remove(workspace, going, sweep)
        removed = sum(not has_files(entry.cache.directory, entry.key) for entry in going)
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
    return removed


def _remove(workspace: CommandWorkspace, going: Sequence[Entry], sweep: Callable[[], int] | None) -> None:
    if sweep is not None:
        sweep()
        return
    for entry in screen.watched(going, "removing"):
        workspace.cache.remove(entry.key)
