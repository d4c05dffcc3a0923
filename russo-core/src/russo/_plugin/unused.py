"""Unused entries: those that a complete run did not ask for."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

import pytest

from .._errors import shorten
from .._fields import speaker_of

if TYPE_CHECKING:
    from .._statistics import Counts
    from .._store.cache import AudioCache
    from .._store.layered import Cache


def why_incomplete(config: pytest.Config, reporter: pytest.TerminalReporter, exit_status: int) -> str | None:
    """Return why a run cannot show which entries are unused, or ``None`` if it was complete and green."""
    option = config.option
    for name, words in (
        ("keyword", "-k selected tests"),
        ("markexpr", "-m selected tests"),
        ("lf", "--lf selected tests"),
        ("stepwise", "--stepwise may stop early"),
        ("maxfail", "-x or --maxfail may stop early"),
        ("deselect", "--deselect left out tests"),
        ("ignore", "--ignore left out files"),
        ("ignore_glob", "--ignore-glob left out files"),
        ("collectonly", "--collect-only ran no test"),
    ):
        if getattr(option, name, None):
            return words
    if config.args_source is pytest.Config.ArgsSource.ARGS:
        return "paths were given"
    if (
        config.args_source is pytest.Config.ArgsSource.INVOCATION_DIR
        and config.invocation_params.dir != config.rootpath
    ):
        return f"it ran in {config.invocation_params.dir}, not in the rootdir"
    for outcome in ("deselected", "skipped", "failed", "error", "xfailed"):
        if number := len(reporter.stats.get(outcome, ())):
            return f"{number} {outcome}"
    return None if exit_status == pytest.ExitCode.OK else f"exit code {int(exit_status)}"


def unused_entries(
    cache: AudioCache, used: Collection[str], speakers: Collection[str]
) -> Iterator[tuple[str, str]]:
    """Yield key and prompt of the entries of these speakers that no test asked for.

    Args:
        cache: The cache.
        used: Keys that the run asked for.
        speakers: Backends, and classes that declare none, as `speaker_of` returns them.
    """
    for key in sorted(cache.stored_keys()):
        if key in used:
            continue
        meta = cache.describe(key)
        if meta is not None and speaker_of(meta.get("fields")) in speakers:
            yield key, str(meta.get("prompt"))


def report_unused(
    config: pytest.Config,
    cache: Cache,
    total: Counts,
    reporter: pytest.TerminalReporter,
    exit_status: int,
) -> Iterator[str]:
    """After a complete, green run, list the unused entries; with ``--russo-prune-unused``, remove them."""
    prune: bool = config.getoption("russo_prune_unused")
    reason = why_incomplete(config, reporter, exit_status)
    if reason is not None:
        if prune:
            yield f"russo: no unused entries are removed: the run does not tell which they are ({reason})"
        return
    for layer in cache.layers:
        unused = list(unused_entries(layer, total.used, total.speakers))
        removed = prune and not layer.read_only
        for key, prompt in unused:
            if removed:
                layer.remove(key)
            what = "removed" if removed else "unused"
            yield f"russo: {what}: {shorten(prompt)} ({key[:12]}, {layer.directory})"
