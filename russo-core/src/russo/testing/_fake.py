"""`FakeSynthesizer`: a synthesizer whose replies, delays and failures a test defines."""

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
_VOICE_BYTES = 4


class FakeSynthesizer:
    """Makes audio from the text, with the delays and failures that a test defines, and counts every call.

        busy = ServiceError("busy", backend="fake", prompt="hello")
        fake = FakeSynthesizer(busy, None)  # the first call fails, all others return audio

    The audio is 24 kHz, 16-bit, mono WAV: 0.04 s made from ``cache_key_extra``, then 0.01 s for each byte of
    the text in UTF-8. So different texts and different mappings give different audio. One object may be used
    from many event loops, one after another.

    Args:
        script: What each call does, in order; the last item repeats. An exception is raised, `Audio` is
            returned, ``None`` returns audio made from the text. Without a script, every call does so.
        delay: Seconds that every call takes, or a sequence with the seconds of each call in order; the last
            item repeats. An empty sequence means no delay.
        gate: An event that every call waits for, after the delay.
        cache_key_extra: The mapping that it declares; with ``None`` the attribute does not exist.

    Attributes:
        delays: Seconds of each call in order; the last item repeats.
        texts: The text of every call, in order.
        most_active: The highest number of calls in progress at the same time.
        cancelled: How many calls were cancelled.
        closed: How often `aclose` was called.
    """

    # Without cache_key_extra this name is in the cache key, so it must not change when the file moves.
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
        """The number of calls."""
        return len(self.texts)

    async def synthesize(self, text: str) -> Audio:
        """Run the next item of the script: raise it, return it, or return audio made from the text."""
        step, delay = _item_or_last(self.script, self.calls), _item_or_last(self.delays, self.calls)
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
        if isinstance(step, BaseException):
            raise step
        return self.sound(text) if step is None else step

    def sound(self, text: str) -> Audio:
        """Return the audio of a text without counting a call: a square wave, one loudness for each byte."""
        declared = sorted(map(repr, getattr(self, "cache_key_extra", {}).items()))
        voice = hashlib.sha256(repr(declared).encode()).digest()[:_VOICE_BYTES]
        content = voice + text.encode("utf-8", "surrogatepass")
        return pcm_audio(b"".join(_beep(byte) for byte in content), _RATE)

    async def aclose(self) -> None:
        """Count the call."""
        self.closed += 1

    async def _wait(self, delay: float) -> None:
        if delay:
            await asyncio.sleep(delay)
        if self.gate is not None:
            await self.gate.wait()


def _item_or_last(values: Sequence[T], number: int) -> T:
    """Return the item of a call, or the last item for later calls."""
    return values[min(number, len(values) - 1)]


def _beep(byte: int) -> bytes:
    """Return 0.01 s of sound whose loudness depends on the byte."""
    loud = 64 * (byte + 1)
    half = round(_RATE * _SECONDS_PER_BYTE / 4)
    up, down = loud.to_bytes(2, "little", signed=True), (-loud).to_bytes(2, "little", signed=True)
    return (up * half + down * half) * 2
