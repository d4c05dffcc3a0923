"""`ObstoreStore`: a store of objects over obstore, by its synchronous API only.

obstore's asynchronous API is not used, because with it the interpreter may abort at its exit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from russo import StoredObject, StoreError

from ._failures import error_of
from ._opening import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from obstore.store import ObjectStore

_LIST_CHUNK: Final = 1000


class ObstoreStore:
    """Objects in a bucket, a container, a folder or on a web server.

    Settings of a cloud, such as its region and its credentials, come from the variables that its own tools
    use. Nothing is opened before the first call.

    Args:
        url: ``s3://BUCKET/PREFIX``, ``gs://BUCKET/PREFIX``, ``az://CONTAINER/PREFIX``,
            ``abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/PREFIX``, ``file:///FOLDER``, or
            ``https://HOST/PATH``, which is only read.

    Raises:
        StoreError: The store cannot be opened: a setting is missing or wrong.
    """

    def __init__(self, url: str) -> None:
        self.url: Final = url
        self._scheme: Final = url.partition(":")[0]
        self._store: ObjectStore = open_store(url)

    def __repr__(self) -> str:
        return f"ObstoreStore({self.url!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return ObstoreStore, (self.url,)  # the pickle of obstore's own store holds the secret

    def get(self, name: str, limit: int) -> bytes | None:
        """Return an object, or ``None`` if it does not exist; see `russo.Store`."""
        import obstore

        try:
            found = obstore.get(self._store, name)
            if found.meta["size"] > limit:
                return b"".join(_first(found, limit))
            return found.bytes().to_bytes()
        except Exception as error:  # noqa: BLE001 - all become a `StoreError`
            failure = error_of(error, self.url)
            if failure is None:
                return None
            raise failure from None

    def put(self, name: str, data: bytes, *, replace: bool) -> bool:
        """Store an object; return whether it is new or was replaced; see `russo.Store`."""
        if self._scheme in ("http", "https"):
            raise StoreError("a web server is only read; use another URL to write", kind="refused")
        import obstore
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        try:
            # One request: in parts, an object that stops half-way would have to be cleaned up.
            obstore.put(
                self._store, name, data, mode="overwrite" if replace else "create", use_multipart=False
            )
        except (AlreadyExistsError, PreconditionError):
            return False
        except Exception as error:  # noqa: BLE001 - all become a `StoreError`
            raise error_of(error, self.url, writes=True) or StoreError("not found") from None
        return True

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """Yield the objects whose names begin with a prefix; see `russo.Store`."""
        if self._scheme in ("http", "https"):
            raise StoreError("a web server cannot list its objects", kind="refused")
        import obstore

        try:
            for chunk in obstore.list(self._store, prefix.rstrip("/"), chunk_size=_LIST_CHUNK):
                for each in chunk:
                    yield StoredObject(each["path"], each["size"], each["last_modified"].timestamp())
        except Exception as error:  # noqa: BLE001 - all become a `StoreError`
            if (failure := error_of(error, self.url, writes=True)) is not None:
                raise failure from None

    def delete(self, name: str) -> None:
        """Remove an object; one that does not exist is no error; see `russo.Store`."""
        import obstore

        try:
            obstore.delete(self._store, name)
        except Exception as error:  # noqa: BLE001 - all become a `StoreError`
            if (failure := error_of(error, self.url)) is not None:
                raise failure from None


def _first(found: Any, limit: int) -> Iterator[bytes]:
    """Yield the first bytes of an object, without the rest of it in memory."""
    for chunk in found.stream(min_chunk_size=1 << 20):
        piece = bytes(chunk)[:limit]
        limit -= len(piece)
        yield piece
        if limit <= 0:
            return
