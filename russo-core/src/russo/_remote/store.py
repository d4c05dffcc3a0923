"""`Store`: what russo needs of a store that many machines share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One object of a store, as ``list`` yields it.

    Attributes:
        name: Its name below the prefix, such as ``v1/ab/abcd….russo``.
        size: Its size in bytes.
        modified: When it was stored, in seconds since 1970; ``None`` if the store does not know.
    """

    name: str
    size: int
    modified: float | None = None


class Store(Protocol):
    """A store of named objects: a bucket, a shared folder, a database.

    A store needs no base class. The constructor gets the URL, must be cheap, and must open no connection.
    Both methods are called from many threads at once. They may block, but russo gives up after 10 s.

    A store may also have

    * ``list(prefix) -> Iterator[StoredObject]``: all objects whose names begin with the prefix,
    * ``delete(name) -> None``: remove an object; a missing object is not an error,
    * ``close() -> None``: release the connections.

    An error of the store must be a `StoreError`: its ``kind`` decides whether russo tries again. Its reason
    must contain no credential.
    """

    def get(self, name: str, limit: int) -> bytes | None:
        """Return an object whole, or ``None`` if it does not exist.

        Args:
            name: Its name, such as ``v1/ab/abcd….russo``.
            limit: The greatest number of bytes to read. Of a larger object, its first ``limit`` bytes are
                returned; russo rejects them.

        Raises:
            StoreError: The store did not answer, or refused.
        """
        ...

    def put(self, name: str, data: bytes, *, replace: bool) -> bool:
        """Store an object whole; a reader must never get a part of it.

        Args:
            name: Its name.
            data: Its bytes.
            replace: Whether to replace an object of this name. If false, and there is one, nothing is stored.
                A store that cannot check this in one step may replace it.

        Returns:
            False if there is an object of this name, and ``replace`` is false.

        Raises:
            StoreError: The object is not stored, or it is not known whether it is.
        """
        ...


class ListingStore(Store, Protocol):
    """A store that can list its objects; ``russo cache pull --all`` needs it."""

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """Yield the objects whose names begin with a prefix, in any order.

        Raises:
            StoreError: The store did not answer, or refused.
        """
        ...
