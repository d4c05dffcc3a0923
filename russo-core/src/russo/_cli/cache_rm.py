"""``russo cache rm``: removes chosen entries from the cache, so that the next run synthesizes them again.

Recordings are never removed.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Final

import click

from .._errors import shorten
from .._foreign import visible
from .._store.directory import has_files, obstacle
from .._store.entry import AUDIO_SUFFIX, META_SUFFIX
from .._words import count
from . import screen
from .completion import entry_keys
from .consent import consent_options
from .entries import Entry, all_entries
from .finding import find_in, refuse_ambiguous
from .removal import remove_entries
from .workspace import CommandWorkspace, directory_options, find_workspace, json_option

_LONGEST_PROMPT: Final = 200


@click.command("rm")
@click.argument("wanted", metavar="KEY|PROMPT...", nargs=-1, required=True, shell_complete=entry_keys)
@consent_options
@directory_options
@json_option
def remove(
    *,
    wanted: tuple[str, ...],
    yes: bool,
    dry_run: bool,
    cache_dir: str | None,
    recordings_dir: str | None,
    as_json: bool,
) -> None:
    """Remove entries from the cache, by key or by prompt.

    Give a key, its first characters, or the exact prompt. All entries of a prompt are removed; to remove only
    one, give its key. Recordings are not removed.
    """
    workspace = find_workspace(cache_dir=cache_dir, recordings_dir=recordings_dir)
    workspace.refuse_recordings("rm")
    found = _find_all(workspace, wanted)
    chosen = list({entry.key: entry for entry in found if entry.layer == "cache"}.values())
    going = [entry for entry in chosen if obstacle(entry.cache.directory, entry.key) is None]
    prompts = list(dict.fromkeys(entry.prompt for entry in going))
    remove_entries(
        workspace,
        going,
        yes=yes,
        dry_run=dry_run,
        as_json=as_json,
        of=prompts[0] if len(prompts) == 1 else None,
        notes=_notes(going, found, wanted),
        order=lambda entry: prompts.index(entry.prompt),
    )
    staying = [entry for entry in chosen if has_files(entry.cache.directory, entry.key)]
    if dry_run:
        staying = [entry for entry in staying if entry not in going]
    for entry in staying:
        reason = obstacle(entry.cache.directory, entry.key) or f"{entry.key} was stored again"
        screen.complain(f"an entry {'would not be' if dry_run else 'was not'} removed, because {reason}")
    if staying:
        raise click.exceptions.Exit(1)


def _find_all(workspace: CommandWorkspace, wanted: Sequence[str]) -> list[Entry]:
    """Return the entries that the arguments choose, in every layer.

    Raises:
        FailedError: An argument chooses no entry of the cache.
        RefusedError: The first characters of a key are ambiguous.
    """
    entries = list(all_entries(workspace))
    if len(wanted) > 1 and any(entry.prompt == " ".join(wanted) for entry in entries):
        raise screen.RefusedError(f"write the prompt in quotes: {shorten(' '.join(wanted))}")
    found: list[Entry] = []
    for each in wanted:
        ours = find_in(entries, workspace, each)
        refuse_ambiguous(ours, each)
        if all(entry.layer == "recordings" for entry in ours):
            raise screen.FailedError(_only_recorded(ours, each))
        found += ours
    return found


def _only_recorded(recorded: Sequence[Entry], wanted: str) -> str:
    place = visible(str(recorded[0].cache.directory))
    names = " and ".join(f"{recorded[0].key}{suffix}" for suffix in (META_SUFFIX, AUDIO_SUFFIX))
    more = f", and those of {count(len(recorded) - 1, 'other key')}" if len(recorded) > 1 else ""
    return (
        f"{shorten(wanted)} is only in the recordings, and russo cache rm never removes recordings. To "
        f"replace the recording: russo say {_argument(recorded[0].prompt)} --refresh "
        f"--cache-dir={shlex.quote(place)}, with the settings that russo cache show KEY "
        f"shows. To remove it, delete its files by hand: {names}{more}"
    )


def _argument(prompt: str | None) -> str:
    """Return a prompt as an argument for a shell; a placeholder if it cannot be copied from a terminal."""
    is_plain = prompt is not None and visible(prompt) == prompt and len(prompt) <= _LONGEST_PROMPT
    return shlex.quote(prompt) if prompt is not None and is_plain else "PROMPT"


def _notes(going: Sequence[Entry], found: Sequence[Entry], wanted: Sequence[str]) -> list[str]:
    notes = []
    prompts = [entry.prompt for entry in going]
    if any(prompts.count(each) > 1 for each in set(wanted)):
        notes.append("all entries of a prompt are removed; to remove only one, give its key")
    recorded = [entry for entry in found if entry.layer == "recordings"]
    if recorded:
        keys = {entry.key for entry in going}
        replayed = any(entry.key in keys for entry in recorded)
        notes.append(
            f"{count(len(recorded), 'entry', 'entries')} of the recordings "
            f"{'is' if len(recorded) == 1 else 'are'} not removed"
            f"{', and a test replays the recording, not the entry of the cache' if replayed else ''}"
        )
    return notes
