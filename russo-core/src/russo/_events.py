"""The events that hooks receive. They are frozen; they may get new fields, and never lose one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeAlias

from ._audio import Audio
from ._errors import CacheMissError

LookupOutcome: TypeAlias = Literal["hit", "absent", "damaged", "refused", "failed", "skipped"]
UploadOutcome: TypeAlias = Literal["uploaded", "exists", "failed", "skipped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """The fields that every event has.

    Attributes:
        prompt: The exact prompt.
        key: The cache key of the request.
        synthesizer: The class name of the synthesizer.
        backend: The ``backend`` that the synthesizer declares, else ``None``.
        fields: The fields of the key: ``own`` (declared by the synthesizer) and ``given``.
        declares_settings: Whether the synthesizer declares its settings (``cache_key_extra``).
        nested: Whether another `CachedSynthesizer` made the request. Then the request is counted there.
    """

    hook: ClassVar[str]
    """The name of the hook that receives the event."""

    prompt: str
    key: str
    synthesizer: str
    backend: str | None
    fields: Mapping[str, Any]
    declares_settings: bool
    nested: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheHit(Event):
    """Audio was replayed from the cache.

    Attributes:
        audio: The audio.
        directory: The cache or recordings that had the audio, or ``None`` if an equal request that was
            in progress returned it.
        remote: The URL of the shared store from which the audio came just now, else ``None``. Then
            ``directory`` has it now.
    """

    hook: ClassVar[str] = "russo_cache_hit"

    audio: Audio
    directory: Path | None
    remote: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheMiss(Event):
    """Nothing usable is stored.

    Attributes:
        reason: ``absent``, ``refresh``, or what is wrong with the stored entry.
        error: The `CacheMissError` that is raised in mode ``replay``; in the other modes ``None``.
    """

    hook: ClassVar[str] = "russo_cache_miss"

    reason: str
    error: CacheMissError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SynthesisStart(Event):
    """A synthesizer is about to be called."""

    hook: ClassVar[str] = "russo_synthesis_start"


@dataclass(frozen=True, slots=True, kw_only=True)
class SynthesisFinish(Event):
    """A synthesizer returned or failed.

    Attributes:
        backend_calls: Calls that reached the backend and so may be billed.
        seconds: Duration of the call.
        characters: Length of the prompt.
        audio: The audio, or ``None`` after a failure.
        error: The exception, or ``None`` after a success.
        model_end: The announced end of the synthesizer's model as a sentence, or ``None``.
    """

    hook: ClassVar[str] = "russo_synthesis_finish"

    backend_calls: int
    seconds: float
    characters: int
    audio: Audio | None
    error: BaseException | None
    model_end: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryStored(Event):
    """Audio was written to the cache.

    Attributes:
        audio: The audio.
        directory: The cache that stores it.
    """

    hook: ClassVar[str] = "russo_entry_stored"

    audio: Audio
    directory: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryDamaged(Event):
    """The files of the key are damaged, or not an entry; they count as a miss.

    Attributes:
        reason: What is wrong with the files.
        directory: The directory that has the files.
    """

    hook: ClassVar[str] = "russo_entry_damaged"

    reason: str
    directory: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFailed(Event):
    """Audio could not be stored; the caller still gets it.

    Attributes:
        reason: Why it could not be stored.
        directory: The directory that should have stored it.
    """

    hook: ClassVar[str] = "russo_store_failed"

    reason: str
    directory: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteLookup(Event):
    """A shared store was asked for an entry, or should have been asked.

    Attributes:
        url: The URL of the store.
        outcome: ``hit``; ``absent``; ``damaged`` (the object is not this entry); ``refused`` (``russo.lock``
            pins other audio); ``failed`` (the store did not answer); ``skipped`` (it was not asked, because
            it did not answer before).
        reason: Why there is no entry, in words; empty for a hit.
        seconds: How long the store took.
        size: The size of the object in bytes; 0 if none came.
        pinned: Whether ``russo.lock`` pins the key; ``None`` if there is no such file.
    """

    hook: ClassVar[str] = "russo_remote_lookup"

    url: str
    outcome: LookupOutcome
    reason: str
    seconds: float
    size: int
    pinned: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteUpload(Event):
    """New audio was given to a shared store. The hook is called in another thread than that of the request.

    Attributes:
        url: The URL of the store.
        outcome: ``uploaded``; ``exists`` (the store has an entry of this key, which stays); ``failed``;
            ``skipped`` (the store was not asked).
        reason: Why the entry was not uploaded, in words; empty after an upload.
        seconds: How long the store took.
        size: The size of the object in bytes; 0 if it was not uploaded.
    """

    hook: ClassVar[str] = "russo_remote_upload"

    url: str
    outcome: UploadOutcome
    reason: str
    seconds: float
    size: int
