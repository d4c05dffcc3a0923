"""Show the main job: the example's tests, spoken the first time, replayed the second.

    python tools/demo.py

Each run is a pytest process of its own. What it tells is counted by the hooks that any conftest.py
may use.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "voice-agent"


class Counter:
    """Counts, as a pytest plugin, what happens to the prompts of a run."""

    def __init__(self):
        self.prompts = set()
        self.hits = self.backend_calls = 0
        self.speech = 0.0

    def pytest_russo_cache_hit(self, event):
        self.prompts.add(event.prompt)
        self.hits += 1
        self.speech += event.audio.duration or 0.0

    def pytest_russo_synthesis_finish(self, event):
        self.prompts.add(event.prompt)
        self.backend_calls += event.attempts
        if event.audio is not None:
            self.speech += event.audio.duration or 0.0


def run_tests(report: str, options: list[str]) -> int:
    """Run the example's tests in this process and write the counts to a file."""
    import pytest

    counter = Counter()
    code = pytest.main(["-q", "-p", "no:cacheprovider", *options, str(EXAMPLE)], plugins=[counter])
    counts = {"prompts": len(counter.prompts), "paid": counter.backend_calls, "hits": counter.hits}
    Path(report).write_text(json.dumps(counts | {"speech": counter.speech}))
    return int(code)


def tell(title: str, options: list[str]) -> None:
    """Run the tests in a process of their own and say in one line what happened."""
    with tempfile.TemporaryDirectory() as directory:
        report = Path(directory) / "counts.json"
        start = time.monotonic()
        command = [sys.executable, __file__, "run", str(report), *options]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("RUSSO_")}
        done = subprocess.run(
            command, cwd=EXAMPLE, env=environment, capture_output=True, text=True, check=False
        )
        seconds = time.monotonic() - start
        if done.returncode:
            sys.exit(f"{done.stdout}{done.stderr}\n{title.strip()}: the tests failed")
        counts = json.loads(report.read_text())
    passed = next(line for line in reversed(done.stdout.splitlines()) if " passed" in line).split(" in ")[0]
    said = f"{counts['prompts']} prompts, {counts['paid']} backend calls, {counts['hits']} hits"
    print(f"{title}: {passed} in {seconds:.1f} s; {said}, {counts['speech']:.0f} s of speech")


def main() -> None:
    """Speak, replay, and say where the audio lies."""
    print(f"the tests of {os.path.relpath(EXAMPLE)}, twice:")
    tell("  first run, speaking ", ["--russo-cache-mode=auto", "--russo-clear-cache"])
    tell("  second run, replayed", ["--russo-cache-mode=replay"])
    cache = EXAMPLE / ".russo_cache"
    size = sum(path.stat().st_size for path in cache.glob("*.audio"))
    print(f"the audio lies in {os.path.relpath(cache)} ({size / 1e6:.1f} MB)")


if __name__ == "__main__":
    if sys.argv[1:2] == ["run"]:
        sys.exit(run_tests(sys.argv[2], sys.argv[3:]))
    main()
