"""Sound for tests: samples that are always the same, and WAV files with right and wrong sizes."""

from __future__ import annotations

import array
import math
import random
import struct
from typing import Literal


def speech_pcm(seconds: float = 0.2, rate: int = 24000) -> bytes:
    """Return a tone in noise, always the same: 16-bit little-endian mono samples."""
    noise = random.Random(7)
    count = round(seconds * rate)
    tone = (math.sin(2 * math.pi * 220 * at / rate) for at in range(count))
    samples = array.array("h", (round(9000 * level + noise.uniform(-3000, 3000)) for level in tone))
    return struct.pack(f"<{count}h", *samples)


def wav(
    samples: bytes,
    rate: int = 24000,
    *,
    channels: int = 1,
    sizes: Literal["true", "streamed", "zero"] = "true",
) -> bytes:
    """Return 16-bit samples as a WAV file.

    Args:
        samples: Signed 16-bit little-endian samples.
        rate: In Hz.
        channels: The number of channels, interleaved.
        sizes: The sizes in the header: ``true``, or the placeholders of streams, which are 0xFFFFFFFF
            (``streamed``) or 0 (``zero``).
    """
    placeholder = {"true": None, "streamed": 0xFFFFFFFF, "zero": 0}[sizes]
    riff, data = (36 + len(samples), len(samples)) if placeholder is None else (placeholder, placeholder)
    form = struct.pack("<HHIIHH", 1, channels, rate, rate * channels * 2, channels * 2, 16)
    return struct.pack("<4sI4s4sI16s4sI", b"RIFF", riff, b"WAVE", b"fmt ", 16, form, b"data", data) + samples
