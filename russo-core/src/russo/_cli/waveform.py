"""A waveform in characters."""

from __future__ import annotations

import array
import itertools
import sys
from typing import Final

_EIGHTHS: Final = " ▁▂▃▄▅▆▇█"
_PLAIN: Final = " #"
_HEIGHT: Final = 6


def draw(samples: bytes, width: int, *, plain: bool = False) -> list[str]:
    """Draw the loudness of a sound over time, scaled to its loudest moment.

    Args:
        samples: Signed 16-bit little-endian, at least one.
        width: Characters per line.
        plain: Use ASCII only.

    Returns:
        Lines, the uppermost first.
    """
    peaks = _peaks(samples, width)
    loudest = max(peaks) or 1
    marks = _PLAIN if plain else _EIGHTHS
    full = len(marks) - 1
    heights = [round(peak / loudest * _HEIGHT * full) for peak in peaks]
    return [
        "".join(marks[min(max(height - row * full, 0), full)] for height in heights).rstrip()
        for row in reversed(range(_HEIGHT))
    ]


def _peaks(samples: bytes, width: int) -> list[int]:
    values = array.array("h", samples[: len(samples) // 2 * 2])
    if sys.byteorder == "big":
        values.byteswap()
    width = max(1, min(width, len(values)))
    edges = [len(values) * at // width for at in range(width + 1)]
    pieces = (values[start:end] for start, end in itertools.pairwise(edges))
    return [max(map(abs, piece)) for piece in pieces]
