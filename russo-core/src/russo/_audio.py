"""`Audio`: encoded bytes, their format and their conversions.

The class is frozen, so that a hit, a waiter and a hook may share one object. ``data`` is exactly what is
stored; methods derive everything else from it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from . import _samples, _wav
from ._containers import container_of
from ._foreign import shown

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FORMATS: Final = frozenset({"wav", "pcm", "mp3", "ogg", "opus", "flac", "aac", "ulaw", "alaw"})
# The formats that a file with a suffix may have. `Audio.save` makes WAV files of raw samples; Opus is in Ogg.
_OGG: Final = frozenset({"ogg", "opus"})
_SUFFIXES: Final[dict[str, frozenset[str]]] = {
    **{f".{name}": frozenset({name}) for name in ("wav", "mp3", "flac", "aac")},
    ".wave": frozenset({"wav"}),
    **dict.fromkeys((".ogg", ".oga", ".opus"), _OGG),
    **dict.fromkeys((".pcm", ".raw", ".ulaw", ".alaw"), frozenset[str]()),
    **dict.fromkeys((".m4a", ".mp4", ".webm", ".aiff", ".au", ".caf", ".wma", ".amr"), frozenset[str]()),
}
# In milliseconds. The last piece is filled up, so a longer one would only take memory.
_LONGEST_FRAME: Final = 3_600_000
_NAMES: Final = {"MP3": "mp3", "AAC": "aac", "FLAC": "flac", "Ogg": "ogg"}
_G711_TAGS: Final = {"ulaw": _wav.ULAW, "alaw": _wav.ALAW}


@dataclass(frozen=True, slots=True)
class Audio:
    """Speech as encoded bytes.

    Args:
        data: The encoded bytes. For ``pcm``, little-endian samples, channels interleaved, signed
            (8-bit ones unsigned, as WAV has them).
        format: The format of ``data``: one of wav, pcm, mp3, ogg, opus, flac, aac, ulaw, alaw. Raw samples
            are ``pcm``. If raw samples have the format ``wav``, all methods and the cache refuse them,
            because no player opens them.
        sample_rate: Samples per second and channel, in Hz.
        channels: Number of channels, 1 or more.
        sample_width: Bytes per sample of the decoded sound, 1 to 4.

    Raises:
        TypeError: ``data`` is not bytes, or a number is not an integer.
        ValueError: The format is unknown, or a number is out of its range.
    """

    data: bytes
    format: str = "wav"
    sample_rate: int = 24000
    channels: int = 1
    sample_width: int = 2

    def __post_init__(self) -> None:
        if type(self.data) is not bytes:
            raise TypeError(f"Audio.data is {type(self.data).__name__}, not bytes")
        if self.format not in FORMATS:
            raise ValueError(f"Audio.format is {self.format!r}; known are {', '.join(sorted(FORMATS))}")
        _check_number("sample_rate", self.sample_rate, 0xFFFFFFFF)
        _check_number("channels", self.channels, 0xFFFF)
        _check_number("sample_width", self.sample_width, 4)

    def __repr__(self) -> str:
        return (
            f"Audio(<{len(self.data)} bytes>, format={self.format!r}, sample_rate={self.sample_rate}, "
            f"channels={self.channels}, sample_width={self.sample_width})"
        )

    @property
    def duration(self) -> float:
        """Seconds of sound.

        Raises:
            ValueError: The format is compressed (the message names it), or the bytes do not match it.
        """
        check_format(self)
        if self.format == "wav":
            return _wav.wav_duration(self.data)  # read at every hit, so it does not copy the samples
        if self.format != "pcm" and self.format not in _G711_TAGS:
            raise ValueError(
                f"{self.format} is a compressed format: its duration needs a decoder; known_duration is None"
            )
        wav = wav_of(self)
        return len(wav.samples) / wav.frame_size / wav.sample_rate

    @property
    def known_duration(self) -> float | None:
        """Seconds of sound, or ``None`` if `duration` raises a ``ValueError``."""
        try:
            return self.duration
        except ValueError:
            return None

    def pcm(self) -> bytes:
        """Return the samples as signed 16-bit little-endian, channels interleaved.

        Raises:
            ValueError: The format is compressed (the message names it), or the bytes do not match it.
        """
        return _samples.to_s16le(wav_of(self))

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write a playable file and return its path.

        Raw samples get a WAV header. A WAV file keeps its header; wrong sizes are replaced by the true
        ones. Every other format is written unchanged. Missing folders are made.

        Raises:
            ValueError: The suffix belongs to another format (``out.mp3`` for WAV), or the format is ``wav``
                and the bytes have no WAV header.
        """
        from pathlib import Path

        target = Path(path)
        check_suffix(target, self.format)
        data = self._playable()
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        return target

    def _playable(self) -> bytes:
        check_format(self)
        if self.format == "wav":
            try:
                return _wav.repair_wav(self.data)
            except ValueError:  # russo cannot read this WAV, but a player may
                return self.data
        if self.format == "pcm" or self.format in _G711_TAGS:
            return _wav.rewrite_wav(wav_of(self))
        return self.data

    def resample(self, sample_rate: int) -> Audio:
        """Return the same sound as 16-bit WAV at another rate, filtered by the SoX resampler.

        Args:
            sample_rate: The new rate in Hz.

        Raises:
            ModuleNotFoundError: The extra is not installed; ``pip install "russo-core[audio]"``.
            ValueError: The format is compressed, the rate is not positive, or the sound would be too long for
                a WAV file.
        """
        _check_number("sample_rate", sample_rate, 0xFFFFFFFF)
        wav = wav_of(self)
        samples = _samples.to_s16le(wav)
        _wav.check_size(len(samples) * sample_rate // wav.sample_rate, sample_rate, wav.channels)
        if wav.sample_rate != sample_rate:
            samples = _resample(samples, wav.sample_rate, sample_rate, wav.channels)
        data = _wav.write_wav(samples, sample_rate, channels=wav.channels)
        return Audio(data, "wav", sample_rate, wav.channels, 2)

    def frames(self, ms: int = 20) -> Iterator[bytes]:
        """Yield the samples, signed 16-bit little-endian, in pieces of equal length.

        The last piece is filled up with silence, because agents take only whole frames.

        Args:
            ms: Length of a piece in milliseconds.

        Raises:
            ValueError: The format is compressed, or a piece would be shorter than one sample or longer than
                an hour.
        """
        wav = wav_of(self)
        if not ms <= _LONGEST_FRAME:
            raise ValueError(f"frames of {ms} ms are too long; the limit is {_LONGEST_FRAME} ms")
        frame = wav.channels * 2
        size = int(max(0, wav.sample_rate * ms // 1000)) * frame
        if size <= 0:
            raise ValueError(f"frames of {ms} ms are shorter than one sample at {wav.sample_rate} Hz")
        samples = _samples.to_s16le(wav)
        return (samples[at : at + size].ljust(size, b"\0") for at in range(0, len(samples), size))


def wav_of(audio: Audio) -> _wav.Wav:
    """Return the samples of audio with their format.

    Raises:
        ValueError: The format is compressed, or the bytes do not match it.
    """
    check_format(audio)
    if audio.format == "wav":
        return _wav.read_wav(audio.data)
    if audio.format == "pcm":
        tag, width = _wav.PCM, audio.sample_width
    elif audio.format in _G711_TAGS:
        tag, width = _G711_TAGS[audio.format], 1
    else:
        raise ValueError(f"{audio.format} is a compressed format: its samples need a decoder")
    if len(audio.data) % (audio.channels * width):
        raise ValueError(f"{len(audio.data)} bytes of {audio.format} are not whole samples")
    return _wav.Wav(tag, audio.channels, audio.sample_rate, width, audio.data)


def check_format(audio: Audio) -> None:
    """Refuse audio whose format is ``wav`` and whose data has no WAV header, because no player opens it.

    Raises:
        ValueError: The audio is refused; the message says which ``format=`` is right.
    """
    if audio.format != "wav" or not audio.data or (container := container_of(audio.data)) == "WAV":
        return
    remedy = (
        f"format={_NAMES[container]!r}" if container in _NAMES else 'format="pcm" if they are raw samples'
    )
    seen = f"{audio.data[:12]!r}" + (f" ({container})" if container else "")
    raise ValueError(f"Audio of format 'wav' is not a WAV file: it starts with {seen}; pass {remedy}")


def check_suffix(path: str | os.PathLike[str], format: str) -> None:
    """Refuse a file name whose suffix belongs to another format than the one that `Audio.save` writes.

    A name that has no suffix, or a suffix that belongs to no format, is accepted.

    Args:
        path: The file to be written.
        format: The format of the audio.

    Raises:
        ValueError: The name is refused; the message says which suffix is right.
    """
    written = "wav" if format == "pcm" or format in _G711_TAGS else format
    stem, suffix = os.path.splitext(os.fspath(path))
    if written not in _SUFFIXES.get(suffix.lower(), {written}):
        name = os.path.basename(stem)
        raise ValueError(
            f"a file named {shown(os.path.basename(os.fspath(path)))} would hold {written}; "
            f"name it {shown(f'{name}.{written}')}"
        )


def _check_number(name: str, value: Any, most: int) -> None:
    if type(value) is not int:
        raise TypeError(f"Audio.{name} is {value!r}, not an integer")
    if not 1 <= value <= most:
        raise ValueError(f"Audio.{name} is {value}; it must be from 1 to {most}")


def _resample(samples: bytes, old: int, new: int, channels: int) -> bytes:
    try:
        import numpy
        import soxr
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f'resampling needs {error.name}: pip install "russo-core[audio]"', name=error.name
        ) from error
    waves = numpy.frombuffer(samples, dtype="<i2").reshape(-1, channels)
    try:
        return bytes(soxr.resample(waves, old, new).astype("<i2").tobytes())
    except (ValueError, RuntimeError, OverflowError) as error:
        raise ValueError(f"cannot resample {channels} channels from {old} to {new} Hz: {error}") from error
