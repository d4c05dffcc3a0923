"""`Playout`: the clock of what the caller has heard, and `PlayoutQueue`, which the driver fills.

Replies arrive in bursts, faster than they play. The end of a turn, silence, politeness and interruption are
judged by this clock, never by the arrival of sound.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .clock import AudioClock


class Playout:
    """When the caller hears what the line has received. All times are seconds of audio since the call began.

    Attributes:
        pace: 1.0 is real time; at 0, sound plays as fast as the agent takes the caller's silence.
    """

    def __init__(self, clock: AudioClock) -> None:
        self.pace = clock.pace
        self._clock = clock
        self._until = 0.0

    def now(self) -> float:
        """Return the time."""
        return self._clock.now()

    def played_until(self) -> float:
        """Return when the sound that was received so far will have been played."""
        return self._until

    async def played(self, seconds: float) -> None:
        """Wait until some more seconds of sound have been played."""
        await self._clock.sleep_until(self._clock.now() + seconds)


class PlayoutQueue(Playout):
    """The sound that a line has received and that the caller has not heard yet.

    Attributes:
        clock: The clock of the call.
    """

    def __init__(self, clock: AudioClock) -> None:
        super().__init__(clock)
        self.clock = clock
        self._voiced_until = 0.0

    @property
    def voiced_until(self) -> float:
        """When the last voiced sample that was received so far will have been played."""
        return self._voiced_until

    def add(self, seconds: float, voiced_end: float | None) -> float:
        """Queue received sound, and return when it begins to play.

        Args:
            seconds: The length of the sound.
            voiced_end: The offset of its last voiced sample, or ``None`` if it is silent.
        """
        start = max(self._until, self.now())
        self._until = start + seconds
        self._clock.wanted.notify()
        if voiced_end is not None:
            self._voiced_until = start + voiced_end
        return start

    def cut(self) -> float:
        """Discard the sound that is not played yet, and return how many seconds it would have played."""
        now = self.now()
        unplayed = max(0.0, self._until - now)
        self._until = min(self._until, now)
        self._voiced_until = min(self._voiced_until, now)
        return unplayed
