"""Writes the summary of a run: collects what its processes sent and what the session found out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._flow.other_settings import other_settings
from .._flow.remote_summary import adopted_entries
from .._flow.summary import Notes, summarize, total_of
from .._foreign import shown
from .complete_run import unseen_tests
from .replaced import replaced_backend, replaced_backend_of_ini, replaced_cache
from .terminal import write_line
from .unused import report_unused

if TYPE_CHECKING:
    import pytest

    from .._statistics import Counts
    from .session import PytestSession


def write_summary(
    config: pytest.Config,
    session: PytestSession,
    parts: list[dict[str, Any]],
    *,
    unseen: int,
    why_incomplete: str | None,
) -> None:
    """Write the lines of a run, then those about its unused entries.

    Args:
        config: The configuration of the controller.
        session: The russo objects of the run.
        parts: The counts of the run's tests and processes.
        unseen: How many tests the counts do not contain, because a plugin ran them.
        why_incomplete: Why the run cannot show which entries are unused; ``None`` if it can.
    """
    session.remotes.end()  # if only workers have used russo, the session of the controller is new
    total, verbosity = total_of(parts), config.get_verbosity()
    not_counted = f"{unseen_tests(unseen)}: they are not counted" if unseen else None
    notes = Notes(unseen=not_counted) if verbosity < 0 else _notes(config, session, total, not_counted)
    for line in summarize(total, notes, verbosity=verbosity):
        write_line(config, line)
    for line in report_unused(config, session.cache, total, why_incomplete):
        write_line(config, shown(line, 1000))


def _notes(config: pytest.Config, session: PytestSession, total: Counts, unseen: str | None) -> Notes:
    settings, fixtures, rootdir = session.settings, session.fixtures, config.rootpath
    notices = (
        *adopted_entries(session.remotes.adopted),
        replaced_backend(config, fixtures, settings, total.speakers, only=session.backend.only_shown),
        replaced_cache(fixtures, settings, rootdir, is_shown=session.backend.is_described),
    )
    default = session.cache.layers
    layers = {str(default[-1].directory): default, **session.fixtures.layers}
    return Notes(
        setup=session.backend.setup_line(),
        unseen=unseen,
        notices=[*filter(None, notices), *session.notices],
        other_settings=other_settings(total.added, layers, total.used) if total.added else None,
        pins=bool(config.getoption("russo_record_only")),
        details=[
            *filter(None, [replaced_backend_of_ini(config, fixtures, settings, total.speakers)]),
            *session.details,
        ],
    )
