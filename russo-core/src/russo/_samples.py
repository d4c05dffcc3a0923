"""Samples: conversion of every encoding to 16 bits, and the check for silence."""

from __future__ import annotations

import array
import math
import sys
from collections.abc import Iterator
from typing import Any, Final

from ._wav import ALAW, FLOAT, PCM, ULAW, Wav

_BLOCK_FRAMES: Final = 8192
# The greatest distance between the lowest and the highest sample of silence. The smallest samples of A-law,
# which has no zero, are -8 and 8; ±8 is 72 dB below full scale. Dither and rounding stay below; whispered
# speech is 30 dB above. Samples of 8 bits have steps of 256: one step up and one down are dither.
_SILENT_RANGE: Final = 16
_SILENT_RANGE_8_BIT: Final = 512
# Converters have offsets of at most 1 %. A higher constant level is not sound either, but services do not
# send it instead of speech.
_OFFSET: Final = 328


def to_s16le(wav: Wav) -> bytes:
    """Convert the samples to signed 16-bit little-endian.

    Raises:
        ValueError: The encoding is not 8, 16, 24 or 32-bit PCM, 32 or 64-bit float, mu-law or A-law; or a
            float is not a finite number.
    """
    kind = (wav.tag, wav.sample_width)
    samples = wav.samples
    if kind == (PCM, 2):
        return samples
    if kind == (PCM, 1):  # unsigned, centred on 128
        return _interleave(bytes(len(samples)), samples.translate(_UNSIGNED_TO_SIGNED))
    if kind in {(PCM, 3), (PCM, 4)}:  # the two upper bytes
        width = wav.sample_width
        return _interleave(samples[width - 2 :: width], samples[width - 1 :: width])
    if kind in {(FLOAT, 4), (FLOAT, 8)}:
        return b"".join(map(_floats_to_s16le, _blocks("f" if wav.sample_width == 4 else "d", samples)))
    if kind == (ULAW, 1):
        return expand(samples, "ulaw")
    if kind == (ALAW, 1):
        return expand(samples, "alaw")
    raise ValueError(
        f"cannot convert WAV with format tag {wav.tag} and {wav.sample_width * 8}-bit samples to 16 bits"
    )


def is_silent(samples: bytes, wav: Wav) -> bool:
    """Return whether all channels are silent. A small constant offset is silent, and so is an empty sound.

    Args:
        samples: The samples, converted to 16 bits.
        wav: The WAV that they were converted from.
    """
    limit = _SILENT_RANGE_8_BIT if (wav.tag, wav.sample_width) == (PCM, 1) else _SILENT_RANGE
    lows, highs = [32767] * wav.channels, [-32768] * wav.channels
    for values in _blocks("h", samples, wav.channels):
        for channel in range(wav.channels):
            one = values[channel :: wav.channels]
            lows[channel] = low = min(lows[channel], *one)
            highs[channel] = high = max(highs[channel], *one)
            if high - low > limit or low > _OFFSET or high < -_OFFSET:
                return False
    return True


def _blocks(kind: str, samples: bytes, channels: int = 1) -> Iterator[array.array[Any]]:
    """Yield little-endian samples in arrays of whole frames. One array would take too much memory."""
    size = array.array(kind).itemsize * channels * _BLOCK_FRAMES
    for at in range(0, len(samples), size):
        values = array.array(kind, samples[at : at + size])
        if sys.byteorder == "big":
            values.byteswap()
        yield values


def _floats_to_s16le(values: array.array[float]) -> bytes:
    # The sum of finite numbers may be infinite, too.
    if not math.isfinite(sum(values)) and not all(map(math.isfinite, values)):
        raise ValueError("a WAV file of floats that are not all finite numbers")
    if min(values) < -1.0 or max(values) > 1.0:
        values = array.array(values.typecode, [max(-1.0, min(1.0, value)) for value in values])
    out = array.array("h", [round(value * 32767) for value in values])
    if sys.byteorder == "big":
        out.byteswap()
    return out.tobytes()


_UNSIGNED_TO_SIGNED = bytes(b ^ 0x80 for b in range(256))


def _interleave(low: bytes, high: bytes) -> bytes:
    out = bytearray(2 * len(low))
    out[0::2] = low
    out[1::2] = high
    return bytes(out)


def expand(samples: bytes, law: str) -> bytes:
    """Expand G.711 telephone samples, ``ulaw`` or ``alaw``, to signed 16-bit little-endian.

    Decodes as ITU-T Recommendation G.711 specifies, scaled to 16 bits.
    """
    one = _ulaw_sample if law == "ulaw" else _alaw_sample
    table = [one(code) & 0xFFFF for code in range(256)]
    low = bytes(value & 0xFF for value in table)
    high = bytes(value >> 8 for value in table)
    return _interleave(samples.translate(low), samples.translate(high))


def _ulaw_sample(code: int) -> int:
    code ^= 0xFF
    magnitude = (((code & 0x0F) << 3) + 0x84 << ((code & 0x70) >> 4)) - 0x84
    return -magnitude if code & 0x80 else magnitude


def _alaw_sample(code: int) -> int:
    code ^= 0x55
    exponent, magnitude = (code & 0x70) >> 4, ((code & 0x0F) << 4) + 8
    if exponent:
        magnitude = magnitude + 0x100 << exponent - 1
    return magnitude if code & 0x80 else -magnitude
