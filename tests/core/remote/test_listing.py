import threading

import pytest

from russo import StoredObject, StoreError
from russo._remote import listing
from russo._remote.listing import sizes_in
from russo._remote.objects import MARKER, object_name
from support.cache_files import KEY
from support.remote.stores import MemoryStore, access_to


class Listing(MemoryStore):
    def __init__(self, *items):
        super().__init__()
        self.items = items

    def list(self, prefix):
        for each in self.items:
            if isinstance(each, BaseException):
                raise each
            yield each


def test_only_entries_are_listed_by_their_keys():
    names = [object_name(KEY), MARKER, "v1/zz/" + object_name(KEY)[6:], "other"]
    store = Listing(*(StoredObject(name, 7) for name in names))
    assert sizes_in(access_to(store)) == {KEY: 7}


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (StoreError("down"), "outage"),
        (StoreError("no", kind="refused"), "refused"),
        (KeyError("x"), "outage"),
    ],
)
def test_error_of_a_store_is_a_store_error(error, kind):
    with pytest.raises(StoreError) as caught:
        sizes_in(access_to(Listing(StoredObject(MARKER, 1), error)))
    assert caught.value.kind == kind


def test_store_that_lists_something_else_is_refused():
    with pytest.raises(StoreError, match="its list has str instead of StoredObject"):
        sizes_in(access_to(Listing("v1/ab")))


def test_store_that_stops_to_list_is_given_up(monkeypatch):
    ended = threading.Event()

    class Stuck(MemoryStore):
        def list(self, prefix):
            yield StoredObject(MARKER, 1)
            ended.wait(60)

    monkeypatch.setattr(listing, "CALL_SECONDS", 0.05)
    with pytest.raises(StoreError, match=r"no answer in 0\.05 s"):
        sizes_in(access_to(Stuck()))
    ended.set()


def test_store_without_a_list_is_refused():
    class Plain:
        def get(self, name, limit):
            return None

        def put(self, name, data, *, replace):
            return True

    with pytest.raises(StoreError, match="cannot list") as caught:
        sizes_in(access_to(Plain()))
    assert caught.value.kind == "refused"
