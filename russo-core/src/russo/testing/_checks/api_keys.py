"""Checks of the key that a service is sent: where it is read, and that nothing shows or keeps it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest

from ... import AudioCache, AuthenticationError, CachedSynthesizer
from .._server.loopback import LoopbackServer, Reply
from .._server.service import HttpService
from .base import SAMPLES, Make, ServiceDeclared, as_json, fields_of
from .errors import check_unseen
from .expect import expect, refuse
from .planted_key import PLANTED_KEY, listening

BAD_KEYS: Final = {"space": " two words", "line end": " line\nend", "accent": " caf\u00e9"}

_PAID: Final = "every attempt may be paid for; russo.authoring.Attempts decides it for all backends"


class KeyChecks(ServiceDeclared):
    """What holds for backends that send a key; skipped where no ``service`` has a ``sent_key``."""

    @pytest.fixture
    def keyed(self, http: HttpService) -> HttpService:
        """The declared service; skips the check where it takes no key."""
        if http.sent_key is None:
            pytest.skip("the service takes no key: it is declared without sent_key")
        return http

    def _key_sent(self, http: HttpService, running: LoopbackServer) -> str:
        request = self.last(running)
        assert http.sent_key is not None, "`keyed` skips where there is none"
        try:
            return http.sent_key(request)
        except Exception as error:  # noqa: BLE001 - it is the author's
            refuse(
                "sent_key of HttpService reads the key from a request",
                f"{error!r}; the request has the headers {', '.join(sorted(request.headers))}",
                "which key is sent is what is checked",
            )

    def test_missing_key_is_an_error_that_names_the_variables(
        self, running: LoopbackServer, keyed: HttpService, calling: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Without a key, and with an empty variable, the error says which variables to set."""
        self._need_variables()
        for name in self.credentials:
            monkeypatch.setenv(name, "")  # empty is missing
        error = self.failed(calling(api_key=None), when="there is no key")
        named = all(name in str(error) for name in self.credentials)
        expect(
            isinstance(error, AuthenticationError) and named and not error.retryable and not error.reached,
            f"a missing key is an AuthenticationError, reached=False, that names {self.credentials}",
            error,
            "it is the first error of most users",
        )
        expect(not running.requests, "without a key no request is made", f"{len(running.requests)}", _PAID)

    def test_each_variable_is_read_at_the_first_miss(
        self, running: LoopbackServer, keyed: HttpService, calling: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A key is read when it is needed, from the first of ``credentials`` that holds one."""
        self._need_variables()
        for name in self.credentials:
            monkeypatch.delenv(name, raising=False)
        for name in reversed(self.credentials):  # an earlier one wins over those set already
            synthesizer = calling(api_key=None)
            monkeypatch.setenv(name, f"{PLANTED_KEY}-{name}")
            self.speak(synthesizer)
            sent = self._key_sent(keyed, running)
            expect(
                sent == f"{PLANTED_KEY}-{name}",
                f"the key is read from {name} at the miss, the first of {self.credentials} wins",
                f"another key was sent ({len(sent)} characters)",
                "`russo backends` tells users which variables count, in this order",
            )

    def test_given_key_wins_over_the_variables(
        self, running: LoopbackServer, keyed: HttpService, calling: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The option ``api_key`` is used whatever the environment holds."""
        for name in self.credentials:
            monkeypatch.setenv(name, "another-key")
        self.speak(calling())
        expect(
            self._key_sent(keyed, running) == PLANTED_KEY,
            "api_key wins over the variables",
            "the variable's key was sent",
            "code that names an account would pay from another",
        )

    def test_key_that_no_header_carries_is_refused_unseen(
        self, bad_key: str, running: LoopbackServer, keyed: HttpService, calling: Make
    ) -> None:
        """A key with a space, a line end or a letter beyond ASCII is an error that does not show it."""
        error = self.failed(calling(api_key=PLANTED_KEY + BAD_KEYS[bad_key]), when=f"the key has a {bad_key}")
        expect(
            isinstance(error, AuthenticationError) and not error.reached and not running.requests,
            "a key that no header carries is an AuthenticationError, reached=False; authoring.read_api_key",
            f"{type(error).__name__}, reached={error.reached}, {len(running.requests)} requests",
            "HTTP clients refuse it with the whole header in the message",
        )

    def test_key_is_shown_by_nothing(
        self,
        key_from: str,
        running: LoopbackServer,
        keyed: HttpService,
        calling: Make,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Neither a key that is given nor that of a variable is shown, where the service repeats it too.

        Not by messages, what they are chained to, attributes, notes, reprs, log records, warnings and output.
        """
        options: dict[str, Any] = {"max_attempts": 1}
        if key_from == "variable":
            self._need_variables()
            monkeypatch.setenv(self.credentials[0], PLANTED_KEY)
            options["api_key"] = None
        synthesizer = calling(**options)
        with listening() as said:
            self.speak(synthesizer)
        check_unseen([*said.texts()], "what is logged, warned of and printed while it speaks")
        shown = [repr(synthesizer), str(synthesizer), as_json(fields_of(synthesizer))]
        check_unseen(shown, "repr, str and cache_key_extra of a synthesizer that has spoken")
        repeated = f"bad key {PLANTED_KEY}!"
        for status in (400, 401, 403, 404, 422, 429, 500):
            running.replies = keyed.error_reply(status, repeated, None)
            self.failed(synthesizer, when=f"status {status} repeats the key")
        page = Reply(body=f"<p>{repeated}".encode(), headers={"Content-Type": "text/html"})
        for reply in (page, Reply(body=repeated.encode(), headers=keyed.good(SAMPLES).headers)):
            running.replies = reply
            self.refused(synthesizer, when="a page under status 200 repeats the key")

    def test_key_is_not_kept_with_the_audio(self, keyed: HttpService, calling: Make, tmp_path: Path) -> None:
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
