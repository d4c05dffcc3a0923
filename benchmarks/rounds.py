"""Rounds: every subject once per round, in shuffled order, compared within its round.

A busy machine slows a whole round, so a ratio of two subjects within a round is more reliable than
their times. Only the fastest rounds of two subjects are compared across rounds.
"""

from __future__ import annotations

import itertools
import random
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

Subject: TypeAlias = Callable[[int], float]
"""Makes a number of calls and returns their seconds, without its work before and after."""

T = TypeVar("T")
AGAIN = " (again)"


@dataclass(frozen=True, slots=True)
class Spread:
    """The distribution of one quantity over the rounds.

    Attributes:
        median: The median of all rounds.
        low: The lower quartile.
        high: The upper quartile.
        best: The quantity from each subject's fastest round, which has the least noise.
        rounds: The number of rounds.
    """

    median: float
    low: float
    high: float
    best: float
    rounds: int

    def scaled(self, factor: float) -> Spread:
        """Return the same in another unit."""
        return Spread(
            self.median * factor, self.low * factor, self.high * factor, self.best * factor, self.rounds
        )


def spread(values: Sequence[float], best: float | None = None) -> Spread:
    """Summarize one value per round.

    Args:
        values: One or more values.
        best: The value of the fastest rounds; the default is the least value.
    """
    low, _, high = (
        statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else [values[0]] * 3
    )
    least = min(values) if best is None else best
    return Spread(statistics.median(values), low, high, least, len(values))


@dataclass(frozen=True, slots=True)
class Rounds:
    """The seconds per call of every subject, by round."""

    seconds: Mapping[str, Sequence[float]]

    def each(self, subject: str) -> Spread:
        """Return the seconds per call of a subject."""
        return spread(self.seconds[subject])

    def ratio(self, subject: str, base: str) -> Spread:
        """Return the time of a subject as a multiple of the base's."""
        mine, other = self.seconds[subject], self.seconds[base]
        return spread([one / two for one, two in zip(mine, other, strict=True)], min(mine) / min(other))

    def difference(self, subject: str, base: str) -> Spread:
        """Return by how many seconds a call of a subject takes longer than the base."""
        mine, other = self.seconds[subject], self.seconds[base]
        return spread([one - two for one, two in zip(mine, other, strict=True)], min(mine) - min(other))


def measure(
    subjects: Mapping[str, Subject],
    *,
    base: str,
    seconds: float,
    least: int = 7,
    most: int = 400,
    block: float = 0.004,
    order: random.Random | None = None,
) -> Rounds:
    """Let the subjects take turns; the base has two turns, to show the noise between equal subjects.

    Args:
        subjects: The subjects to measure, by name.
        base: The subject with a second turn, which is named with ``AGAIN``.
        seconds: The time limit; at least ``least`` rounds are made.
        least: The smallest number of rounds.
        most: The largest number of rounds.
        block: The approximate seconds that a subject's calls of one round take together; 0 for one call.
        order: The random generator that shuffles the turns of each round.
    """
    everyone = {**subjects, base + AGAIN: subjects[base]}
    numbers = {name: _number_of_calls(subject, block) for name, subject in subjects.items()}
    numbers[base + AGAIN] = numbers[base]
    taken: dict[str, list[float]] = {name: [] for name in everyone}
    order = order or random.Random()
    turns = list(everyone)
    end = time.monotonic() + seconds
    for done in range(most):
        if done >= least and time.monotonic() > end:
            break
        order.shuffle(turns)
        for name in turns:
            taken[name].append(everyone[name](numbers[name]) / numbers[name])
    return Rounds(taken)


def _number_of_calls(subject: Subject, block: float) -> int:
    """Return the number of calls that take about ``block`` seconds; warm the subject up on the way."""
    if block == 0:
        subject(1)
        return 1
    fastest = min(subject(1) for _ in range(3))
    if fastest * 8 < block:
        fastest = subject(8) / 8
    return max(1, min(2000, int(block / max(fastest, 1e-9))))


def calls(function: Callable[[T], object], arguments: Iterable[T]) -> Subject:
    """Make a subject that calls a function with each argument in turn, repeatedly."""
    turns = itertools.cycle(arguments)

    def run(number: int) -> float:
        now = list(itertools.islice(turns, number))
        start = time.perf_counter()
        for argument in now:
            function(argument)
        return time.perf_counter() - start

    return run
