"""Waveforms of the page: the width tells the length, the height is relative to the loudest sample."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any, Final

# One bar of a waveform is about 3 px wide in a wide window.
_BARS: Final = 220
_LEVELS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
# Noise below one step of 16-bit samples is silence.
_SILENCE: Final = 1 / 32768
# In seconds. With a shorter scale the bars are blocks; with a longer one, short sounds are dots.
_SHORTEST_SCALE: Final = 2.0
_LONGEST_SCALE: Final = 30.0


class Scale:
    """The scale of all waveforms of a page: the width tells the length, the height is normalised.

    Args:
        sounds: The sounds of the document.
    """

    def __init__(self, sounds: Mapping[str, Mapping[str, Any]]) -> None:
        longest = max((sound["seconds"] or 0.0 for sound in sounds.values()), default=0.0)
        self.seconds: Final = min(max(longest, _SHORTEST_SCALE), _LONGEST_SCALE)
        self.is_cut: Final = longest > _LONGEST_SCALE

    def width(self, seconds: float | None) -> float:
        """Return the width of a sound in percent; a sound of unknown length is a fifth of the full width."""
        if not seconds:
            return 20.0
        return round(100 * min(seconds / self.seconds, 1), 2)

    def bars(self, sound: Mapping[str, Any]) -> str:
        """Return the bars of a waveform, one character each: ``0`` is silence, ``z`` the loudest sample."""
        peaks = sound["peaks"]
        loudest = max(peaks, default=0.0)
        number = min(len(peaks), max(1, round(_BARS * self.width(sound["seconds"]) / 100)))
        ends = [len(peaks) * bar // number for bar in range(number + 1)] if peaks else []
        heights = [max(peaks[start:end]) for start, end in itertools.pairwise(ends)]
        factor = (len(_LEVELS) - 1) / loudest if loudest > _SILENCE else 0
        return "".join(_LEVELS[round(height * factor)] for height in heights)
