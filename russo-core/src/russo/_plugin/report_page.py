"""The page of a run: one file that needs nothing but a browser, made by a template that escapes all text.

Audio is read from disk one prompt at a time while the page is written, so that memory holds one of
them, whatever the run's size.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import itertools
import json
import os
import sys
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from xxhash import xxh3_128

from .. import _wav
from .._audio import Audio, wav_of
from .._store.cache import AudioCache
from .._store.files import remove, replace

if TYPE_CHECKING:
    import jinja2


_BARS: Final = 120
# Beyond this many bytes of audio a browser has trouble opening the page at all.
_AUDIO_LIMIT: Final = 256 << 20
_TYPES: Final = {
    "mp3": "audio/mpeg",
    "ogg": "audio/ogg",
    "opus": "audio/ogg",
    "flac": "audio/flac",
    "aac": "audio/aac",
}
# Control characters are drawn as their pictures (U+2400…); a parser of HTML would drop or alter them.
_PICTURES: Final = {code: 0x2400 + code for code in range(32) if chr(code) not in "\t\n"} | {127: 0x2421}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """One prompt spoken once.

    Attributes:
        key: The cache key.
        prompt: The prompt.
        backend: The backend's name, else the synthesizer's class.
        settings: What shaped the sound, by name.
        test: The node id of the test, empty outside of tests.
        state: ``hit``, ``paid`` or ``failed``.
        error: Why it failed, else empty.
        audio: The digest of the audio, empty after a failure.
        duration: Seconds of sound, ``None`` where the format does not tell.
        place: The cache directory that has the audio and the key it has it under.
    """

    key: str
    prompt: str
    backend: str
    settings: dict[str, Any]
    test: str
    state: str
    error: str = ""
    audio: str = ""
    duration: float | None = None
    place: tuple[str, str] | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Sound:
    """Audio as the page has it.

    Attributes:
        source: A ``data:`` URI, else empty.
        same: The number of the prompt that has the same audio, whose source is used, else 0.
        problem: Why there is neither, else empty.
        path: The waveform as the path of an SVG image of `_BARS` by 2 units, empty without samples.
    """

    source: str = ""
    same: int = 0
    problem: str = ""
    path: str = ""

    @property
    def plays(self) -> bool:
        """Tell whether there is something to play."""
        return bool(self.source or self.same)


@dataclasses.dataclass(slots=True)
class Asker:
    """What one test did with one prompt: how often, and how the test ended."""

    name: str
    outcome: str
    states: Counter[str] = dataclasses.field(default_factory=Counter)


@dataclasses.dataclass(slots=True)
class Card:
    """One prompt on the page: every use of one key that had the same audio.

    Attributes:
        first: The use that tells of prompt, backend and settings.
        uses: All of them, in the order they were heard.
    """

    first: Use
    uses: list[Use]

    @property
    def state(self) -> str:
        """``failed`` if any use failed, else ``paid`` if any was paid, else ``hit``."""
        states = {use.state for use in self.uses}
        return next(state for state in ("failed", "paid", "hit") if state in states)

    @property
    def heard(self) -> Use | None:
        """A use whose audio can be read, else one that had audio, else ``None``."""
        having = [use for use in self.uses if use.audio]
        return next((use for use in having if use.place), having[0] if having else None)

    @property
    def errors(self) -> list[str]:
        """What went wrong, each once."""
        return list(dict.fromkeys(use.error for use in self.uses if use.error))

    @property
    def duration(self) -> float | None:
        """Seconds of sound, where the format tells."""
        return self.heard.duration if self.heard else None

    @property
    def voice(self) -> str:
        """The voice, where one was chosen."""
        voice = self.first.settings.get("voice")
        return "" if voice is None else _as_text(voice)

    @property
    def settings(self) -> list[tuple[str, str]]:
        """Every setting and the key, as text."""
        settings = sorted(self.first.settings.items())
        return [*((name, _as_text(value)) for name, value in settings), ("key", self.first.key)]


def digest_of(audio: Audio) -> str:
    """Name audio by its bytes and what they mean; the name is a key for the spare cache, too."""
    meaning = f"{audio.format} {audio.sample_rate} {audio.channels} {audio.sample_width}"
    digest = xxh3_128(meaning.encode())
    digest.update(audio.data)
    return digest.hexdigest()


def gather(uses: Iterable[Use]) -> list[Card]:
    """Put the uses of a prompt together: one card per key and audio; failures join their key's first card.

    The cards are in the order they were heard, but what failed comes first.
    """
    cards: dict[tuple[str, str], Card] = {}
    failures: dict[str, list[Use]] = {}
    for use in uses:
        if use.audio:
            cards.setdefault((use.key, use.audio), Card(use, [])).uses.append(use)
        else:
            failures.setdefault(use.key, []).append(use)
    spoken = {card.first.key: card for card in reversed(cards.values())}
    for key, failed in failures.items():
        if key in spoken:
            spoken[key].uses += failed
        else:
            cards[key, ""] = Card(failed[0], failed)
    return sorted(cards.values(), key=lambda card: card.state != "failed")


def write_page(path: Path, uses: Iterable[Use], outcomes: dict[str, str], *, title: str) -> None:
    """Write the page, whole or not at all, and make the folders it goes to.

    Args:
        path: Where to; a file that is there is replaced.
        uses: What was spoken, in order.
        outcomes: How the tests ended, by node id.
        title: What the page is about: the project's name.

    Raises:
        OSError: It cannot be written; what was there before is still there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = str(path.with_name(f".{path.name[:48]}.{os.getpid()}.russo-tmp"))
    try:
        # A lone surrogate has no UTF-8 form: it is shown as its escape.
        with open(temporary, "w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
            file.writelines(_render(gather(uses), outcomes, title))
        replace(temporary, str(path))
    except BaseException:
        remove(temporary)
        raise


def _render(cards: list[Card], outcomes: dict[str, str], title: str) -> Iterator[str]:
    sounds = _Sounds()
    return _template().generate(
        title=title,
        written=datetime.now().astimezone(),
        cards=cards,
        states=Counter(card.state for card in cards),
        backends=Counter(card.first.backend for card in cards),
        seconds=sum(card.duration or 0.0 for card in cards),
        bars=_BARS,
        sound=sounds.of,
        tests=lambda card: _tests(card, outcomes),
    )


def _template() -> jinja2.Template:
    import jinja2

    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"visible": _visible, "seconds": _seconds, "policy": _policy}
    return environment.from_string(files("russo._plugin").joinpath("report.html.j2").read_text("utf-8"))


def _visible(text: str) -> str:
    """Make control characters visible."""
    return text.replace("\r\n", "\n").translate(_PICTURES)


def _seconds(seconds: float) -> str:
    """Write a length of time for people."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes:,} min {rest} s"


def _policy(text: str) -> str:
    """Name a script or style sheet as a Content-Security-Policy does."""
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _tests(card: Card, outcomes: dict[str, str]) -> list[Asker]:
    """Name the tests that used a prompt; those that went wrong come first."""
    tests: dict[str, Asker] = {}
    for use in card.uses:
        outcome = (outcomes.get(use.test) or "unfinished") if use.test else ""
        tests.setdefault(use.test, Asker(use.test, outcome)).states[use.state] += 1
    return sorted(tests.values(), key=lambda test: test.outcome not in {"failed", "error"})


class _Sounds:
    """Reads the audio of the cards, each once, as long as the page can hold it."""

    def __init__(self) -> None:
        self._left = _AUDIO_LIMIT
        self._caches: dict[str, AudioCache] = {}
        self._numbers: dict[str, int] = {}

    def of(self, card: Card, number: int) -> Sound | None:
        """Return what the page shows and plays; ``None`` for a prompt that got no audio."""
        if card.heard is None:
            return None
        audio = self._read(card.heard)
        if audio is None:
            return Sound(problem="its audio is no longer in the cache, or could not be kept")
        path, same = _waveform(audio), self._numbers.get(card.heard.audio)
        if same is not None:
            return Sound(same=same, path=path)
        kind, data = _playable(audio)
        if len(data) > self._left:
            limit = f"{_AUDIO_LIMIT >> 20} MiB"
            return Sound(problem=f"left out: the page has {limit} of audio already", path=path)
        self._left -= len(data)
        self._numbers[card.heard.audio] = number
        return Sound(f"data:{kind};base64,{base64.b64encode(data).decode()}", path=path)

    def _read(self, use: Use) -> Audio | None:
        if use.place is None:
            return None
        directory, key = use.place
        cache = self._caches.setdefault(directory, AudioCache(directory, read_only=True))
        audio = cache.get(key)
        # The entry may have been replaced since; the page plays what the tests heard, or nothing.
        return audio if audio is not None and digest_of(audio) == use.audio else None


def _playable(audio: Audio) -> tuple[str, bytes]:
    """Return a media type that browsers play, and the bytes: samples of any kind become 16-bit WAV."""
    if audio.format in _TYPES:
        return _TYPES[audio.format], audio.data
    try:
        wav = wav_of(audio)
        return "audio/wav", _wav.write_wav(audio.pcm(), wav.sample_rate, channels=wav.channels)
    except ValueError:  # not ours to judge: the browser may know better
        return "audio/wav", audio.data


def _waveform(audio: Audio) -> str:
    """Draw the samples' peaks as upright bars around the line y = 1."""
    try:
        heights = peaks(audio.pcm(), _BARS)
    except ValueError:
        return ""
    return "".join(f"M{x + 0.5} {1 - h:.2f}V{1 + h:.2f}" for x, h in enumerate(heights))


def peaks(samples: bytes, number: int) -> list[float]:
    """Return the loudest sample of each of ``number`` equal pieces, 0 to 1; fewer for very short sounds.

    Args:
        samples: 16-bit little-endian samples.
        number: How many pieces.
    """
    values = array("h", samples)
    if sys.byteorder == "big":
        values.byteswap()
    ends = [len(values) * piece // number for piece in range(number + 1)]
    pieces = [values[start:end] for start, end in itertools.pairwise(ends) if start < end]
    return [max(abs(max(piece)), abs(min(piece))) / 32768 for piece in pieces]
