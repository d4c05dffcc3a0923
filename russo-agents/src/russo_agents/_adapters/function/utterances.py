"""`UtteranceSplitter`: finds the utterances in the sound of a microphone."""

from __future__ import annotations

import logging
from typing import Final

from ..._call.voice import voiced_span

_logger = logging.getLogger(__name__)

_SILENCE_SECONDS: Final = 0.5  # ends an utterance
_PADDING_SECONDS: Final = 0.3  # of silence before and after the speech; recognizers need some
_LEAST_VOICED_SECONDS: Final = 0.06  # less is a click
_LONGEST_SECONDS: Final = 60.0


class UtteranceSplitter:
    """Splits sound into utterances. Time is counted in samples, so that the pace does not matter.

    Args:
        sample_rate: The rate of the frames in Hz.

    Attributes:
        is_spoken: Whether the last frame is voiced and belongs to speech; a click is not speech.
        count: The number of utterances so far.
    """

    def __init__(self, sample_rate: int) -> None:
        self.is_spoken = False
        self.count = 0
        self._sample_rate = sample_rate
        self._sound = bytearray()  # the silence before the utterance, and the utterance
        self._voiced = 0  # bytes of voiced frames of the utterance
        self._silence = 0  # bytes since the last voiced frame

    def add(self, frame: bytes) -> bytes | None:
        """Return the utterance that ends with this frame, or ``None``."""
        self._sound += frame
        is_voiced = voiced_span(frame, self._sample_rate) is not None
        if is_voiced:
            self._voiced += len(frame)
            self._silence = 0
        else:
            self._silence += len(frame)
        self.is_spoken = is_voiced and self._voiced >= self._size(_LEAST_VOICED_SECONDS)
        if not self._voiced:
            del self._sound[: -self._size(_PADDING_SECONDS)]
        elif len(self._sound) >= self._size(_LONGEST_SECONDS):
            _logger.warning("an utterance was ended after %g s without a pause", _LONGEST_SECONDS)
            return self._end()
        elif self._silence >= self._size(_SILENCE_SECONDS):
            return self._end()
        return None

    def _end(self) -> bytes | None:
        """Return the utterance, or ``None`` if it was a click. The silence after it precedes the next one."""
        padding = min(self._silence, self._size(_PADDING_SECONDS))
        end = len(self._sound) - self._silence
        utterance = bytes(self._sound[: end + padding])
        is_click = self._voiced < self._size(_LEAST_VOICED_SECONDS)
        del self._sound[: len(self._sound) - padding]
        self._voiced = 0
        self.count += not is_click
        return None if is_click else utterance

    def _size(self, seconds: float) -> int:
        return 2 * round(self._sample_rate * seconds)
