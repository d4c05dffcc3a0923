"""`FakeSynthesizer`: speaks at once, and does what a test tells it to."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from .. import Audio
from ..authoring import pcm_audio

T = TypeVar("T")

_RATE = 24000
_SECONDS_PER_BYTE = 0.01
_VOICE = 4  # bytes


class FakeSynthesizer:
    """Speaks without a voice: audio made of the text, delays and failures as scripted, every call counted.

        busy = ServiceError("busy", backend="fake", prompt="hello")
        fake = FakeSynthesizer(busy, None)  # the first call fails, all others speak

    The sound is 24 kHz, 16-bit, mono WAV, 0.01 s for each byte of the text in UTF-8 after 0.04 s that tell
    what is declared: other texts and other mappings sound otherwise. One object may be used from many event
    loops, one after another.

    Args:
        script: What the calls do, in turn, the last one for ever: an exception is raised, `Audio` is
            returned, ``None`` speaks. Without any, every call speaks.
        delay: Seconds that every call takes, or those of each call in turn, the last one for ever; none
            of them is no delay.
        gate: An event that every call waits for, after the delay.
        cache_key_extra: What it declares; ``None`` declares nothing, so that the attribute does not exist.

    Attributes:
        delays: Seconds of each call in turn, the last for ever.
        texts: The text of every call, in order.
        most_active: The most calls that were in progress at once.
        cancelled: How many calls were cancelled.
        closed: How often `aclose` was called.
    """

    # It is keyed by its name where it declares nothing, and entries outlive the file it is written in.
    __module__ = "russo.testing"

    cache_key_extra: Mapping[str, Any]

    def __init__(
        self,
        *script: BaseException | Audio | None,
        delay: float | Sequence[float] = 0.0,
        gate: asyncio.Event | None = None,
        cache_key_extra: Mapping[str, Any] | None = None,
    ) -> None:
        self.script: Sequence[BaseException | Audio | None] = script or (None,)
        self.delays = ((delay,) if isinstance(delay, (int, float)) else tuple(delay)) or (0.0,)
        self.gate = gate
        if cache_key_extra is not None:
            self.cache_key_extra = cache_key_extra
        self.texts: list[str] = []
        self.most_active = 0
        self.cancelled = 0
        self.closed = 0
        self._active = 0

    @property
    def calls(self) -> int:
        """How many calls were made."""
        return len(self.texts)

    async def synthesize(self, text: str) -> Audio:
        """Do what the script says of this call."""
        turn, delay = _in_turn(self.script, self.calls), _in_turn(self.delays, self.calls)
        self.texts.append(text)
        self._active += 1
        self.most_active = max(self.most_active, self._active)
        try:
            await self._wait(delay)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self._active -= 1
        if isinstance(turn, BaseException):
            raise turn
        return self.sound(text) if turn is None else turn

    def sound(self, text: str) -> Audio:
        """Return what it says of a text, without a call: a square wave of each byte's own loudness."""
        declared = sorted(map(repr, getattr(self, "cache_key_extra", {}).items()))
        voice = hashlib.sha256(repr(declared).encode()).digest()[:_VOICE]
        said = voice + text.encode("utf-8", "surrogatepass")
        return pcm_audio(b"".join(_beep(byte) for byte in said), _RATE)

    async def aclose(self) -> None:
        """Count that it was called."""
        self.closed += 1

    async def _wait(self, delay: float) -> None:
        if delay:
            await asyncio.sleep(delay)
        if self.gate is not None:
            await self.gate.wait()


def _in_turn(values: Sequence[T], number: int) -> T:
    return values[min(number, len(values) - 1)]


def _beep(byte: int) -> bytes:
    """Return 0.01 s of sound of a loudness that tells the byte."""
    loud = 64 * (byte + 1)
    half = round(_RATE * _SECONDS_PER_BYTE / 4)
    up, down = loud.to_bytes(2, "little", signed=True), (-loud).to_bytes(2, "little", signed=True)
    return (up * half + down * half) * 2
