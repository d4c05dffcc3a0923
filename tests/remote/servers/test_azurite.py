"""`ObstoreStore` against azurite: Azure Blob Storage with signatures and conditional puts."""

import pytest

from russo import StoreError
from russo_remote import ObstoreStore
from support.remote.processes import ACCOUNT, ACCOUNT_KEY, azurite

NAME = "v1/ab/abcd.russo"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with azurite(tmp_path_factory.mktemp("azurite")) as url:
        yield url


@pytest.fixture(autouse=True)
def _variables(server, setenv):
    names = {"ENDPOINT": server, "ACCOUNT_NAME": ACCOUNT, "ACCOUNT_KEY": ACCOUNT_KEY}
    setenv({f"AZURE_STORAGE_{name}": value for name, value in names.items()})


@pytest.mark.parametrize(
    "url", ["az://team/a", "abfss://team/b", f"abfss://team@{ACCOUNT}.dfs.core.windows.net/c"]
)
def test_object_is_created_once_replaced_listed_and_deleted(url):
    store = ObstoreStore(url)
    assert store.get(NAME, 100) is None
    assert store.put(NAME, b"first", replace=False) is True
    assert store.put(NAME, b"second", replace=False) is False
    assert store.get(NAME, 100) == b"first"
    assert store.put(NAME, b"third", replace=True) is True
    assert store.get(NAME, 2) == b"th"
    assert [(each.name, each.size) for each in store.list("v1/")] == [(NAME, 5)]
    store.delete(NAME)
    store.delete(NAME)
    assert store.get(NAME, 100) is None


def test_object_of_more_than_5_mb_is_whole():
    store, data = ObstoreStore("az://team/large"), bytes(range(256)) * 24_000
    assert store.put(NAME, data, replace=False) is True
    assert store.get(NAME, len(data)) == data


def test_container_that_does_not_exist_is_named_by_every_call():
    store = ObstoreStore("az://missing/voice")
    for call in (
        lambda: store.get(NAME, 100),
        lambda: store.put(NAME, b"1", replace=False),
        lambda: list(store.list("v1/")),
    ):
        with pytest.raises(StoreError, match="there is no container 'missing'") as caught:
            call()
        assert caught.value.kind == "refused"


def test_wrong_key_is_refused(setenv):
    setenv({"AZURE_STORAGE_ACCOUNT_KEY": "UExBTlRFRA=="})
    with pytest.raises(StoreError, match=r"access is denied \(403 AuthorizationFailure\)") as caught:
        ObstoreStore("az://team/voice").get(NAME, 100)
    assert caught.value.kind == "refused"
