"""A shared store of a third party, its use in Python, its tests and its hooks."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, assert_type

import pytest

import russo
from russo import LayeredCache, RemoteCache, Store, StoredObject, StoreError, hookimpl
from russo.testing import FakeSynthesizer, LoopbackObjectServer, Reply, Request, StoreContract


class AcmeStore:
    """Has the required methods only."""

    def __init__(self, url: str) -> None:
        self._objects: dict[str, bytes] = {}

    def get(self, name: str, limit: int) -> bytes | None:
        found = self._objects.get(name)
        return None if found is None else found[:limit]

    def put(self, name: str, data: bytes, *, replace: bool) -> bool:
        if name in self._objects and not replace:
            return False
        self._objects[name] = data
        return True


class FullStore(AcmeStore):
    """Has the optional methods, too."""

    def list(self, prefix: str) -> Iterator[StoredObject]:
        yield StoredObject(f"{prefix}ab.russo", 10)
        yield StoredObject(f"{prefix}cd.russo", size=20, modified=1.5)

    def delete(self, name: str) -> None:
        raise StoreError("the server is busy")

    def close(self) -> None:
        raise StoreError("access is denied", kind="refused")


def open_store(url: str) -> Store:
    return FullStore(url) if url else AcmeStore(url)


def test_use(tmp_path: Path) -> None:
    remote = RemoteCache(AcmeStore("acme://team"), write=True, lock_file=tmp_path / "russo.lock")
    cache = LayeredCache(russo.AudioCache(tmp_path), [russo.AudioCache("recordings")], remote=remote)
    assert_type(cache.remote, RemoteCache | None)
    assert_type((remote.url, remote.write), tuple[str, bool])
    russo.CachedSynthesizer(FakeSynthesizer(), cache=cache)
    LayeredCache(russo.AudioCache(tmp_path), remote=RemoteCache("s3://team/voice", lock_file="russo.lock"))
    remote.close()


def test_object() -> None:
    each = StoredObject("v1/ab/ab.russo", 10)
    assert_type((each.name, each.size, each.modified), tuple[str, int, float | None])


def test_error() -> None:
    with pytest.raises(StoreError) as caught:
        FullStore("").delete("v1/russo")
    assert_type(caught.value.reason, str)
    assert_type(caught.value.kind, Literal["outage", "refused"])


class TestAcmeStore(StoreContract):
    creates_only = False
    page_size = 0
    patience = 5
    secrets = ("planted",)

    @pytest.fixture
    def store_url(self, tmp_path: Path) -> str:
        return f"acme://{tmp_path}"

    @pytest.fixture
    def make_store(self, store_url: str) -> Callable[[], AcmeStore]:
        return lambda: AcmeStore(store_url)

    @pytest.fixture
    def make_unreachable_store(self) -> Any:
        return lambda: AcmeStore("acme://127.0.0.1:9")

    @pytest.fixture
    def make_refusing_store(self, tmp_path: Path, store_url: str) -> Callable[[], Store]:
        return lambda: FullStore(store_url)


def test_server(monkeypatch: pytest.MonkeyPatch) -> None:
    with LoopbackObjectServer(bucket="team") as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        server.faults = ["SlowDown", None, "reset"]
        server.faults = "silent"
        server.faults = lambda request: "AccessDenied" if request.method == "PUT" else Reply(status=429)
        server.faults = None
        server.delay, server.conditional, server.may_list = 0.03, False, False
        server.objects["voice/v1/russo"] = b"entries of russo\n"
        assert_type((server.store_url, server.count("PUT")), tuple[str, int])
        assert_type(server.requests, list[Request])


@hookimpl
def russo_remote_lookup(event: russo.RemoteLookup) -> None:
    assert_type((event.url, event.reason, event.seconds, event.size), tuple[str, str, float, int])
    assert_type(event.pinned, bool | None)
    assert event.outcome in ("hit", "absent", "damaged", "refused", "failed", "skipped")


@hookimpl
def russo_remote_upload(event: russo.RemoteUpload) -> None:
    assert_type((event.url, event.reason, event.seconds, event.size), tuple[str, str, float, int])
    assert event.outcome in ("uploaded", "exists", "failed", "skipped")


def pytest_russo_cache_hit(event: russo.CacheHit) -> None:
    assert_type(event.remote, str | None)
