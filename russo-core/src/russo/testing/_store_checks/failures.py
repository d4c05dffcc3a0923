"""Checks of a store that fails, and of what it prints and leaves open."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Callable
from typing import Any, Final, Literal

from ... import StoreError
from .._checks.expect import expect, refuse
from .._checks.planted_key import captured_output, texts_of_error
from .base import MakeStore, Open, StoreContractBase
from .handle import STORE_EXCEPTIONS, Handle
from .words import ONE_ERROR, content_of, name_of

_LONGEST_REASON: Final = 300
_KINDS: Final = {
    "outage": "russo tries again after a pause, because a lost connection or a busy server may be temporary",
    "refused": "russo makes no more requests in this run, because each of them would take time and fail, too",
}


class FailureChecks(StoreContractBase):
    """Checks the errors of a store, and what it prints and leaves open."""

    def test_unreachable_store_is_an_outage(
        self, make_unreachable_store: MakeStore, open_with: Callable[[MakeStore], Handle]
    ) -> None:
        """If the server does not answer, each method raises a ``StoreError`` of kind ``outage`` in time."""
        self._check_failures(open_with(make_unreachable_store), "outage", "the server cannot be reached")

    def test_refusal_is_refused(
        self, make_refusing_store: MakeStore, open_with: Callable[[MakeStore], Handle]
    ) -> None:
        """If the server refuses the credentials, each method raises a ``StoreError`` of kind ``refused``."""
        self._check_failures(open_with(make_refusing_store), "refused", "the server refuses the credentials")

    def test_store_says_nothing(self, open_store: Open) -> None:
        """A store prints nothing and issues no warning, also for an object that does not exist."""
        with captured_output() as output:
            handle = open_store()
            handle.get(name_of(1))
            handle.put(name_of(1), content_of(1))
            handle.get(name_of(1))
            handle.close()
        seen = [output.out, output.err, *(str(each.message) for each in output.warned)]
        expect(
            not any(seen),
            "a store prints nothing and issues no warning; log to a logger instead",
            next((each[:300] for each in seen if each), ""),
            "the output belongs to the tests, `--json` must stay JSON, and a warning fails a strict test run",
        )

    def test_nothing_is_left_open(self, open_store: Open) -> None:
        """Files and sockets are closed without the garbage collector."""
        gc.collect()
        with warnings.catch_warnings(record=True, action="always", category=ResourceWarning) as seen:
            self._use(open_store())
            gc.collect()
        left = [str(each.message) for each in seen if issubclass(each.category, ResourceWarning)]
        expect(
            not left,
            "a store closes what a call opens, and the rest in `close`",
            "; ".join(left)[:300],
            "what is left open warns in another test, and a strict test run fails there",
        )

    def _use(self, handle: Handle) -> None:
        handle.put(name_of(1), content_of(1))
        handle.get(name_of(1))
        handle.get(name_of(2))
        handle.end()

    def _check_failures(self, handle: Handle, kind: Literal["outage", "refused"], when: str) -> None:
        """Fail the test unless each method of a store raises the right error, twice."""
        store, name = handle.store, name_of(1)
        calls: dict[str, Callable[[], object]] = {
            "get": lambda: store.get(name, 1000),
            "put": lambda: store.put(name, b"1", replace=False),
            "get again": lambda: store.get(name, 1000),
        }
        if handle.has("list"):
            calls["list"] = lambda: list(store.list("v1/"))
        if handle.has("delete"):
            calls["delete"] = lambda: store.delete(name)
        for method, call in calls.items():
            self._check_failure(handle, method, call, kind, when)

    def _check_failure(
        self, handle: Handle, method: str, call: Callable[[], object], kind: str, when: str
    ) -> None:
        wanted = f"{method} raises a russo.StoreError of kind {kind!r}, if {when}"
        with captured_output() as output:
            try:
                returned = handle.run(call, f"{method}, if {when},")
            except StoreError as error:
                problem = self._problem_of(error, kind)
            except STORE_EXCEPTIONS as error:
                refuse(wanted, self._without_secrets(error), ONE_ERROR)
            else:
                refuse(wanted, f"it returned {returned!r:.80}", "russo would use this answer")
        if problem is not None:
            refuse(f"{problem[0]} ({method}, if {when})", problem[1], problem[2])
        shown = [*output.texts()]
        expect(
            not any(secret in text for secret in self.known_secrets() for text in shown),
            f"{method} logs, prints and warns without a credential, if {when}",
            "a declared secret, or the value of a variable with a secret, is part of it",
            "the output of CI is read by many people",
        )

    def _problem_of(self, error: StoreError, kind: str) -> tuple[str, str, str] | None:
        """Return what is wrong with an error: what is wanted, what was seen, and why."""
        reason: Any = error.reason
        if any(secret in text for secret in self.known_secrets() for text in texts_of_error(error)):
            return (
                "an error and the error it is chained to show no credential; raise it `from None`",
                "a declared secret, or the value of a variable with a secret, is part of the error",
                "the summary, the report and tracebacks show these texts in CI",
            )
        if error.kind != kind:
            return f"the kind of the error is {kind!r}", f"{error.kind!r} ({reason!s:.100})", _KINDS[kind]
        if (
            not isinstance(reason, str)
            or not reason.strip()
            or len(reason) > _LONGEST_REASON
            or not reason.isprintable()
        ):
            return (
                f"the reason of an error is one line of 1 to {_LONGEST_REASON} printable characters",
                f"{reason!r:.120}",
                "the summary shows it in one line: `russo: remote URL: 17 lookups skipped (REASON)`",
            )
        return None

    def _without_secrets(self, error: BaseException) -> str:
        text = f"{type(error).__name__}: {error}"
        for secret in self.known_secrets():
            text = text.replace(secret, "<SECRET>")
        return text[:_LONGEST_REASON]
