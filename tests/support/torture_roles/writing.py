"""Roles that write entries, are killed while writing, and race; an entry is whole or absent."""

import collections
import contextlib
import json
import logging
import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path

from russo import AudioCache
from russo._store.cache import Miss
from support.torture_audio import make_audio
from support.torture_faults import Calls, counted, kill
from support.torture_roles.process import forked, in_child, note, send, status_of
from support.torture_roles.readers import KEYS, Readers


def _write_for_ever(directory, writer, rng):
    cache = AudioCache(directory)
    for serial in range(10**9):
        key = rng.choice(KEYS)
        cache.put(key, make_audio(key, writer, serial, rng.choice((10, 3000, 70_000))))


def storm(directory, seed, kills):
    """Kill writers at random moments while readers read; end with one put that is not killed."""
    rng = random.Random(seed)
    logging.disable(logging.CRITICAL)
    readers, writers, number = Readers(directory, 1), [], 0
    interrupted = 0
    for _ in range(kills):
        while len(writers) < 2:
            number += 1
            sys.stdout.flush()
            pid = os.fork()
            if pid == 0:
                _write_for_ever(directory, number % 90, random.Random(seed + number))
            writers.append(pid)
        time.sleep(rng.uniform(0, 0.006))
        victim = writers.pop(rng.randrange(2))
        os.kill(victim, signal.SIGKILL)
        os.waitpid(victim, 0)
        with contextlib.suppress(FileNotFoundError):
            interrupted += any(f".{victim}-" in name for name in os.listdir(directory))
    for pid in writers:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    result = readers.end()
    for key in KEYS:
        AudioCache(directory).put(key, make_audio(key, 99, 0))
    send({**result, "kills": kills, "interrupted": interrupted, "keys": KEYS})


def race(directory, seed, puts):
    """Let four writers overwrite the same keys without kills, while readers read."""
    logging.disable(logging.CRITICAL)
    readers, writers = Readers(directory, 1), []

    def write(writer):
        cache, rng = AudioCache(directory), random.Random(seed + writer)
        for serial in range(puts):
            key = rng.choice(KEYS) if serial >= len(KEYS) else KEYS[serial]
            assert cache.put(key, make_audio(key, writer, serial, rng.choice((10, 3000, 70_000))))

    with contextlib.ExitStack() as stack:
        writers = [stack.enter_context(forked(lambda w=writer: write(w))) for writer in range(4)]
        codes = [status_of(pid) for pid in writers]
    result = readers.end()
    problems = result["problems"] + [f"a writer ended with {code}" for code in codes if code]
    send({**result, "problems": problems, "keys": KEYS})


class Situation:
    """A directory in a known state, and the verdict on its state after a killed put."""

    def __init__(self, directory, name):
        self.directory, self.name = directory, name
        self.old, self.new = make_audio("k", 1, 0), make_audio("k", 2, 0)
        self.problems, self.states = [], collections.Counter()

    def prepare(self):
        """Put the directory into the state that `name` describes."""
        shutil.rmtree(self.directory, ignore_errors=True)
        if self.name == "no directory":
            return
        cache = AudioCache(self.directory)
        cache.put("other", self.old)
        if self.name != "no entry":
            cache.put("k", self.old)
        if self.name == "a damaged entry":
            (cache.directory / "k.audio").write_bytes(b"damaged")

    def put(self):
        """Make the put that the test kills."""
        AudioCache(self.directory).put("k", self.new)

    def judge(self, moment):
        """Note which entry is readable, and check that the next put replaces it."""
        cache = AudioCache(self.directory)
        found = cache.lookup("k")
        if isinstance(found, Miss):
            state = "damaged" if found.damaged and self.name.startswith("no ") else "miss"
        else:
            state = "old" if found == self.old else "new" if found == self.new else "wrong"
        self.states[state] += 1
        if state == "wrong" or (state == "old" and self.name != "an entry"):
            self.problems.append(f"{moment}: {found}")
        next_one = make_audio("k", 3, 0)
        if not cache.put("k", next_one) or cache.get("k") != next_one:
            self.problems.append(f"{moment}: the next put did not replace the entry")
        cache.clear()
        if rest := set(os.listdir(self.directory)) - {".gitattributes", ".gitignore"}:
            self.problems.append(f"{moment}: {rest} stay after a clear")


def killed_put(directory, situation, after):
    """Kill a put at each of its calls in turn."""
    logging.disable(logging.CRITICAL)
    here = Situation(directory, situation)
    for number in range(1, 400):
        here.prepare()

        def work(number=number):
            with counted(Calls(number, kill, after=after)):
                here.put()

        with forked(work) as pid:
            code = status_of(pid)
        if code == 0:
            break
        if code != -signal.SIGKILL:
            here.problems.append(f"call {number}: the put ended with {code}")
        here.judge(f"call {number}")
    send({"problems": here.problems, "calls": number - 1, "states": here.states})


# Calls that fail at once: each adds one system call of its kind to the count of the process.
_PADDING = {
    "openat": lambda: os.open("/nonexistent/file", os.O_RDONLY),
    "write": lambda: os.write(10**6, b""),
    "close": lambda: os.close(10**6),
    "rename": lambda: os.rename("/nonexistent/a", "/nonexistent/b"),
    "newfstatat": lambda: os.stat("/nonexistent/file"),
    "read": lambda: os.read(10**6, 1),
    "unlink": lambda: os.unlink("/nonexistent/file"),
}


def nothing():
    """Start and end, nothing else."""
    send("nothing")


def killed_at_system_calls(directory, at, verdicts):
    """Kill a put at each of its system calls; a tracer kills a process at its ``at[kind]``-th call of a kind.

    The tracer counts the calls per kind and per process. So a child that first makes ``at[kind] - n`` useless
    calls of a kind is killed at the put's n-th call of that kind; all other work is done by children that make
    fewer calls.
    """
    logging.disable(logging.CRITICAL)
    here = Situation(directory, "an entry")

    def drive():
        for name in at:
            for number in range(1, 60):
                if _killed_at(here, _PADDING[name], at[name] - number) == 0:
                    break
                in_child(lambda moment=f"{name} {number}": _judge_into(here, moment, verdicts))

    in_child(drive)
    states, problems = collections.Counter(), []
    for line in Path(verdicts).read_text().splitlines():
        verdict = json.loads(line)
        states.update(verdict["states"])
        problems += verdict["problems"]
    send({"problems": problems, "states": states})


def _killed_at(here, pad, padding):
    in_child(here.prepare)

    def work():
        for _ in range(padding):
            with contextlib.suppress(OSError):
                pad()
        here.put()

    with forked(work) as pid:
        return status_of(pid)


def _judge_into(here, moment, verdicts):
    here.judge(moment)
    note(verdicts, json.dumps({"states": here.states, "problems": here.problems}))
