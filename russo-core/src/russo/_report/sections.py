"""Sections that other packages, such as russo-agents, add to the report: a table, and audio to play."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .audio import digest_of, is_kept

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._audio import Audio
    from .._store.cache import AudioCache
    from .attempts import Moment


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ReportSection:
    """A table and audio in the report of ``--russo-report``. The page escapes all text.

    Attributes:
        title: What the section is about.
        columns: The headings of the table.
        rows: The rows of the table, with as many texts as there are columns.
        audio: Audio to play, if there is any.
        test: The node id of a test. Empty means the test that is running.
    """

    title: str
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    audio: Audio | None = None
    test: str = ""

    def __post_init__(self) -> None:
        texts = (self.title, self.test, *self.columns, *(text for row in self.rows for text in row))
        for text in texts:
            if not isinstance(text, str):
                kind = type(text).__name__
                raise TypeError(f"{text!r:.80} is {kind}; title, columns, rows and test are text")
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(
                    f"row {list(row)!r:.80} has {len(row)} texts for {len(self.columns)} columns"
                )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class StoredSection:
    """A section of another package, in the form in which it is sent to the controller; see `ReportSection`.

    Attributes:
        title: The headline.
        columns: The headings of its table.
        rows: The rows of its table.
        test: The node id of the test, empty outside of tests.
        attempt: The tag of its attempt; empty means the last attempt.
        audio: The digest of its audio, empty if it has none.
        place: The cache directory that has the audio, and its key there; ``None`` if it could not be stored.
    """

    title: str
    columns: list[str]
    rows: list[list[str]]
    test: str
    attempt: str
    audio: str = ""
    place: tuple[str, str] | None = None


class SectionCollector:
    """Keeps the sections of this process until they are sent. May be used from any thread.

    Args:
        now: Returns the test that is running.
        spare: The cache, shared by the processes of the run, that stores the audio.
    """

    def __init__(self, now: Callable[[], Moment], spare: AudioCache) -> None:
        self._now = now
        self._spare = spare
        self._lock = threading.Lock()
        self._sections: list[StoredSection] = []

    def add(self, section: ReportSection) -> None:
        """Keep a section, and store its audio."""
        now = self._now()
        digest, place = "", None
        if section.audio is not None:
            digest = digest_of(section.audio)
            if is_kept(self._spare, digest, section.audio):
                place = str(self._spare.directory), digest
        stored = StoredSection(
            title=section.title,
            columns=list(section.columns),
            rows=[list(row) for row in section.rows],
            test=section.test or now.test,
            attempt=now.attempt if section.test in {"", now.test} else "",
            audio=digest,
            place=place,
        )
        with self._lock:
            self._sections.append(stored)

    def take(self) -> list[dict[str, Any]] | None:
        """Return the sections since the last call as JSON values, or ``None``."""
        with self._lock:
            sections, self._sections = self._sections, []
        return [dataclasses.asdict(section) for section in sections] or None
