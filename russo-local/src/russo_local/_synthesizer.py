"""`LocalSynthesizer`, on hibari-tts: neural English speech on the CPU, without a key or a network."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import importlib.util
import json
import textwrap
import threading
import unicodedata
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Final

from russo import (
    BackendConfigError,
    NoAudioError,
    RequestRejectedError,
    ServiceError,
    SynthesisError,
    TextRejectedError,
)
from russo.authoring import Attempts, Exchange, Range, pcm_audio

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from hibari import Hibari

    from russo import Audio

# A prompt of 100,000 characters takes a minute of CPU time, and a call is not billed.
_TIMEOUT: Final = 600.0
# The model's memory grows with the square of the length of a sentence: 10,000 characters took 4.5 GB.
_LONGEST_SENTENCE: Final = 600
_DEFAULT_VOICE: Final = "heart"
_SPEED: Final = Range(0.5, 2.0)
_SEED: Final = Range(0)
_LOADING: Final = threading.Lock()


class _Voices:
    """The attribute ``voices``: the registry of hibari-tts is read when it is needed."""

    def __get__(self, synthesizer: object, owner: object = None) -> Sequence[str]:
        """Return the names of the voices; none if the registry cannot be read."""
        return _voices()


class LocalSynthesizer:
    """Synthesizes English offline: 24 kHz, 16-bit, mono WAV, the same bytes for the same settings.

    The model is loaded once per process and voice, at the first miss, in about half a second. Synthesis
    takes about a hundredth of the length of the speech, and does not run in the event loop's thread.

    Args:
        voice: ``heart`` is part of the package. ``emma``, ``fable``, ``fenrir`` and ``kore`` are downloaded
            by hibari-tts on first use, 8 MB each.
        speed: Pace, 0.5 (slow) to 2.0 (fast).
        seed: Seed of the noise in the voice, a whole number, 0 or more.

    Raises:
        ValueError: hibari-tts does not have the voice, or ``speed`` or ``seed`` is out of its range.
    """

    russo_api = 1
    """The version of the plugin contract that this class was written for."""
    credentials: ClassVar[tuple[str, ...]] = ()
    """The environment variables that may hold a key: none, because no key is needed."""
    voices = _Voices()
    """The voices of the installed hibari-tts."""

    def __init__(
        self,
        *,
        voice: str = _DEFAULT_VOICE,
        speed: Annotated[float, _SPEED] = 1.0,
        seed: Annotated[int, _SEED] = 0,
    ) -> None:
        self.voice: Final = str(voice)
        self.speed: Final = float(speed)
        self.seed: Final = int(seed)
        _check_voice(self.voice)
        _SPEED.check("speed", speed)
        if self.seed < _SEED.least or self.seed != seed:
            raise ValueError(f"seed is {seed!r}; it must be a whole number, 0 or more")
        # One call at a time, because the voice has a lock, and a call's timeout must not run while it waits.
        self._attempts = Attempts(
            "local", model=self.voice, timeout=_TIMEOUT, max_attempts=1, max_concurrency=1
        )

    def __repr__(self) -> str:
        return f"LocalSynthesizer(voice={self.voice!r}, speed={self.speed!r}, seed={self.seed!r})"

    @property
    def cache_key_extra(self) -> Mapping[str, object]:
        """All settings that shape the sound, and the version of hibari-tts, which may change the sound."""
        return {
            "backend": "local",
            "model": _model(),
            "voice": self.voice,
            "speed": self.speed,
            "seed": self.seed,
        }

    async def synthesize(self, text: str) -> Audio:
        """Turn a text into speech.

        Raises:
            NoAudioError: The engine made samples that are not finite numbers.
            RequestRejectedError: The voice does not exist.
            ServiceError: The voice is not installed and cannot be downloaded.
            TextRejectedError: The text has nothing to speak (only emoji, or no Latin letters), or hibari-tts
                cannot read it (a number of 50 digits).
        """
        exchange = Exchange(self._attempts, text)
        return await self._attempts.run(text, lambda: exchange.guard(self._speak(text)))

    async def _speak(self, text: str) -> Audio:
        stop = threading.Event()
        try:
            samples = await asyncio.to_thread(lambda: b"".join(self._sentences(text, stop)))
        except asyncio.CancelledError:
            stop.set()  # the thread ends after its current sentence
            raise
        try:
            return pcm_audio(samples, 24000)
        except ValueError as error:  # no sentence, or silence
            raise self._unspeakable(text) from error

    def _sentences(self, text: str, stop: threading.Event) -> Iterator[bytes]:
        """Yield the samples of each sentence, converted at once: floats of a long text take much memory."""
        if not _may_be_english(text):
            raise self._unspeakable(text)
        import numpy

        voice, lock = self._load(text)
        with lock:
            noise = numpy.random.default_rng(self.seed)
            for phonemes in self._phonemes(voice, text):
                if stop.is_set():
                    return
                wave = voice.from_ids(voice.ids(phonemes), self.speed, noise)
                if not numpy.isfinite(wave).all():
                    what = "hibari-tts made samples that are not finite numbers"
                    raise self._attempts.error(NoAudioError, what, prompt=text, retryable=False)
                yield (numpy.clip(wave, -1.0, 1.0) * 32767.0).astype("<i2").tobytes()

    def _phonemes(self, voice: Hibari, text: str) -> Iterator[str]:
        """Yield the phonemes of each sentence; a sentence that is too long is split between words."""
        for sentence in voice.split_sentences(text):
            long = len(sentence) > _LONGEST_SENTENCE
            for piece in textwrap.wrap(sentence, _LONGEST_SENTENCE) if long else [sentence]:
                try:
                    yield from voice.phonemize(piece)
                except Exception as error:
                    what = f"hibari-tts cannot read {piece[:40]!r}: {error}"
                    raise self._attempts.error(TextRejectedError, what, prompt=text, reached=False) from error

    def _unspeakable(self, text: str) -> SynthesisError:
        what = "nothing in it can be spoken in English"
        return self._attempts.error(TextRejectedError, what, prompt=text, reached=False)

    def _load(self, text: str) -> tuple[Hibari, threading.Lock]:
        try:
            return _voice(self.voice)
        except ValueError as error:
            raise self._attempts.error(
                RequestRejectedError, str(error), prompt=text, reached=False
            ) from error
        except Exception as error:
            raise self._attempts.error(
                ServiceError,
                f"voice {self.voice!r} cannot be loaded: {error}",
                prompt=text,
                advice="use voice 'heart', which needs no download",
                retryable=False,
                reached=False,
            ) from error


def _check_voice(name: str) -> None:
    """Refuse a voice that hibari-tts does not have, before a test needs it."""
    known = () if name == _DEFAULT_VOICE else _voices()
    if not known or name in known:
        return
    import difflib

    near = difflib.get_close_matches(name.lower(), known, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise ValueError(f"voice is {name!r:.80}; {hint}hibari-tts has the voices {', '.join(known)}")


@functools.cache
def _voices() -> tuple[str, ...]:
    """Return the voices in the registry of hibari-tts, or none if it cannot be read.

    Importing hibari would import numpy, in a tenth of a second. The file is read in 0.2 ms.
    """
    with contextlib.suppress(ImportError, OSError, ValueError):
        spec = importlib.util.find_spec("hibari")
        for folder in (spec and spec.submodule_search_locations) or ():
            names = json.loads(Path(folder, "assets", "voices.json").read_text("utf-8"))
            return tuple(names) if isinstance(names, dict) else ()
    return ()


def _may_be_english(text: str) -> bool:
    """Return whether the text has Latin letters, or no letters: other letters are spelled or left out."""
    letters = [char for char in unicodedata.normalize("NFKC", text) if char.isalpha()]
    return not letters or any(unicodedata.name(char, "").startswith("LATIN ") for char in letters)


def _voice(name: str) -> tuple[Hibari, threading.Lock]:
    """Load a voice, only once per process even if many threads ask at the same time."""
    with _LOADING:
        return _load_voice(name)


@functools.cache
def _load_voice(name: str) -> tuple[Hibari, threading.Lock]:
    # With a lock, because the text rules of hibari-tts are not known to be thread-safe.
    from hibari import Hibari

    return Hibari(voice=name), threading.Lock()


@functools.cache
def _model() -> str:
    try:
        return f"hibari-tts {version('hibari-tts')}"
    except PackageNotFoundError as error:
        raise BackendConfigError(
            "hibari-tts is not installed, and its version is part of every key of backend 'local'; "
            "pip install --force-reinstall russo-local"
        ) from error
