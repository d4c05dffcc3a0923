"""`prepare`: a prompt as frames for a line."""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from russo import Audio

from .._errors import AgentConfigError
from .clock import FRAME_SECONDS
from .voice import Stretch, levels_of, stretches_of, window_size

if TYPE_CHECKING:
    from russo import Synthesizer

_WINDOWS_AT_ONCE: Final = 200


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt that is ready to be said.

    Attributes:
        text: The text, or a description of the audio.
        pcm: The sound at the rate of the line: signed 16-bit little-endian, mono.
        frames: The same in pieces of 20 ms; the last one is filled with silence.
        voiced: The voiced parts, in seconds from the beginning; empty if all is silent.
        seconds: The length of the sound.
    """

    text: str
    pcm: bytes
    frames: deque[bytes]
    voiced: list[Stretch]
    seconds: float

    @property
    def lead(self) -> float:
        """Seconds of silence before the first voiced sample."""
        return self.voiced[0].start if self.voiced else 0.0

    def without(self, seconds: float) -> Prompt:
        """Return the prompt without some seconds at its beginning, in whole frames of silence."""
        count = int(max(0.0, min(seconds, self.lead)) / FRAME_SECONDS + 1e-6)
        removed = count * FRAME_SECONDS
        return Prompt(
            self.text,
            self.pcm[count * len(self.frames[0]) :],
            deque(itertools.islice(self.frames, count, None)),
            [Stretch(part.start - removed, part.end - removed) for part in self.voiced],
            self.seconds - removed,
        )


async def prepare(prompt: str | Audio, synthesizer: Synthesizer | None, sample_rate: int) -> Prompt:
    """Speak a prompt, and convert its audio to the rate of the line.

    Raises:
        TypeError: The prompt is not text or `russo.Audio`.
        ValueError: The audio has several channels, is compressed or is empty.
        AgentConfigError: A text needs a synthesizer, and there is none.
    """
    if isinstance(prompt, Audio):
        audio, text = prompt, ""
    elif isinstance(prompt, str):
        if synthesizer is None:
            raise AgentConfigError("open_call has no synthesizer, so it can only say russo.Audio, not text")
        audio, text = await synthesizer.synthesize(prompt), prompt
    else:
        raise TypeError(f"the prompt is {type(prompt).__name__}; it must be text or russo.Audio")
    if audio.channels != 1:
        raise ValueError(
            f"the audio of the prompt has {audio.channels} channels; a line is mono: say one channel of it"
        )
    if audio.sample_rate != sample_rate:
        audio = audio.resample(sample_rate)
    pcm = audio.pcm()
    if not pcm:
        raise ValueError("the audio of the prompt is empty")
    seconds = len(pcm) / 2 / sample_rate
    frames = deque(audio.frames(ms=round(FRAME_SECONDS * 1000)))
    return Prompt(text or f"(audio, {seconds:.1f} s)", pcm, frames, await _voiced(pcm, sample_rate), seconds)


async def _voiced(pcm: bytes, sample_rate: int) -> list[Stretch]:
    """Return the voiced parts; let other tasks run after each second of sound, which takes about 1 ms."""
    levels: list[float] = []
    size = 2 * window_size(sample_rate) * _WINDOWS_AT_ONCE
    for start in range(0, len(pcm), size):
        levels += levels_of(pcm[start : start + size], sample_rate)
        await asyncio.sleep(0)
    return stretches_of(levels, sample_rate)
