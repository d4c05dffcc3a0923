"""Checks of the key that a service is sent: where it is read, and that nothing shows or keeps it."""

from __future__ import annotations

import logging
import traceback
from pathlib import Path
from typing import Final

import pytest

from .. import AudioCache, AuthenticationError, CachedSynthesizer
from ._declared import PLANTED_KEY, Make, ServiceDeclared
from ._expect import expect
from ._loopback import LoopbackServer
from ._service import HttpService

BAD_KEYS: Final = {"space": " two words", "line end": " line\nend", "accent": " caf\u00e9"}

_LEAK: Final = "messages end in logs, in CI's output and in bug reports"
_PAID: Final = "every attempt may be paid for; russo.authoring.Calls decides it for all backends"


class KeyChecks(ServiceDeclared):
    """What holds for backends that send a key; skipped where no ``service`` is declared."""

    def test_missing_key_is_an_error_that_names_the_variables(
        self, running: LoopbackServer, calling: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Without a key, and with an empty variable, the error says which variables to set."""
        self._need_variables()
        for name in self.credentials:
            monkeypatch.setenv(name, "")  # empty is missing
        error = self.failed(calling(api_key=None))
        named = all(name in str(error) for name in self.credentials)
        expect(
            isinstance(error, AuthenticationError) and named and not error.retryable and not error.reached,
            f"a missing key is an AuthenticationError, reached=False, that names {self.credentials}",
            error,
            "it is the first error of most users",
        )
        expect(not running.requests, "without a key no request is made", f"{len(running.requests)}", _PAID)

    def test_each_variable_is_read_at_the_first_miss(
        self, running: LoopbackServer, http: HttpService, calling: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A key is read when it is needed, from the first of ``credentials`` that holds one."""
        self._need_variables()
        for name in self.credentials:
            monkeypatch.delenv(name, raising=False)
        for name in reversed(self.credentials):  # an earlier one wins over those set already
            synthesizer = calling(api_key=None)
            monkeypatch.setenv(name, f"{PLANTED_KEY}-{name}")
            self.speak(synthesizer)
            sent = http.sent_key(running.requests[-1].headers)
            expect(
                sent == f"{PLANTED_KEY}-{name}",
                f"the key is read from {name} at the miss, the first of {self.credentials} wins",
                f"another key was sent ({len(sent)} characters)",
                "`russo backends` tells users which variables count, in this order",
            )

    def test_given_key_wins_over_the_variables(
        self, running: LoopbackServer, http: HttpService, calling: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The option ``api_key`` is used whatever the environment holds."""
        for name in self.credentials:
            monkeypatch.setenv(name, "another-key")
        self.speak(calling())
        expect(
            http.sent_key(running.requests[0].headers) == PLANTED_KEY,
            "api_key wins over the variables",
            "the variable's key was sent",
            "code that names an account would pay from another",
        )

    def test_key_that_no_header_carries_is_refused_unseen(
        self, bad_key: str, running: LoopbackServer, calling: Make
    ) -> None:
        """A key with a space, a line end or a letter beyond ASCII is an error that does not show it."""
        error = self.failed(calling(api_key=PLANTED_KEY + BAD_KEYS[bad_key]))
        shown = PLANTED_KEY in "".join(traceback.format_exception(error))
        expect(
            isinstance(error, AuthenticationError) and not error.reached and not running.requests,
            "a key that no header carries is an AuthenticationError, reached=False; russo.authoring.read_key",
            f"{type(error).__name__}, reached={error.reached}, {len(running.requests)} requests",
            "HTTP clients refuse it with the whole header in the message",
        )
        expect(
            not shown,
            "an error shows no key, nor does what it is chained to",
            f"{type(error).__name__}",
            _LEAK,
        )

    def test_key_is_in_no_message_and_no_log_record(
        self, running: LoopbackServer, http: HttpService, calling: Make, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A service that repeats the key is shown without it: message, attributes, traceback, log."""
        synthesizer = calling(max_attempts=1)
        said = []
        with caplog.at_level(logging.DEBUG):
            self.speak(synthesizer)
            for status in (400, 401, 403, 404, 422, 429, 500):
                running.replies = http.error_reply(status, f"bad key {PLANTED_KEY}!", None)
                error = self.failed(synthesizer)
                said += [repr(error), repr(vars(error)), *traceback.format_exception(error)]
        formatter = logging.Formatter("%(name)s %(message)s %(args)s")
        said += [formatter.format(record) for record in caplog.records]
        shown = [text.replace(PLANTED_KEY, "<KEY>") for text in said if PLANTED_KEY in text]
        expect(
            not shown, "no message, attribute, traceback or log record holds the key", f"{shown[:1]}", _LEAK
        )

    def test_key_is_not_kept_with_the_audio(self, calling: Make, tmp_path: Path) -> None:
        """Nothing in the cache holds the key."""
        self.speak(CachedSynthesizer(calling(), cache=AudioCache(tmp_path), mode="auto"))
        kept = {path.name: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
        shown = [name for name, content in kept.items() if PLANTED_KEY.encode() in content]
        expect(
            not shown,
            "nothing that is stored holds the key",
            f"{shown}",
            "recordings are committed and shared",
        )

    def _need_variables(self) -> None:
        if not self.credentials:
            pytest.skip("the class names no variables in `credentials`")
