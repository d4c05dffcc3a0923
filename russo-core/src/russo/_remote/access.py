"""`StoreAccess`: how the cache of one machine uses a shared store.

    local miss -> fetch (one object) -> verified, compared with russo.lock -> written into the local cache
    backend call -> stored locally -> upload (in the background) -> end of the run: flush, adopt

If a store does not answer, a call takes at most 10 s, and a lookup is a miss with a reason. No test may fail
because of a store, so lookups and uploads raise none of its errors, not even ``SystemExit``.
"""

from __future__ import annotations

import contextlib
import os
import threading
from concurrent.futures import TimeoutError as FutureTimeoutError
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from .._clock import monotonic
from .._errors import StoreError
from .._foreign import shown, visible
from .._store.entry import DamagedEntryError, NewerEntryError
from .availability import Availability
from .discovery import reason_of, url_without_credentials
from .objects import MARKER, MARKER_TEXT, MOST_BYTES, object_name, pack, unpack
from .pins import LockFile
from .results import Fetched, Uploaded
from .threads import CALL_SECONDS, start
from .uploads import LostRaces, Uploads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .._audio import Audio
    from .._store.pair import Pair
    from .availability import Operation
    from .store import Store, StoredObject

T = TypeVar("T")
_LONGEST_REASON: Final = 300
PINS_OTHER: Final = "pins other audio for this key"
"""The end of the reason for an entry that the lock file refuses."""


class StoreAccess:
    """The use of a shared store by one process. Every call has a time limit.

    Lookups and uploads return the errors of the store as results.

    Args:
        store: The store.
        write: Whether new audio is stored in it, too.
        lock_file: A ``russo.lock``. If it exists, an entry whose audio is not the pinned one is refused.

    Raises:
        SettingsError: The lock file is invalid.
    """

    def __init__(self, store: Store, *, write: bool, lock_file: Path | None) -> None:
        self._store = store
        self.write: Final = write
        self.lock = None if lock_file is None else LockFile(lock_file)
        self.lost: Final = LostRaces()
        self.uploads: Final = Uploads(self, self.lost)
        self._availability: Final = Availability()
        self._pid = os.getpid()
        self._marker_lock = threading.Lock()
        self._may_read_marker: bool | None = None
        self._unmarked = [None]  # `pop` is atomic: one thread writes the marker

    @property
    def url(self) -> str:
        """The URL of the store, or the name of its class. It holds no credential."""
        try:
            url = getattr(self._store, "url", None)
        except Exception:  # noqa: BLE001 - a property of another package's store
            url = None
        return visible(url_without_credentials(url)) if isinstance(url, str) else type(self._store).__name__

    def share(self, directory: Path) -> None:
        """Share what is known of the store with the processes of the run, which use the same directory."""
        self._availability.share(directory)
        self.lost.share(directory)

    def use_lock_file(self, path: Path) -> None:
        """Use a lock file if the store has none.

        Raises:
            SettingsError: The lock file is invalid.
        """
        if self.lock is None:
            self.lock = LockFile(path)

    def is_pinned(self, key: str) -> bool | None:
        """Return whether the lock file pins a key, or ``None`` if there is no lock file."""
        return key in self.lock.pins if self.lock is not None and self.lock.exists else None

    def skipped(self) -> Fetched | None:
        """Return the result of a lookup if the store must not be asked, as far as this process knows."""
        reason = self._why_not_here() or self._availability.known_trouble("get")
        return None if reason is None else Fetched("skipped", reason)

    def fetch(self, key: str) -> Fetched:
        """Ask the store for an entry, and verify every byte of it. It may block for up to 10 s.

        No error of the store is raised.

        Raises:
            ValueError: The key is not a plain, portable file name.
        """
        name, begun = object_name(key), monotonic()
        try:
            packed = self._call("get", lambda: self._get(name))
        except _SkippedError as skipped:
            return Fetched("skipped", str(skipped))
        except StoreError as error:
            return Fetched("failed", error.reason, seconds=monotonic() - begun)
        seconds = monotonic() - begun
        if packed is None:
            return Fetched("absent", "absent", seconds=seconds)
        size = len(packed)
        try:
            entry = unpack(packed, key)
        except DamagedEntryError as error:
            return Fetched("damaged", shown(str(error), _LONGEST_REASON), seconds=seconds, size=size)
        except (NewerEntryError, MemoryError) as error:
            reason = str(error) or "not enough memory to read it"
            return Fetched("absent", shown(reason, _LONGEST_REASON), seconds=seconds, size=size)
        if (problem := self._problem_of(key, entry.audio)) is not None:
            return Fetched("refused", problem, seconds=seconds, size=size)
        return Fetched("hit", entry=entry, seconds=seconds, size=size)

    def upload(self, key: str, pair: Pair, *, replace: bool = False) -> Uploaded:
        """Give the store an entry, verified. It may block for up to 10 s.

        No error of the store is raised. Audio that the lock file does not allow is not uploaded, because
        every reader would refuse it.

        Raises:
            ValueError: The key is not a plain, portable file name.
        """
        name, begun = object_name(key), monotonic()
        if (problem := self._problem_of(key, pair.audio)) is not None:
            return Uploaded("skipped", problem)
        packed = pack(pair)
        try:
            is_stored = self._call("put", lambda: self._put(name, packed, replace=replace))
        except _SkippedError as skipped:
            return Uploaded("skipped", str(skipped))
        except StoreError as error:
            return Uploaded("failed", error.reason, monotonic() - begun)
        if not is_stored:
            return Uploaded("exists", "the store has an entry of this key", monotonic() - begun)
        return Uploaded("uploaded", "", monotonic() - begun, len(packed))

    def list(self) -> Iterator[StoredObject]:
        """Yield the objects of the store.

        Raises:
            StoreError: The store cannot list its objects, or did not answer.
        """
        listing = getattr(self._store, "list", None)
        if not callable(listing):
            raise StoreError(f"{type(self._store).__name__} cannot list its objects", kind="refused")
        if (reason := self._why_not_here()) is not None:
            raise StoreError(reason, kind="refused")
        try:
            yield from listing("v1/")
        except Exception as error:
            raise _store_error(error) from error

    def probe(self) -> bool:
        """Ask the store for the marker, and return whether it exists: any run that wrote made it.

        Raises:
            StoreError: The store did not answer, or refused.
        """
        try:
            return self._call("get", lambda: self._store.get(MARKER, len(MARKER_TEXT))) is not None
        except _SkippedError as skipped:
            raise StoreError(str(skipped)) from None

    def close(self) -> None:
        """Release the connections of the store, if it has a ``close``. An error of it is ignored."""
        close = getattr(self._store, "close", None)
        if callable(close) and self._pid == os.getpid():
            with contextlib.suppress(FutureTimeoutError, RuntimeError):
                start(close).exception(CALL_SECONDS)

    def _get(self, name: str) -> bytes | None:
        try:
            return _checked_bytes(self._store.get(name, MOST_BYTES + 1), self._store)
        except StoreError as error:
            # A store without the right to list may answer 403 for an object that does not exist.
            if _store_error(error).kind == "refused" and self._can_read_marker():
                return None
            raise

    def _can_read_marker(self) -> bool:
        """Return whether the marker can be read, so that a refusal means an object that does not exist."""
        with self._marker_lock:
            if self._may_read_marker is None:
                if self.write:
                    self._mark()  # an empty store has no marker yet
                try:
                    self._may_read_marker = self._store.get(MARKER, len(MARKER_TEXT)) is not None
                except StoreError as error:
                    if _store_error(error).kind == "refused":
                        self._may_read_marker = False
            return self._may_read_marker or False

    def _put(self, name: str, data: bytes, *, replace: bool) -> bool:
        is_stored = self._store.put(name, data, replace=replace)
        if not isinstance(is_stored, bool):
            raise StoreError(f"{type(self._store).__name__}.put returned {is_stored!r:.60}, not a bool")
        if is_stored:
            self._mark()
        return is_stored

    def _mark(self) -> None:
        """Write the marker, once in a process."""
        with contextlib.suppress(Exception):  # an entry matters more, and the next writer tries again
            self._unmarked.pop()
            self._store.put(MARKER, MARKER_TEXT, replace=False)

    def _call(self, operation: Operation, call: Callable[[], T]) -> T:
        """Call the store in another thread, for at most 10 s.

        Raises:
            _SkippedError: The store must not be asked now.
            StoreError: It did not answer, or refused.
        """
        if (reason := self._why_not_here()) is not None:
            raise _SkippedError(reason)
        began = self._availability.begin(operation)
        if isinstance(began, str):
            raise _SkippedError(began)
        try:
            future = start(call)
        except RuntimeError:
            self._availability.note_nothing(began)
            raise _SkippedError("no thread can be started") from None
        cause: BaseException | None = None
        try:
            cause = future.exception(CALL_SECONDS)
        except FutureTimeoutError:
            failure = StoreError(f"no answer in {CALL_SECONDS:g} s")
        else:
            if cause is None:
                self._availability.note_reply(began)
                return future.result(0)
            failure = _store_error(cause)
        if failure.kind == "refused":
            self._availability.note_reply(began)
            self._availability.switch_off(operation, failure.reason)
        else:
            self._availability.note_outage(began, failure.reason)
        raise failure from cause

    def _why_not_here(self) -> str | None:
        # The client of a store may hang in a forked child, whose parent has its threads.
        return None if self._pid == os.getpid() else "a forked process has no shared store"

    def _problem_of(self, key: str, audio: Audio) -> str | None:
        """Return why the lock file does not allow audio under a key, or ``None`` if it does."""
        pin = self.lock.pin_of(key) if self.lock is not None else None
        if pin is None or pin.fits(audio):
            return None
        return f"{self.lock.path.name if self.lock else ''} {PINS_OTHER}"


class _SkippedError(Exception):
    """The store was not asked; the message says why."""


def _checked_bytes(value: object, store: object) -> bytes | None:
    if value is None or isinstance(value, bytes):
        return value
    raise StoreError(f"{type(store).__name__}.get returned {type(value).__name__}, not bytes")


def _store_error(error: BaseException) -> StoreError:
    """Return what a store raised as an error whose attributes can be used and shown."""
    if isinstance(error, StoreError):
        kind = getattr(error, "kind", None)
        reason = reason_of(getattr(error, "reason", ""), _LONGEST_REASON) or "the store gave no reason"
        return StoreError(reason, kind="refused" if kind == "refused" else "outage")
    try:
        text = reason_of(str(error), _LONGEST_REASON)
    except Exception:  # noqa: BLE001 - the error comes from another package
        text = ""
    return StoreError(": ".join(filter(None, [type(error).__name__, text])))
