"""The sounds of a run: each once, read one at a time, so that a large run takes the memory of one sound."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from .. import _wav
from .._audio import wav_of
from .._foreign import shown
from .._peaks import peaks
from .._store.cache import AudioCache
from .audio import digest_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .._audio import Audio

_log = logging.getLogger(__name__)

_PEAKS_PER_SECOND: Final = 40
_MOST_PEAKS: Final = 2000
_LOST: Final = "its audio was removed from the cache, or could not be stored"
_TYPES: Final = {
    "mp3": "audio/mpeg",
    "ogg": "audio/ogg",
    "opus": "audio/ogg",
    "flac": "audio/flac",
    "aac": "audio/aac",
}
SUFFIXES: Final = {
    "audio/wav": "wav",
    "audio/mpeg": "mp3",
    "audio/ogg": "ogg",
    "audio/flac": "flac",
    "audio/aac": "aac",
}
"""The suffix of a file, by its media type."""


class Sound(NamedTuple):
    """A sound that browsers play: its media type and its bytes."""

    media_type: str
    data: bytes


class Sounds:
    """The sounds of a run by their digests. Each sound may have several places, of which some may be gone."""

    def __init__(self) -> None:
        self._places: dict[str, dict[tuple[str, str], None]] = {}
        self._caches: dict[str, AudioCache] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def add(self, digest: str, place: tuple[str, str] | None) -> None:
        """Add a sound, or another place of it: a cache directory, and the key there."""
        places = self._places.setdefault(digest, {})
        if place is not None:
            directory, key = place
            places[directory, key] = None

    def read(self, digest: str) -> Sound | None:
        """Return a sound that browsers play, or ``None`` if it cannot be read."""
        audio = self._find(digest)
        try:
            return None if audio is None else _playable(audio)
        except (OSError, MemoryError):
            raise
        except Exception:  # noqa: BLE001 - audio of a repository may be anything
            return None

    def describe(self, digest: str) -> dict[str, Any]:
        """Return what the document says about a sound."""
        try:
            audio = self._find(digest)
            return _without(_LOST) if audio is None else _describe(audio)
        except (OSError, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001 - audio of a repository may be anything
            _log.debug("audio of the report cannot be read", exc_info=True)
            return _without(shown(f"its audio cannot be read: {error!r}"))

    def _find(self, digest: str) -> Audio | None:
        for directory, key in self._places[digest]:
            cache = self._caches.setdefault(directory, AudioCache(directory, read_only=True))
            audio = cache.get(key)
            # The entry may have been replaced since. The report has the audio that the tests got, or nothing.
            if audio is not None and digest_of(audio) == digest:
                return audio
        return None


def _describe(audio: Audio) -> dict[str, Any]:
    sound, seconds = _playable(audio), audio.known_duration
    return {
        "media_type": sound.media_type,
        "bytes": len(sound.data),
        "seconds": seconds,
        "peaks": _peaks(audio, seconds),
        "file": None,
        "problem": None,
    }


def _without(problem: str) -> dict[str, Any]:
    return {
        "media_type": None,
        "bytes": 0,
        "seconds": None,
        "peaks": [],
        "file": None,
        "problem": problem,
    }


def _peaks(audio: Audio, seconds: float | None) -> list[float]:
    if not seconds:
        return []
    number = max(1, min(_MOST_PEAKS, round(seconds * _PEAKS_PER_SECOND)))
    try:
        return [round(peak / 32768, 3) for peak in peaks(audio.pcm(), number)]
    except ValueError:
        return []


def _playable(audio: Audio) -> Sound:
    """Return a sound that browsers play. Samples of any kind become 16-bit WAV."""
    if audio.format in _TYPES:
        return Sound(_TYPES[audio.format], audio.data)
    try:
        wav = wav_of(audio)
        return Sound("audio/wav", _wav.write_wav(audio.pcm(), wav.sample_rate, channels=wav.channels))
    except ValueError:  # russo cannot read this WAV, but a browser may be able to
        return Sound("audio/wav", audio.data)
