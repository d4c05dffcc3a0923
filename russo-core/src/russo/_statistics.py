"""Counts of a run: hits, misses, backend calls and failures, counted by russo's public hooks."""

from __future__ import annotations

import json
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from ._fields import speaker_of
from .hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._events import (
        CacheHit,
        CacheMiss,
        EntryDamaged,
        EntryStored,
        Event,
        RemoteLookup,
        RemoteUpload,
        StoreFailed,
        SynthesisFinish,
    )


class RemoteNote(NamedTuple):
    """The result of one lookup in a shared store, or of one upload.

    Attributes:
        operation: ``lookup`` or ``upload``.
        url: The URL of the store.
        outcome: As in `russo.RemoteLookup` and `russo.RemoteUpload`.
        reason: In words; empty after a hit, an upload, and if the store does not have the entry.
        pinned: Whether ``russo.lock`` pins the key; ``None`` if there is no such file, and for an upload.
    """

    operation: str
    url: str
    outcome: str
    reason: str = ""
    pinned: bool | None = None

    @classmethod
    def parse(cls, text: str) -> RemoteNote:
        """Return the note whose `text` this is."""
        return cls(*json.loads(text))

    @property
    def text(self) -> str:
        """The note as text, for `Counts.remote`."""
        return json.dumps(self)


@dataclass(slots=True)
class Counts:
    """Numbers of a run, which can be added over tests and processes and converted to JSON.

    Attributes:
        hits: Requests that were answered without a backend call.
        hit_characters: Characters of the hits, which are not billed again.
        hit_seconds: Seconds of speech of the hits, as far as their formats show it without a decoder.
        hits_unknown: Hits whose seconds of speech only a decoder can find out.
        misses: Requests for which no usable audio was stored.
        backend_calls: Calls that reached a backend.
        backend_characters: Characters of the backend calls.
        damaged: Damaged entries, counted once per request.
        layers: Hits by the directory that had the audio.
        hits_by: Hits by backend.
        backend_calls_by: Backend calls by backend.
        used: Keys that were requested.
        speakers: Backends whose entries were requested, and classes that declare no backend.
        added: Entries that were stored because no entry had their key, as paths without suffix.
        not_stored: Audio that could not be stored, by reason.
        undeclared: Synthesizer classes that declare no ``cache_key_extra`` and were given none.
        remote: Lookups in shared stores and uploads, by the text of their `RemoteNote`.
        troubles: Hooks that raised, by the message to report.
        model_ends: Announced ends of the models that were called, as sentences.
    """

    hits: int = 0
    hit_characters: int = 0
    hit_seconds: float = 0.0
    hits_unknown: int = 0
    misses: int = 0
    backend_calls: int = 0
    backend_characters: int = 0
    damaged: int = 0
    layers: Counter[str] = field(default_factory=Counter)
    hits_by: Counter[str] = field(default_factory=Counter)
    backend_calls_by: Counter[str] = field(default_factory=Counter)
    used: Counter[str] = field(default_factory=Counter)
    speakers: Counter[str] = field(default_factory=Counter)
    added: Counter[str] = field(default_factory=Counter)
    not_stored: Counter[str] = field(default_factory=Counter)
    undeclared: Counter[str] = field(default_factory=Counter)
    model_ends: Counter[str] = field(default_factory=Counter)
    remote: Counter[str] = field(default_factory=Counter)
    troubles: Counter[str] = field(default_factory=Counter)

    def __bool__(self) -> bool:
        return any(getattr(self, name) for name in self.__slots__)

    def add(self, other: Counts) -> None:
        """Add the numbers of another object to these."""
        for name in self.__slots__:
            more = getattr(other, name)
            if isinstance(more, Counter):
                getattr(self, name).update(more)
            else:
                setattr(self, name, getattr(self, name) + more)

    def to_json(self) -> dict[str, Any]:
        """Return the numbers that are not zero as JSON values."""
        values = {name: getattr(self, name) for name in self.__slots__}
        return {name: dict(v) if isinstance(v, Counter) else v for name, v in values.items() if v}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Counts:
        """Make counts of what `to_json` returned."""
        counts = cls()
        for name, value in values.items():
            setattr(counts, name, Counter(value) if isinstance(value, dict) else value)
        return counts


class Statistics:
    """A hook implementation that counts events; may be called from many threads.

    Args:
        is_covered: Returns whether a hit is counted elsewhere, and so must not be counted here.
    """

    def __init__(self, is_covered: Callable[[CacheHit], bool] = lambda _: False) -> None:
        self._is_covered = is_covered
        self._lock = threading.Lock()
        self._counts = Counts()
        self._absent: set[str] = set()

    def take(self) -> Counts | None:
        """Return the counts since the last call of this method, or ``None`` if there are none."""
        with self._lock:
            if not self._counts:
                return None
            counts, self._counts = self._counts, Counts()
        return counts

    def report(self, trouble: str) -> None:
        """Count the message of a hook implementation that raised."""
        with self._lock:
            self._counts.troubles[trouble] += 1

    @hookimpl
    def russo_cache_hit(self, event: CacheHit) -> None:
        """Count a hit, at the outermost layer only."""
        seconds = event.audio.known_duration
        covered = event.nested or self._is_covered(event)
        with self._lock:
            self._note(event)
            if covered:
                return
            self._counts.hits += 1
            self._counts.hits_by[event.backend or event.synthesizer] += 1
            self._counts.hit_characters += len(event.prompt)
            if seconds is None:
                self._counts.hits_unknown += 1
            else:
                self._counts.hit_seconds += seconds
            if event.directory is not None:
                self._counts.layers[str(event.directory)] += 1

    @hookimpl
    def russo_cache_miss(self, event: CacheMiss) -> None:
        """Count a miss, at the outermost layer only."""
        with self._lock:
            self._note(event)
            if not event.nested:
                self._counts.misses += 1
                if event.reason == "absent":
                    self._absent.add(event.key)

    @hookimpl
    def russo_entry_stored(self, event: EntryStored) -> None:
        """Count a new entry, at the outermost layer only."""
        if event.nested:
            return
        with self._lock:
            if event.key in self._absent:
                self._absent.discard(event.key)
                self._counts.added[str(event.directory / event.key)] = 1

    @hookimpl
    def russo_synthesis_finish(self, event: SynthesisFinish) -> None:
        """Count the calls that reached the backend."""
        with self._lock:
            self._note(event)
            self._counts.backend_calls += event.backend_calls
            if event.backend_calls:
                self._counts.backend_calls_by[event.backend or event.synthesizer] += event.backend_calls
                if event.model_end is not None:
                    speaker = event.backend or event.synthesizer
                    self._counts.model_ends[f"{speaker}: {event.model_end}"] = 1
            self._counts.backend_characters += event.backend_calls * event.characters

    @hookimpl
    def russo_entry_damaged(self, event: EntryDamaged) -> None:
        """Count a damaged entry."""
        with self._lock:
            self._counts.damaged += 1

    @hookimpl
    def russo_store_failed(self, event: StoreFailed) -> None:
        """Count audio that could not be stored."""
        with self._lock:
            self._counts.not_stored[event.reason] += 1

    @hookimpl
    def russo_remote_lookup(self, event: RemoteLookup) -> None:
        """Count a lookup in a shared store."""
        reason = "" if event.outcome == "absent" else event.reason
        self._note_remote(RemoteNote("lookup", event.url, event.outcome, reason, event.pinned))

    @hookimpl
    def russo_remote_upload(self, event: RemoteUpload) -> None:
        """Count an upload to a shared store."""
        reason = "" if event.outcome == "exists" else event.reason
        self._note_remote(RemoteNote("upload", event.url, event.outcome, reason))

    def _note_remote(self, note: RemoteNote) -> None:
        with self._lock:
            self._counts.remote[note.text] += 1

    def note_used(self, key: str) -> None:
        """Note the key of a request that is not counted here."""
        with self._lock:
            self._counts.used[key] = 1

    def _note(self, event: Event) -> None:
        self._counts.used[event.key] = 1
        if (speaker := speaker_of(event.fields)) is not None:
            self._counts.speakers[speaker] = 1
        if not event.declares_settings and not event.fields.get("given"):
            self._counts.undeclared[event.synthesizer] += 1
