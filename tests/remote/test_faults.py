"""Each fault that a store must survive, with the longest time to an answer: nothing is raised.

The times on an idle machine are in the comments; the limits here allow for a busy one.
"""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from russo import AudioCache
from russo._remote.objects import MARKER, object_name, pack
from russo.testing import Reply
from russo_remote import ObstoreStore
from support.cache_files import KEY
from support.raw_server import RawServer, full_backlog, head, without_end
from support.remote.stores import access_to, pair_of, synthesizer_with
from support.speakers import PROMPT, Speaker, synthesize

OBJECT = f"voice/{object_name(KEY)}"
DATED = {"ETag": '"1"', "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT"}
QUICK, STALLED, SLOW = 3.0, 8.0, 16.0


@pytest.fixture
def access(s3):
    """The access to a store that has the entry."""
    s3.objects[OBJECT] = pack(pair_of())
    return access_to(ObstoreStore(s3.store_url), write=True)


def timed(call, *arguments):
    begun = time.monotonic()
    return call(*arguments), time.monotonic() - begun


# The outcome of a lookup, its reason, and the limit of its time.
LOOKUPS = {
    None: ("hit", "", QUICK),
    "reset": ("failed", "the connection was lost", QUICK),  # 0.13 s
    "InternalError": ("failed", "the service answered 500 InternalError", QUICK),  # 0.13 s
    "SlowDown": ("failed", "the service answered 503 SlowDown", QUICK),  # 0.13 s
    "cut": ("failed", "the connection was lost", QUICK),  # 0.06 s
    "page": ("damaged", "its object is not an entry of russo", QUICK),
    "AccessDenied": ("failed", "access is denied (403 AccessDenied)", QUICK),
    "NoSuchBucket": ("failed", "there is no bucket 'team'", QUICK),
    "RequestTimeTooSkewed": (
        "failed",
        "the clock of this machine is wrong (403 RequestTimeTooSkewed)",
        QUICK,
    ),
    "stalled": ("failed", "timed out", STALLED),  # 3.0 s
    "silent": ("failed", "timed out", STALLED),  # 3.0 s
    "slow": (
        "failed",
        ("no answer in 10 s", "timed out"),
        SLOW,
    ),  # 10.0 s: russo and obstore give up together
}


@pytest.mark.parametrize("fault", LOOKUPS)
def test_fault_of_a_lookup_is_a_miss_with_a_reason_in_time(s3, access, fault):
    outcome, reason, limit = LOOKUPS[fault]
    s3.faults = (lambda request: fault) if fault else None
    fetched, seconds = timed(access.fetch, KEY)
    assert (fetched.outcome, fetched.entry is None) == (outcome, fault is not None)
    assert fetched.reason.startswith(reason)
    assert seconds < limit


@pytest.mark.parametrize(
    ("fault", "limit"),
    [("reset", QUICK), ("InternalError", QUICK), ("AccessDenied", QUICK), ("silent", STALLED)],
)
def test_fault_of_an_upload_is_reported_in_time(s3, access, fault, limit):
    s3.objects.clear()
    s3.faults = lambda request: fault
    uploaded, seconds = timed(access.upload, KEY, pair_of())
    assert (uploaded.outcome, s3.objects) == ("failed", {})
    assert seconds < limit


@pytest.mark.parametrize(
    "fault", ["AccessDenied", "NoSuchBucket", "RequestTimeTooSkewed", "PermanentRedirect"]
)
def test_store_that_refuses_is_asked_no_more_in_the_run(s3, access, fault):
    s3.faults = lambda request: fault
    access.fetch(KEY)
    requests = len(s3.requests)
    assert {access.fetch(KEY).outcome for _ in range(20)} == {"skipped"}
    assert len(s3.requests) == requests


def test_silent_store_costs_three_waits_and_then_nothing(s3, access):
    s3.faults = "silent"
    outcomes, seconds = timed(lambda: [access.fetch(KEY).outcome for _ in range(20)])  # 9.0 s
    assert outcomes == ["failed"] * 3 + ["skipped"] * 17
    assert seconds < 3 * STALLED


def test_forty_prompts_at_once_get_audio_although_the_store_is_silent(s3, tmp_path):
    s3.faults = "silent"
    speaker = Speaker()
    synthesizer = synthesizer_with(tmp_path, ObstoreStore(s3.store_url), speaker=speaker)

    def speak():
        with ThreadPoolExecutor(40) as threads:
            return list(threads.map(lambda number: synthesize(synthesizer, f"{PROMPT} {number}"), range(40)))

    audio, seconds = timed(speak)  # 4.3 s
    assert len({each.data for each in audio}) == 40
    assert speaker.calls == 40
    assert seconds < SLOW


def test_server_that_is_closed_within_a_reply_leaves_nothing_behind(s3, tmp_path):
    begun = threading.Event()

    def stop_within(request):
        begun.set()
        return "stalled"

    synthesizer = synthesizer_with(tmp_path, ObstoreStore(s3.store_url))
    s3.faults = stop_within
    threading.Thread(target=lambda: (begun.wait(), s3.close())).start()
    audio, seconds = timed(synthesize, synthesizer)  # 0.2 s
    assert audio.data
    assert seconds < STALLED
    assert len(list(AudioCache(tmp_path).stored_keys())) == 1  # that of the backend


@pytest.mark.parametrize("damage", ["empty", "half", "swapped", "page", "bit"])
def test_object_that_is_not_the_entry_is_damaged_and_does_not_end_the_lookups(s3, access, damage):
    packed = pack(pair_of())
    s3.objects[OBJECT] = {
        "empty": b"",
        "half": packed[: len(packed) // 2],
        "swapped": pack(pair_of("b" * 64)),
        "page": b"<html>",
        "bit": packed[:-1] + bytes([packed[-1] ^ 1]),
    }[damage]
    assert [access.fetch(KEY).outcome for _ in range(5)] == ["damaged"] * 5


@pytest.mark.parametrize("length", [1 << 40, None])
def test_endless_object_is_neither_read_whole_nor_kept(length, setenv, s3):
    headers = {"content_length": str(length)} if length else {}
    start = head(etag='"1"', last_modified=DATED["Last-Modified"], **headers)
    with RawServer(without_end(start, bytes(65536))) as server:
        setenv({"AWS_ENDPOINT_URL": server.url})
        store = ObstoreStore(s3.store_url)
        if length:
            assert store.get("v1/a", 1_000_000) == bytes(1_000_000)
        else:
            fetched, seconds = timed(access_to(store).fetch, KEY)
            assert fetched.reason == "its answer has no header Content-Length"
            assert seconds < QUICK


def test_port_that_accepts_no_connection_is_an_outage_in_time(setenv, s3):
    with full_backlog() as url:
        setenv({"AWS_ENDPOINT_URL": url})
        fetched, seconds = timed(access_to(ObstoreStore(s3.store_url)).fetch, KEY)  # 2.1 s
    assert (fetched.outcome, fetched.reason) == ("failed", "timed out")
    assert seconds < STALLED


def test_upload_of_a_large_object_may_take_longer_than_the_read_timeout(s3):
    s3.delay = 3.6  # obstore counts the time in which it sends an object as a wait for the reply
    assert ObstoreStore(s3.store_url).put("v1/large", bytes(300_000), replace=False) is True


def test_store_without_the_right_to_list_denies_missing_objects_and_the_marker_shows_that(s3):
    s3.may_list = False
    s3.objects |= {f"voice/{MARKER}": b"entries of russo\n", OBJECT: pack(pair_of())}
    reader = access_to(ObstoreStore(s3.store_url))
    outcomes = [reader.fetch(key).outcome for key in ("b" * 64, KEY, "c" * 64)]
    assert outcomes == ["absent", "hit", "absent"]
    asked = [each.path.rpartition("/")[2] for each in s3.requests]
    assert asked.count("russo") == 1  # once in a run


def test_writer_without_the_right_to_list_stores_the_marker_in_an_empty_store(s3):
    s3.may_list = False
    writer = access_to(ObstoreStore(s3.store_url), write=True)
    assert writer.fetch(KEY).outcome == "absent"
    assert writer.upload(KEY, pair_of()).outcome == "uploaded"
    assert set(s3.objects) == {f"voice/{MARKER}", OBJECT}


def test_reader_without_the_right_to_list_and_without_a_marker_is_refused(s3):
    s3.may_list = False
    reader = access_to(ObstoreStore(s3.store_url))
    assert reader.fetch(KEY).reason == "access is denied (403 AccessDenied)"
    assert reader.fetch(KEY).outcome == "skipped"


def test_reply_with_status_200_and_an_error_in_it_is_damaged(s3, access):
    s3.faults = lambda request: Reply(body=b"<Error><Code>InternalError</Code></Error>", headers=DATED)
    assert access.fetch(KEY).outcome == "damaged"
