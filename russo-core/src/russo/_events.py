"""What hooks are told: one frozen event each, which may grow fields and never loses one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from ._audio import Audio


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What every event tells.

    Attributes:
        prompt: The exact prompt.
        key: The cache key of the request.
        synthesizer: The class name of the synthesizer.
        backend: What the synthesizer declares as its ``backend``, else ``None``.
        fields: What went into the key: ``own`` (declared by the synthesizer) and ``given``.
        declares_settings: Whether the synthesizer declares its settings (``cache_key_extra``).
        nested: Whether another `CachedSynthesizer` is asking, so that the request is counted there.
    """

    hook: ClassVar[str]
    """The name of the hook that is told."""

    prompt: str
    key: str
    synthesizer: str
    backend: str | None
    fields: Mapping[str, Any]
    declares_settings: bool
    nested: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheHit(Event):
    """Audio was replayed.

    Attributes:
        audio: The audio.
        directory: The cache or recordings that answered; ``None`` where an equal request in flight did.
    """

    hook: ClassVar[str] = "russo_cache_hit"

    audio: Audio
    directory: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheMiss(Event):
    """Nothing usable is stored.

    Attributes:
        reason: ``absent``, ``refresh``, or what is wrong with what lies there.
    """

    hook: ClassVar[str] = "russo_cache_miss"

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SynthesisStart(Event):
    """A synthesizer is about to be called."""

    hook: ClassVar[str] = "russo_synthesis_start"


@dataclass(frozen=True, slots=True, kw_only=True)
class SynthesisFinish(Event):
    """A synthesizer returned or failed.

    Attributes:
        backend_calls: Calls that reached the backend and so may be billed.
        seconds: How long it took.
        characters: Length of the prompt.
        audio: The audio, ``None`` after a failure.
        error: What it raised, ``None`` after a success.
    """

    hook: ClassVar[str] = "russo_synthesis_finish"

    backend_calls: int
    seconds: float
    characters: int
    audio: Audio | None
    error: BaseException | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryStored(Event):
    """Audio was written to the cache.

    Attributes:
        audio: The audio.
        directory: The cache it went to.
    """

    hook: ClassVar[str] = "russo_entry_stored"

    audio: Audio
    directory: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryDamaged(Event):
    """Files lie under the key that are no entry, or no longer whole; they count as a miss.

    Attributes:
        reason: What is wrong with them.
        directory: Where they lie.
    """

    hook: ClassVar[str] = "russo_entry_damaged"

    reason: str
    directory: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFailed(Event):
    """Audio could not be kept; the caller has it all the same.

    Attributes:
        reason: Why not.
        directory: Where it was to go.
    """

    hook: ClassVar[str] = "russo_store_failed"

    reason: str
    directory: Path
