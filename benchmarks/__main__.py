"""``python -m benchmarks``: measure and report; ``make bench`` installs the alternatives first."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from . import (
    agents,
    backend_calls,
    hits,
    machine,
    peers,
    processes,
    puts,
    remote,
    report,
    scale,
    while_running,
)
from .figures import Figure, Place

PAGE: Final = Path(__file__).parents[1] / "docs" / "explanation" / "performance.md"
RESULTS: Final = Path(__file__).parent / "RESULTS.md"
GROUPS: Final[dict[str, Callable[[Place], Iterator[Figure]]]] = {
    "hit": hits.hit,
    "miss": hits.miss,
    "key": hits.key,
    "checksum": hits.checksum,
    "first": hits.first,
    "put": puts.put,
    "peers": peers.peers,
    "scale": scale.scale,
    "clear": scale.clear,
    "verify": scale.verify,
    "start": processes.start,
    "pytest": processes.pytest_start,
    "fixture": processes.fixture,
    "calls": backend_calls.calls,
    "suite": backend_calls.suite,
    "memory": while_running.memory,
    "loop": while_running.loop,
    "remote": remote.remote,
    "agent": agents.agent,
    "install": agents.install,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the chosen groups, report, and return 0."""
    asked = _parser().parse_args(arguments)
    if asked.read is not None:
        facts, figures = report.from_json(json.loads(asked.read.read_text("utf-8")))
    else:
        facts, figures = _measure(asked)
    _say("\n".join(report.goals(figures)))
    if asked.json is not None:
        text = json.dumps(report.to_json(facts, figures), indent=1, ensure_ascii=False)
        asked.json.write_text(text + "\n", "utf-8")
    if asked.markdown:
        PAGE.write_text(report.with_goals(PAGE.read_text("utf-8"), facts, figures), "utf-8")
        RESULTS.write_text(report.with_figures(RESULTS.read_text("utf-8"), facts, figures), "utf-8")
    return 0


def _measure(asked: argparse.Namespace) -> tuple[dict[str, str], list[Figure]]:
    # Measured processes write byte code, which is Python's default. Otherwise an editable russo would be
    # compiled at each start, unlike the packages that pip installed.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory(prefix="russo-bench-", dir=asked.directory) as name:
        directory = Path(name)
        facts = machine.facts(directory)
        _say("\n".join(report.header(facts)))
        figures: list[Figure] = []
        for group in asked.only or GROUPS:
            start = time.monotonic()
            scratch = directory / group
            scratch.mkdir()
            found = list(GROUPS[group](Place(scratch, asked.full, asked.seconds)))
            figures += found
            _say("\n".join(report.tables(found)))
            sys.stderr.write(f"[{group}: {time.monotonic() - start:.0f} s]\n")
        return facts, figures


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    parser.add_argument("--only", choices=GROUPS, action="append", metavar="NAME", help=", ".join(GROUPS))
    parser.add_argument(
        "--full", action="store_true", help="all sizes and numbers of entries; takes ten minutes"
    )
    parser.add_argument("--seconds", type=float, default=2.0, help="seconds per comparison (default: 2)")
    parser.add_argument(
        "--directory", type=Path, help="directory to measure in (default: the system's temporary directory)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure to this file")
    parser.add_argument(
        "--read", type=Path, metavar="FILE", help="report a run from its JSON without measuring"
    )
    parser.add_argument(
        "--markdown", action="store_true", help="write the tables into RESULTS.md and the documentation"
    )
    return parser


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
