"""Processes killed in a download and in an upload, with real clients: each entry is absent or whole."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from russo import AudioCache
from russo._remote.objects import key_of_object, object_name, pack, unpack
from russo.testing import LoopbackObjectServer
from support.flow import key_of
from support.remote.client import LongSpeaker, prompts
from support.remote.stores import pair_of

pytest.importorskip("russo_remote")
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot kill as POSIX does")

NUMBER, SIZE = 40, 150_000
TESTS = str(Path(__file__).parents[2])


def client(tmp_path, url, action, *, number=NUMBER, name="cache"):
    """Start a machine as a process."""
    command = ["-m", "support.remote.client", tmp_path / name, url, action, number, SIZE]
    return subprocess.Popen(
        [sys.executable, *map(str, command)],
        cwd=TESTS,
        env=os.environ | {"PYTHONPATH": TESTS, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process):
    """Wait for a machine; return what it printed, with the number of each line."""
    out, error = process.communicate(timeout=60)
    assert (process.returncode, error) == (0, "")
    return Counter(out.splitlines())


def kill_after(process, line, times):
    """Kill a machine after it printed a line a number of times."""
    for each in process.stdout:
        times -= each.strip() == line
        if times <= 0:
            break
    process.kill()
    process.communicate(timeout=60)
    # On a busy machine it may have ended before; then everything must be there, and whole.
    assert process.returncode in (0, -signal.SIGKILL)


def entries(speaker):
    return {
        object_name(key): pack(pair_of(key, speaker.sound(text), text))
        for text in prompts(NUMBER)
        for key in [key_of(speaker, text)]
    }


class Folder:
    """A store in a folder."""

    def __init__(self, path):
        self.path, self.url = path, f"file://{path}"
        path.mkdir()

    def fill(self, objects):
        for name, data in objects.items():
            path = self.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)

    def objects(self):
        """Return the objects by name. A file that a killed writer left has another name."""
        files = (path for path in self.path.rglob("*") if path.is_file())
        found = {path.relative_to(self.path).as_posix(): path.read_bytes() for path in files}
        return {name: data for name, data in found.items() if key_of_object(name)}


class Bucket:
    """A store in an object server."""

    def __init__(self, server):
        self.server, self.url = server, server.store_url

    def fill(self, objects):
        self.server.objects.update({f"voice/{name}": data for name, data in objects.items()})

    def objects(self):
        found = {name.removeprefix("voice/"): data for name, data in self.server.objects.items()}
        return {name: data for name, data in found.items() if key_of_object(name)}


@pytest.fixture(params=["folder", "bucket"])
def place(request, tmp_path, monkeypatch):
    """A store that real clients use."""
    if request.param == "folder":
        yield Folder(tmp_path / "store")
        return
    with LoopbackObjectServer() as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield Bucket(server)


@pytest.fixture
def bucket(monkeypatch):
    with LoopbackObjectServer() as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield Bucket(server)


@pytest.mark.parametrize("share", [0.4, pytest.param(0.0, marks=pytest.mark.slow)])
def test_killed_in_a_download_each_local_entry_is_absent_or_whole(tmp_path, place, share):
    speaker = LongSpeaker(SIZE)
    place.fill(entries(speaker))
    times = max(1, round(share * NUMBER)) + random.Random(share).randrange(3)
    kill_after(client(tmp_path, place.url, "bring"), "lookup hit", times)
    cache, whole = AudioCache(tmp_path / "cache"), 0
    for text in prompts(NUMBER):
        found = cache.lookup(key_of(speaker, text))
        if getattr(found, "reason", "") == "absent":
            continue
        assert found == speaker.sound(text)
        whole += 1
    printed = finish(client(tmp_path, place.url, "bring"))  # no lock remains, and it brings the rest
    assert (printed["lookup hit"], printed["calls 0"]) == (NUMBER - whole, 1)


@pytest.mark.parametrize("share", [0.4, pytest.param(0.0, marks=pytest.mark.slow)])
def test_killed_in_an_upload_each_object_is_absent_or_whole(tmp_path, place, share):
    times = max(1, round(share * NUMBER)) + random.Random(share).randrange(3)
    kill_after(client(tmp_path, place.url, "speak"), "upload uploaded", times)
    speaker = LongSpeaker(SIZE)
    objects = place.objects()
    for name, data in objects.items():
        key = key_of_object(name)
        assert unpack(data, key).audio in {speaker.sound(text) for text in prompts(NUMBER)}
    printed = finish(client(tmp_path, place.url, "speak"))
    assert printed["upload failed"] == 0
    other = finish(client(tmp_path, place.url, "bring", name="other"))
    assert other["lookup damaged"] == 0
    assert other["lookup hit"] >= times


def test_killed_in_a_put_the_object_is_absent(tmp_path, bucket):
    """The server takes the request, and the client is killed before the reply."""
    bucket.server.faults = lambda request: "silent" if request.method == "PUT" else None
    process = client(tmp_path, bucket.url, "speak", number=1)
    deadline = time.monotonic() + 60
    while not bucket.server.count("PUT") and time.monotonic() < deadline:
        assert process.poll() is None
    process.kill()
    process.communicate(timeout=60)
    assert bucket.server.count("PUT") == 1
    assert bucket.objects() == {}
    bucket.server.faults = None
    finish(client(tmp_path, bucket.url, "speak", number=1, name="other"))
    assert len(bucket.objects()) == 1


def test_killed_in_a_get_the_next_process_waits_for_no_lock(tmp_path, bucket):
    speaker = LongSpeaker(SIZE)
    bucket.fill(entries(speaker))
    bucket.server.faults = ["stalled"]
    process = client(tmp_path, bucket.url, "speak", number=1)
    deadline = time.monotonic() + 60
    while not bucket.server.count("GET") and time.monotonic() < deadline:
        assert process.poll() is None
    process.kill()
    process.communicate(timeout=60)
    assert AudioCache(tmp_path / "cache").size() == 0
    start = time.monotonic()
    printed = finish(client(tmp_path, bucket.url, "speak", number=1))
    assert printed == {"lookup hit": 1, "calls 0": 1}
    assert time.monotonic() - start < 25  # a lock that remains is waited for longer: see `_locks.PATIENCE`


def test_forked_child_of_a_process_that_used_the_store_pays_and_ends(tmp_path, place):
    place.fill(dict(list(entries(LongSpeaker(SIZE)).items())[:1]))
    printed = finish(client(tmp_path, place.url, "fork", number=3))
    assert printed == {
        "lookup hit": 1,
        "lookup skipped": 2,
        "upload skipped": 2,
        "calls 2": 1,  # the child
        "child 0": 1,
        "calls 0": 1,
    }
