"""Figures: what a measurement says, with its name, its unit and the noise beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

from .rounds import AGAIN, Rounds, Spread, spread


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured quantity.

    Attributes:
        group: The group of measurements, as ``--only`` names it.
        subject: What was measured.
        case: Under which circumstances: a size, a number of entries.
        unit: Of the spread; ``x`` for a ratio.
        value: What was measured.
        base: What a ratio or a difference is over, if it is one.
        seconds: How long one call took, where that makes sense.
        noise: The base over itself in the same rounds; a difference's in the same unit.
    """

    group: str
    subject: str
    case: str
    unit: str
    value: Spread
    base: str = ""
    seconds: float | None = None
    noise: Spread | None = None

    @property
    def name(self) -> str:
        """The name by which the goals know it."""
        return "/".join((self.group, self.subject, self.case))


@dataclass(frozen=True, slots=True)
class Place:
    """Where and how thoroughly to measure.

    Attributes:
        directory: For scratch files, on the file system that is measured.
        full: Whether to measure all that is slow too.
        seconds: How long a comparison goes on.
    """

    directory: Path
    full: bool
    seconds: float

    def fresh(self, name: str) -> Path:
        """Make an empty directory."""
        return Path(mkdtemp(prefix=f"{name}-", dir=self.directory))


def ratios(group: str, case: str, rounds: Rounds, base: str, subjects: Sequence[str]) -> Iterator[Figure]:
    """Yield a line for the base over itself, and one for each subject over the base."""
    noise = rounds.ratio(base + AGAIN, base)
    for subject in (base + AGAIN, *subjects):
        each = rounds.each(subject).median
        yield Figure(group, subject, case, "x", rounds.ratio(subject, base), base, each, noise)


def differences(
    group: str, case: str, rounds: Rounds, base: str, subjects: Sequence[str], *, unit: str = "ms"
) -> Iterator[Figure]:
    """Yield, in milliseconds or microseconds, how much longer each subject takes than the base."""
    factor = {"ms": 1e3, "µs": 1e6}[unit]
    noise = rounds.difference(base + AGAIN, base).scaled(factor)
    for subject in (base + AGAIN, *subjects):
        value = rounds.difference(subject, base).scaled(factor)
        yield Figure(group, subject, case, unit, value, base, rounds.each(subject).median, noise)


def single(group: str, subject: str, case: str, unit: str, *values: float) -> Figure:
    """Make a figure that is compared with nothing, of one value or one per round."""
    return Figure(group, subject, case, unit, spread(values))
