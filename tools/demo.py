"""Show the main purpose: run the example's tests twice. The first run synthesizes, the second replays.

    python tools/demo.py

Each run is a separate pytest process. Hooks that any conftest.py may use count its numbers.
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
    """Run the example's tests in this process and write the counts to a file."""
    import pytest

    counter = Counter()
    code = pytest.main(["-q", "-p", "no:cacheprovider", *options, str(EXAMPLE)], plugins=[counter])
    counts = {
        "prompts": len(counter.prompts),
        "backend_calls": counter.backend_calls,
        "hits": counter.hits,
        "speech": counter.speech,
        "unknown": counter.unknown,
    }
    Path(report).write_text(json.dumps(counts))
    return int(code)


def show(title: str, options: list[str]) -> None:
    """Run the tests in a new process and print one line of numbers."""
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
        if " raised in pytest_russo_" in done.stdout:
            sys.exit(f"{done.stdout}\n{title.strip()}: a hook of the demo failed, so its numbers are wrong")
        counts = json.loads(report.read_text())
    passed = next(line for line in reversed(done.stdout.splitlines()) if " passed" in line).split(" in ")[0]
    numbers = f"{counts['prompts']} prompts, {counts['backend_calls']} backend calls, {counts['hits']} hits"
    unknown = f", {counts['unknown']} of unknown length" if counts["unknown"] else ""
    print(f"{title}: {passed} in {seconds:.1f} s; {numbers}, {counts['speech']:.0f} s of speech{unknown}")


def main() -> None:
    """Synthesize, replay, and print where the audio is."""
    print(f"The tests of {os.path.relpath(EXAMPLE)}, run twice:")
    show("  first run, synthesized", ["--russo-cache-mode=auto", "--russo-clear-cache"])
    show("  second run, replayed  ", ["--russo-cache-mode=replay"])
    cache = EXAMPLE / ".russo_cache"
    size = sum(path.stat().st_size for path in cache.glob("*.audio"))
    print(f"The audio is in {os.path.relpath(cache)} ({size / 1e6:.1f} MB).")
    print("The backend is local, so its calls cost nothing.")


if __name__ == "__main__":
    if sys.argv[1:2] == ["run"]:
        sys.exit(run_tests(sys.argv[2], sys.argv[3:]))
    main()
