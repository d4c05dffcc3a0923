"""`StoreAccess`: what a lookup and an upload return for each answer and each fault of a store."""

import dataclasses
import os
import threading

import pytest

from russo import StoreError
from russo._remote import access as access_module
from russo._remote.objects import MARKER, MOST_BYTES, object_name, pack
from russo._remote.pins import LockFile, Pin
from support.cache_files import KEY
from support.remote.stores import URL, MemoryStore, access_to, pair_of, raises
from support.speakers import sound

NAME = object_name(KEY)
DENIED = StoreError("access is denied (403)", kind="refused")
OTHER = "0" * 64


@pytest.fixture
def full():
    """A store that has the entry."""
    return MemoryStore({NAME: pack(pair_of())})


def outcome(result):
    return result.outcome, result.reason


def fails(error, store=None, times=1, **options):
    """Return the last of several lookups in a store that raises."""
    store = MemoryStore() if store is None else store
    store.before = raises(error)
    access = access_to(store, **options)
    return [access.fetch(KEY) for _ in range(times)][-1]


# -- lookups


def test_hit_has_the_entry_byte_for_byte(full):
    found = access_to(full).fetch(KEY)
    assert (outcome(found), found.entry, found.size) == (("hit", ""), pair_of(), len(full.objects[NAME]))
    assert full.calls == [("get", NAME)]


def test_absent_object_is_absent(store):
    found = access_to(store).fetch(KEY)
    assert (outcome(found), found.entry, found.size) == (("absent", "absent"), None, 0)


@pytest.mark.parametrize(
    "data",
    [b"", pack(pair_of())[:-1], pack(pair_of(OTHER)), b"<html>", pack(pair_of())[:20]],
    ids=["empty", "half", "swapped", "page", "head"],
)
def test_object_that_is_not_the_entry_is_damaged(store, data):
    store.objects[NAME] = data
    found = access_to(store).fetch(KEY)
    assert (found.outcome, found.entry, found.size) == ("damaged", None, len(data))
    assert found.reason


def test_damaged_objects_do_not_stop_the_lookups(store):
    store.objects[NAME] = b"<html>"
    access = access_to(store)
    assert {access.fetch(KEY).outcome for _ in range(10)} == {"damaged"}


def test_object_of_a_newer_russo_is_absent(full):
    full.objects[NAME] = b"russo\x02" + full.objects[NAME][6:]
    found = access_to(full).fetch(KEY)
    assert found.outcome == "absent"
    assert "this russo reads version 1" in found.reason


def test_store_is_asked_for_one_byte_more_than_the_largest_entry(store, monkeypatch):
    limits = []
    monkeypatch.setattr(store, "get", lambda name, limit: limits.append(limit))
    access_to(store).fetch(KEY)
    assert limits == [MOST_BYTES + 1]


def test_object_that_is_too_large_is_damaged(full, monkeypatch):
    monkeypatch.setattr(access_module, "MOST_BYTES", len(full.objects[NAME]) - 2)
    assert access_to(full).fetch(KEY).outcome == "damaged"


def test_lack_of_memory_is_a_miss(full, monkeypatch):
    def unpack(packed, key):
        raise MemoryError

    monkeypatch.setattr(access_module, "unpack", unpack)
    assert outcome(access_to(full).fetch(KEY)) == ("absent", "not enough memory to read it")


def test_key_that_is_not_a_file_name_raises(store):
    with pytest.raises(ValueError, match="key"):
        access_to(store).fetch("../x")


# -- what a store may raise or return


class BadText(Exception):
    def __str__(self):
        raise ValueError("no text")


class BareStoreError(StoreError):
    def __init__(self):
        pass


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (StoreError("timed out"), "timed out"),
        (StoreError("a\x1b[31m\nb" + "c" * 1000), r"a\x1b[31m\nb" + "c" * 287 + "…"),
        (StoreError(""), "the store gave no reason"),
        (StoreError(None), "None"),
        (StoreError("x", kind="another"), "x"),
        (BareStoreError(), "the store gave no reason"),
        (ValueError("no \x1b"), r"ValueError: no \x1b"),
        (TimeoutError("timed out"), "TimeoutError: timed out"),
        (OSError("no redis://u:SECRET@h:6379/0"), "OSError: no redis://[redacted]@h:6379/0"),
        (StoreError("GET https://h/x?sig=SECRET&v=1 failed"), "GET https://h/x?[redacted] failed"),
        (OSError(), "OSError"),
        (BadText(), "BadText"),
        (SystemExit(3), "SystemExit: 3"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
        (StopIteration(), "StopIteration"),
        (MemoryError(), "MemoryError"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_anything_that_a_store_raises_is_a_failed_lookup(error, reason):
    assert outcome(fails(error)) == ("failed", reason)


@pytest.mark.parametrize("value", ["text", 3, bytearray(b"x"), memoryview(b"x"), True])
def test_object_that_is_not_bytes_is_a_failed_lookup(store, monkeypatch, value):
    monkeypatch.setattr(store, "get", lambda name, limit: value)
    expected = f"MemoryStore.get returned {type(value).__name__}, not bytes"
    assert outcome(access_to(store).fetch(KEY)) == ("failed", expected)


@pytest.mark.parametrize("value", [None, 1, "yes"])
def test_put_that_returns_no_bool_is_a_failed_upload(store, monkeypatch, value):
    monkeypatch.setattr(store, "put", lambda name, data, *, replace: value)
    expected = f"MemoryStore.put returned {value!r}, not a bool"
    assert outcome(access_to(store).upload(KEY, pair_of())) == ("failed", expected)


def test_store_with_other_arguments_is_a_failed_lookup(store, monkeypatch):
    monkeypatch.setattr(store, "get", lambda name: None)
    assert access_to(store).fetch(KEY).reason.startswith("TypeError: ")


# -- outages and refusals


def test_fourth_lookup_is_skipped_after_three_outages(store):
    store.before = raises(StoreError("timed out"))
    access = access_to(store)
    for _ in range(3):
        assert access.skipped() is None
        access.fetch(KEY)
    assert outcome(access.fetch(KEY)) == outcome(access.skipped()) == ("skipped", "timed out")
    assert len(store.calls) == 3


def test_refusal_skips_the_next_lookup(store):
    assert outcome(fails(DENIED, store, times=2)) == ("skipped", "access is denied (403)")
    assert store.calls == [("get", NAME), ("get", MARKER)]


def test_refused_upload_does_not_stop_the_lookups(full):
    def refuse_writes(operation, name):
        if operation == "put":
            raise DENIED

    full.before = refuse_writes
    access = access_to(full, write=True)
    other = pair_of(OTHER)
    assert outcome(access.upload(OTHER, other)) == ("failed", "access is denied (403)")
    assert outcome(access.upload(OTHER, other)) == ("skipped", "access is denied (403)")
    assert access.fetch(KEY).outcome == "hit"


def test_processes_of_a_run_share_a_refusal(store, tmp_path):
    store.before = raises(DENIED)
    one, other = access_to(store), access_to(store)
    for access in (one, other):
        access.share(tmp_path)
    one.fetch(KEY)
    asked = len(store.calls)
    assert other.fetch(KEY).outcome == "skipped"
    assert len(store.calls) == asked


# -- the limit


@pytest.fixture
def stuck(store):
    """A store that never returns, until the test ends."""
    go_on = threading.Event()
    store.before = lambda operation, name: go_on.wait(60)
    yield store
    go_on.set()


def test_store_that_never_returns_is_given_up(stuck, monkeypatch):
    assert access_module.CALL_SECONDS == 10
    monkeypatch.setattr(access_module, "CALL_SECONDS", 0.05)
    access = access_to(stuck)
    assert outcome(access.fetch(KEY)) == ("failed", "no answer in 0.05 s")
    assert outcome(access.upload(KEY, pair_of())) == ("failed", "no answer in 0.05 s")


def test_close_that_never_returns_is_given_up(store, monkeypatch):
    monkeypatch.setattr(access_module, "CALL_SECONDS", 0.05)
    go_on = threading.Event()
    store.close = lambda: go_on.wait(60)
    access_to(store).close()
    go_on.set()


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(3), StoreError("x")])
def test_close_that_raises_is_ignored(store, error):
    def close():
        raise error

    store.close = close
    access_to(store).close()


def test_without_a_thread_the_lookup_is_skipped_and_is_not_an_outage(full, monkeypatch):
    def refuse(call):
        raise RuntimeError("can't start new thread")

    access = access_to(full)
    with monkeypatch.context() as patch:
        patch.setattr(access_module, "start", refuse)
        for _ in range(5):
            assert outcome(access.fetch(KEY)) == ("skipped", "no thread can be started")
    assert access.fetch(KEY).outcome == "hit"


def test_without_a_thread_the_store_is_closed_without_an_error(store, monkeypatch):
    def refuse(call):
        raise RuntimeError("can't start new thread")

    store.close = lambda: None
    monkeypatch.setattr(access_module, "start", refuse)
    access_to(store).close()


# -- uploads


def test_upload_stores_the_packed_entry_and_the_marker(store):
    result = access_to(store, write=True).upload(KEY, pair_of())
    packed = pack(pair_of())
    assert (outcome(result), result.size) == (("uploaded", ""), len(packed))
    assert store.objects == {NAME: packed, MARKER: b"entries of russo\n"}


def test_upload_of_an_entry_that_exists_changes_nothing(full):
    before = dict(full.objects)
    result = access_to(full, write=True).upload(KEY, pair_of(audio=sound("other")))
    assert outcome(result) == ("exists", "the store has an entry of this key")
    assert full.objects == before


def test_upload_with_replace_replaces(full):
    replaced = pair_of(audio=sound("other"))
    assert access_to(full, write=True).upload(KEY, replaced, replace=True).outcome == "uploaded"
    assert full.objects[NAME] == pack(replaced)


@pytest.mark.parametrize("error", [StoreError("busy"), DENIED, ValueError("x")])
def test_marker_that_cannot_be_written_does_not_fail_the_upload(store, error):
    def refuse_marker(operation, name):
        if name == MARKER:
            raise error

    store.before = refuse_marker
    access = access_to(store, write=True)
    assert [access.upload(key, pair_of(key)).outcome for key in (KEY, OTHER)] == ["uploaded", "uploaded"]
    assert store.calls.count(("put", MARKER)) == 1


def test_marker_is_written_once_by_many_threads(store):
    access, barrier = access_to(store, write=True), threading.Barrier(8)

    def upload(number):
        key = f"{number:064x}"
        barrier.wait(10)
        access.upload(key, pair_of(key))

    threads = [threading.Thread(target=upload, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert (len(store.puts), store.calls.count(("put", MARKER))) == (8, 1)


# -- a store without the right to list: 403 for a missing object


def without_list(store):
    """Answer 403 for an object that does not exist."""

    def refuse(operation, name):
        if operation == "get" and name not in store.objects:
            raise DENIED

    store.before = refuse
    return store


def test_refused_lookup_is_absent_if_the_marker_can_be_read(store):
    store.objects[MARKER] = b"entries of russo\n"
    access = access_to(without_list(store))
    assert [outcome(access.fetch(key)) for key in (KEY, OTHER)] == [("absent", "absent")] * 2
    assert store.gets.count(MARKER) == 1


def test_refused_lookup_is_a_refusal_if_the_marker_cannot_be_read(store):
    access = access_to(without_list(store))
    assert outcome(access.fetch(KEY)) == ("failed", "access is denied (403)")
    assert store.puts == []
    assert MARKER not in store.objects


def test_marker_that_does_not_exist_is_a_refusal(store):
    store.before = lambda operation, name: raises(DENIED)(operation, name) if name == NAME else None
    assert access_to(store).fetch(KEY).outcome == "failed"


def test_writer_marks_an_empty_store_before_its_first_refused_lookup(store):
    access = access_to(without_list(store), write=True)
    assert outcome(access.fetch(KEY)) == ("absent", "absent")
    assert access.upload(KEY, pair_of()).outcome == "uploaded"
    assert access.fetch(KEY).outcome == "hit"
    assert store.calls.count(("put", MARKER)) == 1


def test_outage_of_the_marker_is_asked_again(store):
    store.objects[MARKER] = b"entries of russo\n"
    refuse, outages = without_list(store).before, [StoreError("timed out")]

    def before(operation, name):
        if name == MARKER and outages:
            raise outages.pop()
        refuse(operation, name)

    store.before = before
    access = access_to(store)
    assert access._can_read_marker() is False
    assert access._can_read_marker() is True


def test_many_threads_read_the_marker_once(store):
    store.objects[MARKER] = b"entries of russo\n"
    refuse, refused, found = without_list(store).before, threading.Barrier(8), []

    def before(operation, name):
        if name == MARKER:
            all_refused.wait(10)
            return
        if refused.wait(10) == 0:
            all_refused.set()
        refuse(operation, name)

    store.before, all_refused = before, threading.Event()
    access = access_to(store)
    threads = [
        threading.Thread(target=lambda key: found.append(access.fetch(key).outcome), args=[f"{number:064x}"])
        for number in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert (found, store.gets.count(MARKER)) == (["absent"] * 8, 1)


# -- russo.lock


@pytest.fixture
def lock_file(tmp_path):
    """A lock file that pins the audio of the entry."""
    path = tmp_path / "russo.lock"
    LockFile(path).update({KEY: Pin.of(pair_of().audio, "Hello")})
    return path


def test_pinned_audio_is_a_hit(full, lock_file):
    access = access_to(full, lock_file=lock_file)
    assert access.fetch(KEY).outcome == "hit"
    assert (access.is_pinned(KEY), access.is_pinned(OTHER)) == (True, False)


def test_other_audio_than_the_pinned_is_refused(store, lock_file):
    store.objects[NAME] = pack(pair_of(audio=sound("poison")))
    access = access_to(store, lock_file=lock_file)
    found = access.fetch(KEY)
    assert (outcome(found), found.entry) == (("refused", "russo.lock pins other audio for this key"), None)
    assert access.fetch(KEY).outcome == "refused"


@pytest.mark.parametrize(
    "change", [{"sample_rate": 8000}, {"channels": 2}, {"format": "pcm"}, {"sample_width": 1}]
)
def test_pinned_bytes_that_would_sound_different_are_refused(store, lock_file, change):
    audio = dataclasses.replace(pair_of().audio, **change)
    store.objects[NAME] = pack(pair_of(audio=audio))
    found = access_to(store, lock_file=lock_file).fetch(KEY)
    assert outcome(found) == ("refused", "russo.lock pins other audio for this key")
    result = access_to(store, write=True, lock_file=lock_file).upload(KEY, pair_of(audio=audio))
    assert outcome(result) == ("skipped", "russo.lock pins other audio for this key")


def test_other_audio_than_the_pinned_is_not_uploaded(store, lock_file):
    result = access_to(store, write=True, lock_file=lock_file).upload(KEY, pair_of(audio=sound("x")))
    assert outcome(result) == ("skipped", "russo.lock pins other audio for this key")
    assert store.calls == []


def test_key_that_is_not_pinned_is_a_hit(store, lock_file):
    store.objects[object_name(OTHER)] = pack(pair_of(OTHER))
    assert access_to(store, lock_file=lock_file).fetch(OTHER).outcome == "hit"


def test_without_a_lock_file_nothing_is_pinned(full, tmp_path):
    assert access_to(full, lock_file=tmp_path / "russo.lock").is_pinned(KEY) is None
    assert access_to(full).is_pinned(KEY) is None


# -- the rest


def test_url_is_that_of_the_store_without_credentials():
    assert access_to(MemoryStore()).url == URL
    assert access_to(MemoryStore(url="redis://:SECRET@host/0\x1b")).url == r"redis://host/0\x1b"
    assert access_to(MemoryStore(url=None)).url == "MemoryStore"


def test_store_whose_url_cannot_be_read_is_named_by_its_class(store):
    class Unnamed:
        get, put = store.get, store.put

        @property
        def url(self):
            raise RuntimeError("not connected")

    assert access_to(Unnamed()).url == "Unnamed"


def test_list_yields_the_objects_of_the_store(full):
    assert [each.name for each in access_to(full).list()] == [NAME]


def test_list_of_a_store_that_cannot_list_is_refused():
    class Plain:
        def get(self, name, limit):
            return None

    with pytest.raises(StoreError, match="Plain cannot list its objects"):
        list(access_to(Plain()).list())


@pytest.mark.parametrize("error", [ValueError("no \x1b"), StoreError("timed out")])
def test_error_of_a_list_is_a_store_error(store, monkeypatch, error):
    def fail(prefix):
        raise error

    monkeypatch.setattr(store, "list", fail)
    with pytest.raises(StoreError, match=r"^timed out$|^ValueError: no \\x1b$"):
        list(access_to(store).list())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_forked_child_has_no_store(full, monkeypatch):
    closed = threading.Event()
    full.close = closed.set
    access = access_to(full, write=True)
    assert access.fetch(KEY).outcome == "hit"
    parent = os.getpid()
    monkeypatch.setattr(os, "getpid", lambda: parent + 1)
    asked = len(full.calls)
    expected = ("skipped", "a forked process has no shared store")
    assert outcome(access.fetch(KEY)) == outcome(access.upload(KEY, pair_of())) == expected
    assert outcome(access.skipped()) == expected
    with pytest.raises(StoreError, match="a forked process has no shared store"):
        list(access.list())
    access.close()
    assert (len(full.calls), closed.is_set()) == (asked, False)
