"""Entries that a command uploads or fetches: the result of each entry, and how the command shows it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from .._foreign import shown
from .._remote import listing
from .._remote.remote import access_of
from .._store.cache import AudioCache, Miss, read_entry
from .._store.directory import keys_with_files
from .._store.entry import decode_meta
from .._words import count
from . import screen
from .screen import Column
from .units import size_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .._remote.access import StoreAccess
    from .._store.pair import Pair
    from .workspace import CommandWorkspace

_MOST_NAMED: Final = 20
_LONGEST_REASON: Final = 300


@dataclass(frozen=True, slots=True)
class Moved:
    """The result of one entry.

    Attributes:
        key: Its key.
        outcome: A word that the command chooses.
        reason: Why the entry was not moved, in words; empty if nothing is wrong.
        size: The number of bytes that were moved.
        prompt: The prompt, if it is known.
    """

    key: str
    outcome: str
    reason: str = ""
    size: int = 0
    prompt: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the entry and its problem as JSON values."""
        return {"key": self.key, "prompt": self.prompt, "outcome": self.outcome, "reason": self.reason}


def store_of(workspace: CommandWorkspace) -> StoreAccess:
    """Return the shared store of a command.

    Raises:
        RefusedError: None is set.
    """
    if workspace.remote is None:
        raise screen.RefusedError(
            "no shared store is set; add --remote URL, or set russo_remote in the ini-file or the variable "
            "RUSSO_REMOTE"
        )
    return access_of(workspace.remote)


def sizes_in(access: StoreAccess) -> Mapping[str, int]:
    """Return the size of each entry in the store by its key; other objects are left out.

    Raises:
        StoreError: The store cannot list its objects, or did not answer.
    """
    with screen.status(f"listing {access.url}"):
        return listing.sizes_in(access)


def places_of(workspace: CommandWorkspace) -> Mapping[str, Sequence[AudioCache]]:
    """Return the caches that have files of each key, in the order in which they are read; sorted by key."""
    places: dict[str, list[AudioCache]] = {}
    for _, cache in workspace.layers:
        for key in keys_with_files(cache.directory):
            places.setdefault(key, []).append(cache)
    return dict(sorted(places.items()))


def first_entry(caches: Sequence[AudioCache], key: str) -> Pair | Miss:
    """Return the entry of a key that a test run replays, verified, or why there is none that can be used."""
    miss = Miss("absent")
    for cache in caches:
        found = read_entry(cache, key)
        if not isinstance(found, Miss):
            return found
        if miss.reason == "absent":
            miss = found
    return miss


def prompt_of(entry: Pair, key: str) -> str | None:
    """Return the prompt in the metadata of an entry."""
    prompt = decode_meta(entry.meta, key).get("prompt")
    return prompt if isinstance(prompt, str) else None


def described_prompt(caches: Sequence[AudioCache], key: str) -> str | None:
    """Return the prompt of an entry that may be damaged, if its metadata can be read."""
    for cache in caches:
        if (meta := cache.describe(key)) is not None:
            return meta.get("prompt")
    return None


class Tally:
    """The results of a command.

    Args:
        moved: The result of each entry.
        fine: The outcomes that are not a problem.
    """

    def __init__(self, moved: Sequence[Moved], *, fine: Sequence[str]) -> None:
        self._moved = moved
        self.problems = sorted((each for each in moved if each.outcome not in fine), key=_order)
        self.counts = Counter(each.outcome for each in moved)

    def size_of(self, outcome: str) -> int:
        """Return the bytes of all entries with an outcome."""
        return sum(each.size for each in self._moved if each.outcome == outcome)

    def moved_text(self, outcome: str, verb: str) -> str:
        """Return how many entries were moved, with their size: ``12 entries uploaded (1.8 MB)``."""
        number = self.counts[outcome]
        size = f" ({size_text(self.size_of(outcome))})" if self.size_of(outcome) else ""
        return f"{count(number, 'entry', 'entries')} {verb}{size}"

    def show_problems(self) -> None:
        """Print the entries that were not moved, and why."""
        if not self.problems:
            return
        columns = [Column("key"), Column("prompt", long=True), Column("why", long=True, fold=True)]
        rows = [
            (each.key[:12], shown(each.prompt or "(unknown)"), shown(each.reason, _LONGEST_REASON))
            for each in self.problems[:_MOST_NAMED]
        ]
        screen.show(screen.table(columns, rows))
        if (more := len(self.problems) - _MOST_NAMED) > 0:
            screen.show(f"and {count(more, 'more entry', 'more entries')}; --json lists all")


def _order(moved: Moved) -> tuple[str, str]:
    return moved.prompt or "", moved.key
