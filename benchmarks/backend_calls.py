"""Backend calls: their number for equal requests at the same time, and the time of a cold suite."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from russo import AudioCache, CachedSynthesizer

from .figures import Figure, Place, single
from .processes import process
from .scripts.one_of_many import CountedBackend, synthesize_all

_ONE_OF_MANY: Final = Path(__file__).parent / "scripts" / "one_of_many.py"
_PROMPTS: Final = 5
_BACKEND: Final = """
import asyncio
from russo import Audio

class Slow:
    cache_key_extra = {"backend": "slow"}

    async def synthesize(self, text):
        await asyncio.sleep(0.2)
        return Audio(text.encode() * 100, "pcm")
"""


def calls(place: Place) -> Iterator[Figure]:
    """Count the backend calls of equal misses in tasks, in threads with their own loops, in processes."""
    cases: dict[str, Callable[[Path], None]] = {
        "50 tasks": _tasks,
        "50 threads": _threads,
        "8 processes of 5 tasks": _processes,
    }
    for case, work in cases.items():
        seen = []
        for _ in range(5 if place.full else 3):
            directory = place.fresh("calls")
            work(directory)
            seen.append(_most_calls(directory / "calls.txt"))
        yield single("calls", "per prompt", case, "", max(seen))


def _most_calls(calls: Path) -> float:
    """Return the number of calls of the prompt that was synthesized most often."""
    counted = Counter(calls.read_text("utf-8").splitlines())
    assert len(counted) == _PROMPTS, counted
    return float(max(counted.values()))


def _tasks(directory: Path) -> None:
    asyncio.run(synthesize_all(directory, _PROMPTS, 50))


def _threads(directory: Path) -> None:
    synthesizer = CachedSynthesizer(CountedBackend(directory), cache=AudioCache(directory / "cache"))
    together = threading.Barrier(50)

    async def all_prompts() -> None:
        await asyncio.gather(*(synthesizer.synthesize(f"Prompt {index}") for index in range(_PROMPTS)))

    def work() -> None:
        together.wait()
        asyncio.run(all_prompts())

    threads = [threading.Thread(target=work) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _processes(directory: Path) -> None:
    command = [sys.executable, str(_ONE_OF_MANY), str(directory), str(_PROMPTS), "5"]
    running = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(8)
    ]
    for each in running:  # all processes have started and wait for a line
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n"
    for each in running:
        assert each.stdin is not None
        each.stdin.write("go\n")
        each.stdin.flush()
    for each in running:
        each.communicate()
        if each.returncode:
            raise RuntimeError(f"a process that synthesizes prompts failed with {each.returncode}")


def suite(place: Place) -> Iterator[Figure]:
    """Time a suite of 100 prompts with a backend of 200 ms: cold one by one, cold ahead, and warm."""
    project = place.fresh("suite")
    (project / "pytest.ini").write_text("[pytest]\npythonpath = .\nrusso_synth = backend:Slow\n")
    (project / "backend.py").write_text(_BACKEND)
    tests = (
        f"import pytest\n@pytest.mark.russo('Prompt {index}')\n"
        f"def test_{index}(russo_audio): assert russo_audio.data\n"
        for index in range(100)
    )
    (project / "test_it.py").write_text("\n".join(tests))
    common = ["-m", "pytest", "-q", "-pno:xdist", "-pno:cacheprovider"]
    for subject, options in {
        "cold, one by one": ["--russo-clear-cache"],
        "cold, 8 ahead": ["--russo-clear-cache", "-orusso_speak_ahead=8"],
        "warm": [],
    }.items():
        once = process([*common, *options], project)
        rounds = 3 if place.full or subject != "cold, one by one" else 1
        yield single("suite", subject, "100 prompts of 200 ms", "s", *(once(1) for _ in range(rounds)))
