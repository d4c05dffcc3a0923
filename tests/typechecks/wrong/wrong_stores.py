"""Wrong shared stores, and wrong use of them; each line with an error ends with a comment."""

import russo
from russo import LayeredCache, RemoteCache, StoredObject, StoreError
from russo.testing import LoopbackObjectServer, StoreContract


class Asynchronous:
    async def get(self, name: str, limit: int) -> bytes | None:
        return None

    async def put(self, name: str, data: bytes, *, replace: bool) -> bool:
        return True


class WithoutLimit:
    def get(self, name: str) -> bytes | None:
        return None

    def put(self, name: str, data: bytes, *, replace: bool) -> bool:
        return True


class WithoutAnswer:
    def get(self, name: str, limit: int) -> bytes | None:
        return None

    def put(self, name: str, data: bytes, *, replace: bool) -> None:
        return None


class OnlyRead:
    def get(self, name: str, limit: int) -> bytes | None:
        return None


RemoteCache(Asynchronous())  # wrong
RemoteCache(WithoutLimit())  # wrong
RemoteCache(WithoutAnswer())  # wrong
RemoteCache(OnlyRead())  # wrong
RemoteCache("s3://team/voice", True)  # wrong
RemoteCache("s3://team/voice", write="yes")  # wrong
RemoteCache()  # wrong
CACHE = russo.AudioCache()
LayeredCache(CACHE, remote="s3://team/voice")  # wrong
StoreError("it is busy", kind="busy")  # wrong
StoreError()  # wrong
StoredObject("v1/russo")  # wrong
StoredObject("v1/russo", 1).size = 2  # wrong


def server() -> None:
    with LoopbackObjectServer() as server:
        server.faults = "teapot"  # wrong
        server.faults = ["reset", "teapot"]  # wrong
        server.count()  # wrong


class TestAcme(StoreContract):
    creates_only = "no"  # wrong
    page_size = None  # wrong
    secrets = ["planted"]  # wrong


def russo_remote_lookup(event: russo.RemoteLookup) -> None:
    event.url = ""  # wrong
    event.kind  # wrong
