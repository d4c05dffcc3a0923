"""Checks of many threads and many stores at once."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final, TypeVar

import pytest

from ... import StoreError
from .._checks.expect import expect, refuse
from .base import Open, StoreContractBase
from .handle import STORE_EXCEPTIONS, Handle
from .words import MIXED, ONE_ERROR, PAID_AGAIN, content_of, name_of

T = TypeVar("T")
_THREADS: Final = 16  # calls at once; russo makes up to 32
_WRITERS: Final = 6
_ROUNDS: Final = 4
_BIG: Final = 1 << 20
_REPLACEMENTS: Final = 10


class ThreadChecks(StoreContractBase):
    """Checks many threads and many stores at once."""

    def test_many_threads_use_one_store(self, open_store: Open) -> None:
        """Many threads use one store at once, also for its first calls; each gets its own object."""
        store = open_store().store
        calls = [functools.partial(_put_and_get, store, number) for number in range(_THREADS)]
        wrong = self._at_once(calls, "many threads use one store at once")
        expect(
            not any(wrong),
            "each of many threads that use one store at once gets its own object",
            next((each for each in wrong if each), ""),
            "russo asks a store for up to 32 objects at once, each from a thread of its own",
        )

    def test_of_many_first_puts_one_stores(self, open_store: Open) -> None:
        """Of many create-only puts of one name at once, exactly one returns True, and its object stays."""
        if not self.creates_only:
            pytest.skip("`creates_only` is False: the store cannot check and put in one step")
        stores = [open_store() for _ in range(_WRITERS)]
        for number in range(_ROUNDS):
            name = name_of(number)
            puts = [
                functools.partial(each.store.put, name, content_of(at), replace=False)
                for at, each in enumerate(stores)
            ]
            won = [at for at, is_stored in enumerate(self._at_once(puts, "many puts at once")) if is_stored]
            self._check_winner(won, stores[0].get(name))

    def _check_winner(self, won: list[int], kept: bytes | None) -> None:
        why = "each machine keeps the audio of its successful put, so one machine would replay other audio"
        expect(
            len(won) == 1,
            f"of {_WRITERS} create-only puts of one name at once, exactly one returns True; let the server "
            "check and store in one step, or declare `creates_only = False`",
            f"{len(won)} returned True",
            why,
        )
        expect(
            kept == content_of(won[0]),
            "the object of the create-only put that returned True stays",
            "another object",
            why,
        )

    def test_new_object_is_seen_whole_or_not_at_all(self, open_store: Open) -> None:
        """A reader gets a new object whole or not at all, while another store puts it."""
        writer, readers = open_store(), [open_store() for _ in range(2)]
        for number in range(_ROUNDS):
            name, data = name_of(number), content_of(number, _BIG)
            seen = _seen_while(readers, name, functools.partial(writer.put, name, data))
            self._check_whole(seen, [None, data])

    def test_replaced_object_is_seen_whole(self, open_store: Open) -> None:
        """While a store replaces an object, a reader always gets the old or the new one, whole."""
        writer, readers = open_store(), [open_store() for _ in range(2)]
        name, contents = name_of(1), [content_of(1, _BIG), content_of(2, _BIG // 2)]
        writer.store_new(name, contents[0])

        def replace() -> None:
            for number in range(_REPLACEMENTS):
                writer.put(name, contents[(number + 1) % 2], replace=True)

        self._check_whole(_seen_while(readers, name, replace), contents)

    def _check_whole(self, seen: list[bytes | None], whole: Sequence[bytes | None]) -> None:
        wrong = [each for each in seen if each not in whole]
        sizes = {"no object" if each is None else f"{len(each)} bytes" for each in wrong}
        expect(
            not wrong,
            "a reader never gets a part of an object, and no gap while it is replaced: store it under "
            "another name and rename it, or use the atomic put of the server",
            f"a get returned {' or '.join(sorted(sizes)[:4])} meanwhile",
            MIXED,
        )

    def _at_once(self, calls: Sequence[Callable[[], T]], what: str) -> list[T]:
        """Return what the calls return, which start at the same time in threads of their own."""
        start = threading.Barrier(len(calls))

        def run(call: Callable[[], T], outcome: Future[T]) -> None:
            try:
                start.wait(self.patience)
                outcome.set_result(call())
            except BaseException as error:  # noqa: BLE001 - `outcome.result()` raises it again
                outcome.set_exception(error)

        outcomes: list[Future[T]] = [Future() for _ in calls]
        for call, outcome in zip(calls, outcomes, strict=True):
            threading.Thread(target=run, args=(call, outcome), name="russo.testing", daemon=True).start()
        try:
            return [outcome.result(3 * self.patience) for outcome in outcomes]
        except TimeoutError:
            refuse(f"{what} end", f"not after {3 * self.patience:g} s", "a test run would wait for them")
        except StoreError as error:
            refuse(f"{what}, without an error while the store can be reached", error, PAID_AGAIN)
        except STORE_EXCEPTIONS as error:
            refuse(f"{what}; an error is a russo.StoreError", error, ONE_ERROR)


def _put_and_get(store: Any, number: int) -> str:
    """Put and get an object three times; return what is wrong, or an empty text."""
    for part in range(3):
        name, data = name_of(100 * part + number), content_of(number, 20_000)
        if store.put(name, data, replace=False) is not True:
            return f"put of a new object returned no True in thread {number}"
        back = store.get(name, 1 << 20)
        if back != data:
            return f"thread {number} got {'None' if back is None else 'another object'}"
    return ""


def _seen_while(readers: list[Handle], name: str, write: Callable[[], object]) -> list[bytes | None]:
    """Return the different objects that readers get while a function writes."""
    ended = threading.Event()
    with ThreadPoolExecutor(len(readers)) as threads:
        begun = [threading.Event() for _ in readers]
        reads = [
            threads.submit(_read, reader, name, has_begun, ended)
            for reader, has_begun in zip(readers, begun, strict=True)
        ]
        for each in begun:
            each.wait()
        try:
            write()
        finally:
            ended.set()
        return [data for read in reads for data in read.result()]


def _read(
    reader: Handle, name: str, has_begun: threading.Event, ended: threading.Event
) -> list[bytes | None]:
    """Read an object until the writer has ended, and once more; return the different ones."""
    seen: list[bytes | None] = []
    is_last = False
    try:
        while not is_last:
            is_last = ended.is_set()
            if (data := reader.get(name)) not in seen:
                seen.append(data)
            has_begun.set()
    finally:
        has_begun.set()
    return seen
