"""Microphone, speaker and subtitles of a LiveKit session.

The speaker plays on russo's play-out clock, with the 0.2 s of buffer that a LiveKit room has. So a pause, an
interruption and the words of a reply that was cut are as exact as in a room.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from livekit import rtc
from livekit.agents.voice.io import AudioInput, AudioOutput, AudioOutputCapabilities, TextOutput

from ..._events import Interrupted, Sound

if TYPE_CHECKING:
    from ..._call.playout import Playout

MICROPHONE_RATE: Final = 16000
_SPEAKER_RATE: Final = 24000
_BUFFER_SECONDS: Final = 0.2
_PIECE_SECONDS: Final = 0.02
_EPSILON: Final = 1e-6
# At pace 0, frames are sent at most so many times faster than speech. LiveKit detects voice in a task and a
# thread behind a queue without a limit, 300 times as fast as speech if the machine is idle. While the caller
# talks over the agent, the reply plays on until the voice is detected, so a busy machine must have time, too.
_FASTEST: Final = 20.0
_FASTEST_TALKING_OVER: Final = 5.0
_SHORTEST_SLEEP: Final = 0.002
# Speech has about 15 characters a second. Needed only if a reply is cut before all of it was synthesized.
_CHARACTERS_PER_SECOND: Final = 15.0


class Microphone(AudioInput):
    """What the caller says."""

    def __init__(self, pace: float) -> None:
        super().__init__(label="russo")
        self._frames: asyncio.Queue[rtc.AudioFrame | None] = asyncio.Queue()
        self._is_attached = True
        self._is_limited = not pace
        self._free_at = 0.0

    async def __anext__(self) -> rtc.AudioFrame:
        """Return the next frame."""
        frame = await self._frames.get()
        if frame is None:
            raise StopAsyncIteration
        return frame

    def on_attached(self) -> None:
        """Take frames: the session listens."""
        self._is_attached = True

    def on_detached(self) -> None:
        """Drop frames: the session has switched its microphone off."""
        self._is_attached = False

    async def send(self, pcm: bytes, *, is_agent_speaking: bool) -> None:
        """Pass on a frame; at pace 0, wait until the session can have handled the frame."""
        if self._is_attached:
            self._frames.put_nowait(rtc.AudioFrame(pcm, MICROPHONE_RATE, 1, len(pcm) // 2))
        if self._is_limited:
            is_talking_over = is_agent_speaking and any(pcm)
            speed = _FASTEST_TALKING_OVER if is_talking_over else _FASTEST
            now = asyncio.get_running_loop().time()
            self._free_at = max(self._free_at, now) + len(pcm) / 2 / MICROPHONE_RATE / speed
            ahead = self._free_at - now
            await asyncio.sleep(ahead if ahead > _SHORTEST_SLEEP else 0)

    def close(self) -> None:
        """End the sound."""
        self._is_attached = False
        self._frames.put_nowait(None)


@dataclass(eq=False)
class _Segment:
    """One piece of speech, from its first frame to the flush after its last one."""

    pieces: deque[Sound] = field(default_factory=deque)
    captured: float = 0.0
    released: float = 0.0
    is_flushed: bool = False
    is_complete: bool = False


class Subtitles(TextOutput):
    """The words of the speech that is being synthesized.

    Args:
        next_in_chain: The user's own text output.
    """

    def __init__(self, next_in_chain: TextOutput | None) -> None:
        super().__init__(label="russo", next_in_chain=next_in_chain)
        self._parts: list[str] = []
        self._is_flushed = False

    async def capture_text(self, text: str) -> None:
        """Note a part of the words."""
        if self._is_flushed:
            self._parts, self._is_flushed = [], False
        self._parts.append(text)
        if self.next_in_chain is not None:
            await self.next_in_chain.capture_text(text)

    def flush(self) -> None:
        """Note that the words are complete."""
        self._is_flushed = True
        if self.next_in_chain is not None:
            self.next_in_chain.flush()

    def until(self, position: float, captured: float, *, is_complete: bool) -> str:
        """Return the words that were said until a position.

        If the synthesis gives no times of words, they are judged by the share of the sound that was played.

        Args:
            position: Seconds of the sound that were played.
            captured: Seconds of the sound that were synthesized.
            is_complete: Whether all of the sound was synthesized.
        """
        starts = [getattr(part, "start_time", None) for part in self._parts]
        times = [start for start in starts if isinstance(start, float | int)]
        if times and len(times) == len(self._parts):
            return "".join(
                part for part, start in zip(self._parts, times, strict=True) if start < position
            ).rstrip()
        text = "".join(self._parts)
        expected = captured if is_complete else max(captured, len(text) / _CHARACTERS_PER_SECOND)
        return _words_until(text, position / expected if expected else 0.0)


def _words_until(text: str, share: float) -> str:
    """Return the words of which at least half is within a share of a text."""
    if share >= 1:
        return text
    limit, end, start = share * len(text), 0, 0
    for word in text.split(" "):
        if start + len(word) / 2 > limit:
            break
        start += len(word) + 1
        end = start - 1
    return text[:end].rstrip()


class Speaker(AudioOutput):
    """What the caller hears.

    Args:
        playout: russo's clock of what the caller has heard.
        subtitles: The words of the speech.
        report: Called with each event.

    Attributes:
        captured: Seconds of sound that the session has synthesized.
    """

    def __init__(self, playout: Playout, subtitles: Subtitles, report: Callable[[Any], None]) -> None:
        super().__init__(
            label="russo",
            sample_rate=_SPEAKER_RATE,
            capabilities=AudioOutputCapabilities(pause=True),
        )
        self.captured = 0.0
        self._playout = playout
        self._subtitles = subtitles
        self._report = report
        self._segments: deque[_Segment] = deque()
        self._until = 0.0
        self._is_paused = False
        self._is_closed = False
        self._changed = asyncio.Event()
        self._task = asyncio.create_task(self._play(), name="russo: the speaker")

    @property
    def is_playing(self) -> bool:
        """Whether sound is to be played."""
        return bool(self._segments)

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        """Queue a frame."""
        await super().capture_frame(frame)
        segment = self._segments[-1] if self._segments else None
        if segment is None or segment.is_flushed:
            segment = _Segment()
            self._segments.append(segment)
        pcm = _mono(frame)
        size = 2 * round(frame.sample_rate * _PIECE_SECONDS)
        segment.pieces.extend(
            Sound(pcm[start : start + size], frame.sample_rate) for start in range(0, len(pcm), size)
        )
        segment.captured += frame.duration
        self.captured += frame.duration
        self._changed.set()

    def flush(self) -> None:
        """Note that a segment has no more frames."""
        super().flush()
        if not self._segments or self._segments[-1].is_flushed:
            return
        segment = self._segments[-1]
        segment.is_flushed = True
        # A segment that is cancelled is flushed and cleared in one step.
        asyncio.get_running_loop().call_soon(_complete, segment)
        self._changed.set()
        if self._is_closed:
            self._finish(segment)

    def clear_buffer(self) -> None:
        """Discard the sound that is not played yet."""
        while self._segments:
            self._cut(self._segments[0])
        self._changed.set()

    def pause(self) -> None:
        """Stop until `resume`. What is in the buffer is still played."""
        self._is_paused = True

    def resume(self) -> None:
        """Play on."""
        self._is_paused = False
        self._changed.set()

    async def aclose(self) -> None:
        """Finish the sound that is played, and all sound that still arrives, at once."""
        self._is_closed = True
        for segment in [segment for segment in self._segments if segment.is_flushed]:
            self._finish(segment)
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _play(self) -> None:
        while True:
            self._changed.clear()
            ahead = self._until - self._playout.now()
            segment = self._segments[0] if self._segments else None
            if segment is None or not (segment.pieces or segment.is_flushed):
                await self._changed.wait()
            elif not segment.pieces:
                if ahead > _EPSILON:
                    await self._playout.played(ahead)
                else:
                    self._finish(segment)
            elif self._is_paused:
                await self._changed.wait()
            elif ahead > _BUFFER_SECONDS + _EPSILON:
                await self._playout.played(ahead - _BUFFER_SECONDS)
            else:
                self._release(segment)

    def _release(self, segment: _Segment) -> None:
        if not segment.released:
            self.on_playback_started(created_at=time.time())
        sound = segment.pieces.popleft()
        self._until = max(self._until, self._playout.now()) + sound.seconds
        segment.released += sound.seconds
        self._report(sound)

    def _finish(self, segment: _Segment) -> None:
        self._segments.remove(segment)
        self.on_playback_finished(playback_position=segment.captured, interrupted=False)

    def _cut(self, segment: _Segment) -> None:
        now = self._playout.now()
        unplayed = max(0.0, self._until - now)
        position = max(0.0, segment.released - unplayed)
        if segment.released and segment.captured - position > _PIECE_SECONDS / 2:
            # The rest is sent, too, so that the line shows how much was discarded.
            for sound in segment.pieces:
                self._report(sound)
            self._report(Interrupted(min(self._until, now)))
        self._until = min(self._until, now)
        self._segments.popleft()
        words = self._subtitles.until(position, segment.captured, is_complete=segment.is_complete)
        self.on_playback_finished(playback_position=position, interrupted=True, synchronized_transcript=words)


def _complete(segment: _Segment) -> None:
    segment.is_complete = True


def _mono(frame: rtc.AudioFrame) -> bytes:
    """Return the samples of the first channel."""
    if frame.num_channels == 1:
        return bytes(frame.data)
    return bytes(frame.data[:: frame.num_channels].tobytes())
