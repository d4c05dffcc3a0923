"""``russo cache push``: uploads stored audio to the shared store."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping, Sequence
from typing import Any, Final

import click

from .._errors import StoreError
from .._remote.access import StoreAccess
from .._remote.objects import packed_size
from .._store.cache import AudioCache, Miss
from .._store.entry import AUDIO_SUFFIX, META_SUFFIX
from .._store.pair import Pair
from .._words import count
from . import screen
from .at_once import results, until_interrupt
from .moving import Moved, Tally, described_prompt, first_entry, places_of, prompt_of, sizes_in, store_of
from .workspace import CommandWorkspace, directory_options, find_workspace, json_option, remote_option

_AT_ONCE: Final = 8
_UPLOADED: Final = "uploaded"
_PRESENT: Final = "present"
_DIFFERS: Final = "differs"
_FORBIDDEN: Final = "forbidden"
_DAMAGED: Final = "damaged"
_FAILED: Final = "failed"
_FINE: Final = (_UPLOADED, _PRESENT)
# The outcomes that are problems, in the words of the summary.
_WORDS: Final = {
    _DIFFERS: "with other audio in the store",
    _FORBIDDEN: "with other audio than russo.lock pins",
    _DAMAGED: "damaged here",
    _FAILED: "failed",
}


@click.command()
@click.option("--dry-run", is_flag=True, help="Show what would be uploaded, and upload nothing.")
@remote_option
@directory_options
@json_option
def push(
    *, dry_run: bool, remote: str | None, cache_dir: str | None, recordings_dir: str | None, as_json: bool
) -> None:
    """Upload stored audio to the shared store.

    Uploads the entries of recordings and cache that the store does not have. An entry that the store has is
    not changed. Audio that russo.lock does not allow is not uploaded. The exit code is 1 if an entry was not
    uploaded, or if the store has other audio.
    """
    workspace = find_workspace(
        cache_dir=cache_dir, recordings_dir=recordings_dir, remote=remote, uses_remote=True
    )
    access = store_of(workspace)
    if not as_json:
        workspace.announce()
    places = places_of(workspace)
    try:
        send = functools.partial(_push_one, access, _sizes_in(access), dry_run=dry_run)
        work = results(list(places.items()), lambda item: send(*item), at_once=_AT_ONCE)
        moved = until_interrupt(screen.watched(work, "comparing" if dry_run else "uploading", len(places)))
    finally:
        access.close()
    tally = Tally(moved, fine=_FINE)
    if as_json:
        screen.show_json(_facts(workspace, tally, dry_run=dry_run))
    else:
        _report(tally, dry_run=dry_run)
    if len(moved) < len(places):
        left = count(len(places) - len(moved), "entry", "entries")
        screen.complain(f"stopped: {left} not compared; the same command continues with the rest")
        raise click.exceptions.Exit(130)
    if tally.problems:
        raise click.exceptions.Exit(1)


def _sizes_in(access: StoreAccess) -> Mapping[str, int] | None:
    """Return the size of each entry in the store by its key, or ``None`` if the store cannot list them.

    Raises:
        FailedError: The store did not answer.
    """
    try:
        return sizes_in(access)
    except StoreError as error:
        if error.kind == "refused":  # each entry is asked for, and the store may refuse that, too
            return None
        raise screen.FailedError(
            f"{access.url} did not list its entries: {error.reason}; nothing was uploaded"
        ) from None


def _push_one(
    access: StoreAccess,
    sizes: Mapping[str, int] | None,
    key: str,
    caches: Sequence[AudioCache],
    *,
    dry_run: bool,
) -> Moved:
    """Upload an entry if the store does not have it."""
    if sizes is not None and sizes.get(key, -1) == _object_size(caches[0], key):
        return Moved(key, _PRESENT)
    entry = first_entry(caches, key)
    if isinstance(entry, Miss):
        return Moved(key, _DAMAGED, f"damaged here: {entry.reason}", prompt=described_prompt(caches, key))
    prompt = prompt_of(entry, key)
    pin = access.lock.pin_of(key) if access.lock is not None else None
    if pin is not None and not pin.fits(entry.audio):
        return Moved(key, _FORBIDDEN, "russo.lock pins other audio", prompt=prompt)
    if (sizes is None or key in sizes) and (found := _compared(access, key, entry)) is not None:
        return Moved(key, *found, prompt=prompt)
    if dry_run:
        return Moved(key, _UPLOADED, size=_object_size(caches[0], key))
    result = access.upload(key, entry)
    if result.outcome == "uploaded":
        return Moved(key, _UPLOADED, size=result.size)
    if result.outcome == "exists":  # another machine was faster, or a later russo wrote it
        found = _compared(access, key, entry) or (_FAILED, "the store has it, but does not return it")
        return Moved(key, *found, prompt=prompt)
    return Moved(key, _FAILED, result.reason, prompt=prompt)


def _compared(access: StoreAccess, key: str, entry: Pair) -> tuple[str, str] | None:
    """Compare an entry with that of the store; return outcome and problem, or ``None`` if absent."""
    found = access.fetch(key)
    if found.outcome == "absent":
        if found.reason == "absent":
            return None
        return _FAILED, f"the store's object cannot be read, and was not replaced: {found.reason}"
    if found.entry is not None and found.entry.audio == entry.audio:
        return _PRESENT, ""
    if found.outcome in ("hit", "refused"):
        return _DIFFERS, "the store has other audio, which was not replaced"
    if found.outcome == "damaged":
        return _FAILED, f"the store's object is damaged, and was not replaced: {found.reason}"
    return _FAILED, found.reason


def _object_size(cache: AudioCache, key: str) -> int:
    """Return the size of the object that `pack` makes of an entry; 0 if a file of the entry is missing."""
    path = f"{cache.directory}{os.sep}{key}"
    try:
        return packed_size(os.stat(path + META_SUFFIX).st_size, os.stat(path + AUDIO_SUFFIX).st_size)
    except OSError:
        return 0


def _report(tally: Tally, *, dry_run: bool) -> None:
    parts = [tally.moved_text(_UPLOADED, "would be uploaded" if dry_run else "uploaded")]
    if present := tally.counts[_PRESENT]:
        parts.append(f"{present:,} in the store already")
    parts += [f"{tally.counts[each]:,} {words}" for each, words in _WORDS.items() if tally.counts[each]]
    screen.show(", ".join(parts))
    tally.show_problems()
    if tally.counts[_FORBIDDEN]:
        screen.note("if the audio here is right, run russo cache lock, and push again")


def _facts(workspace: CommandWorkspace, tally: Tally, *, dry_run: bool) -> dict[str, Any]:
    return {
        **workspace.to_json(),
        "dry_run": dry_run,
        "uploaded": 0 if dry_run else tally.counts[_UPLOADED],
        "to_upload": tally.counts[_UPLOADED] if dry_run else 0,
        "bytes": tally.size_of(_UPLOADED),
        "present": tally.counts[_PRESENT],
        "problems": [each.to_json() for each in tally.problems],
    }
