"""Checks of replies that break off, stall, redirect or hold no audio."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Final

import pytest

from ... import NoAudioError, RequestRejectedError, ServiceError, SynthesisError, SynthesisTimeoutError
from .._server.loopback import LoopbackServer, Reply
from .._server.service import HttpService
from .._sound import wav
from .base import SAMPLES, Make, ServiceContractBase, expect_connections_closed
from .deadlines import END_SECONDS
from .expect import expect
from .reasons import ERROR_CLASS, MAY_BE_BILLED

LOST: Final = {
    f"{place} {how}{' chunked' if chunked else ''}": (place, how, chunked)
    for place in ("start", "status", "headers", "body")
    for how in ("close", "reset")
    for chunked in (False, True)
}
NO_AUDIO: Final = {
    "nothing": b"",
    "JSON": b'{"detail": "ok"}',
    "a list": b"[]",
    "HTML": b"<!DOCTYPE html><p>Sign in</p>",
}
NO_SOUND: Final = {"no samples": b"", "silence": b"\0" * 4800}

_CONNECTION_LEAK: Final = "each call would leave one open, until the service or the system refuses more"


class ReplyChecks(ServiceContractBase):
    """Checks bad replies; skipped if no ``service`` is declared."""

    def test_connection_lost_is_a_service_error(
        self, lost: str, loopback: LoopbackServer, http: HttpService, speaking: Make
    ) -> None:
        """A reply that breaks off at any point is a ``ServiceError``, never a shorter audio."""
        place, how, chunked = LOST[lost]
        good = replace(http.good(SAMPLES), chunked=chunked)
        loopback.replies = replace(good, fail_at=place, fail_how=how)  # type: ignore[arg-type]
        what = f"a connection lost ({how}) at the {place} of the reply"
        error = self.error_of(speaking(max_attempts=1), when=what)
        self._check(error, ServiceError, what, reached=http.is_reached(place))
        self._check_one_request(loopback, what)
        expect(error.__cause__ is not None, "the SDK's error is chained", error, ERROR_CLASS)
        expect_connections_closed(loopback, "no connection stays open after a failure", _CONNECTION_LEAK)

    def test_connection_lost_is_retried(
        self, loopback: LoopbackServer, http: HttpService, speaking: Make
    ) -> None:
        """A call is retried after a reply that broke off."""
        good = http.good(SAMPLES)
        loopback.replies = [replace(good, fail_at="body"), good]
        self.speak(speaking())
        self.expect_one_retry(loopback)

    def test_service_that_falls_silent_is_a_timeout(
        self, silent: str, loopback: LoopbackServer, http: HttpService, speaking: Make
    ) -> None:
        """``timeout`` limits an attempt if the reply stops at any point or comes byte by byte."""
        self.speak(speaking())  # imports the SDK, so that the import is not measured below
        before = len(loopback.requests)
        place, how = ("body", "drip") if silent == "by drops" else (silent, "hang")
        loopback.replies = replace(http.good(SAMPLES), fail_at=place, fail_how=how)  # type: ignore[arg-type]
        synthesizer = speaking(timeout=0.3, max_attempts=1)
        start = time.monotonic()
        what = f"a service that falls silent ({silent} of the reply), after timeout=0.3 seconds,"
        error = self.error_of(synthesizer, when=what)
        took = time.monotonic() - start
        self._check(error, SynthesisTimeoutError, what, reached=http.is_reached(place))
        self._check_one_request(loopback, what, before=before)
        expect(took < 0.3 + END_SECONDS, f"{what} is one at once", f"after {took:.1f} s", MAY_BE_BILLED)
        expect_connections_closed(loopback, "no connection stays open after a timeout", _CONNECTION_LEAK)

    def test_unreachable_service_is_a_service_error(self, loopback: LoopbackServer, speaking: Make) -> None:
        """If the connection is refused, the error has ``reached=False``, because no request was sent."""
        synthesizer = speaking(max_attempts=1)
        loopback.close()
        error = self.error_of(synthesizer, when="a refused connection")
        self._check(error, ServiceError, "a refused connection", reached=False)

    def test_reply_that_is_no_audio_is_refused(
        self, no_audio: str, loopback: LoopbackServer, speaking: Make
    ) -> None:
        """A page, JSON or an empty body with status 200 is an error, even with an audio content type."""
        for kind in ("application/json", "text/html", "audio/wav"):
            loopback.replies = Reply(body=NO_AUDIO[no_audio], headers={"Content-Type": kind})
            before, what = len(loopback.requests), f"a reply of {no_audio} ({kind})"
            error = self.error_of(speaking(max_attempts=1), when=what)
            self._check_one_request(loopback, what, before=before)
            expect(
                isinstance(error, NoAudioError | ServiceError) and error.reached,
                f"{what} is a NoAudioError or a ServiceError, reached",
                error,
                "gateways and sign-in pages answer 200; a page that counts as speech would be "
                "replayed forever",
            )
            expect(
                error.retryable is (not NO_AUDIO[no_audio]),
                f"{what} is retryable only if it is empty",
                error,
                "the next attempt would return the same document, and may be billed, too",
            )

    def test_reply_without_sound_is_no_audio(
        self, no_sound: str, loopback: LoopbackServer, http: HttpService, speaking: Make
    ) -> None:
        """Audio without samples or with silence only is a ``NoAudioError``."""
        loopback.replies = http.good(NO_SOUND[no_sound])
        error = self.error_of(speaking(max_attempts=1), when=f"a reply with {no_sound}")
        self._check(error, NoAudioError, f"a reply with {no_sound}", reached=True)

    def test_truncated_wav_is_refused(
        self, loopback: LoopbackServer, http: HttpService, speaking: Make
    ) -> None:
        """A WAV file shorter than its header says is an error, even in a complete HTTP reply."""
        good = http.good(SAMPLES)
        if good.body[:4] != b"RIFF":
            pytest.skip("the service sends no WAV file")
        whole = wav(SAMPLES)
        loopback.replies = replace(good, body=whole[: len(whole) // 2])
        error = self.error_of(speaking(max_attempts=1), when="a WAV file that is cut in half")
        expect(
            isinstance(error, NoAudioError | ServiceError) and error.retryable and error.reached,
            "half a WAV file is a NoAudioError or a ServiceError, retryable, reached",
            error,
            "half a sentence would be stored and replayed forever; russo.authoring.wav_audio refuses it",
        )

    def test_redirect_is_not_followed(
        self, loopback: LoopbackServer, http: HttpService, speaking: Make
    ) -> None:
        """A redirect is an error; its target gets no request, and so neither key nor text."""
        with http.serve(http.good(SAMPLES)) as elsewhere:
            for status in (301, 302, 303, 307, 308):
                before, what = len(loopback.requests), f"status {status} with a Location"
                loopback.replies = Reply(status=status, headers={"Location": f"{elsewhere.url}/elsewhere"})
                error = self.error_of(speaking(max_attempts=2), when=what)
                self._check_one_request(loopback, what, before=before)
                expect(
                    not elsewhere.requests
                    and isinstance(error, RequestRejectedError)
                    and not error.retryable,
                    f"{what} is a RequestRejectedError with retryable=False; its target gets no request",
                    f"{len(elsewhere.requests)} requests there, {error!r}",
                    "the key and the text would go to any server that the reply names",
                )

    def _check_one_request(self, loopback: LoopbackServer, what: str, *, before: int = 0) -> None:
        """Check that one attempt made one request."""
        expect(
            len(loopback.requests) == before + 1,
            f"{what} makes one request: an SDK's own retries are off",
            f"{len(loopback.requests) - before}",
            MAY_BE_BILLED,
        )

    def _check(self, error: SynthesisError, kind: type[SynthesisError], what: str, *, reached: bool) -> None:
        expect(
            isinstance(error, kind) and error.retryable and error.reached is reached,
            f"{what} is a {kind.__name__} with retryable=True, reached={reached}",
            error,
            ERROR_CLASS,
        )
