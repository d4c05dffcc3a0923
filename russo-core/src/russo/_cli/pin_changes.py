"""Changes of ``russo.lock``, as the commands name them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from .._foreign import shown, visible
from .._words import count
from . import screen

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from .._remote.pins import LockFile, Pin

_MOST_NAMED: Final = 20
_ADDED: Final = "added"
_REPLACED: Final = "replaced"
_REMOVED: Final = "removed"
# A change of speech comes first, because it is the one to review.
_SIGNS: Final = {_REPLACED: "~", _REMOVED: "-", _ADDED: "+"}


@dataclass(frozen=True, slots=True)
class PinChange:
    """A change of one line.

    Attributes:
        key: The key of the line.
        old: The pin before; ``None`` if it is new.
        new: The pin after; ``None`` if it was removed.
    """

    key: str
    old: Pin | None
    new: Pin | None

    @property
    def kind(self) -> str:
        """``added``, ``replaced`` or ``removed``."""
        return _ADDED if self.old is None else _REMOVED if self.new is None else _REPLACED

    @property
    def prompt(self) -> str:
        """The prompt of the line."""
        return (self.new and self.new.prompt) or (self.old and self.old.prompt) or ""

    def __str__(self) -> str:
        prompt = json.dumps(shown(self.prompt), ensure_ascii=False) if self.prompt else "(unknown prompt)"
        return f"{_SIGNS[self.kind]} {self.key[:12]} {prompt}{self._difference()}"

    def _difference(self) -> str:
        if self.old is None or self.new is None:
            return ""
        if self.old.size != self.new.size:
            return f": other audio, {self.new.size:,} bytes instead of {self.old.size:,}"
        if self.old.digest != self.new.digest:
            return ": other audio of the same size"
        if self.old.sound != self.new.sound:
            return f": the same bytes as {self.new.sound} instead of {self.old.sound}"
        return ": the same audio, another text in the line"

    def to_json(self) -> dict[str, Any]:
        """Return the change as JSON values."""
        return {
            "key": self.key,
            "prompt": self.prompt or None,
            "change": self.kind,
            "old": None if self.old is None else self.old.digest,
            "new": None if self.new is None else self.new.digest,
        }


def changes_between(before: Mapping[str, Pin], after: Mapping[str, Pin]) -> list[PinChange]:
    """Return the lines that differ, changes of speech first, then sorted by prompt."""
    changes = [
        PinChange(key, before.get(key), after.get(key))
        for key in before.keys() | after.keys()
        if before.get(key) != after.get(key)
    ]
    order = list(_SIGNS)
    return sorted(changes, key=lambda each: (order.index(each.kind), each.prompt, each.key))


def counts_text(changes: Sequence[PinChange]) -> str:
    """Return how many pins changed: ``12 pins added, 1 pin replaced``."""
    numbers = {kind: sum(each.kind == kind for each in changes) for kind in (_ADDED, _REPLACED, _REMOVED)}
    return ", ".join(f"{count(number, 'pin')} {kind}" for kind, number in numbers.items() if number)


def lines_for(changes: Sequence[PinChange]) -> Iterator[str]:
    """Yield a line for each change, at most 20, then how many more there are."""
    yield from map(str, changes[:_MOST_NAMED])
    if (more := len(changes) - _MOST_NAMED) > 0:
        yield f"and {count(more, 'more change')}"


def write_pins(file: LockFile, pins: Mapping[str, Pin], *, remove: Collection[str] = ()) -> None:
    """Add or replace pins, and remove others.

    Raises:
        FailedError: The file cannot be written.
    """
    try:
        file.update(pins, remove=remove)
    except OSError as error:
        reason = error.strerror or str(error)
        raise screen.FailedError(f"{visible(str(file.path))} cannot be written: {reason}") from error


def show_changes(changes: Sequence[PinChange]) -> None:
    """Print the changes."""
    for line in lines_for(changes):
        screen.show(line)
