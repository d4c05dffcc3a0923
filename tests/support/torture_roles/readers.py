"""Forked processes that read entries while others write them."""

import collections
import contextlib
import json
import os

from russo import AudioCache
from support.torture_audio import writer_of

KEYS = ("a", "b-c", "0" * 64)


class Readers:
    """Forked readers of all keys; each counts its reads until `end`."""

    def __init__(self, directory, number):
        self._directory = directory
        self._ends, self._tallies, self._pids = [], [], []
        for _ in range(number):
            self._start()

    def _start(self):
        (tally, output), (listen, end) = os.pipe(), os.pipe()
        pid = os.fork()
        if pid == 0:
            os.set_blocking(listen, False)
            os.write(output, json.dumps(self._read(listen)).encode())
            os._exit(0)
        os.close(output)
        os.close(listen)
        self._ends.append(end)
        self._tallies.append(tally)
        self._pids.append(pid)

    def _read(self, listen):
        cache, count = AudioCache(self._directory), collections.Counter()
        while True:
            with contextlib.suppress(BlockingIOError):
                os.read(listen, 1)
                return {**count, "problems": []}
            for key in KEYS:
                try:
                    audio = cache.get(key)
                    if audio is not None:
                        writer_of(audio, key)
                except BaseException as error:  # noqa: BLE001 - any error is a finding
                    return {**count, "problems": [f"{type(error).__name__}: {error}"[:300]]}
                count["reads"] += 1
                count["hits"] += audio is not None

    def end(self):
        """End all readers and return the sum of their counts."""
        total, problems = collections.Counter(), []
        for end, tally, pid in zip(self._ends, self._tallies, self._pids, strict=True):
            os.write(end, b"x")
            with open(tally, "rb") as file:
                counts = json.loads(file.read() or b'{"problems": ["a reader died"]}')
            problems += counts.pop("problems")
            total.update(counts)
            os.waitpid(pid, 0)
            os.close(end)
        return {**total, "problems": problems}
