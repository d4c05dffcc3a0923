"""Audio for the report's page: read from the caches, embedded in the page, drawn as waveforms."""

from __future__ import annotations

import base64
import dataclasses
import logging
from typing import TYPE_CHECKING, Final

from xxhash import xxh3_128

from .. import _wav
from .._audio import Audio, wav_of
from .._foreign import shown
from .._peaks import peaks
from .._store.cache import AudioCache

if TYPE_CHECKING:
    from collections.abc import Callable

    from .old_page import Card
    from .sections import StoredSection
    from .uses import Use

_log = logging.getLogger(__name__)

BARS: Final = 120
# With more bytes of audio than this, browsers have trouble opening the page.
_AUDIO_LIMIT: Final = 256 << 20
_LOST: Final = "its audio is no longer in the cache, or could not be kept"
_TYPES: Final = {
    "mp3": "audio/mpeg",
    "ogg": "audio/ogg",
    "opus": "audio/ogg",
    "flac": "audio/flac",
    "aac": "audio/aac",
}


@dataclasses.dataclass(frozen=True, slots=True)
class Sound:
    """Audio as the page contains it.

    Attributes:
        source: A ``data:`` URI, else empty.
        same: The number of an earlier prompt with the same audio, if the page reuses its source, else 0.
        problem: Why the page has neither a source nor an earlier prompt, else empty.
        path: The waveform as the path of an SVG image of `BARS` by 2 units, empty without samples.
    """

    source: str = ""
    same: int = 0
    problem: str = ""
    path: str = ""

    @property
    def plays(self) -> bool:
        """Return whether the page can play this audio."""
        return bool(self.source or self.same)


def digest_of(audio: Audio) -> str:
    """Return a digest of the audio's bytes and format, which is also its key in the spare cache."""
    meaning = f"{audio.format} {audio.sample_rate} {audio.channels} {audio.sample_width}"
    digest = xxh3_128(meaning.encode())
    digest.update(audio.data)
    return digest.hexdigest()


def is_kept(spare: AudioCache, digest: str, audio: Audio) -> bool:
    """Store audio in the spare cache; return whether it is stored. A cache refuses data that is not audio."""
    try:
        return spare.put(digest, audio)
    except ValueError as error:
        _log.warning("audio of the report is not stored: %s", shown(str(error)))
        return False


class PageAudio:
    """Reads the audio of the cards, equal audio once, until the page has `_AUDIO_LIMIT` bytes of audio."""

    def __init__(self) -> None:
        self._left = _AUDIO_LIMIT
        self._caches: dict[str, AudioCache] = {}
        self._numbers: dict[str, int] = {}

    def of(self, card: Card, number: int) -> Sound | None:
        """Return the audio of a card as the page contains it, or ``None`` if the prompt got no audio."""
        use = card.use_with_audio
        return None if use is None else _or_problem(lambda: self._of_use(use, number))

    def of_section(self, section: StoredSection) -> Sound | None:
        """Return the audio of a section as the page contains it, or ``None`` if the section has none."""
        return _or_problem(lambda: self._of_section(section)) if section.audio else None

    def _of_use(self, use: Use, number: int) -> Sound:
        audio = self._read(use.place, use.audio)
        if audio is None:
            return Sound(problem=_LOST)
        path, same = _waveform(audio), self._numbers.get(use.audio)
        if same is not None:
            return Sound(same=same, path=path)
        sound = self._embed(audio, path)
        if sound.source:
            self._numbers[use.audio] = number
        return sound

    def _of_section(self, section: StoredSection) -> Sound:
        audio = self._read(section.place, section.audio)
        return Sound(problem=_LOST) if audio is None else self._embed(audio, "")

    def _embed(self, audio: Audio, path: str) -> Sound:
        kind, data = _playable(audio)
        if len(data) > self._left:
            limit = f"{_AUDIO_LIMIT >> 20} MiB"
            return Sound(problem=f"left out: the page has {limit} of audio already", path=path)
        self._left -= len(data)
        return Sound(f"data:{kind};base64,{base64.b64encode(data).decode()}", path=path)

    def _read(self, place: tuple[str, str] | None, digest: str) -> Audio | None:
        if place is None:
            return None
        directory, key = place
        cache = self._caches.setdefault(directory, AudioCache(directory, read_only=True))
        audio = cache.get(key)
        # The entry may have been replaced since. The page plays the audio that the tests got, or nothing.
        return audio if audio is not None and digest_of(audio) == digest else None


def _or_problem(make: Callable[[], Sound]) -> Sound:
    """Return audio as the page contains it. If it cannot be read, only its own player is missing."""
    try:
        return make()
    except (OSError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - audio of a repository may be anything
        _log.debug("audio of the report cannot be read", exc_info=True)
        return Sound(problem=shown(f"its audio cannot be read: {error!r}"))


def _playable(audio: Audio) -> tuple[str, bytes]:
    """Return a media type that browsers play, and the bytes. Samples of any kind become 16-bit WAV."""
    if audio.format in _TYPES:
        return _TYPES[audio.format], audio.data
    try:
        wav = wav_of(audio)
        return "audio/wav", _wav.write_wav(audio.pcm(), wav.sample_rate, channels=wav.channels)
    except ValueError:  # russo cannot read this WAV, but a browser may be able to
        return "audio/wav", audio.data


def _waveform(audio: Audio) -> str:
    """Return the path of the waveform: the samples' peaks as upright bars around the line y = 1."""
    try:
        heights = [peak / 32768 for peak in peaks(audio.pcm(), BARS)]
    except ValueError:
        return ""
    return "".join(f"M{x + 0.5} {1 - h:.2f}V{1 + h:.2f}" for x, h in enumerate(heights))
