"""`RemoteCache`: a store that many machines share, as users name it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .access import StoreAccess
from .adoption import adopt
from .discovery import LazyStore, check_url

if TYPE_CHECKING:
    from .store import Store


class RemoteCache:
    """A store that many machines share, as the last place in which a `CachedSynthesizer` looks.

    Use it as the ``remote`` of a `LayeredCache`. The store is opened at the first lookup that no layer of the
    cache can answer. If the store does not answer, requests take longer, but raise no error.
    Call `close` when it is not used any more: a script that ends without it may lose its uploads, because an
    interpreter that ends starts no thread in some versions of Python.

    Args:
        store: The URL of a store, such as ``s3://team/voice``, or a `Store`.
        write: Whether new audio is stored in it, too.
        lock_file: A ``russo.lock``. If it exists, an entry whose audio is not the pinned one is refused.
            ``None`` means the ``russo.lock`` in the rootdir if a pytest run or the command uses this object,
            else no file.

    Raises:
        TypeError: The store is neither a URL nor a `Store`.
        ValueError: The URL has another form, no installed package opens it, or the lock file is invalid.
    """

    def __init__(
        self, store: str | Store, *, write: bool = False, lock_file: str | os.PathLike[str] | None = None
    ) -> None:
        opened: Store = LazyStore(check_url(store, "RemoteCache")) if isinstance(store, str) else store
        if not callable(getattr(opened, "get", None)) or not callable(getattr(opened, "put", None)):
            raise TypeError(f"the store is {type(opened).__name__}, not a URL or an object with get and put")
        path = None if lock_file is None else Path(lock_file)
        self._access: Final = StoreAccess(opened, write=write, lock_file=path)

    def __repr__(self) -> str:
        return f"RemoteCache({self.url!r}{', write=True' if self.write else ''})"

    @property
    def url(self) -> str:
        """The URL of the store, or the name of its class. It holds no credential."""
        return self._access.url

    @property
    def write(self) -> bool:
        """Whether new audio is stored in the store, too."""
        return self._access.write

    def close(self) -> None:
        """Finish the uploads, at most 30 s, and release the connections.

        If another machine stored an entry first, this machine's entry is replaced by it now. So call this
        when no test runs any more.
        """
        self._access.uploads.flush()
        adopt(self._access)
        self._access.close()


def access_of(remote: RemoteCache) -> StoreAccess:
    """Return what the flow uses of a shared store."""
    return remote._access
