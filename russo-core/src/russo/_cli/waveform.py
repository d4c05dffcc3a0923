"""Drawing a waveform with characters."""

from __future__ import annotations

from typing import Final

from .._peaks import peaks

_EIGHTHS: Final = " ▁▂▃▄▅▆▇█"
_PLAIN: Final = " #"
_HEIGHT: Final = 6


def draw(samples: bytes, width: int, *, plain: bool = False) -> list[str]:
    """Draw the loudness of a sound over time, scaled to its loudest sample.

    Args:
        samples: Signed 16-bit little-endian, at least one.
        width: Characters per line.
        plain: Use ASCII only.

    Returns:
        The lines, the uppermost first.
    """
    loudness = peaks(samples, max(1, width))
    loudest = max(loudness) or 1
    marks = _PLAIN if plain else _EIGHTHS
    full = len(marks) - 1
    heights = [round(peak / loudest * _HEIGHT * full) for peak in loudness]
    return [
        "".join(marks[min(max(height - row * full, 0), full)] for height in heights).rstrip()
        for row in reversed(range(_HEIGHT))
    ]
