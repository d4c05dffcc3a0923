"""Print by how many bytes hits raise the peak of this process's memory.

    python memory.py DIRECTORY HITS

The entries of the directory are read in turn; the audio of one hit is freed before the next.
"""

import sys
from pathlib import Path

from russo import AudioCache


def peak() -> int:
    """Return the peak memory of this process in bytes."""
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def _main() -> None:
    cache, hits = AudioCache(sys.argv[1]), int(sys.argv[2])
    keys = list(cache.stored_keys())
    cache.get("absent")
    before = peak()
    for number in range(hits):
        audio = cache.get(keys[number % len(keys)])
        assert audio is not None
        del audio
    sys.stdout.write(str(peak() - before))


if __name__ == "__main__":
    _main()
