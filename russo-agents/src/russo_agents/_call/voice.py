"""Which parts of a sound are voiced, by the loudness of windows of 5 ms."""

from __future__ import annotations

import array
import operator
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_WINDOW_SECONDS: Final = 0.005
# Root mean square of 16-bit samples: 150 is 47 dB below full scale. Comfort noise of telephone lines is
# 60 dB below, speech of text-to-speech services 20 to 30 dB below.
_VOICED_LEVEL: Final = 150.0
_LOUD_LEVEL: Final = 300.0
_LEAST_LEVEL: Final = 20.0
# The gaps between words of the recordings reach 0.1 s; a longer gap is a pause.
_PAUSE_SECONDS: Final = 0.18


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a sound that is voiced without a pause, in seconds."""

    start: float
    end: float


def levels_of(pcm: bytes, sample_rate: int) -> list[float]:
    """Return the root mean square of each window.

    Args:
        pcm: Signed 16-bit little-endian, mono.
        sample_rate: In Hz.
    """
    return [_level(window) for window in _windows(pcm, sample_rate)]


def stretches_of(levels: list[float], sample_rate: int) -> list[Stretch]:
    """Return the voiced parts of a whole recording; gaps shorter than a pause do not divide a part.

    The limit depends on the loudest window, so that quiet recordings have voiced parts, too.

    Args:
        levels: The levels of all windows.
        sample_rate: In Hz.
    """
    seconds = window_size(sample_rate) / sample_rate
    limit = max(_LEAST_LEVEL, min(_LOUD_LEVEL, max(levels, default=0.0) / 20))
    found: list[Stretch] = []
    for index, level in enumerate(levels):
        if level <= limit:
            continue
        start, end = index * seconds, (index + 1) * seconds
        if found and start - found[-1].end < _PAUSE_SECONDS:
            found[-1] = Stretch(found[-1].start, end)
        else:
            found.append(Stretch(start, end))
    return found


def voiced_span(pcm: bytes, sample_rate: int) -> Stretch | None:
    """Return the first and the last voiced sample of a piece of a reply, or ``None`` if it is silent."""
    if not pcm.strip(b"\0"):  # telephone lines send silence between the replies
        return None
    windows = list(_windows(pcm, sample_rate))
    first = next((index for index, each in enumerate(windows) if _level(each) > _VOICED_LEVEL), None)
    if first is None:
        return None
    last = next(index for index in range(len(windows) - 1, -1, -1) if _level(windows[index]) > _VOICED_LEVEL)
    seconds = window_size(sample_rate) / sample_rate
    return Stretch(first * seconds, (last + 1) * seconds)


def window_size(sample_rate: int) -> int:
    """Return how many samples a window has, which is a little less or more than 5 ms at some rates."""
    return max(1, round(sample_rate * _WINDOW_SECONDS))


def _windows(pcm: bytes, sample_rate: int) -> Iterator[array.array[int]]:
    """Yield the samples of each window; the last window may be shorter."""
    samples = array.array("h", pcm)
    if sys.byteorder == "big":
        samples.byteswap()
    size = window_size(sample_rate)
    for start in range(0, len(samples), size):
        yield samples[start : start + size]


def _level(window: array.array[int]) -> float:
    """Return the root mean square of a window."""
    return float((sum(map(operator.mul, window, window)) / len(window)) ** 0.5)
