"""The uses of prompts in one process: which test used which prompt, and where its audio is stored.

Audio is never sent to the controller: it stays in the cache. Audio that is in no cache of the run goes to a
temporary cache that the processes of the run share.
"""

from __future__ import annotations

import contextvars
import dataclasses
import itertools
import threading
from typing import TYPE_CHECKING, Any, Final

from .._errors import CacheMissError
from .._fields import flatten, plain
from ..hookspecs import hookimpl
from .audio import digest_of, is_kept
from .bounds import cut

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .._audio import Audio
    from .._events import (
        CacheHit,
        CacheMiss,
        EntryStored,
        Event,
        RemoteLookup,
        SynthesisFinish,
        SynthesisStart,
    )
    from .._store.cache import AudioCache
    from .attempts import Moment

# Synthesized audio that is not stored yet stays in memory until the report of its test. If there are more
# than this many pieces of audio, the oldest is written to disk at once.
_WAITING: Final = 16
_inner_calls: contextvars.ContextVar[list[int] | None] = contextvars.ContextVar(
    "russo_inner_calls", default=None
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """One use of a prompt by a test.

    Attributes:
        key: The cache key.
        prompt: The prompt.
        backend: The backend's name, else the synthesizer's class.
        settings: The settings that shaped the sound, by name.
        test: The node id of the test, empty outside of tests.
        attempt: The tag of the attempt of the test; see `russo._report.attempts`.
        state: ``hit``, ``synthesized`` or ``failed``.
        error: Why it failed, else empty.
        is_recordable: Whether it is a miss of mode ``replay`` that another mode would record.
        audio: The digest of the audio, empty after a failure.
        duration: Seconds of sound, or ``None`` if the format needs a decoder.
        place: The cache directory that stores the audio, and the key in that directory.
    """

    key: str
    prompt: str
    backend: str
    settings: dict[str, Any]
    test: str
    attempt: str
    state: str
    error: str = ""
    is_recordable: bool = False
    audio: str = ""
    duration: float | None = None
    place: tuple[str, str] | None = None


class ReportListener:
    """A hook implementation that records each use of a prompt; may be called from many threads.

    Args:
        now: Returns the test that is running.
        lasting: Directories that still exist after the tests. Other audio is copied.
        spare: The cache for those copies.
    """

    def __init__(self, now: Callable[[], Moment], lasting: frozenset[Path], spare: AudioCache) -> None:
        self._now = now
        self._lasting = lasting
        self._spare = spare
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._uses: dict[int, Use] = {}
        self._unanswered: dict[str, list[int]] = {}  # by key, the uses that become obsolete if a call begins
        self._waiting: dict[str, Audio] = {}
        self._places: dict[str, tuple[str, str]] = {}
        self._brought: dict[str, str] = {}

    def take(self) -> list[Use]:
        """Return the uses since the last call of this method, each with the place of its audio."""
        with self._lock:
            uses, self._uses = [self._uses[number] for number in sorted(self._uses)], {}
            self._unanswered = {}
            while self._waiting:
                self._copy_oldest()
            return [dataclasses.replace(use, place=self._places.get(use.audio)) for use in uses]

    def take_brought(self) -> dict[str, str] | None:
        """Return the keys that shared stores had since the last call, each with the URL of the store."""
        with self._lock:
            brought, self._brought = self._brought, {}
        return brought or None

    @hookimpl
    def russo_remote_lookup(self, event: RemoteLookup) -> None:
        """Record that audio comes from a shared store, perhaps ahead of the test that uses it."""
        if event.outcome == "hit":
            with self._lock:
                self._brought[event.key] = event.url

    @hookimpl
    def russo_cache_hit(self, event: CacheHit) -> None:
        """Record a replay, but not that of a `CachedSynthesizer` inside another one."""
        if event.nested:
            return
        use = self._use(event, "hit", audio=event.audio)
        with self._lock:
            self._keep(use.audio, event.audio, event.directory, event.key)
            self._add(use)

    @hookimpl
    def russo_cache_miss(self, event: CacheMiss) -> None:
        """Record a failure. It is removed when a backend call begins; in mode ``replay`` no call begins."""
        if event.nested:
            return
        use = self._failure(event, event.error)
        with self._lock:
            number = self._add(use)
            if event.error is None:
                self._unanswered.setdefault(event.key, []).append(number)

    @hookimpl
    def russo_synthesis_start(self, event: SynthesisStart) -> None:
        """Remove the failure that was recorded for the miss of this call."""
        if event.nested:
            return
        _inner_calls.set([])
        with self._lock:
            for number in self._unanswered.pop(event.key, ()):
                self._uses.pop(number, None)

    @hookimpl
    def russo_synthesis_finish(self, event: SynthesisFinish) -> None:
        """Record a call; record a hit if it only asked an inner `CachedSynthesizer`, which had a hit."""
        inner = _inner_calls.get()
        if event.nested:
            if inner is not None and event.backend_calls:
                inner.append(event.backend_calls)
            return
        if event.audio is None:
            use = self._failure(event, event.error)
        else:
            state = "synthesized" if event.backend_calls or inner else "hit"
            use = self._use(event, state, audio=event.audio)
        with self._lock:
            if event.audio is not None:
                self._keep(use.audio, event.audio, None, event.key)
            self._add(use)

    @hookimpl
    def russo_entry_stored(self, event: EntryStored) -> None:
        """Record where audio was stored."""
        digest = digest_of(event.audio)
        with self._lock:
            if digest in self._waiting:
                self._keep(digest, self._waiting[digest], event.directory, event.key)

    def _add(self, use: Use) -> int:
        number = next(self._numbers)
        self._uses[number] = use
        return number

    def _failure(self, event: Event, error: BaseException | None) -> Use:
        if error is None:  # a miss; it is replaced when a backend call begins
            return self._use(event, "failed", error="nothing usable is stored, and no call was made")
        if isinstance(error, CacheMissError):
            text = str(error)
            # If the cache cannot be read, the last line is another advice.
            is_recordable = text.rpartition("\n")[2].startswith("record it once with:")
            return self._use(event, "failed", error=text, is_recordable=is_recordable)
        text = f"{type(error).__name__}: {error}".removesuffix(": ")
        return self._use(event, "failed", error=cut(text))

    def _use(
        self,
        event: Event,
        state: str,
        *,
        error: str = "",
        is_recordable: bool = False,
        audio: Audio | None = None,
    ) -> Use:
        now = self._now()
        return Use(
            key=event.key,
            prompt=event.prompt,
            backend=event.backend or event.synthesizer,
            settings=plain(flatten(event.fields)) or {},
            test=now.test,
            attempt=now.attempt,
            state=state,
            error=error,
            is_recordable=is_recordable,
            audio="" if audio is None else digest_of(audio),
            duration=None if audio is None else audio.known_duration,
        )

    def _keep(self, digest: str, audio: Audio, directory: Path | None, key: str) -> None:
        """Remember a lasting place of the audio; if there is none yet, keep the audio itself."""
        if digest in self._places:
            return
        if directory in self._lasting:
            self._waiting.pop(digest, None)
            self._places[digest] = str(directory), key
            return
        self._waiting[digest] = audio
        if len(self._waiting) > _WAITING:
            self._copy_oldest()

    def _copy_oldest(self) -> None:
        digest = next(iter(self._waiting))
        if is_kept(self._spare, digest, self._waiting.pop(digest)):
            self._places[digest] = str(self._spare.directory), digest
