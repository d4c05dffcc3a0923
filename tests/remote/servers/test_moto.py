"""`ObstoreStore` against moto: conditional puts of S3, and credentials by boto3."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from russo import StoreError
from russo_remote import ObstoreStore
from support.cache_files import KEY
from support.remote.processes import moto
from support.remote.stores import access_to, pair_of

NAME = "v1/ab/abcd.russo"


@pytest.fixture(scope="module")
def server():
    with moto() as url:
        yield url


@pytest.fixture(autouse=True)
def _variables(server, setenv):
    keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
    setenv(keys | {"AWS_ENDPOINT_URL": server, "AWS_REGION": "us-east-1"})


def test_object_is_created_once_replaced_listed_and_deleted():
    store = ObstoreStore("s3://team/calls")
    assert store.get(NAME, 100) is None
    assert store.put(NAME, b"first", replace=False) is True
    assert store.put(NAME, b"second", replace=False) is False
    assert store.get(NAME, 100) == b"first"
    assert store.put(NAME, b"third", replace=True) is True
    assert [(each.name, each.size) for each in store.list("v1/")] == [(NAME, 5)]
    store.delete(NAME)
    store.delete(NAME)
    assert store.get(NAME, 100) is None


def test_bucket_that_does_not_exist_is_named_by_every_call():
    store = ObstoreStore("s3://no-such-team/voice")
    for call in (
        lambda: store.get(NAME, 100),
        lambda: store.put(NAME, b"1", replace=False),
        lambda: list(store.list("v1/")),
    ):
        with pytest.raises(StoreError, match="there is no bucket 'no-such-team'") as caught:
            call()
        assert caught.value.kind == "refused"


def test_object_of_more_than_5_mb_is_whole():
    store, data = ObstoreStore("s3://team/large"), bytes(range(256)) * 24_000
    assert store.put(NAME, data, replace=False) is True
    assert store.put(NAME, data[1:], replace=False) is False
    assert store.get(NAME, len(data)) == data
    assert store.put(NAME, data[1:], replace=True) is True
    assert store.get(NAME, len(data)) == data[1:]


def test_writers_of_one_key_leave_one_whole_object():
    # moto answers 500 to some concurrent puts of one key; russo then does not know whether it is stored.
    def put(number):
        try:
            return ObstoreStore("s3://team/race").put(NAME, bytes([number]) * 10_000, replace=False)
        except StoreError as error:
            assert (error.kind, error.reason[:23]) == ("outage", "the service answered 50")  # noqa: PT017
            return None

    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(put, range(8)))
    stored = ObstoreStore("s3://team/race").get(NAME, 20_000)
    assert stored in [bytes([number]) * 10_000 for number in range(8)]
    assert results.count(True) <= 1
    if True in results:
        assert stored[0] == results.index(True)


def test_forty_entries_are_uploaded_and_fetched_at_once():
    access = access_to(ObstoreStore("s3://team/many"), write=True)
    keys = [f"{number:064x}" for number in range(40)]
    with ThreadPoolExecutor(16) as threads:
        uploads = list(threads.map(lambda key: access.upload(key, pair_of(key)).outcome, keys))
        lookups = list(threads.map(lambda key: access.fetch(key).outcome, keys))
    assert (uploads, lookups) == (["uploaded"] * 40, ["hit"] * 40)
    assert access.upload(keys[0], pair_of(keys[0])).outcome == "exists"
    assert access.fetch(KEY).outcome == "absent"


@pytest.mark.parametrize("how", ["AWS_PROFILE", "default"])
def test_profile_is_read_by_boto3(how, setenv, monkeypatch, tmp_path):
    pytest.importorskip("boto3")
    name = "team" if how == "AWS_PROFILE" else "default"
    (tmp_path / "credentials").write_text(
        f"[{name}]\naws_access_key_id = PROFILE\naws_secret_access_key = s\nregion = eu-west-1\n"
    )
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(variable)
    setenv(
        {"AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"), "AWS_EC2_METADATA_DISABLED": "true"}
    )
    if how == "AWS_PROFILE":
        setenv({"AWS_PROFILE": name})
    store = ObstoreStore("s3://team/profile")
    assert store.put(NAME, b"1", replace=True) is True
    assert store.get(NAME, 10) == b"1"


def test_profile_that_does_not_exist_is_refused(setenv, monkeypatch):
    pytest.importorskip("boto3")
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(variable)
    setenv({"AWS_PROFILE": "missing", "AWS_EC2_METADATA_DISABLED": "true"})
    with pytest.raises(StoreError, match=r"no credentials were found \(boto3: ProfileNotFound\)") as caught:
        ObstoreStore("s3://team/profile")
    assert caught.value.kind == "refused"
