"""``russo cache list``: all entries, or those that the options choose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import click

from . import screen
from .entries import Entry, all_entries, chosen, filter_options
from .entry_table import show_entries
from .setting_texts import Differences, text_order
from .workspace import directory_options, find_workspace, json_option

SORTS: Final[dict[str, Callable[[Entry], Any]]] = {
    "prompt": lambda entry: (entry.prompt is None, (entry.prompt or "").casefold(), entry.prompt or ""),
    "backend": lambda entry: entry.backend,
    "voice": lambda entry: entry.voice,
    "seconds": lambda entry: -(entry.seconds or 0.0),
    "size": lambda entry: -entry.size,
    "age": lambda entry: -entry.stored,
}


@click.command("list")
@filter_options
@click.option(
    "--sort",
    type=click.Choice(list(SORTS)),
    default="prompt",
    show_default=True,
    help="Sort by this column; the longest, largest or newest entry comes first.",
)
@click.option("--limit", metavar="N", type=click.IntRange(min=1), help="Only the first N entries.")
@directory_options
@json_option
def list_entries(
    *,
    grep: str | None,
    backend: str | None,
    sort: str,
    limit: int | None,
    cache_dir: str | None,
    recordings_dir: str | None,
    as_json: bool,
) -> None:
    """List the stored entries.

    The table has a column for each setting that differs between the entries, and the first characters of
    their keys.
    """
    workspace = find_workspace(cache_dir=cache_dir, recordings_dir=recordings_dir)

    def order(entry: Entry) -> Any:
        return SORTS[sort](entry), SORTS["prompt"](entry)

    found = chosen(all_entries(workspace), grep=grep, backend=backend)
    differences = Differences(found)
    found.sort(
        key=lambda entry: (
            order(entry),
            [text_order(differences.text(entry, name)) for name in differences.names],
            entry.key,
        )
    )
    left = len(found) - len(found[:limit])
    del found[len(found) - left :]
    if as_json:
        more = {} if limit is None else {"more": left}
        screen.show_json({**workspace.to_json(), "entries": [entry.to_json() for entry in found], **more})
        return
    workspace.announce()
    if not found:
        screen.note("no entries" if grep is None and backend is None else "no entries that match")
        return
    show_entries(found, layers=workspace.recordings is not None, order=order)
    if left:
        screen.note(f"and {left:,} more; --limit {len(found)} is set")
