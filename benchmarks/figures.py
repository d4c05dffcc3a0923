"""Figures: the results of measurements, with name, unit and noise."""

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
        subject: The measured subject.
        case: The circumstances: a size, a number of entries.
        unit: The unit of the spread; ``x`` for a ratio.
        value: The measured value.
        base: The base of a ratio or a difference.
        seconds: The duration of one call, if there is one.
        noise: The base measured against itself in the same rounds, in the unit of the figure.
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
        """The name that the goals use."""
        return "/".join((self.group, self.subject, self.case))


@dataclass(frozen=True, slots=True)
class Place:
    """The directory and the thoroughness of a measurement.

    Attributes:
        directory: For scratch files, on the file system that is measured.
        full: Whether to include slow measurements.
        seconds: The duration of a comparison.
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
    """Make a figure without a base, from one value or one per round."""
    return Figure(group, subject, case, unit, spread(values))
