"""Finding entries by their key, the first characters of their key, or their prompt."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from .._errors import shorten
from .._foreign import shown, visible
from . import screen
from .entries import Entry, all_entries
from .entry_table import key_length
from .setting_texts import Differences
from .workspace import CommandWorkspace

_SHORTEST_PREFIX: Final = 4
_SHOWN: Final = 20
_MOST_SETTINGS: Final = 3
_LONGEST_TITLE: Final = 60


def find_entries(workspace: CommandWorkspace, wanted: str) -> list[Entry]:
    """Return the entries of every layer that have this key or prompt, else those whose key begins with it.

    Raises:
        FailedError: No entry is found.
    """
    return find_in(list(all_entries(workspace)), workspace, wanted)


def find_in(entries: Sequence[Entry], workspace: CommandWorkspace, wanted: str) -> list[Entry]:
    """Return the entries with this key or prompt, else those whose key begins with it.

    Raises:
        FailedError: No entry is found.
    """
    found = [entry for entry in entries if entry.key == wanted]
    found = found or [entry for entry in entries if entry.prompt == wanted]
    if not found and len(wanted) >= _SHORTEST_PREFIX:
        found = [entry for entry in entries if entry.key.startswith(wanted)]
    if found:
        return found
    is_short = wanted and any(entry.key.startswith(wanted) for entry in entries)
    advice = (
        f"a key needs at least its first {_SHORTEST_PREFIX} characters"
        if is_short
        else "russo cache list --grep PATTERN searches"
    )
    raise screen.FailedError(
        f"no entry has the key or the prompt {shorten(wanted)} in "
        f"{' or '.join(visible(str(cache.directory)) for _, cache in workspace.layers)}; {advice}"
    )


def refuse_ambiguous(found: Sequence[Entry], wanted: str) -> None:
    """Check that all entries have the same prompt: the first characters of a key may match several.

    Raises:
        RefusedError: The entries have different prompts; the message lists them.
    """
    prompts = {entry.key if entry.prompt is None else f" {entry.prompt}" for entry in found}
    if len(prompts) > 1 and len({entry.key for entry in found}) > 1:
        raise screen.RefusedError(
            f"{shorten(wanted)} is ambiguous: the keys of {len(prompts):,} prompts begin with it; give more "
            f"characters of the key, or the prompt:\n{choices(found)}"
        )


def choices(entries: Sequence[Entry]) -> str:
    """Return a line for each of the first entries: its key, its prompt and the settings that differ."""
    length = key_length({entry.key for entry in entries})
    differences = Differences(entries)
    lines = []
    for entry in entries[:_SHOWN]:
        settings = "".join(f", {text}" for text in differences.texts(entry, _MOST_SETTINGS))
        lines.append(f"  {entry.key[:length]}  {shown(entry.title, _LONGEST_TITLE)}{settings}")
    if len(entries) > _SHOWN:
        lines.append(f"  and {len(entries) - _SHOWN:,} more")
    return "\n".join(lines)


def replayed(workspace: CommandWorkspace, found: Iterable[Entry]) -> list[Entry]:
    """Return one entry for each key, the one that a test replays; the oldest comes first."""
    by_key: defaultdict[str, list[Entry]] = defaultdict(list)
    for entry in found:
        by_key[entry.key].append(entry)
    chosen = []
    for key, same in by_key.items():
        cache = workspace.layered.find(key)[1] if len(same) > 1 else same[0].cache
        chosen.append(next((entry for entry in same if entry.cache is cache), same[0]))
    return sorted(chosen, key=lambda entry: (entry.stored, entry.key))
