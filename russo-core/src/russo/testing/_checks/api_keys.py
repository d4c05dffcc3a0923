"""Checks of the API key that is sent to a service: where it is read, and that nothing shows or stores it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest

from ... import AudioCache, AuthenticationError, CachedSynthesizer
from .._server.loopback import LoopbackServer, Reply
from .._server.service import HttpService
from .base import SAMPLES, Make, ServiceContractBase, as_json, fields_of
from .errors import check_unseen
from .expect import expect, refuse
from .planted_key import PLANTED_KEY, captured_output
from .reasons import MAY_BE_BILLED

BAD_KEYS: Final = {"space": " two words", "line end": " line\nend", "accent": " caf\u00e9"}


class ApiKeyChecks(ServiceContractBase):
    """Checks backends that send a key; skipped if there is no ``service`` with a ``sent_key``."""

    @pytest.fixture
    def keyed_service(self, http: HttpService) -> HttpService:
        """Return the declared service; skip the check if the service takes no key."""
        if http.sent_key is None:
            pytest.skip("the service takes no key: it is declared without sent_key")
        return http

    def _key_sent(self, http: HttpService, loopback: LoopbackServer) -> str:
        request = self.last_request(loopback)
        assert http.sent_key is not None, "the fixture `keyed_service` skips the check if there is none"
        try:
            return http.sent_key(request)
        except Exception as error:  # noqa: BLE001 - the author's function may raise anything
            refuse(
                "sent_key of HttpService reads the key from a request",
                f"{error!r}; the request has the headers {', '.join(sorted(request.headers))}",
                "the test decides which key is sent",
            )

    def test_missing_key_is_an_error_that_names_the_variables(
        self,
        loopback: LoopbackServer,
        keyed_service: HttpService,
        speaking: Make,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Without a key, or with an empty variable, the error names the variables to set."""
        self._skip_without_variables()
        for name in self.credentials:
            monkeypatch.setenv(name, "")  # an empty variable counts as missing
        error = self.error_of(speaking(api_key=None), when="there is no key")
        named = all(name in str(error) for name in self.credentials)
        expect(
            isinstance(error, AuthenticationError) and named and not error.retryable and not error.reached,
            f"a missing key is an AuthenticationError, reached=False, that names {self.credentials}",
            error,
            "most users see this error first",
        )
        expect(
            not loopback.requests,
            "without a key no request is made",
            f"{len(loopback.requests)}",
            MAY_BE_BILLED,
        )

    def test_each_variable_is_read_at_the_first_miss(
        self,
        loopback: LoopbackServer,
        keyed_service: HttpService,
        speaking: Make,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """The key is read at the first miss, from the first variable in ``credentials`` that is set."""
        self._skip_without_variables()
        for name in self.credentials:
            monkeypatch.delenv(name, raising=False)
        for name in reversed(self.credentials):  # each variable has precedence over those already set
            synthesizer = speaking(api_key=None)
            monkeypatch.setenv(name, f"{PLANTED_KEY}-{name}")
            self.speak(synthesizer)
            sent = self._key_sent(keyed_service, loopback)
            expect(
                sent == f"{PLANTED_KEY}-{name}",
                f"the key is read from {name} at the miss, the first of {self.credentials} wins",
                f"another key was sent ({len(sent)} characters)",
                "`russo backends` tells users which variables count, in this order",
            )

    def test_given_key_wins_over_the_variables(
        self,
        loopback: LoopbackServer,
        keyed_service: HttpService,
        speaking: Make,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """The option ``api_key`` wins over the environment variables."""
        for name in self.credentials:
            monkeypatch.setenv(name, "another-key")
        self.speak(speaking())
        expect(
            self._key_sent(keyed_service, loopback) == PLANTED_KEY,
            "api_key wins over the variables",
            "the variable's key was sent",
            "the call would be billed to another account than the code names",
        )

    def test_key_that_no_header_carries_is_refused_unseen(
        self, bad_key: str, loopback: LoopbackServer, keyed_service: HttpService, speaking: Make
    ) -> None:
        """A key with a space, a line end or a non-ASCII letter is refused by an error that hides it."""
        error = self.error_of(
            speaking(api_key=PLANTED_KEY + BAD_KEYS[bad_key]), when=f"the key has a {bad_key}"
        )
        expect(
            isinstance(error, AuthenticationError) and not error.reached and not loopback.requests,
            "a key that no header carries is an AuthenticationError, reached=False; authoring.read_api_key",
            f"{type(error).__name__}, reached={error.reached}, {len(loopback.requests)} requests",
            "HTTP clients refuse it with the whole header in the message",
        )

    def test_key_is_shown_by_nothing(
        self,
        key_from: str,
        loopback: LoopbackServer,
        keyed_service: HttpService,
        speaking: Make,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """A key, from the option or a variable, is not shown, even if the service's reply repeats it.

        Not in messages, chained errors, attributes, notes, reprs, log records, warnings or output.
        """
        options: dict[str, Any] = {"max_attempts": 1}
        if key_from == "variable":
            self._skip_without_variables()
            monkeypatch.setenv(self.credentials[0], PLANTED_KEY)
            options["api_key"] = None
        synthesizer = speaking(**options)
        with captured_output() as output:
            self.speak(synthesizer)
        check_unseen([*output.texts()], "log records, warnings and output while it speaks")
        shown = [repr(synthesizer), str(synthesizer), as_json(fields_of(synthesizer))]
        check_unseen(shown, "repr, str and cache_key_extra of a synthesizer that has spoken")
        repeated = f"bad key {PLANTED_KEY}!"
        for status in (400, 401, 403, 404, 422, 429, 500):
            loopback.replies = keyed_service.error_reply(status, repeated, None)
            self.error_of(synthesizer, when=f"status {status} repeats the key")
        page = Reply(body=f"<p>{repeated}".encode(), headers={"Content-Type": "text/html"})
        for reply in (page, Reply(body=repeated.encode(), headers=keyed_service.good(SAMPLES).headers)):
            loopback.replies = reply
            self.audio_or_error(synthesizer, when="a page under status 200 repeats the key")

    def test_key_is_not_kept_with_the_audio(
        self, keyed_service: HttpService, speaking: Make, tmp_path: Path
    ) -> None:
        """No file in the cache contains the key."""
        self.speak(CachedSynthesizer(speaking(), cache=AudioCache(tmp_path), mode="auto"))
        kept = {path.name: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
        shown = [name for name, content in kept.items() if PLANTED_KEY.encode() in content]
        expect(
            not shown,
            "no stored file holds the key",
            f"{shown}",
            "recordings are committed and shared",
        )

    def _skip_without_variables(self) -> None:
        if not self.credentials:
            pytest.skip("the class names no variables in `credentials`")
