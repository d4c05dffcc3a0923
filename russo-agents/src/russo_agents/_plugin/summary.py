"""The summary line of a run's calls, summed up over all its processes.

Workers send whole numbers by name: lengths and latencies travel in milliseconds, and each latency is a
counter of its own.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from russo.plugins import shown

if TYPE_CHECKING:
    from russo.plugins import Counters

    from .._call.record import CallRecord

_LATENCY: Final = "latency "
_PACE: Final = "pace "
_PROBLEM: Final = "problem "
_NOTE: Final = "note "
_LONGEST_PROBLEM: Final = 300
_MOST_PROBLEMS: Final = 5


def count_call(counters: Counters, record: CallRecord) -> None:
    """Count a call that has ended."""
    counters.add("calls")
    counters.add("turns", record.turns)
    counters.add("said", round(record.seconds_said * 1000))
    counters.add("heard", round(record.seconds_heard * 1000))
    counters.add(f"{_PACE}{record.pace:g}")
    for latency in record.latencies:
        counters.add(f"{_LATENCY}{round(latency * 1000)}")
    for problem in record.problems:
        count_problem(counters, problem)


def count_problem(counters: Counters, problem: str) -> None:
    """Count something that went wrong without an error."""
    counters.add(f"{_PROBLEM}{shown(problem, _LONGEST_PROBLEM)}")


def count_note(counters: Counters, note: str) -> None:
    """Count a sentence about the run, which is shown once."""
    counters.add(f"{_NOTE}{shown(note, _LONGEST_PROBLEM)}")


def lines_of_run(total: Counter[str]) -> Iterator[str]:
    """Yield the lines of the summary: one with the counts, one for each note, and one for each problem."""
    if total["calls"]:
        yield f"russo: {', '.join(_facts(total))}"
    yield from (f"russo: {name.removeprefix(_NOTE)}" for name in sorted(total) if name.startswith(_NOTE))
    problems = sorted(name for name in total if name.startswith(_PROBLEM))
    for name in problems[:_MOST_PROBLEMS]:
        times = f" ({total[name]:,} times)" if total[name] > 1 else ""
        yield f"russo: {name.removeprefix(_PROBLEM)}{times}"
    if len(problems) > _MOST_PROBLEMS:
        yield f"russo: and {_count(len(problems) - _MOST_PROBLEMS, 'more problem')}"


def _facts(total: Counter[str]) -> Iterator[str]:
    yield f"{_count(total['calls'], 'call')} with {_count(total['turns'], 'turn')}"
    yield f"{_seconds(total['said'])} said"
    yield f"{_seconds(total['heard'])} heard"
    latencies = sorted(
        int(name.removeprefix(_LATENCY))
        for name in total
        if name.startswith(_LATENCY)
        for _ in range(total[name])
    )
    if latencies:
        median = statistics.median(latencies)
        yield f"latency {median / 1000:.2f} s (median), {latencies[-1] / 1000:.2f} s (worst)"
    else:
        paces = [name.removeprefix(_PACE) for name in sorted(total) if name.startswith(_PACE)]
        if unmeasured := [pace for pace in paces if pace != "1"]:
            yield f"no latency at pace {' and '.join(unmeasured)}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun if number == 1 else noun + 's'}"


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds / 1000:,.1f} s"
