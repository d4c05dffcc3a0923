"""``--refresh``: synthesizes stored prompts again, replaces their audio, and reports what was replaced.

Recordings are read-only. A prompt whose audio comes from the recordings is refused before any backend call.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .._audio import Audio
from .._errors import shorten
from .._flow.cached import CachedSynthesizer, key_of
from .._foreign import visible
from .._mode import Mode
from .._store.cache import AudioCache, Miss
from .._words import count
from . import screen
from .units import seconds_text
from .workspace import CommandWorkspace


@dataclass(frozen=True, slots=True)
class OldTake:
    """The audio that was stored before.

    Attributes:
        key: Its key.
        seconds: Its length, or ``None`` if only a decoder can find it out.
        digest: The digest of its bytes; empty if it is damaged.
        problem: Why it could not be replayed; empty if it could.
    """

    key: str
    seconds: float | None
    digest: bytes
    problem: str = ""

    def is_same(self, audio: Audio) -> bool:
        """Return whether new audio has the same bytes."""
        return self.digest == _digest(audio)


@dataclass(frozen=True, slots=True)
class Replaced:
    """Stored audio that was replaced.

    Attributes:
        old: The audio that was stored before.
        is_same: Whether the new audio has the same bytes.
    """

    old: OldTake
    is_same: bool

    def __str__(self) -> str:
        if self.old.problem:
            return f"replaced a damaged entry: {self.old.problem}"
        if self.is_same:
            return "replaced by the same audio: the backend returned exactly the bytes that were stored"
        return f"replaced {speech_text(self.old.seconds)}"

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return {"seconds": self.old.seconds, "same": self.is_same, "damaged": self.old.problem or None}


def old_take(cache: AudioCache, key: str) -> OldTake | None:
    """Return the audio that is stored under a key, or ``None`` if no entry has this key."""
    found = cache.lookup(key)
    if isinstance(found, Miss):
        return None if found.reason == "absent" else OldTake(key, None, b"", found.reason)
    return OldTake(key, found.known_duration, _digest(found))


def _digest(audio: Audio) -> bytes:
    return hashlib.sha256(audio.data).digest()


def speech_text(seconds: float | None) -> str:
    """Return a length of speech in words."""
    return "speech of unknown length" if seconds is None else f"{seconds_text(seconds)} s of speech"


def refuse_to_refresh(
    synthesizer: CachedSynthesizer, workspace: CommandWorkspace, prompts: Sequence[str]
) -> None:
    """Refuse prompts whose audio ``--refresh`` cannot replace, before any backend call.

    Raises:
        RefusedError: The synthesizer has a mode of its own, or the audio comes from the recordings.
    """
    if synthesizer.mode is not Mode.REFRESH:
        raise screen.RefusedError(
            f"--refresh has no effect: the factory returns a CachedSynthesizer with the mode "
            f"{str(synthesizer.mode)!r}; remove the mode from the factory"
        )
    recordings = workspace.recordings
    if recordings is None or synthesizer.has_own_cache:
        return
    recorded = [
        each for each in prompts if not isinstance(recordings.lookup(key_of(synthesizer, each)), Miss)
    ]
    if not recorded:
        return
    which = shorten(recorded[0])
    if len(prompts) > 1:
        which = f"{len(recorded):,} of {count(len(prompts), 'prompt')} (the first is {which})"
    place = visible(str(recordings.directory))
    raise screen.RefusedError(
        f"--refresh cannot replace recordings, which are read-only: the audio of {which} comes from {place}; "
        f"nothing was synthesized. To replace it there, add --cache-dir={place}"
    )
