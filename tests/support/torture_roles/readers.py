"""Forked processes that read entries while others write them."""

import collections
import contextlib
import json
import os

from russo import AudioCache
from support.torture_audio import told_by

KEYS = ("a", "b-c", "0" * 64)


class Readers:
    """Forked readers of all keys; each counts what it read until it is told to end."""

    def __init__(self, directory, number):
        self._directory = directory
        self._ends, self._tallies, self._pids = [], [], []
        for _ in range(number):
            self._start()

    def _start(self):
        (tally, told), (listen, end) = os.pipe(), os.pipe()
        pid = os.fork()
        if pid == 0:
            os.set_blocking(listen, False)
            os.write(told, json.dumps(self._read(listen)).encode())
            os._exit(0)
        os.close(told)
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
                        told_by(audio, key)
                except BaseException as error:  # noqa: BLE001 - whatever it is, it is a finding
                    return {**count, "problems": [f"{type(error).__name__}: {error}"[:300]]}
                count["reads"] += 1
                count["hits"] += audio is not None

    def end(self):
        """End them all and return their sum."""
        total, problems = collections.Counter(), []
        for end, tally, pid in zip(self._ends, self._tallies, self._pids, strict=True):
            os.write(end, b"x")
            with open(tally, "rb") as file:
                told = json.loads(file.read() or b'{"problems": ["a reader died"]}')
            problems += told.pop("problems")
            total.update(told)
            os.waitpid(pid, 0)
            os.close(end)
        return {**total, "problems": problems}
