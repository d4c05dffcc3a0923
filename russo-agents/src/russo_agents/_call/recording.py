"""`Recording`: both voices of a call, in two temporary files.

Only speech is written, and silence is skipped. So a long call needs little memory and disk.
"""

from __future__ import annotations

import array
import contextlib
import tempfile
import weakref
from collections.abc import Iterator
from typing import IO, Final

from russo import Audio

_MOST_IN_MEMORY: Final = 1 << 20


class Track:
    """One voice: 16-bit mono samples at one rate, written at any time. Its file is deleted with the object.

    Args:
        sample_rate: In Hz.
    """

    def __init__(self, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self._size = 0
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=_MOST_IN_MEMORY)  # noqa: SIM115
        self.close = weakref.finalize(self, self._file.close)

    def write(self, at: float, pcm: bytes) -> None:
        """Write samples at a time, in seconds since the call began."""
        start = 2 * round(at * self.sample_rate)
        self._file.seek(start)  # a gap becomes silence
        self._file.write(pcm)
        self._size = max(self._size, start + len(pcm))

    def cut(self, at: float) -> None:
        """Remove everything from a time on."""
        start = 2 * round(at * self.sample_rate)
        if start < self._size:
            self._file.truncate(start)
            self._size = start

    def read(self) -> bytes:
        """Return all samples."""
        self._file.seek(0)
        return self._file.read(self._size)


class Recording:
    """The caller's track and the agent's track.

    Args:
        sample_rate: The rate of the caller's track, in Hz. The agent's track has the rate of its first sound.

    Attributes:
        problem: Why the recording is not complete, or ``""``.
    """

    def __init__(self, sample_rate: int) -> None:
        self.problem = ""
        self._caller = Track(sample_rate)
        self._agent: Track | None = None

    def add_caller(self, at: float, pcm: bytes) -> None:
        """Add what the caller says from a time on."""
        with self._noting_problem():
            self._caller.write(at, pcm)

    def cut_caller(self, at: float) -> None:
        """Remove the caller's sound from a time on, because it was not sent."""
        with self._noting_problem():
            self._caller.cut(at)

    def add_agent(self, at: float, pcm: bytes, sample_rate: int) -> None:
        """Add what the agent says from a time on."""
        with self._noting_problem():
            if self._agent is None:
                self._agent = Track(sample_rate)
            self._agent.write(at, resampled(pcm, sample_rate, self._agent.sample_rate))

    def cut_agent(self, at: float) -> None:
        """Remove the agent's sound from a time on, because it was not played."""
        with self._noting_problem():
            if self._agent is not None:
                self._agent.cut(at)

    def stereo(self) -> Audio | None:
        """Return both voices as 16-bit samples, caller left and agent right; ``None`` if both were silent."""
        left, rate = self._caller.read(), self._caller.sample_rate
        right = b""
        if self._agent is not None:
            right = self._agent.read()
            left, rate = resampled(left, rate, self._agent.sample_rate), self._agent.sample_rate
        if not left and not right:
            return None
        length = max(len(left), len(right))
        both = array.array("h", bytes(2 * length))
        both[0::2] = array.array("h", left.ljust(length, b"\0"))
        both[1::2] = array.array("h", right.ljust(length, b"\0"))
        return Audio(both.tobytes(), "pcm", rate, 2)

    @contextlib.contextmanager
    def _noting_problem(self) -> Iterator[None]:
        """Go on without the recording if the disk is full: the call itself does not need it."""
        try:
            yield
        except OSError as error:
            self.problem = f"the recording of the call is not complete: {error}"


def resampled(pcm: bytes, sample_rate: int, wanted: int) -> bytes:
    """Return mono samples at another rate."""
    if sample_rate == wanted or not pcm:
        return pcm
    return Audio(pcm, "pcm", sample_rate).resample(wanted).pcm()
