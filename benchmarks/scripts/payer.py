"""Ask for the same prompts as other processes do, at their moment.

    python payer.py DIRECTORY PROMPTS TASKS

It says ``ready`` and waits for a line; what it paid for stands in DIRECTORY/calls.txt.
"""

import asyncio
import os
import sys
from pathlib import Path

from russo import Audio, AudioCache, CachedSynthesizer


class Paying:
    """A backend of 50 ms that notes every call in a file."""

    cache_key_extra = {"backend": "paying"}  # noqa: RUF012 - as backends declare it

    def __init__(self, directory: Path) -> None:
        self._calls = directory / "calls.txt"

    async def synthesize(self, text: str) -> Audio:
        """Note the call, and speak."""
        descriptor = os.open(self._calls, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(descriptor, f"{text}\n".encode())
        os.close(descriptor)
        await asyncio.sleep(0.05)
        return Audio(text.encode() * 1000)


async def ask(directory: Path, prompts: int, tasks: int) -> None:
    """Ask for every prompt in so many tasks, all at once."""
    synthesizer = CachedSynthesizer(Paying(directory), cache=AudioCache(directory / "cache"))
    texts = [f"Prompt {index}" for index in range(prompts)]
    await asyncio.gather(*(synthesizer.synthesize(text) for _ in range(tasks) for text in texts))


def _main() -> None:
    directory, prompts, tasks = sys.argv[1:]
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    asyncio.run(ask(Path(directory), int(prompts), int(tasks)))


if __name__ == "__main__":
    _main()
