"""`Handle`: a store and its thread. A call fails the test if it breaks the contract, or the time limit."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any, Final, TypeVar

from ... import StoredObject, StoreError
from .._checks.expect import expect, refuse
from .words import ONE_ERROR

T = TypeVar("T")
# Everything that a store may raise. Ctrl-C and pytest's own outcomes are not included: they end the run.
STORE_EXCEPTIONS: Final = (Exception, SystemExit, GeneratorExit)
LIMIT: Final = 64 << 20


class CallThread:
    """A daemon thread that makes calls one after another, so that a store may belong to its thread.

    Attributes:
        is_usable: False after the end, and after a call that did not end in time.
    """

    def __init__(self) -> None:
        self.is_usable = True
        self._calls: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None] = queue.SimpleQueue()
        threading.Thread(target=self._run, name="russo.testing", daemon=True).start()

    def call(self, call: Callable[[], T], seconds: float, what: str) -> T:
        """Return what a function returns; the test fails if it does not end in time."""
        outcome: Future[T] = Future()
        start = time.monotonic()
        self._calls.put((call, outcome))
        try:
            return outcome.result(seconds)
        except FutureTimeoutError:
            if outcome.done():
                raise  # the store raised it
        self.is_usable = False
        return refuse(
            f"{what} ends within {seconds:g} s, with a result or an error; give the client of the store a "
            "time limit",
            f"no end after {time.monotonic() - start:.0f} s",
            "russo gives up after 10 s, and until then a test waits",
        )

    def end(self) -> None:
        """End the thread after its last call."""
        self.is_usable = False
        self._calls.put(None)

    def _run(self) -> None:
        while (given := self._calls.get()) is not None:
            call, outcome = given
            try:
                outcome.set_result(call())
            except BaseException as error:  # noqa: BLE001 - `outcome.result()` raises it again
                outcome.set_exception(error)


class Handle:
    """An opened store, whose calls all come from one thread.

    Args:
        make: Makes the store.
        patience: The limit for each call in seconds.
    """

    def __init__(self, make: Callable[[], Any], patience: float) -> None:
        self._thread: Final = CallThread()
        self._patience: Final = patience
        self.store: Final[Any] = self.checked(make, "make_store()")

    def has(self, method: str) -> bool:
        """Return whether the store has an optional method."""
        return callable(getattr(self.store, method, None))

    def run(self, call: Callable[[], T], what: str, seconds: float | None = None) -> T:
        """Return what a function returns that uses the store; its error is raised, not checked."""
        return self._thread.call(call, self._patience if seconds is None else seconds, what)

    def checked(self, call: Callable[[], T], what: str, seconds: float | None = None) -> T:
        """Return what a function returns that uses the store; fail the test if it raises or does not end."""
        try:
            return self.run(call, what, seconds)
        except StoreError as error:
            refuse(
                f"{what} works while the store can be reached", error, "the checks need a store that works"
            )
        except STORE_EXCEPTIONS as error:
            refuse(f"{what} returns, or raises a russo.StoreError", error, ONE_ERROR)

    def get(self, name: str, limit: int = LIMIT) -> bytes | None:
        """Return an object, or ``None``."""
        what = f"get({_short(name)}, {limit})"
        data = self.checked(lambda: self.store.get(name, limit), what)
        if data is not None and type(data) is not bytes:
            refuse(
                "get returns bytes or None; convert the value by bytes(...)",
                f"{what} returned {type(data).__name__}",
                "russo counts another type as a failure of the store",
            )
        return data

    def put(self, name: str, data: bytes, *, replace: bool = False) -> bool:
        """Store an object; return what the store returned."""
        what = f"put({_short(name)}, <{len(data)} bytes>, replace={replace})"
        is_stored = self.checked(lambda: self.store.put(name, data, replace=replace), what)
        if not isinstance(is_stored, bool):
            refuse(
                "put returns True if it has stored the object, and False if there is one of this name and "
                "`replace` is false",
                f"{what} returned {is_stored!r:.80}",
                "russo counts another value as a failed upload",
            )
        return is_stored

    def store_new(self, name: str, data: bytes) -> None:
        """Store an object of a new name; fail the test if the store says that there is one."""
        expect(
            self.put(name, data),
            "put returns True if there is no object of this name, and stores it",
            f"put({_short(name)}, <{len(data)} bytes>, replace=False) returned False in an empty place",
            "the speech would never reach the other machines; does make_store lead to an empty place?",
        )

    def list(self, prefix: str) -> list[StoredObject]:
        """Return the objects of a prefix."""
        what = f"list({prefix!r})"
        listed = self.checked(lambda: list(self.store.list(prefix)), what)
        wrong = next((each for each in listed if not isinstance(each, StoredObject)), None)
        expect(
            wrong is None,
            "list yields russo.StoredObject, each with name, size and time",
            f"{what} yielded {wrong!r:.120}",
            "`russo cache pull --all` and `push` read these",
        )
        return listed

    def delete(self, name: str) -> None:
        """Remove an object."""
        self.checked(lambda: self.store.delete(name), f"delete({_short(name)})")

    def close(self) -> None:
        """Close the store, if it can be closed."""
        if self.has("close"):
            self.checked(self.store.close, "close()")

    def end(self) -> None:
        """Close the store without a check, and end its thread."""
        with contextlib.suppress(*STORE_EXCEPTIONS):  # the check of `close` reports them
            if self._thread.is_usable and self.has("close"):
                self._thread.call(self.store.close, self._patience, "close()")
        self._thread.end()


def _short(name: str) -> str:
    """Return a name for a message."""
    return repr(name if len(name) <= 24 else f"{name[:14]}…{name[-6:]}")
