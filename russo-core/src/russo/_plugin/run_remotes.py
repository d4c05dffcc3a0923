"""The end of a run for its shared stores: uploads are finished, and the entries of faster machines adopted.

Each process finishes its own uploads. Only the controller adopts, after the tests of all workers have ended,
so that all tests of the run get the same audio of a prompt. A run without a shared store imports no more than
this module.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from .._clock import monotonic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from .._remote.remote import RemoteCache
    from .workers import Workers

_LOST: Final = "lost uploads"


class RunRemotes:
    """The shared stores that one process of a run uses.

    Args:
        own: The store of the settings, if there is one. The processes of the run share its lost uploads.
        used: The stores that requests have used, also those of the user's fixtures. The set grows.
        workers: The processes of the run.

    Attributes:
        adopted: How many entries were replaced by those of a store, by its URL.
        before_adoption: Called with the directory and the key of each entry that may be replaced.
    """

    def __init__(self, own: RemoteCache | None, used: set[RemoteCache], workers: Workers) -> None:
        self._own = own
        self._used = used
        self._workers = workers
        self._lost: list[tuple[str, str | None, dict[str, str]]] = []
        self._pid = os.getpid()
        self.adopted: Counter[str] = Counter()
        self.before_adoption: Callable[[Path, str], None] | None = None
        workers.send(_LOST, self._take)

    def _take(self) -> list[Any] | None:
        lost, self._lost = self._lost, []
        return lost or None

    def flush(self) -> None:
        """Wait until the uploads of this process have ended, at most 30 s, or until Ctrl-C."""
        if self._pid == os.getpid():
            _flush(self._stores)

    @property
    def _stores(self) -> set[RemoteCache]:
        return self._used | ({self._own} if self._own is not None else set())

    def end(self) -> None:
        """Finish the uploads. In the controller, adopt the entries that the stores already had.

        Call it when no test of this process runs any more; in the controller, when no test of the run does.
        """
        if self._pid != os.getpid():  # a forked child: the parent has the stores
            return
        stores = self._stores
        _flush(stores)
        if self._workers.is_controller:
            for remote in [*stores, *self._of_workers()]:
                self._adopt(remote)
        else:
            self._lost += filter(None, map(_lost_of, stores - {self._own}))
        if self._own is not None:
            from .._remote.remote import access_of

            access_of(self._own).close()

    def _adopt(self, remote: RemoteCache) -> None:
        from .._remote.adoption import adopt
        from .._remote.remote import access_of

        access = access_of(remote)
        if self.before_adoption is not None:
            for key, directory in access.lost.take().items():
                self.before_adoption(directory, key)
                access.lost.add(key, directory)
        if number := adopt(access):
            self.adopted[remote.url] += number

    def _of_workers(self) -> Iterator[RemoteCache]:
        """Yield the stores of the workers' fixtures, with their lost uploads."""
        for part in self._workers.received(_LOST):
            from .._remote.remote import RemoteCache, access_of

            for url, lock_file, lost in part:
                try:
                    remote = RemoteCache(url, lock_file=lock_file)
                except ValueError:  # an object of the user, which this process cannot make
                    continue
                for key, directory in lost.items():
                    access_of(remote).lost.add(key, Path(directory))
                yield remote


def _flush(stores: Iterable[RemoteCache]) -> None:
    """Wait until all uploads have ended, at most 30 s, or until Ctrl-C. Then the summary is still written."""
    if not stores:
        return
    from .._remote.remote import access_of
    from .._remote.uploads import FLUSH_SECONDS

    deadline = monotonic() + FLUSH_SECONDS
    for remote in stores:
        try:
            access_of(remote).uploads.flush(max(0.0, deadline - monotonic()))
        except KeyboardInterrupt:
            deadline = monotonic()


def _lost_of(remote: RemoteCache) -> tuple[str, str | None, dict[str, str]] | None:
    """Return the lost uploads of a store as JSON values, with what opens the store in the controller."""
    from .._remote.remote import access_of

    access = access_of(remote)
    lost = {key: str(directory) for key, directory in access.lost.take().items()}
    if not lost:
        return None
    return remote.url, None if access.lock is None else str(access.lock.path), lost
