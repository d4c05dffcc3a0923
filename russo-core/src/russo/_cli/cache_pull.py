"""``russo cache pull``: fetches entries of the shared store into the cache."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click

from .._errors import StoreError
from .._flow.cached import key_of
from .._remote.access import StoreAccess
from .._store.cache import Miss, store_entry
from .._store.pair import Pair
from .._words import count
from . import screen
from .at_once import results, until_interrupt
from .moving import Moved, Tally, first_entry, sizes_in, store_of
from .prompts import Prompt, read_prompts
from .speaking import backend_options, make_cached
from .workspace import CommandWorkspace, directory_options, find_workspace, json_option, remote_option

_AT_ONCE: Final = 32
_FETCHED: Final = "fetched"
_PRESENT: Final = "present"
_ABSENT: Final = "absent"
_DIFFERS: Final = "differs"
_REFUSED: Final = "refused"
_DAMAGED: Final = "damaged"
_FAILED: Final = "failed"
_NOT_THERE: Final = "not in the store"
_FINE: Final = (_FETCHED, _PRESENT)
# The outcomes that are problems, in the words of the summary.
_WORDS: Final = {
    _ABSENT: _NOT_THERE,
    _REFUSED: "refused, because russo.lock pins other audio",
    _DIFFERS: "with other audio here than russo.lock pins",
    _DAMAGED: "damaged in the store",
    _FAILED: "failed",
}


@click.command()
@click.option(
    "--prompts",
    "file",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Fetch the audio of the prompts of a file, which is read as by russo record.",
)
@click.option("--all", "everything", is_flag=True, help="Fetch all entries of the store.")
@click.option("--dry-run", is_flag=True, help="Show what would be fetched, and fetch nothing.")
@backend_options
@remote_option
@directory_options
@json_option
def pull(
    *,
    file: Path | None,
    everything: bool,
    dry_run: bool,
    synth: str | None,
    options: tuple[str, ...],
    yes: bool,
    remote: str | None,
    cache_dir: str | None,
    recordings_dir: str | None,
    as_json: bool,
) -> None:
    """Fetch audio from the shared store into the cache.

    Fetches the entries that russo.lock lists, except those that are stored here. Each entry is verified, and
    compared with russo.lock. The exit code is 1 if an entry could not be fetched.
    """
    if file is not None and everything:
        raise click.UsageError("--prompts and --all disagree; give one of them")
    prompts = None if file is None else read_prompts(file)
    workspace = find_workspace(
        cache_dir=cache_dir,
        recordings_dir=recordings_dir,
        synth=synth,
        options=options,
        remote=remote,
        uses_remote=True,
    )
    access = store_of(workspace)
    wanted: Mapping[str, str | None]
    try:
        if prompts is not None:
            wanted = _keys_of(prompts, workspace, yes=yes)
        elif everything:
            wanted = dict.fromkeys(sorted(_keys_in(access)))
        else:
            wanted = _locked(access, workspace)
        if not as_json:
            workspace.announce()
        moved = _fetch_all(access, workspace, wanted, dry_run=dry_run)
    finally:
        access.close()
    tally = Tally(moved, fine=_FINE)
    unpinned = sum(each.outcome == _FETCHED and access.is_pinned(each.key) is False for each in moved)
    if as_json:
        screen.show_json({**_facts(workspace, tally, dry_run=dry_run), "unpinned": unpinned})
    else:
        _report(tally, dry_run=dry_run)
        if unpinned and not dry_run:
            _complain_of_unpinned(unpinned)
    if len(moved) < len(wanted):
        left = count(len(wanted) - len(moved), "entry", "entries")
        screen.complain(f"stopped: {left} not fetched; the same command continues with the rest")
        raise click.exceptions.Exit(130)
    if tally.problems:
        raise click.exceptions.Exit(1)


def _keys_of(
    prompts: Sequence[Prompt], workspace: CommandWorkspace, *, yes: bool
) -> Mapping[str, str | None]:
    """Return prompts by their keys under the chosen backend.

    Raises:
        RefusedError: The backend has a cache of its own, which would not get the entries.
    """
    cached = make_cached(workspace, yes=yes)
    if cached.has_own_cache:
        raise screen.RefusedError(
            "the factory returns a CachedSynthesizer with a cache of its own, which russo cache pull does "
            "not fill; remove the cache from the factory, or fetch with --all --cache-dir DIR"
        )
    return {key_of(cached, each.text): each.text for each in prompts}


def _locked(access: StoreAccess, workspace: CommandWorkspace) -> Mapping[str, str | None]:
    """Return the prompts of ``russo.lock`` by key.

    Raises:
        UsageError: The file does not exist.
    """
    lock = access.lock
    if lock is None or not lock.exists:
        raise click.UsageError(
            f"there is no {workspace.settings.lock_file}, which lists what to fetch; make it with "
            "russo cache lock, or add --prompts FILE or --all"
        )
    return {key: pin.prompt or None for key, pin in lock.pins.items()}


def _keys_in(access: StoreAccess) -> Iterable[str]:
    """Return the keys of all entries of the store.

    Raises:
        FailedError: The store cannot list them, or did not answer.
    """
    try:
        return sizes_in(access).keys()
    except StoreError as error:
        raise screen.FailedError(
            f"{access.url} did not list its entries: {error.reason}; --all needs this list, so fetch what "
            "russo.lock lists, or add --prompts FILE"
        ) from None


def _fetch_all(
    access: StoreAccess, workspace: CommandWorkspace, wanted: Mapping[str, str | None], *, dry_run: bool
) -> Sequence[Moved]:
    """Return the result of each entry; after Ctrl-C, of the entries that were done before."""
    listed = _listed(access) if dry_run else None
    fetch = functools.partial(_fetch_one, access, workspace, listed=listed, dry_run=dry_run)
    work = results(list(wanted.items()), lambda item: fetch(*item), at_once=_AT_ONCE)
    return until_interrupt(screen.watched(work, "comparing" if dry_run else "fetching", len(wanted)))


def _fetch_one(
    access: StoreAccess,
    workspace: CommandWorkspace,
    key: str,
    prompt: str | None,
    *,
    listed: Collection[str] | None,
    dry_run: bool,
) -> Moved:
    """Fetch an entry if no layer of the cache has it."""
    local = first_entry([cache for _, cache in workspace.layers], key)
    if not isinstance(local, Miss):
        return _kept(access, key, local, prompt)
    if dry_run:
        is_absent = listed is not None and key not in listed
        return Moved(key, _ABSENT, _NOT_THERE, prompt=prompt) if is_absent else Moved(key, _FETCHED)
    found = access.fetch(key)
    if found.entry is None:
        outcome = found.outcome if found.outcome in _WORDS else _FAILED
        reason = _NOT_THERE if found.reason == "absent" else found.reason
        return Moved(key, outcome, reason, prompt=prompt)
    local = first_entry([cache for _, cache in workspace.layers], key)
    if not isinstance(local, Miss):  # a test run has stored it meanwhile, and may have replayed it
        return _kept(access, key, local, prompt)
    try:
        store_entry(workspace.cache, key, found.entry)
    except OSError as error:
        reason = f"not stored in the cache: {screen.os_error_text(error)}"
        return Moved(key, _FAILED, reason, prompt=prompt)
    return Moved(key, _FETCHED, size=found.size)


def _kept(access: StoreAccess, key: str, local: Pair, prompt: str | None) -> Moved:
    """Return the result of an entry that is stored here, and so is not fetched."""
    pin = access.lock.pin_of(key) if access.lock is not None else None
    if pin is None or pin.fits(local.audio):
        return Moved(key, _PRESENT)
    return Moved(key, _DIFFERS, "other audio is stored here than russo.lock pins", prompt=prompt)


def _listed(access: StoreAccess) -> Collection[str] | None:
    """Return the keys that the store has, or ``None`` if it cannot list them."""
    try:
        return sizes_in(access).keys()
    except StoreError:
        return None


def _report(tally: Tally, *, dry_run: bool) -> None:
    parts = [tally.moved_text(_FETCHED, "would be fetched" if dry_run else "fetched")]
    if present := tally.counts[_PRESENT]:
        parts.append(f"{present:,} stored here already")
    parts += [f"{tally.counts[each]:,} {words}" for each, words in _WORDS.items() if tally.counts[each]]
    screen.show(", ".join(parts))
    tally.show_problems()
    if tally.counts[_DIFFERS]:
        screen.note(
            "if the pinned audio is right, remove the other with russo cache rm, and pull again; "
            "else run: russo cache lock"
        )


def _complain_of_unpinned(number: int) -> None:
    # Later test runs replay these entries from the cache, so they cannot report them.
    entries, verb, pronoun = ("entry", "is", "it") if number == 1 else ("entries", "are", "them")
    screen.complain(
        f"{number:,} fetched {entries} {verb} not in russo.lock; pin {pronoun} with: russo cache lock"
    )


def _facts(workspace: CommandWorkspace, tally: Tally, *, dry_run: bool) -> dict[str, Any]:
    return {
        **workspace.to_json(),
        "dry_run": dry_run,
        "fetched": 0 if dry_run else tally.counts[_FETCHED],
        "to_fetch": tally.counts[_FETCHED] if dry_run else 0,
        "bytes": tally.size_of(_FETCHED),
        "present": tally.counts[_PRESENT],
        "problems": [each.to_json() for each in tally.problems],
    }
