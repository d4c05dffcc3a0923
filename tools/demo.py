"""Show the main purpose: run the tests of two agents twice. The first run synthesizes, the second replays.

    python tools/demo.py [AGENT ...]

Each run is a separate pytest process. The two agents are tested at the same time; the runs of one agent
follow one another. Hooks that any conftest.py may use count the numbers of a run.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
# Each example with the options of its runs. Tests in real time would take longer than all others.
AGENTS = {"voice-agent": [], "livekit-agent": ["-m", "not russo_real_time"]}
RUNS = {
    "first run, synthesized": ["--russo-cache-mode=auto", "--russo-clear-cache"],
    "second run, replayed  ": ["--russo-cache-mode=replay"],
}


class Counter:
    """A pytest plugin that counts the hits and the backend calls of a run."""

    def __init__(self):
        self.prompts = set()
        self.hits = self.backend_calls = 0
        self.speech = 0.0
        self.unknown = 0

    def add_speech(self, audio):
        seconds = audio.known_duration
        if seconds is None:
            self.unknown += 1
        else:
            self.speech += seconds

    def pytest_russo_cache_hit(self, event):
        self.prompts.add(event.prompt)
        self.hits += 1
        self.add_speech(event.audio)

    def pytest_russo_synthesis_finish(self, event):
        self.prompts.add(event.prompt)
        self.backend_calls += event.backend_calls
        if event.audio is not None:
            self.add_speech(event.audio)


def run_tests(report: str, options: list[str]) -> int:
    """Run the tests of the current folder in this process and write the counts to a file."""
    import pytest

    counter = Counter()
    code = pytest.main(["-q", "-p", "no:cacheprovider", *options], plugins=[counter])
    counts = {
        "prompts": len(counter.prompts),
        "backend_calls": counter.backend_calls,
        "hits": counter.hits,
        "speech": counter.speech,
        "unknown": counter.unknown,
    }
    Path(report).write_text(json.dumps(counts))
    return int(code)


def lines_of_run(example: Path, title: str, options: list[str]) -> Iterator[str]:
    """Run the tests of an example in a new process; yield its numbers, and what the agent did."""
    with tempfile.TemporaryDirectory() as directory:
        report = Path(directory) / "counts.json"
        start = time.monotonic()
        command = [sys.executable, __file__, "run", str(report), *options]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("RUSSO_")}
        done = subprocess.run(
            command, cwd=example, env=environment, capture_output=True, text=True, check=False
        )
        seconds = time.monotonic() - start
        if done.returncode:
            raise SystemExit(f"{done.stdout}{done.stderr}\n{title.strip()}: the tests failed")
        if " raised in pytest_russo_" in done.stdout:
            raise SystemExit(
                f"{done.stdout}\n{title.strip()}: a hook of the demo failed, so its numbers are wrong"
            )
        counts = json.loads(report.read_text())
    lines = done.stdout.splitlines()
    passed = next(line for line in reversed(lines) if " passed" in line).split(",")[0].split(" in ")[0]
    numbers = f"{counts['prompts']} prompts, {counts['backend_calls']} backend calls, {counts['hits']} hits"
    unknown = f", {counts['unknown']} of unknown length" if counts["unknown"] else ""
    yield f"  {title}: {passed} in {seconds:.1f} s; {numbers}, {counts['speech']:.0f} s of speech{unknown}"
    yield from (line.replace("russo:", "   ", 1) for line in lines if " turns, " in line)


def show(example: Path) -> list[str]:
    """Run the tests of an example twice, and return the lines that tell what happened."""
    lines = [f"The tests of {os.path.relpath(example)}, run twice:"]
    for title, options in RUNS.items():
        lines += lines_of_run(example, title, [*AGENTS[example.name], *options])
    cache = example / ".russo_cache"
    size = sum(path.stat().st_size for path in cache.glob("*.audio"))
    return [*lines, f"The audio is in {os.path.relpath(cache)} ({size / 1e6:.1f} MB)."]


def main(agents: list[str]) -> None:
    """Synthesize, replay, and print where the audio is."""
    with ThreadPoolExecutor() as pool:
        for lines in pool.map(show, [EXAMPLES / name for name in agents or AGENTS]):
            print(*lines, sep="\n", flush=True)
    print("The backend is local, so its calls cost nothing.")


if __name__ == "__main__":
    if sys.argv[1:2] == ["run"]:
        sys.exit(run_tests(sys.argv[2], sys.argv[3:]))
    main(sys.argv[1:])
