"""`ObstoreStore`: objects in a folder, in S3 and in Google Cloud Storage, by the same calls."""

import copy
import pickle

import pytest

from russo_remote import ObstoreStore
from support.remote.servers import CLOSED

NAME = "v1/ab/abcd.russo"


@pytest.fixture(params=["file", "gs", "s3"])
def store(request, tmp_path):
    if request.param == "file":
        return ObstoreStore((tmp_path / "shared").as_uri())
    if request.param == "s3":
        return ObstoreStore(request.getfixturevalue("s3").store_url)
    request.getfixturevalue("google")
    return ObstoreStore("gs://team/voice")


def test_object_is_returned_as_it_was_stored(store):
    assert store.get(NAME, 100) is None
    assert store.put(NAME, b"first", replace=False) is True
    assert store.get(NAME, 100) == b"first"


def test_object_is_created_only_once(store):
    store.put(NAME, b"first", replace=False)
    assert store.put(NAME, b"second", replace=False) is False
    assert store.get(NAME, 100) == b"first"


def test_object_is_replaced_on_request(store):
    assert store.put(NAME, b"first", replace=True) is True
    assert store.put(NAME, b"second", replace=True) is True
    assert store.get(NAME, 100) == b"second"


@pytest.mark.parametrize("size", [0, 1, 99, 100])
def test_object_up_to_the_limit_is_whole(store, size):
    store.put(NAME, bytes(size), replace=False)
    assert store.get(NAME, 100) == bytes(size)


def test_larger_object_is_cut_at_the_limit(store):
    store.put(NAME, bytes(range(256)) * 4, replace=False)
    assert store.get(NAME, 100) == bytes(range(100))


def test_list_has_the_objects_of_a_prefix_with_size_and_time(store):
    for name in ("v1/ab/abcd.russo", "v1/ac/acdc.russo", "v1/russo", "v2/ab/abcd.russo", "v10"):
        store.put(name, name.encode(), replace=False)
    listed = list(store.list("v1/"))
    assert {each.name: each.size for each in listed} == {
        "v1/ab/abcd.russo": 16,
        "v1/ac/acdc.russo": 16,
        "v1/russo": 8,
    }
    assert all(each.modified > 1.7e9 for each in listed)


@pytest.mark.parametrize(
    ("prefix", "count"), [("v1/a", 2), ("v1/ab/abcd", 1), ("v1/ab/x", 0), ("v3/", 0), ("", 3)]
)
def test_prefix_of_a_list_may_end_within_a_name(store, prefix, count):
    for name in ("v1/ab/abcd.russo", "v1/ac/acdc.russo", "v1/russo"):
        store.put(name, b"1", replace=False)
    assert len(list(store.list(prefix))) == count


def test_deleted_object_is_absent_and_may_be_deleted_again(store):
    store.put(NAME, b"1", replace=False)
    store.delete(NAME)
    store.delete(NAME)
    assert store.get(NAME, 100) is None


def test_list_of_many_objects_is_whole(s3):
    s3.objects |= {f"voice/v1/ab/{number:04}": b"1" for number in range(2100)}
    assert len(list(ObstoreStore(s3.store_url).list("v1/"))) == 2100


def test_object_of_more_than_5_mb_is_stored_by_one_request(s3):
    data = bytes(6_000_000)
    for replace in (False, True):
        assert ObstoreStore(s3.store_url).put(NAME, data, replace=replace) is True
    assert s3.objects == {f"voice/{NAME}": data}
    assert [(each.method, each.query) for each in s3.requests] == [("PUT", {}), ("PUT", {})]


def test_pickled_and_copied_store_has_no_secret_and_works(s3, setenv):
    setenv({"AWS_SECRET_ACCESS_KEY": "PLANTEDSECRET", "AWS_SESSION_TOKEN": "PLANTEDTOKEN"})
    store = ObstoreStore(s3.store_url)
    store.put(NAME, b"1", replace=False)
    pickled = pickle.dumps(store)
    assert b"PLANTED" not in pickled
    for other in (pickle.loads(pickled), copy.copy(store), copy.deepcopy(store)):
        assert other.get(NAME, 100) == b"1"
    assert repr(store) == "ObstoreStore('s3://team/voice')"


def test_store_opens_no_connection_before_the_first_call(s3, google, setenv):
    setenv({"AZURE_STORAGE_ACCOUNT_NAME": "team", "AZURE_STORAGE_ACCOUNT_KEY": "a2V5"})
    urls = ("s3://team/voice", "gs://team/voice", "az://team/voice", CLOSED)
    assert [ObstoreStore(url).url for url in urls] == list(urls)
    assert (s3.requests, google.requests) == ([], [])
