"""`Audio`: encoded bytes, their format and their conversions.

The class is frozen, so that a hit, a waiter and a hook may share one object. ``data`` is exactly what is
stored; methods derive everything else from it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from . import _samples, _wav

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FORMATS: Final = frozenset({"wav", "pcm", "mp3", "ogg", "opus", "flac", "aac", "ulaw", "alaw"})
_G711_TAGS: Final = {"ulaw": _wav.ULAW, "alaw": _wav.ALAW}


@dataclass(frozen=True, slots=True)
class Audio:
    """Speech as encoded bytes.

    Args:
        data: The encoded bytes. For ``pcm``, little-endian samples, channels interleaved, signed
            (8-bit ones unsigned, as WAV has them).
        format: One of wav, pcm, mp3, ogg, opus, flac, aac, ulaw, alaw.
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
    def duration(self) -> float | None:
        """Seconds of sound, or ``None`` if only a decoder could find out."""
        try:
            if self.format == "wav":
                return _wav.wav_duration(self.data)  # read at every hit, so it does not copy the samples
            wav = wav_of(self)
        except ValueError:
            return None
        return len(wav.samples) / wav.frame_size / wav.sample_rate

    def pcm(self) -> bytes:
        """Return the samples as signed 16-bit little-endian, channels interleaved.

        Raises:
            ValueError: The format is compressed (the message names it), or the bytes do not match it.
        """
        return _samples.to_s16le(wav_of(self))

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write a playable file and return its path.

        Raw samples get a WAV header. A WAV file keeps its header; placeholder sizes are replaced by the
        true ones. Every other format is written unchanged.
        """
        from pathlib import Path

        target = Path(path)
        target.write_bytes(self._playable())
        return target

    def _playable(self) -> bytes:
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
            ValueError: The format is compressed, or the rate is not positive.
        """
        _check_number("sample_rate", sample_rate, 0xFFFFFFFF)
        wav = wav_of(self)
        samples = _samples.to_s16le(wav)
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
            ValueError: The format is compressed, or a piece would be shorter than one sample.
        """
        wav = wav_of(self)
        frame = wav.channels * 2
        size = int(wav.sample_rate * ms // 1000) * frame
        if size <= 0:
            raise ValueError(f"frames of {ms} ms hold no sample at {wav.sample_rate} Hz")
        samples = _samples.to_s16le(wav)
        return (samples[at : at + size].ljust(size, b"\0") for at in range(0, len(samples), size))


def wav_of(audio: Audio) -> _wav.Wav:
    """Return the samples of audio with their format.

    Raises:
        ValueError: The format is compressed, or the bytes do not match it.
    """
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
    return bytes(soxr.resample(waves, old, new).astype("<i2").tobytes())
