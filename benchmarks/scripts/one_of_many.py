"""One of many processes that synthesize the same prompts at the same time.

    python one_of_many.py DIRECTORY PROMPTS TASKS

It prints ``ready`` and waits for a line. Each backend call appends its prompt to DIRECTORY/calls.txt.
"""

import asyncio
import os
import sys
from pathlib import Path

from russo import Audio, AudioCache, CachedSynthesizer


class CountedBackend:
    """A backend that takes 50 ms and writes each call to a file."""

    cache_key_extra = {"backend": "counted"}  # noqa: RUF012 - as backends declare it

    def __init__(self, directory: Path) -> None:
        self._calls = directory / "calls.txt"

    async def synthesize(self, text: str) -> Audio:
        """Write the prompt to the file and return audio."""
        descriptor = os.open(self._calls, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(descriptor, f"{text}\n".encode())
        os.close(descriptor)
        await asyncio.sleep(0.05)
        return Audio(text.encode() * 1000)


async def synthesize_all(directory: Path, prompts: int, tasks: int) -> None:
    """Synthesize every prompt in this many tasks at once."""
    synthesizer = CachedSynthesizer(CountedBackend(directory), cache=AudioCache(directory / "cache"))
    texts = [f"Prompt {index}" for index in range(prompts)]
    await asyncio.gather(*(synthesizer.synthesize(text) for _ in range(tasks) for text in texts))


def _main() -> None:
    directory, prompts, tasks = sys.argv[1:]
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    asyncio.run(synthesize_all(Path(directory), int(prompts), int(tasks)))


if __name__ == "__main__":
    _main()
