"""The report of a run: tables for the terminal, JSON for programs, Markdown for two pages."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from .figures import Figure
from .goals import GOALS, Goal, judge, number
from .rounds import AGAIN, Spread

BEGIN: Final = "<!-- figures: written by `python -m benchmarks --markdown`, not by hand -->"
END: Final = "<!-- end of the figures -->"
SUITE_BEGIN: Final = "<!-- suite: written by `python -m benchmarks --markdown`, not by hand -->"
SUITE_END: Final = "<!-- end of the suite -->"


def header(facts: Mapping[str, str]) -> Iterator[str]:
    """Yield the machine's facts, line by line."""
    width = max(map(len, facts))
    yield from (f"{name:<{width}}  {value}" for name, value in facts.items())


def tables(figures: Sequence[Figure]) -> Iterator[str]:
    """Yield a table for each group and case, line by line."""
    for (group, case, base), found in itertools.groupby(figures, lambda f: (f.group, f.case, f.base)):
        lines = list(found)
        width = max(30, *(len(figure.subject) for figure in lines))
        yield ""
        yield f"{group}: {case}{f', over {base}' if base else ''}"
        yield f"  {'':<{width}} {'median':>10} {'quartiles':>19} {'best':>9} {'each':>10} {'rounds':>7}"
        for figure in lines:
            value = figure.value
            middle = f"{number(value.low)} - {number(value.high)}"
            yield (
                f"  {figure.subject:<{width}} {with_unit(value.median, figure.unit):>10} {middle:>19} "
                f"{number(value.best):>9} {_time(figure.seconds):>10} {value.rounds:>7}"
            )


def goals(figures: Sequence[Figure]) -> Iterator[str]:
    """Yield a line for each goal with the measured value and whether it is met."""
    yield ""
    yield f"{'goal':<66} {'wanted':>10} {'measured':>10}  {'noise':<13} met"
    for goal, figure in judge(figures):
        measured, noise, met = _verdict(goal, figure)
        yield f"{goal.quantity:<66} {goal.wanted:>10} {measured:>10}  {noise:<13} {met}"


def _verdict(goal: Goal, figure: Figure | None) -> tuple[str, str, str]:
    if figure is None:
        return "-", "", "not measured"
    met = "yes" if goal.is_met(figure.value.median) else "NO"
    return with_unit(figure.value.median, figure.unit), _noise(figure.noise), met


def _noise(noise: Spread | None) -> str:
    return "" if noise is None else f"{number(noise.low)} - {number(noise.high)}"


def with_unit(value: float, unit: str) -> str:
    """Format a value with its unit."""
    return number(value) + ("x" if unit == "x" else f" {unit}" if unit else "")


def _time(seconds: float | None) -> str:
    if seconds is None:
        return ""
    for unit, factor in (("s", 1.0), ("ms", 1e3)):
        if seconds * factor >= 1:
            return f"{number(seconds * factor)} {unit}"
    return f"{number(seconds * 1e6)} µs"


def to_json(facts: Mapping[str, str], figures: Sequence[Figure]) -> dict[str, Any]:
    """Return the whole run as JSON values."""
    return {
        "machine": dict(facts),
        "goals": [
            {
                **asdict(goal),
                "measured": None if figure is None else figure.value.median,
                "met": None if figure is None else goal.is_met(figure.value.median),
            }
            for goal, figure in judge(figures)
        ],
        "figures": [asdict(figure) for figure in figures],
    }


def from_json(run: Mapping[str, Any]) -> tuple[dict[str, str], list[Figure]]:
    """Read what `to_json` returned."""
    figures = []
    for values in run["figures"]:
        noise = values["noise"]
        spreads = {"value": Spread(**values["value"]), "noise": Spread(**noise) if noise else None}
        figures.append(Figure(**{**values, **spreads}))
    return dict(run["machine"]), figures


def markdown(facts: Mapping[str, str], figures: Sequence[Figure]) -> Iterator[str]:
    """Yield the goals, the alternatives and all other figures as tables for ``RESULTS.md``."""
    yield _surroundings(facts)
    yield ""
    yield "| quantity | goal | measured | quartiles | noise | met |"
    yield "|---|---|---|---|---|---|"
    for goal, figure in judge(figures):
        measured, noise, met = _verdict(goal, figure)
        quartiles = _noise(figure.value) if figure else ""
        yield f"| {goal.quantity} | {goal.wanted} | {measured} | {quartiles} | {noise} | {met.lower()} |"
    for group, what in (("peers hit", "A hit"), ("peers put", "A put of a new entry")):
        yield from _beside(figures, group, what)
    yield from _others(figures)


def goals_with_reasons(facts: Mapping[str, str], figures: Sequence[Figure]) -> Iterator[str]:
    """Yield the goals as one table for the documentation, with the reason for each that is missed."""
    yield _surroundings(facts)
    yield ""
    yield "| quantity | goal | measured | if missed, why |"
    yield "|---|---|---|---|"
    for goal, figure in judge(figures):
        measured, _, met = _verdict(goal, figure)
        why = f"missed: {goal.reason or 'not explained yet'}" if met == "NO" else ""
        yield f"| {goal.quantity} | {goal.wanted} | {measured} | {why} |"


def _surroundings(facts: Mapping[str, str]) -> str:
    """Return one line with the date, the versions and the machine of the figures."""
    shown = ("date", "russo", "CPU", "cores", "Python", "OS", "file system", "load at start")
    return "; ".join(f"{name}: {facts[name]}" for name in shown if name in facts) + "."


def _beside(figures: Sequence[Figure], group: str, what: str) -> Iterator[str]:
    """Yield a table of the alternatives by size."""
    found = {(figure.subject, figure.case): figure for figure in figures if figure.group == group}
    if not found:
        return
    cases = list(dict.fromkeys(case for _, case in found))
    yield ""
    yield f"{what}, as a multiple of the raw pair:"
    yield ""
    yield f"| | {' | '.join(cases)} |"
    yield "|---|" + "---|" * len(cases)
    for subject in dict.fromkeys(subject for subject, _ in found):
        values = (found.get((subject, case)) for case in cases)
        cells = (number(figure.value.median) if figure else "-" for figure in values)
        yield f"| {subject} | {' | '.join(cells)} |"


def _others(figures: Sequence[Figure]) -> Iterator[str]:
    """Yield a table of the figures without a goal: limits, parts, times."""
    answers = {goal.figure for goal in GOALS}
    shown = [
        figure
        for figure in figures
        if figure.name not in answers and AGAIN not in figure.subject and not figure.group.startswith("peers")
    ]
    if not shown:
        return
    yield ""
    yield "Figures without a goal:"
    yield ""
    yield "| | | measured | over | one takes |"
    yield "|---|---|---|---|---|"
    for figure in shown:
        value = with_unit(figure.value.median, figure.unit)
        cells = (f"{figure.group}: {figure.subject}", figure.case, value, figure.base, _time(figure.seconds))
        yield f"| {' | '.join(cells)} |"


def suite(figures: Sequence[Figure], prompts: int = 500, backend: float = 0.2) -> Iterator[str]:
    """Yield a table of the costs of a recorded suite, computed from the figures of its parts.

    Args:
        figures: The figures of the run. If a part was not measured, there is no table.
        prompts: The number of prompts of the suite, with 150 KB of audio each.
        backend: The seconds that a backend would take per prompt.
    """
    seconds = {figure.name: figure.seconds for figure in figures}
    added = {figure.name: figure.value.median for figure in figures}
    hit = seconds.get("hit/await/150 KB, 600 keys")
    fixture = added.get("fixture/russo_audio/2,000 tests")
    used, unused = (seconds.get(f"pytest/{name}/one test") for name in ("russo used", f"-p no:russo{AGAIN}"))
    if hit is None or fixture is None or used is None or unused is None:
        yield "The parts of this table were not measured."
        return
    parts = [
        ("a hit of 150 KB, awaited, of many keys", hit, hit * prompts),
        ("the fixture `russo_audio` over a plain one", fixture / 1e6, fixture / 1e6 * prompts),
        ("pytest's start with russo used, over `-p no:russo`", None, used - unused),
    ]
    yield f"| computed from the figures above | each | {prompts} of them |"
    yield "|---|---|---|"
    for what, each, all_of_them in parts:
        yield f"| {what} | {_time(each)} | {_time(all_of_them)} |"
    yield f"| russo, together | | {_time(sum(part[2] for part in parts))} |"
    yield f"| a backend, one by one | {_time(backend)} | {_time(backend * prompts)} |"


def with_goals(page: str, facts: Mapping[str, str], figures: Sequence[Figure]) -> str:
    """Return the documentation's page with the goals of a run."""
    return written_into(page, list(goals_with_reasons(facts, figures)), BEGIN, END)


def with_figures(page: str, facts: Mapping[str, str], figures: Sequence[Figure]) -> str:
    """Return ``RESULTS.md`` with the tables of a run."""
    page = written_into(page, list(markdown(facts, figures)), BEGIN, END)
    return written_into(page, list(suite(figures)), SUITE_BEGIN, SUITE_END)


def written_into(page: str, lines: Sequence[str], begin: str, end: str) -> str:
    """Return a page with the block between two of its lines replaced.

    Raises:
        ValueError: The page has no such block.
    """
    block = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    if not block.search(page):
        raise ValueError(f"the page has no lines {begin!r} and {end!r}")
    text = "\n".join([begin, "", *lines, "", end])
    return block.sub(lambda _: text, page)
