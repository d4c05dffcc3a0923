"""Checks of a store before its first call, of its entry point, and of closing it."""

from __future__ import annotations

import functools
import inspect
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest

from ..._remote.discovery import STORES, check_url
from ..._settings import SettingsError
from .._checks.expect import expect, refuse
from .base import MakeStore, Open, StoreContractBase
from .handle import STORE_EXCEPTIONS, Handle
from .words import content_of, name_of

_CONNECTS: Final = frozenset(
    {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "sqlite3.connect", "subprocess.Popen"}
)
_CHEAP: Final = (
    "a run whose prompts are all in the local cache makes the store and never asks it; connect at the first "
    "call"
)


class OpeningChecks(StoreContractBase):
    """Checks how a store is made, found and closed."""

    def test_store_has_get_and_put(self, opened: Handle) -> None:
        """A store has ``get(name, limit)`` and ``put(name, data, *, replace)``, which are not coroutines."""
        for method, call in (
            ("get(name, limit)", lambda signature: signature.bind("v1/russo", 10)),
            ("put(name, data, *, replace)", lambda signature: signature.bind("v1/russo", b"", replace=True)),
        ):
            self._check_method(opened.store, method, call)

    def _check_method(self, store: Any, method: str, bind: Callable[[inspect.Signature], Any]) -> None:
        name = method.partition("(")[0]
        found = getattr(store, name, None)
        wanted = f"a store has the method {method}, which blocks until it is done: `def`, not `async def`"
        why = "russo calls the two methods from threads of its own"
        if not callable(found):
            refuse(wanted, f"{type(store).__name__}.{name} is {found!r:.80}", why)
        expect(not inspect.iscoroutinefunction(found), wanted, f"{name} is a coroutine function", why)
        try:
            signature = inspect.signature(found)
        except ValueError:
            return  # written in C, without a signature; the other checks call it
        try:
            bind(signature)
        except TypeError as error:
            refuse(wanted, f"{name}{signature}: {error}", why)

    def test_making_a_store_opens_no_connection(
        self, make_store: MakeStore, open_with: Callable[[MakeStore], Handle]
    ) -> None:
        """Making a store opens no socket and no database, and starts no process."""
        seen: list[str] = []

        def make() -> Any:
            with _connections(seen):
                return make_store()

        open_with(make)
        expect(
            not seen,
            "making a store opens no socket and no database, and starts no process",
            ", ".join(seen),
            _CHEAP,
        )

    def test_closing_at_any_time(self, open_store: Open) -> None:
        """If there is a ``close``, it may be called before any call, after calls, and more than once."""
        unused, used = open_store(), open_store()
        if not used.has("close"):
            pytest.skip("the store has no close, which is optional")
        used.put(name_of(1), content_of(1))
        for handle in (unused, unused, used, used):
            handle.close()

    def test_entry_point_opens_the_store_of_a_url(
        self, store_url: str, opened: Handle, open_with: Callable[[MakeStore], Handle]
    ) -> None:
        """The entry point in ``russo.stores`` opens the same place from its URL."""
        scheme = store_url.partition("://")[0]
        wanted = f"the entry point {scheme!r} in the group russo.stores opens {store_url}"
        why = "users name a store by its URL only: pytest --russo-remote=URL"
        opened.store_new(name_of(1), content_of(1))
        try:
            factory: Any = STORES.load(check_url(store_url, "the fixture store_url").partition("://")[0])
            other = open_with(lambda: factory(store_url))
        except SettingsError as error:
            refuse(wanted, str(error), why)
        except STORE_EXCEPTIONS as error:
            refuse(wanted, error, why)
        if not (other.has("get") and other.has("put")):
            refuse(wanted, f"{type(other.store).__name__} has no get and put", why)
        expect(
            other.get(name_of(1)) == content_of(1),
            f"{wanted}, the place of make_store",
            "an object that the store of make_store has put is not in it",
            why,
        )

    def test_no_credential_is_shown_by_repr_and_url(self, opened: Handle) -> None:
        """``repr``, ``str`` and the attribute ``url`` of a store show no credential."""
        if not (secrets := self.known_secrets()):
            pytest.skip("no credential is known: `secrets` is empty, and no variable has a secret")
        store = opened.store
        for what, text in (
            ("repr()", repr(store)),
            ("str()", str(store)),
            ("the attribute url", str(getattr(store, "url", ""))),
        ):
            expect(
                not any(secret in text for secret in secrets),
                f"{what} of the store shows no credential",
                f"a declared secret, or the value of a variable with a secret, is part of {what}",
                "the summary, the report and tracebacks show these texts in CI",
            )


@contextmanager
def _connections(seen: list[str]) -> Iterator[None]:
    """Collect the connections that this thread opens, by Python's audit events."""
    watchers, me = _watchers(), threading.get_ident()
    watchers[me] = seen
    try:
        yield
    finally:
        del watchers[me]


@functools.cache
def _watchers() -> dict[int, list[str]]:
    """Install an audit hook, which stays for the life of the process; return the lists of its threads."""
    watchers: dict[int, list[str]] = {}

    def record(event: str, values: tuple[Any, ...]) -> None:
        if watchers and event in _CONNECTS and (seen := watchers.get(threading.get_ident())) is not None:
            seen.append(f"{event}{values[-1:]!r:.100}")

    sys.addaudithook(record)
    return watchers
