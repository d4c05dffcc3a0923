"""`ObstoreStore`: a store of objects over obstore, by its synchronous API only.

obstore's asynchronous API is not used, because with it the interpreter may abort at its exit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from russo import StoredObject, StoreError

from ._failures import error_of, lacks_links
from ._forks import check_process
from ._opening import create_folder, open_folder, open_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from obstore.store import ObjectStore

_LIST_CHUNK: Final = 1000
# A larger object gets more than 3 s to be sent.
_LARGE: Final = 256 * 1024


class ObstoreStore:
    """Objects in a bucket, a container, a folder or on a web server.

    Settings of a cloud, such as its region and its credentials, come from the variables that its own tools
    use. No connection is opened before the first call.

    A folder that does not exist has no objects; the first put creates it. In a forked child of a process that
    used a store, every call raises a `StoreError`.

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
        self._is_web: Final = self._scheme in ("http", "https")
        self._store = self._open()
        self._patient: ObjectStore | None = None

    def __repr__(self) -> str:
        return f"ObstoreStore({self.url!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return ObstoreStore, (self.url,)  # the pickle of obstore's own store holds the secret

    def get(self, name: str, limit: int) -> bytes | None:
        """Return an object, or ``None`` if it does not exist; see `russo.Store`."""
        if (store := self._opened()) is None:
            return None
        import obstore

        try:
            found = obstore.get(store, name)
            if found.meta["size"] > limit:
                return b"".join(_first(found, limit))
            return found.bytes().to_bytes()
        except Exception as error:  # noqa: BLE001 - all become a `StoreError`
            failure = error_of(error, self.url)
        if failure is None:
            return None
        raise failure

    def put(self, name: str, data: bytes, *, replace: bool) -> bool:
        """Store an object; return whether it is new or was replaced; see `russo.Store`."""
        self._check_writable()
        store = self._opened_for(len(data))
        import obstore
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        try:
            # One request: in parts, an object that stops half-way would have to be cleaned up.
            obstore.put(store, name, data, mode="overwrite" if replace else "create", use_multipart=False)
        except Exception as error:  # noqa: BLE001 - all become a `StoreError`
            if isinstance(error, (AlreadyExistsError, PreconditionError)) and not replace:
                return False
            if not replace and self._scheme == "file" and lacks_links(error):
                return self._put_without_links(name, data)
            failure = error_of(error, self.url, writes=True) or StoreError("not found")
        else:
            return True
        raise failure

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """Yield the objects whose names begin with a prefix; see `russo.Store`."""
        if self._is_web:
            raise StoreError("a web server cannot list its objects", kind="refused")
        if (store := self._opened()) is None:
            return
        import obstore

        folder = prefix.rpartition("/")[0]  # obstore's prefix is a whole folder
        try:
            for chunk in obstore.list(store, folder or None, chunk_size=_LIST_CHUNK):
                for each in chunk:
                    if each["path"].startswith(prefix):
                        yield StoredObject(each["path"], each["size"], each["last_modified"].timestamp())
        except Exception as error:  # noqa: BLE001 - all become a `StoreError`
            failure = error_of(error, self.url, writes=True)
        else:
            return
        if failure is not None:
            raise failure

    def delete(self, name: str) -> None:
        """Remove an object; a missing object is not an error; see `russo.Store`."""
        self._check_writable()
        if (store := self._opened()) is None:
            return
        import obstore

        try:
            obstore.delete(store, name)
        except Exception as error:  # noqa: BLE001 - all become a `StoreError`
            failure = error_of(error, self.url)
        else:
            return
        if failure is not None:
            raise failure

    def _put_without_links(self, name: str, data: bytes) -> bool:
        """Create an object in two steps: another writer may come between, and then the later object stays."""
        return self.get(name, 0) is None and self.put(name, data, replace=True)

    def _check_writable(self) -> None:
        if self._is_web:
            raise StoreError("a web server is only read; use another URL to write", kind="refused")

    def _open(self) -> ObjectStore | None:
        return open_folder(self.url) if self._scheme == "file" else open_store(self.url)

    def _opened(self) -> ObjectStore | None:
        """Return the store, or ``None`` if it is a folder that does not exist."""
        check_process()
        if self._store is None:  # another process may have created the folder
            self._store = self._open()
        return self._store

    def _opened_for(self, size: int) -> ObjectStore:
        """Return the store for a put of this many bytes."""
        if (store := self._opened()) is None:
            self._store = store = create_folder(self.url)
        if size <= _LARGE or self._scheme == "file":
            return store
        if self._patient is None:
            self._patient = open_store(self.url, patient=True)
        return self._patient


def _first(found: Any, limit: int) -> Iterator[bytes]:
    """Yield the first bytes of an object, without the rest of it in memory."""
    for chunk in found.stream(min_chunk_size=1 << 20):
        piece = bytes(chunk)[:limit]
        limit -= len(piece)
        yield piece
        if limit <= 0:
            return
