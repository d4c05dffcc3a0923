"""`Uploads`: gives new entries to a store in the background, four at once, until the run ends."""

from __future__ import annotations

import atexit
import contextlib
import json
import logging
import os
import threading
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .._clock import monotonic
from .._store.cache import AudioCache, Miss, read_entry
from .results import Uploaded

if TYPE_CHECKING:
    from collections.abc import Callable

    from .access import StoreAccess

_log = logging.getLogger(__name__)

_AT_ONCE: Final = 4
_MOST_WAITING: Final = 10_000
FLUSH_SECONDS: Final = 30.0
"""How long the end of a run waits for the uploads."""


@dataclass(frozen=True, slots=True, eq=False)
class Upload:
    """One entry that waits to be uploaded.

    Attributes:
        key: Its key.
        cache: The cache that has it. Its files are read, and verified, when its turn comes.
        replace: Whether it replaces the store's entry of this key.
        done: Called once with the result, in another thread. An exception of it is logged.
    """

    key: str
    cache: AudioCache
    replace: bool
    done: Callable[[Uploaded], None]

    def end(self, result: Uploaded) -> None:
        """Report the result."""
        try:
            self.done(result)
        except BaseException:  # noqa: BLE001 - the other uploads go on, even if a listener exits
            _log.warning("the result of an upload (%s) is lost", result.outcome, exc_info=True)


class Uploads:
    """The uploads of one process. The queue is bounded, and holds keys, not audio.

    Args:
        access: The store.
        lost: Gets the entries that the store already has.
    """

    def __init__(self, access: StoreAccess, lost: LostRaces) -> None:
        self._access = access
        self._lost = lost
        self._changed = threading.Condition()
        self._waiting: deque[Upload] = deque()
        self._under_way: set[Upload] = set()
        self._reporting = 0
        self._is_registered = False
        self._threads = 0
        self._pid = os.getpid()

    def add(self, upload: Upload) -> None:
        """Upload an entry soon. This returns at once."""
        if self._pid != os.getpid():  # a forked child: a thread of the parent may hold the lock
            upload.end(Uploaded("skipped", "a forked process has no shared store"))
            return
        with self._changed:
            if not self._is_registered:
                self._is_registered = True
                atexit.register(self.flush)  # for a process that ends without a flush
            is_added = len(self._waiting) < _MOST_WAITING
            if is_added:
                self._waiting.append(upload)
                if self._threads < _AT_ONCE:
                    self._start_thread()
        if not is_added:
            upload.end(Uploaded("skipped", f"more than {_MOST_WAITING:,} uploads wait"))

    def flush(self, seconds: float = FLUSH_SECONDS) -> None:
        """Wait until all uploads have ended; after ``seconds``, give up those that have not.

        If Ctrl-C ends the wait, all uploads are given up, so that the end of the process does not wait again.
        """
        if self._pid != os.getpid():
            return
        deadline = monotonic() + seconds
        late: list[Upload] = []
        reason = "the wait for it was interrupted"
        try:
            with self._changed:
                try:
                    while self._is_busy() and (remaining := deadline - monotonic()) > 0:
                        self._changed.wait(remaining)
                    reason = f"not finished {round(seconds, 2):g} s after the end of the run"
                finally:
                    late = [*self._waiting, *self._under_way]
                    self._waiting.clear()
                    self._under_way.clear()
        finally:
            for upload in late:
                upload.end(Uploaded("failed", reason))

    def _is_busy(self) -> bool:
        """Return whether uploads are waiting or in progress."""
        if self._waiting and not self._threads:
            self._start_thread()  # it could not be started before
        return bool((self._threads and self._waiting) or self._under_way or self._reporting)

    def _start_thread(self) -> None:
        try:
            threading.Thread(target=self._work, name="russo-upload", daemon=True).start()
        except RuntimeError:  # a later upload tries again, and so does `flush`
            return
        self._threads += 1

    def _work(self) -> None:
        while True:
            with self._changed:
                if not self._waiting:
                    self._threads -= 1
                    return
                upload = self._waiting.popleft()
                self._under_way.add(upload)
            result = self._upload(upload)
            with self._changed:
                if upload not in self._under_way:  # `flush` has given it up
                    continue
                self._under_way.discard(upload)
                self._reporting += 1
            upload.end(result)
            with self._changed:
                self._reporting -= 1
                self._changed.notify_all()

    def _upload(self, upload: Upload) -> Uploaded:
        result = self._try(upload)
        if result.outcome == "exists":
            self._lost.add(upload.key, upload.cache.directory)
        return result

    def _try(self, upload: Upload) -> Uploaded:
        try:
            pair = read_entry(upload.cache, upload.key)
            if isinstance(pair, Miss):
                return Uploaded("skipped", f"the entry is not in the cache any more: {pair.reason}")
            return self._access.upload(upload.key, pair, replace=upload.replace)
        except Exception as error:  # noqa: BLE001 - such as a lack of memory: the other uploads go on
            _log.warning("an entry is not uploaded", exc_info=True)
            return Uploaded("failed", f"{type(error).__name__} in russo")


class LostRaces:
    """The entries of a run for which another machine was faster: the store has other bytes than this cache.

    During the run these entries are not changed, so that all tests of the run get the same audio of a prompt.
    At its end, the entries of the store replace them, so that all machines have the same audio.
    """

    def __init__(self) -> None:
        self._lost: dict[str, Path] = {}
        self._file: Path | None = None

    def share(self, directory: Path) -> None:
        """Share the list with the processes that use the same directory."""
        self._file = directory / "remote-lost"

    def add(self, key: str, directory: Path) -> None:
        """Note an entry, with the directory of its cache."""
        self._lost[key] = directory
        if self._file is not None:
            with contextlib.suppress(OSError), self._file.open("ab") as file:  # one write of one line
                file.write(f"{json.dumps([key, str(directory)])}\n".encode())

    def take(self) -> dict[str, Path]:
        """Return the entries that any process of the run noted, and forget them."""
        lost, self._lost = self._lost, {}
        if self._file is not None:
            with contextlib.suppress(OSError):
                lines = self._file.read_bytes().splitlines()
                self._file.unlink()
                for line in lines:
                    with contextlib.suppress(ValueError, TypeError):  # its process was killed
                        key, directory = json.loads(line)
                        lost[key] = Path(directory)
        return lost
