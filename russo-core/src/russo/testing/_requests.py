"""Checks of a backend that calls a service over HTTP, against a loopback server."""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from dataclasses import replace
from typing import Final

import pytest

from .. import (
    NoAudioError,
    RateLimitError,
    ServiceError,
    SynthesisError,
    SynthesisTimeoutError,
    TextRejectedError,
)
from ._declared import SAMPLES, Make, ServiceDeclared
from ._expect import expect
from ._loopback import LoopbackServer, Reply, Request
from ._running import ENDING
from ._service import HttpService

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
_PAID: Final = "every attempt may be paid for; russo.authoring.Calls decides it for all backends"
_TREE: Final = "users, the retries and the summary act on the class; russo.authoring.Exchange builds it"


class RequestChecks(ServiceDeclared):
    """What holds for backends that call a service; skipped where no ``service`` is declared."""

    def test_samples_arrive_untouched(self, running: LoopbackServer, calling: Make) -> None:
        """The sound that the service sent is the sound that is returned."""
        audio = self.speak(calling())
        if audio.duration is None:
            pytest.skip(f"the samples of format {audio.format!r} cannot be read without a decoder")
        same = audio.pcm() == SAMPLES and (audio.sample_rate, audio.channels) == (24000, 1)
        expect(
            same,
            "samples arrive untouched: 24000 Hz, 1 channel, the bytes that were sent",
            f"{audio!r} of {len(audio.pcm())} bytes of samples instead of {len(SAMPLES)}",
            "an agent under test would hear clicks, cuts or another pitch",
        )

    def test_no_more_calls_at_once_than_max_concurrency(
        self, running: LoopbackServer, http: HttpService, calling: Make
    ) -> None:
        """Of many calls at once, ``max_concurrency`` reach the service at once, and all in the end."""
        if "max_concurrency" not in inspect.signature(self.factory).parameters:
            pytest.skip("the backend has no option max_concurrency")
        gate = threading.Event()

        def reply(_: Request) -> Reply:
            gate.wait(10)
            return http.good(SAMPLES)

        running.replies = reply
        synthesizer = calling(max_concurrency=3)

        async def crowd() -> bool:
            calls = [asyncio.ensure_future(synthesizer.synthesize(f"{self.prompt} {n}")) for n in range(20)]
            began = await asyncio.to_thread(running.wait_requests, 3)
            await asyncio.to_thread(running.wait_requests, 4, 0.2)  # seconds in which a fourth would come
            gate.set()
            await asyncio.gather(*calls)
            return began

        began = asyncio.run(crowd())
        expect(
            began and running.most_active == 3 and len(running.requests) == 20,
            "with max_concurrency=3, 20 calls at once make 20 requests, 3 at once",
            f"{len(running.requests)} requests, {running.most_active} at once",
            "services refuse accounts that ask too much at once; none at all takes all day",
        )

    def test_text_that_cannot_be_sent_is_refused_before_any_call(
        self, running: LoopbackServer, calling: Make
    ) -> None:
        """A text without a UTF-8 form is a ``TextRejectedError``; nothing is sent."""
        error = self.failed(calling(), "broken \ud800 text")
        expect(
            isinstance(error, TextRejectedError) and not error.reached and not running.requests,
            "a lone surrogate is a TextRejectedError with reached=False, and no request is made",
            error,
            _TREE,
        )

    def test_failure_is_typed_and_retried_only_if_it_can_pass(
        self, failure: str, running: LoopbackServer, http: HttpService, calling: Make
    ) -> None:
        """Each failure has its class, is chained to its cause, and is tried again only if it can pass."""
        told = http.all_failures()[failure]
        running.replies = told.reply
        attempts = 3 if told.retry_now else 1
        error = self.failed(calling(max_attempts=attempts))
        expect(
            type(error) is told.error and error.retryable is told.retried and error.reached,
            f"{failure} is a {told.error.__name__} with retryable={told.retried}, reached=True",
            error,
            _TREE,
        )
        expected = attempts if told.retried else 1
        expect(
            len(running.requests) == expected,
            f"{failure} makes {expected} requests with max_attempts={attempts}; an SDK's retries are off",
            f"{len(running.requests)}",
            _PAID,
        )
        self._check_message(error)

    def _check_message(self, error: SynthesisError) -> None:
        expect(
            str(error).startswith(f"{self.backend} ") and self.prompt in str(error),
            f"an error names the backend {self.backend!r} and the prompt",
            error,
            "whoever reads it has several backends and many prompts",
        )
        expect(
            error.__cause__ is not None,
            "what the SDK raised is chained (`raise ... from error`)",
            error,
            "the vendor's support asks for it",
        )

    def test_call_succeeds_after_a_failure_that_passed(
        self, running: LoopbackServer, http: HttpService, calling: Make
    ) -> None:
        """A service that was busy once is asked again."""
        running.replies = [http.error_reply(503, "busy", 0.0), http.good(SAMPLES)]
        self.speak(calling())
        expect(len(running.requests) == 2, "one retry makes 2 requests", f"{len(running.requests)}", _PAID)

    def test_service_that_asks_to_wait_is_waited_for(
        self, running: LoopbackServer, http: HttpService, calling: Make
    ) -> None:
        """A retry comes no earlier than the service asks."""
        running.replies = [http.error_reply(429, "slow down", 1.0), http.good(SAMPLES)]
        synthesizer = calling()
        start = time.monotonic()
        self.speak(synthesizer)
        waited = time.monotonic() - start
        expect(
            waited >= 1.0,  # the policy by itself waits half a second at most
            "a service that asks to wait 1 s is asked again after 1 s; russo.authoring.seconds_to_wait",
            f"after {waited:.2f} s",
            "services lock out clients that do not wait",
        )

    def test_service_that_asks_to_wait_an_hour_is_not_waited_for(
        self, running: LoopbackServer, http: HttpService, calling: Make
    ) -> None:
        """A wait that no test run can afford is the error at once, with ``retry_after`` in seconds."""
        running.replies = http.error_reply(429, "slow down", 3600.0)
        error = self.failed(calling())
        expect(
            isinstance(error, RateLimitError) and error.retry_after == 3600.0 and len(running.requests) == 1,
            "a service that asks to wait an hour is a RateLimitError, retry_after=3600.0, after 1 request",
            f"{error!r}, retry_after={error.retry_after}, {len(running.requests)} requests",
            _PAID,
        )

    def test_connection_lost_is_a_service_error(
        self, lost: str, running: LoopbackServer, http: HttpService, calling: Make
    ) -> None:
        """Wherever the reply breaks off, half of it is never taken for speech."""
        place, how, chunked = LOST[lost]
        good = replace(http.good(SAMPLES), chunked=chunked)
        running.replies = replace(good, fail_at=place, fail_how=how)  # type: ignore[arg-type]
        error = self.failed(calling(max_attempts=1))
        self._check(
            error, ServiceError, f"a connection lost ({how}) at the {place} of the reply", reached=True
        )
        expect(error.__cause__ is not None, "what the SDK raised is chained", error, _TREE)
        expect(running.wait_closed(), "no connection stays open after a failure", "one is open", _OPEN)

    def test_connection_lost_is_retried(
        self, running: LoopbackServer, http: HttpService, calling: Make
    ) -> None:
        """A reply that broke off is asked for again."""
        good = http.good(SAMPLES)
        running.replies = [replace(good, fail_at="body"), good]
        self.speak(calling())
        expect(len(running.requests) == 2, "one retry makes 2 requests", f"{len(running.requests)}", _PAID)

    def test_service_that_falls_silent_is_a_timeout(
        self, silent: str, running: LoopbackServer, http: HttpService, calling: Make
    ) -> None:
        """``timeout`` bounds an attempt wherever the reply stops."""
        self.speak(calling())  # the SDK is imported now, so the seconds below are the call's
        running.replies = replace(http.good(SAMPLES), fail_at=silent, fail_how="hang")  # type: ignore[arg-type]
        synthesizer = calling(timeout=0.3, max_attempts=1)
        start = time.monotonic()
        error = self.failed(synthesizer)
        took = time.monotonic() - start
        what = f"a service that falls silent at the {silent} of the reply, after timeout=0.3 seconds,"
        self._check(error, SynthesisTimeoutError, what, reached=True)
        expect(took < 0.3 + ENDING, f"{what} is one at once", f"after {took:.1f} s", _PAID)
        expect(running.wait_closed(), "no connection stays open after a timeout", "one is open", _OPEN)

    def test_unreachable_service_is_a_service_error(self, running: LoopbackServer, calling: Make) -> None:
        """Where nobody listens, the error says that nothing was reached, and so nothing paid."""
        synthesizer = calling(max_attempts=1)
        running.close()
        error = self.failed(synthesizer)
        self._check(error, ServiceError, "a refused connection", reached=False)

    def test_reply_that_is_no_audio_is_refused(
        self, no_audio: str, running: LoopbackServer, calling: Make
    ) -> None:
        """A page, JSON or nothing at all under status 200 is no speech, whatever type it claims."""
        for kind in ("application/json", "text/html", "audio/wav"):
            running.replies = Reply(body=NO_AUDIO[no_audio], headers={"Content-Type": kind})
            error = self.failed(calling(max_attempts=1))
            expect(
                isinstance(error, NoAudioError | ServiceError) and error.retryable and error.reached,
                f"a reply of {no_audio} ({kind}) is a NoAudioError or a ServiceError, retryable, reached",
                error,
                "gateways and sign-in pages answer 200; what passes for speech is recorded for ever",
            )

    def test_reply_without_sound_is_no_audio(
        self, no_sound: str, running: LoopbackServer, http: HttpService, calling: Make
    ) -> None:
        """Audio without samples, or silent from end to end, is a ``NoAudioError``."""
        running.replies = http.good(NO_SOUND[no_sound])
        error = self.failed(calling(max_attempts=1))
        self._check(error, NoAudioError, f"a reply with {no_sound}", reached=True)

    def _check(self, error: SynthesisError, kind: type[SynthesisError], what: str, *, reached: bool) -> None:
        expect(
            type(error) is kind and error.retryable and error.reached is reached,
            f"{what} is a {kind.__name__} with retryable=True, reached={reached}",
            error,
            _TREE,
        )
