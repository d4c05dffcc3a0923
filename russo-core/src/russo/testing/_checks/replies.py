"""Checks of replies that break off, fall silent, lead elsewhere or hold no audio."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Final

import pytest

from ... import NoAudioError, RequestRejectedError, ServiceError, SynthesisError, SynthesisTimeoutError
from .._server.loopback import LoopbackServer, Reply
from .._server.service import HttpService
from .._sound import wav
from .base import SAMPLES, Make, ServiceDeclared
from .deadlines import ENDING
from .errors import PAID, TREE
from .expect import expect

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

_OPEN: Final = "each call would leave one, until the service or the system refuses more"


class ReplyChecks(ServiceDeclared):
    """What holds of replies; skipped where no ``service`` is declared."""

    def test_connection_lost_is_a_service_error(
        self, lost: str, running: LoopbackServer, http: HttpService, calling: Make
    ) -> None:
        """Wherever the reply breaks off, half of it is never taken for speech."""
        place, how, chunked = LOST[lost]
        good = replace(http.good(SAMPLES), chunked=chunked)
        running.replies = replace(good, fail_at=place, fail_how=how)  # type: ignore[arg-type]
        what = f"a connection lost ({how}) at the {place} of the reply"
        error = self.failed(calling(max_attempts=1), when=what)
        self._check(error, ServiceError, what, reached=True)
        self.once(running, what)
        expect(error.__cause__ is not None, "what the SDK raised is chained", error, TREE)
        expect(running.wait_closed(), "no connection stays open after a failure", "one is open", _OPEN)

    def test_connection_lost_is_retried(
        self, running: LoopbackServer, http: HttpService, calling: Make
    ) -> None:
        """A reply that broke off is asked for again."""
        good = http.good(SAMPLES)
        running.replies = [replace(good, fail_at="body"), good]
        self.speak(calling())
        expect(len(running.requests) == 2, "one retry makes 2 requests", f"{len(running.requests)}", PAID)

    def test_service_that_falls_silent_is_a_timeout(
        self, silent: str, running: LoopbackServer, http: HttpService, calling: Make
    ) -> None:
        """``timeout`` bounds an attempt wherever the reply stops, and one that comes byte by byte."""
        self.speak(calling())  # the SDK is imported now, so the seconds below are the call's
        before = len(running.requests)
        place, how = ("body", "drip") if silent == "by drops" else (silent, "hang")
        running.replies = replace(http.good(SAMPLES), fail_at=place, fail_how=how)  # type: ignore[arg-type]
        synthesizer = calling(timeout=0.3, max_attempts=1)
        start = time.monotonic()
        what = f"a service that falls silent ({silent} of the reply), after timeout=0.3 seconds,"
        error = self.failed(synthesizer, when=what)
        took = time.monotonic() - start
        self._check(error, SynthesisTimeoutError, what, reached=True)
        self.once(running, what, before=before)
        expect(took < 0.3 + ENDING, f"{what} is one at once", f"after {took:.1f} s", PAID)
        expect(running.wait_closed(), "no connection stays open after a timeout", "one is open", _OPEN)

    def test_unreachable_service_is_a_service_error(self, running: LoopbackServer, calling: Make) -> None:
        """Where nobody listens, the error says that nothing was reached, and so nothing paid."""
        synthesizer = calling(max_attempts=1)
        running.close()
        error = self.failed(synthesizer, when="a refused connection")
        self._check(error, ServiceError, "a refused connection", reached=False)

    def test_reply_that_is_no_audio_is_refused(
        self, no_audio: str, running: LoopbackServer, calling: Make
    ) -> None:
        """A page, JSON or nothing at all under status 200 is no speech, whatever type it claims."""
        for kind in ("application/json", "text/html", "audio/wav"):
            running.replies = Reply(body=NO_AUDIO[no_audio], headers={"Content-Type": kind})
            before, what = len(running.requests), f"a reply of {no_audio} ({kind})"
            error = self.failed(calling(max_attempts=1), when=what)
            self.once(running, what, before=before)
            expect(
                isinstance(error, NoAudioError | ServiceError) and error.retryable and error.reached,
                f"{what} is a NoAudioError or a ServiceError, retryable, reached",
                error,
                "gateways and sign-in pages answer 200; what passes for speech is recorded for ever",
            )

    def test_reply_without_sound_is_no_audio(
        self, no_sound: str, running: LoopbackServer, http: HttpService, calling: Make
    ) -> None:
        """Audio without samples, or silent from end to end, is a ``NoAudioError``."""
        running.replies = http.good(NO_SOUND[no_sound])
        error = self.failed(calling(max_attempts=1), when=f"a reply with {no_sound}")
        self._check(error, NoAudioError, f"a reply with {no_sound}", reached=True)

    def test_truncated_wav_is_refused(
        self, running: LoopbackServer, http: HttpService, calling: Make
    ) -> None:
        """Half a WAV file, whose header tells how long it should be, is no audio, though HTTP is content."""
        good = http.good(SAMPLES)
        if good.body[:4] != b"RIFF":
            pytest.skip("the service sends no WAV file")
        whole = wav(SAMPLES)
        running.replies = replace(good, body=whole[: len(whole) // 2])
        error = self.failed(calling(max_attempts=1), when="a WAV file that is cut in half")
        expect(
            isinstance(error, NoAudioError | ServiceError) and error.retryable and error.reached,
            "half a WAV file is a NoAudioError or a ServiceError, retryable, reached",
            error,
            "half a sentence would be recorded for ever; russo.authoring.wav_audio refuses it",
        )

    def test_redirect_is_not_followed(
        self, running: LoopbackServer, http: HttpService, calling: Make
    ) -> None:
        """A redirect is an error; where it leads gets no request, and so no key and no text."""
        with LoopbackServer(http.good(SAMPLES)) as elsewhere:
            for status in (301, 302, 303, 307, 308):
                before, what = len(running.requests), f"status {status} with a Location"
                running.replies = Reply(status=status, headers={"Location": f"{elsewhere.url}/elsewhere"})
                error = self.failed(calling(max_attempts=2), when=what)
                self.once(running, what, before=before)
                expect(
                    not elsewhere.requests
                    and isinstance(error, RequestRejectedError)
                    and not error.retryable,
                    f"{what} is a RequestRejectedError with retryable=False; its target gets no request",
                    f"{len(elsewhere.requests)} requests there, {error!r}",
                    "the key and the text would go to whoever the reply names",
                )

    def once(self, running: LoopbackServer, what: str, *, before: int = 0) -> None:
        """Check that one attempt was one request."""
        expect(
            len(running.requests) == before + 1,
            f"{what} makes one request: an SDK's own retries are off",
            f"{len(running.requests) - before}",
            PAID,
        )

    def _check(self, error: SynthesisError, kind: type[SynthesisError], what: str, *, reached: bool) -> None:
        expect(
            isinstance(error, kind) and error.retryable and error.reached is reached,
            f"{what} is a {kind.__name__} with retryable=True, reached={reached}",
            error,
            TREE,
        )
