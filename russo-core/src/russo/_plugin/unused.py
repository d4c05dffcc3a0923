"""Find the entries that no test of any project uses, as far as complete runs have shown.

One run knows only its own project. So each complete run writes a ledger beside the entries. An entry is
unused if an earlier complete run of this project used it, this run did not, and it is not in the ledger of
another project. If in doubt, an entry is kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from .._errors import shorten
from .._fields import speaker_of
from .._foreign import shown
from .._store.directory import is_generated
from .._store.ledger import LEDGERS, Ledger, LedgerError, Project, read_ledgers, write_ledger
from .._words import count
from .project import project_of

if TYPE_CHECKING:
    import pytest

    from .._statistics import Counts
    from .._store.cache import AudioCache
    from .._store.layered import Cache

ALL: Final = "all"
"""The value of ``--russo-prune-unused`` that also removes what is in no ledger."""
_KEPT: Final = "russo: no unused entries are removed: "


@dataclass(frozen=True, slots=True)
class Known:
    """The keys that a complete run and the ledgers show to be in use.

    Attributes:
        total: The counts of the run.
        earlier: Keys that earlier complete runs of this project used; ``None`` if the project has no ledger.
        others: The ledgers of the other projects.
    """

    total: Counts
    earlier: frozenset[str] | None
    others: tuple[Ledger, ...]

    def not_used(self, layer: AudioCache) -> Iterator[tuple[str, str]]:
        """Yield key and prompt of each entry of one layer that this run did not use.

        Entries of a backend that the run did not use at all are left out.
        """
        for key in sorted(layer.stored_keys()):
            if key in self.total.used:
                continue
            meta = layer.describe(key)
            if meta is not None and speaker_of(meta.get("fields")) in self.total.speakers:
                yield key, str(meta.get("prompt"))

    def user_of(self, key: str) -> Project | None:
        """Return another project that uses a key."""
        return next((ledger.project for ledger in self.others if key in ledger.used), None)


def report_unused(
    config: pytest.Config, cache: Cache, total: Counts, why_incomplete: str | None
) -> Iterator[str]:
    """Keep the ledger of a complete run, and list or remove the unused entries.

    Args:
        config: The configuration of the controller.
        cache: The cache of the run.
        total: The counts of the run.
        why_incomplete: Why the run cannot show which entries are unused; ``None`` if it can.

    Yields:
        Lines to print.
    """
    prune: str | None = config.getoption("russo_prune_unused")
    if why_incomplete is not None:
        if prune:
            yield f"{_KEPT}the run was not complete ({why_incomplete})"
        return
    directory = cache.writable.directory
    try:
        known = _keep_ledger(config, cache, total, prune)
    except LedgerError as error:
        if prune:
            yield f"{_KEPT}{error.strerror or error}"
        return
    if known.earlier is None and prune and prune != ALL:
        yield (
            f"{_KEPT}{directory} has no ledger of an earlier complete run of this project with these "
            "options; the next complete run can remove them"
        )
    if prune or config.get_verbosity() > 0:
        for layer in cache.layers:
            yield from _report_layer(known, layer, prune)


def _keep_ledger(config: pytest.Config, cache: Cache, total: Counts, prune: str | None) -> Known:
    """Write the ledger of this run, and return the keys of all ledgers.

    Raises:
        LedgerError: A ledger cannot be read or written, so every entry may be in use.
    """
    directory = cache.writable.directory
    if not directory.is_dir():
        return Known(total, None, ())
    project = project_of(config, directory)
    ledgers, problems = read_ledgers(directory)
    own = ledgers.pop(project.name, None)
    earlier = None if own is None else own.used | own.retired
    used = frozenset(key for key in total.used if is_generated(key))
    retired = frozenset(key for key in (earlier or frozenset()) - used if _is_stored(cache, key))
    # An unreadable ledger of this project is replaced, so the next run can remove entries again.
    write_ledger(directory, Ledger(project, used, retired))
    for name, problem in problems.items():
        raise LedgerError(f"the ledger {directory / LEDGERS / name} is unreadable: {shown(problem)}")
    others = [each for each in ledgers.values() if prune != ALL or each.project.exists(directory)]
    return Known(total, earlier, tuple(others))


def _is_stored(cache: Cache, key: str) -> bool:
    return any(layer.describe(key) is not None for layer in cache.layers)


def _report_layer(known: Known, layer: AudioCache, prune: str | None) -> Iterator[str]:
    in_no_ledger, protected = 0, Counter[Project]()
    for key, prompt in known.not_used(layer):
        # Recordings are only listed, never removed, so they need no ledger.
        is_candidate = layer.read_only or prune == ALL or key in (known.earlier or ())
        user = known.user_of(key)
        if user is not None:
            protected[user] += is_candidate
        elif is_candidate:
            what = _remove(layer, key) if prune and not layer.read_only else "unused"
            yield f"russo: {what}: {shorten(prompt)} ({key[:12]}, {layer.directory})"
        else:
            in_no_ledger += 1
    if in_no_ledger:
        yield (
            "russo: neither this run nor an earlier complete run used "
            f"{count(in_no_ledger, 'entry', 'entries')} in {layer.directory}; --russo-prune-unused=all "
            "removes those that are in no ledger"
        )
    for user, number in protected.items():
        if number and prune:
            yield _protected(layer, user, number)


def _remove(layer: AudioCache, key: str) -> str:
    try:
        layer.remove(key)
    except OSError as error:
        return f"not removed ({error.strerror or error})"
    return "removed"


def _protected(layer: AudioCache, user: Project, number: int) -> str:
    ini = f" with {shown(user.ini)}" if user.ini else ""
    return (
        f"russo: {count(number, 'entry', 'entries')} kept in {layer.directory}: runs in {shown(user.rootdir)}"
        f"{ini} use them; if you do not make these runs any more, delete {LEDGERS}/{user.name} there"
    )
