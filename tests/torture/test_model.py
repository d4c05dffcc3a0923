"""A state machine runs put, get, clear, damage and crash, and compares reads with a model."""

import logging
import os
import shutil
import tempfile
from pathlib import Path

import hypothesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from russo import AudioCache
from russo._store.cache import Miss
from support.torture_audio import make_audio, writer_of
from support.torture_faults import Calls, Crash, counted, crash, fail
from support.torture_work import BREAK, many

KEYS = st.sampled_from(["a", "b-c", "0" * 64])
SUFFIXES = st.sampled_from(["audio", "meta"])
NOTHING = None


class Model(RuleBasedStateMachine):
    """Holds for each key all that a read may return; a read reduces them to the one it returned."""

    def __init__(self):
        super().__init__()
        self.directory = Path(tempfile.mkdtemp(prefix="russo-torture-")) / "cache"
        self.cache = AudioCache(self.directory)
        self.allowed = {key: {NOTHING} for key in ("a", "b-c", "0" * 64)}
        self.serial = 0

    def teardown(self):
        shutil.rmtree(self.directory.parent)

    def make(self, key, size):
        self.serial += 1
        return make_audio(key, self.serial % 90, self.serial, size)

    def path(self, key, suffix):
        return self.directory / f"{key}.{suffix}"

    @rule(key=KEYS, size=st.integers(0, 300))
    def put(self, key, size):
        audio = self.make(key, size)
        assert self.cache.put(key, audio, prompt="hello", fields={"n": size})
        self.allowed[key] = {audio}

    @rule(key=KEYS)
    def get(self, key):
        found = self.cache.lookup(key)
        audio = NOTHING if isinstance(found, Miss) else found
        assert audio in self.allowed[key], f"{found} is not one of {self.allowed[key]}"
        if audio is not NOTHING:
            writer_of(audio, key)
        assert self.cache.lookup(key) == found, "two reads in turn differ"
        self.allowed[key] = {audio}

    @rule(key=KEYS)
    def get_by_another(self, key):
        audio = AudioCache(self.directory).get(key)
        assert audio in self.allowed[key]

    @rule(key=KEYS)
    def remove(self, key):
        self.cache.remove(key)
        self.allowed[key] = {NOTHING}

    @rule(other=st.booleans())
    def clear(self, other):
        removed = (AudioCache(self.directory) if other else self.cache).clear()
        assert removed <= len(self.allowed)
        self.allowed = {key: {NOTHING} for key in self.allowed}

    @rule(key=KEYS, suffix=SUFFIXES, position=st.integers(0, 10**6), mask=st.integers(1, 255))
    def flip(self, key, suffix, position, mask):
        path = self.path(key, suffix)
        if path.exists() and path.stat().st_size:
            data = bytearray(path.read_bytes())
            data[position % len(data)] ^= mask
            path.write_bytes(data)
            self.allowed[key] |= {NOTHING}

    @rule(key=KEYS, suffix=SUFFIXES, length=st.integers(0, 2000))
    def truncate(self, key, suffix, length):
        if self.path(key, suffix).exists():
            os.truncate(self.path(key, suffix), length)
            self.allowed[key] |= {NOTHING}

    @rule(key=KEYS, suffix=SUFFIXES)
    def delete(self, key, suffix):
        self.path(key, suffix).unlink(missing_ok=True)
        self.allowed[key] = {NOTHING}

    @rule(one=KEYS, other=KEYS, suffix=SUFFIXES)
    def copy_over(self, one, other, suffix):
        if one != other and self.path(one, suffix).exists():
            shutil.copy(self.path(one, suffix), self.path(other, suffix))
            self.allowed[other] |= {NOTHING}

    @rule(key=KEYS, size=st.integers(0, 300), at=st.integers(1, 30))
    def put_and_die(self, key, size, at):
        audio = self.make(key, size)
        try:
            with counted(Calls(at, crash, ever=True)):
                AudioCache(self.directory).put(key, audio)
        except Crash:
            self.allowed[key] |= {audio, NOTHING}
        else:
            self.allowed[key] = {audio}

    @rule(at=st.integers(1, 40))
    def clear_and_die(self, at):
        try:
            with counted(Calls(at, crash, ever=True)):
                self.cache.clear()
        except Crash:
            self.allowed = {key: allowed | {NOTHING} for key, allowed in self.allowed.items()}
        else:
            self.allowed = {key: {NOTHING} for key in self.allowed}

    @rule(key=KEYS, size=st.integers(0, 300), at=st.integers(1, 30), ever=st.booleans())
    def put_on_a_bad_disk(self, key, size, at, ever):
        audio = self.make(key, size)
        with counted(Calls(at, fail(28), ever=ever)):
            kept = self.cache.put(key, audio)
        self.allowed[key] = {audio} if kept else self.allowed[key] | {audio, NOTHING}

    @invariant()
    def the_directory_holds_nothing_else(self):
        if self.directory.exists():
            names = {name for name in os.listdir(self.directory) if not name.endswith(".russo-tmp")}
            files = {f"{key}.{suffix}" for key in self.allowed for suffix in ("audio", "meta")}
            assert names <= files | {".gitattributes", ".gitignore", ".russo-locks"}

    @invariant()
    def size_counts_what_may_be_there(self):
        count = self.cache.size()
        certain = sum(NOTHING not in allowed for allowed in self.allowed.values())
        assert certain <= count <= len(self.allowed)


def test_store_behaves_as_its_model(no_read_pauses, seed):
    logging.disable(logging.CRITICAL)
    try:
        hypothesis.seed(seed)(_run)()
    finally:
        logging.disable(logging.NOTSET)


def _run():
    Model.TestCase.settings = settings(
        max_examples=500 if BREAK else many(60),  # a broken store is found by chance, after about ten
        stateful_step_count=40,
        deadline=None,
        database=None,
        report_multiple_bugs=False,
        phases=[Phase.generate] if BREAK else Phase,
        suppress_health_check=list(HealthCheck),
    )
    Model.TestCase("runTest").runTest()
