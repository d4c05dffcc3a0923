"""A local hit with a shared store configured does what it does without one: no call, no import, no thread."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from russo import AudioCache
from support.flow import key_of
from support.speakers import PROMPT, Speaker, sound

START = """
import json, os, sys, threading
from russo import AudioCache, CachedSynthesizer, LayeredCache, RemoteCache
class Speaker:
    cache_key_extra = {"backend": "speaker", "voice": "anna"}
    async def synthesize(self, text):
        raise AssertionError
def hit():
    try:
        cached.synthesize(sys.argv[2]).send(None)
    except StopIteration as done:
        return len(done.value.data)
remote = RemoteCache(sys.argv[3]) if sys.argv[3] else None
cached = CachedSynthesizer(Speaker(), cache=LayeredCache(AudioCache(sys.argv[1]), remote=remote))
"""
# The first hit fills caches of Python.
TRACED = """
hit()
os.stat("/", follow_symlinks=False)
for _ in range(5):
    hit()
os.stat("/", follow_symlinks=False)
"""
LOADED = """
before = set(sys.modules)
heard = hit()
added = sorted(set(sys.modules) - before)
clients = sorted({name.split(".")[0] for name in sys.modules} & {"obstore", "russo_remote", "asyncio", "ssl"})
print(json.dumps([heard, added, clients, threading.active_count()]))
"""
URL = "file:///absent/voice"
_MEMORY = ("brk", "mmap", "munmap", "madvise", "mremap")


@pytest.fixture
def cache(tmp_path):
    cache = AudioCache(tmp_path / "cache")
    cache.put(key_of(Speaker()), sound(PROMPT))
    return cache


def python(code, cache, url, *before):
    command = [*before, sys.executable, "-c", START + code, str(cache.directory), PROMPT, url]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_it_imports_nothing_and_starts_no_thread(cache):
    done = python(LOADED, cache, URL)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [len(sound(PROMPT).data), [], [], 1]


def system_calls(cache, url, log):
    """Return the system calls of five hits, without those that get memory."""
    done = python(TRACED, cache, url, shutil.which("strace"), "-o", str(log))
    if "ptrace" in done.stderr or not log.exists():
        pytest.skip("this system does not allow to trace processes")
    assert done.returncode == 0, done.stderr
    lines = log.read_text().splitlines()
    marks = [index for index, line in enumerate(lines) if '"/"' in line]
    between = lines[marks[-2] + 1 : marks[-1]]
    return [re.sub(r"0x[0-9a-f]+|\d{9,}", "N", each) for each in between if not each.startswith(_MEMORY)]


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_it_makes_the_same_system_calls(cache, tmp_path):
    without, with_remote = (system_calls(cache, url, tmp_path / f"{len(url)}.log") for url in ("", URL))
    assert sum(".audio" in line for line in without) == 5
    assert with_remote == without
    assert Path(cache.directory).name in without[0]
