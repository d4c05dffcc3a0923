"""`Uploads`: a bounded queue, four at once, a flush with a limit, and results that are never lost."""

import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from russo import AudioCache, StoreError
from russo._remote import uploads as uploads_module
from russo._remote.objects import MARKER, object_name, pack
from russo._remote.uploads import LostRaces, Upload
from support.cache_files import KEY
from support.remote.stores import access_to, pair_of, raises
from support.speakers import sound

WAIT = 20


def key(number):
    return f"{number:064x}"


class Results:
    """Collects the results of uploads."""

    def __init__(self):
        self.got = []

    def __call__(self, result):
        self.got.append((result.outcome, result.reason))


@pytest.fixture
def access(store):
    return access_to(store, write=True)


@pytest.fixture
def results():
    return Results()


@pytest.fixture
def gate(store):
    """Puts wait until the gate is opened."""
    gate = threading.Event()
    begun = threading.Semaphore(0)

    def wait(operation, name):
        if operation == "put" and name != MARKER:
            begun.release()
            assert gate.wait(WAIT)

    store.before, gate.begun = wait, begun
    yield gate
    gate.set()


def stored(cache, number):
    """Store an entry in the cache; return its key."""
    cache.put(key(number), sound(f"prompt {number}"), prompt=f"prompt {number}")
    return key(number)


def add(access, cache, done, *numbers, replace=False):
    for number in numbers:
        access.uploads.add(Upload(stored(cache, number), cache, replace, done))


# -- what is uploaded


def test_entry_is_uploaded_byte_for_byte(access, store, cache, results):
    cache.put(KEY, pair_of().audio, prompt="p", fields={"voice": "anna"})
    access.uploads.add(Upload(KEY, cache, False, results))
    access.uploads.flush()
    files = [(cache.directory / f"{KEY}.{end}").read_bytes() for end in ("meta", "audio")]
    packed = store.objects[object_name(KEY)]
    assert packed == b"russo\x01\x00" + len(files[0]).to_bytes(4, "big") + files[0] + files[1]
    assert results.got == [("uploaded", "")]


def test_add_returns_at_once_and_flush_waits(access, store, cache, results, gate):
    add(access, cache, results, 1)
    assert gate.begun.acquire(timeout=WAIT)
    assert results.got == []
    threading.Timer(0.05, gate.set).start()
    access.uploads.flush()
    assert results.got == [("uploaded", "")]


def test_four_at_once(access, store, cache, results, gate):
    add(access, cache, results, *range(10))
    for _ in range(4):
        assert gate.begun.acquire(timeout=WAIT)
    assert not gate.begun.acquire(timeout=0.1)
    gate.set()
    access.uploads.flush()
    assert results.got == [("uploaded", "")] * 10
    assert sorted(store.puts) == [object_name(key(number)) for number in range(10)]


def test_refresh_replaces(access, store, cache, results):
    store.objects[object_name(key(1))] = b"old"
    add(access, cache, results, 1, replace=True)
    access.uploads.flush()
    assert results.got == [("uploaded", "")]
    assert store.objects[object_name(key(1))] != b"old"


@pytest.mark.parametrize("what", ["removed", "damaged"])
def test_entry_that_changed_in_the_queue_is_not_uploaded(access, cache, results, gate, what):
    add(access, cache, results, 0, 1, 2, 3)
    for _ in range(4):
        assert gate.begun.acquire(timeout=WAIT)
    add(access, cache, results, 4)
    if what == "removed":
        cache.remove(key(4))
    else:
        (cache.directory / f"{key(4)}.audio").write_bytes(b"x")
    gate.set()
    access.uploads.flush()
    (reason,) = [reason for outcome, reason in results.got if outcome == "skipped"]
    assert reason.startswith("the entry is not in the cache any more: ")
    assert len(results.got) == 5


def test_entry_that_was_replaced_in_the_queue_is_uploaded_as_it_is_now(access, store, cache, results, gate):
    add(access, cache, results, 0, 1, 2, 3, 4)
    cache.put(key(4), sound("newer"))
    gate.set()
    access.uploads.flush()
    assert store.objects[object_name(key(4))].endswith(sound("newer").data)


def test_more_than_the_bound_are_skipped(access, cache, results, gate, monkeypatch):
    monkeypatch.setattr(uploads_module, "_MOST_WAITING", 2)
    for number in range(4):
        add(access, cache, results, number)
        assert gate.begun.acquire(timeout=WAIT)
    add(access, cache, results, 4, 5, 6)
    assert results.got == [("skipped", "more than 2 uploads wait")]
    gate.set()
    access.uploads.flush()
    assert len(results.got) == 7


def test_outage_fails_each_upload_and_stops_after_three(access, store, cache, results, monkeypatch):
    monkeypatch.setattr(uploads_module, "_AT_ONCE", 1)
    store.before = raises(StoreError("timed out"))
    add(access, cache, results, *range(6))
    access.uploads.flush()
    assert results.got == [("failed", "timed out")] * 3 + [("skipped", "timed out")] * 3


# -- listeners and errors


class Exits(BaseException):
    pass


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(3), Exits()])
def test_listener_that_raises_does_not_end_the_uploads(access, store, cache, error, caplog):
    def done(result):
        raise error

    add(access, cache, done, *range(9))
    access.uploads.flush()
    assert len(store.puts) == 9
    assert [record.getMessage() for record in caplog.records] == [
        "the result of an upload (uploaded) is lost"
    ] * 9


@pytest.mark.parametrize("error", [MemoryError(), RecursionError("deep")])
def test_error_in_russo_fails_one_upload_only(monkeypatch, caplog, access, cache, error):
    results = Results()
    plain = access.upload

    def upload(name, pair, *, replace):
        if name == key(0):
            raise error
        return plain(name, pair, replace=replace)

    monkeypatch.setattr(access, "upload", upload)
    monkeypatch.setattr(uploads_module, "_AT_ONCE", 1)
    add(access, cache, results, 0, 1)
    access.uploads.flush()
    assert results.got == [("failed", f"{type(error).__name__} in russo"), ("uploaded", "")]
    assert [record.getMessage() for record in caplog.records] == ["an entry is not uploaded"]


# -- flush


def test_flush_without_uploads_returns(access):
    access.uploads.flush()
    access.uploads.flush()


def test_flush_gives_up_after_its_limit_and_reports_each_upload_once(access, store, cache, results, gate):
    add(access, cache, results, *range(6))
    for _ in range(4):
        assert gate.begun.acquire(timeout=WAIT)
    access.uploads.flush(0.05)
    expected = [("failed", "not finished 0.05 s after the end of the run")] * 6
    assert results.got == expected
    gate.set()
    for thread in threading.enumerate():
        if thread.name == "russo-upload":
            thread.join(WAIT)
    assert results.got == expected
    assert set(store.puts) == {object_name(key(number)) for number in range(4)}


def test_uploads_go_on_after_a_flush(access, store, cache, results):
    add(access, cache, results, 1)
    access.uploads.flush()
    add(access, cache, results, 2)
    access.uploads.flush()
    assert results.got == [("uploaded", "")] * 2


def test_flushes_of_two_threads_report_each_upload_once(access, cache, results, gate):
    add(access, cache, results, *range(6))
    threads = [threading.Thread(target=access.uploads.flush, args=(0.05,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT)
    assert len(results.got) == 6


def test_flush_waits_for_the_listener(access, cache):
    begun, go_on, ended = threading.Event(), threading.Event(), []

    def done(result):
        begun.set()
        go_on.wait(WAIT)
        ended.append(result.outcome)

    add(access, cache, done, 1)
    assert begun.wait(WAIT)
    threading.Timer(0.05, go_on.set).start()
    access.uploads.flush()
    assert ended == ["uploaded"]


def test_ctrl_c_in_a_flush_gives_all_up(access, cache, results, gate, monkeypatch):
    add(access, cache, results, *range(6))
    for _ in range(4):
        assert gate.begun.acquire(timeout=WAIT)

    def interrupt(seconds):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(access.uploads._changed, "wait", interrupt)
        with pytest.raises(KeyboardInterrupt):
            access.uploads.flush()
    assert len(results.got) == 6
    access.uploads.flush()
    assert len(results.got) == 6


def test_without_threads_flush_returns_and_reports(access, cache, results, monkeypatch):
    def refuse(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    add(access, cache, results, 1, 2)
    access.uploads.flush()
    assert [outcome for outcome, _ in results.got] == ["failed", "failed"]


def test_flush_starts_the_threads_that_could_not_be_started_before(access, cache, results, monkeypatch):
    def refuse(thread):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        add(access, cache, results, 1, 2)
    access.uploads.flush()
    assert results.got == [("uploaded", "")] * 2


# -- the end of a process, and forks

PROCESS = """
import sys, threading
sys.path[:0] = {paths!r}
from russo import AudioCache
from russo._remote.access import StoreAccess
from russo._remote.uploads import Upload
from support.remote.stores import MemoryStore, pair_of
from support.speakers import sound
store = MemoryStore()
access = StoreAccess(store, write=True, lock_file=None)
cache = AudioCache({directory!r})
cache.put("a" * 64, sound("a"))
def done(result):
    print(result.outcome, flush=True)
def add():
    access.uploads.add(Upload("a" * 64, cache, False, done))
"""


def process(tmp_path, code):
    """Run code in a new process with a store and an `add`; return its output."""
    start = PROCESS.format(paths=[str(Path(__file__).parents[2])], directory=str(tmp_path / "cache"))
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", start + textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_process_that_ends_without_a_flush_uploads(tmp_path):
    code = """
        begun, go_on = threading.Event(), threading.Event()
        store.before = lambda operation, name: (begun.set(), go_on.wait(20))
        add()
        assert begun.wait(20)  # some versions of Python start no thread while they end
        import atexit
        atexit.register(go_on.set)  # runs before the flush, which was registered earlier
    """
    assert process(tmp_path, code) == "uploaded\n"


@pytest.mark.skipif(sys.version_info[:2] == (3, 12), reason="Python 3.12 starts no thread while it ends")
def test_upload_that_is_added_while_the_interpreter_ends_is_uploaded(tmp_path):
    code = """
        access.uploads.add(Upload("b" * 64, cache, False, done))
        access.uploads.flush()
        import atexit
        atexit.register(add)  # runs before the flush
    """
    assert process(tmp_path, code) == "skipped\nuploaded\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_forked_child_uploads_nothing_and_does_not_wait(tmp_path):
    code = """
        import os
        go_on = threading.Event()
        store.before = lambda operation, name: go_on.wait(20)
        add()
        child = os.fork()
        if child == 0:
            add()
            access.uploads.flush()
            sys.exit(0)  # runs the child's exit handlers
        assert os.waitpid(child, 0)[1] == 0
        go_on.set()
        access.uploads.flush()
    """
    assert process(tmp_path, code) == "skipped\nuploaded\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_fork_while_a_thread_holds_the_lock_does_not_hang(tmp_path):
    code = """
        import os
        held, go_on = threading.Event(), threading.Event()
        def hold():
            with access.uploads._changed:
                held.set()
                go_on.wait(20)
        threading.Thread(target=hold).start()
        held.wait(20)
        child = os.fork()
        if child == 0:
            add()
            access.uploads.flush()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        go_on.set()
    """
    assert process(tmp_path, code) == "skipped\n"


# -- lost races


def test_entry_that_the_store_has_is_a_lost_race(access, store, cache, results):
    store.objects[object_name(key(1))] = pack(pair_of(key(1)))
    add(access, cache, results, 1)
    access.uploads.flush()
    assert results.got == [("exists", "the store has an entry of this key")]
    assert access.lost.take() == {key(1): cache.directory}
    assert access.lost.take() == {}


def test_processes_share_their_lost_races(tmp_path):
    one, other = LostRaces(), LostRaces()
    for each in (one, other):
        each.share(tmp_path)
    one.add(key(1), Path("/cache\nof one"))
    other.add(key(2), Path("/other"))
    assert one.take() == {key(1): Path("/cache\nof one"), key(2): Path("/other")}
    assert list(tmp_path.iterdir()) == []


def test_line_of_a_killed_process_costs_only_itself(tmp_path):
    lost = LostRaces()
    lost.share(tmp_path)
    lost.add(key(1), Path("/cache"))
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes() + b'["abc", \n3\n[1]\n' + f'["{key(2)}", "/x"]\n'.encode())
    assert lost.take() == {key(1): Path("/cache"), key(2): Path("/x")}


def test_directory_that_cannot_be_written_keeps_the_races_of_this_process(tmp_path):
    lost = LostRaces()
    lost.share(tmp_path / "absent")
    lost.add(key(1), Path("/cache"))
    assert lost.take() == {key(1): Path("/cache")}


def test_the_cache_of_an_upload_may_be_any_of_the_process(access, store, results, tmp_path):
    caches = [AudioCache(tmp_path / name) for name in ("a", "b")]
    for number, each in enumerate(caches):
        add(access, each, results, number)
    access.uploads.flush()
    assert len(store.puts) == 2
