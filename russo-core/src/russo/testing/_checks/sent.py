"""Checks of what a backend sends to a service over HTTP: text, options, and requests at the same time."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, Final

import pytest

from ... import SynthesisError, TextRejectedError
from .._server.loopback import LoopbackServer, Reply
from .._server.request import Request
from .._server.service import HttpService
from .base import SAMPLES, Make, ServiceContractBase, made_or_none, synthesize
from .deadlines import BACKEND_EXCEPTIONS, run_within
from .expect import expect, refuse
from .reasons import ERROR_CLASS, OTHER_VOICE, SETTING_WITHOUT_EFFECT

_NOT_IN_REQUESTS: Final = frozenset({"api_key", "base_url", "timeout", "max_attempts", "max_concurrency"})


class SentChecks(ServiceContractBase):
    """Checks requests; skipped if no ``service`` is declared."""

    def test_samples_arrive_untouched(self, loopback: LoopbackServer, speaking: Make) -> None:
        """The samples that the service sends are returned unchanged."""
        audio = self.speak(speaking())
        if audio.known_duration is None:
            pytest.skip(f"the samples of format {audio.format!r} cannot be read without a decoder")
        same = audio.pcm() == SAMPLES and (audio.sample_rate, audio.channels) == (24000, 1)
        expect(
            same,
            "samples arrive untouched: 24000 Hz, 1 channel, the bytes that were sent",
            f"{audio!r} of {len(audio.pcm())} bytes of samples instead of {len(SAMPLES)}",
            "an agent under test would hear clicks, cuts or another pitch",
        )

    def test_declared_option_is_sent(
        self, declared_option: str, loopback: LoopbackServer, speaking: Make
    ) -> None:
        """A declared option changes the requests of its own synthesizer, and of no other synthesizer."""
        if declared_option == "base_url":
            pytest.skip("base_url decides which server gets the request")
        first, value = speaking(), self.declared[declared_option]
        usual = self._sent(first, loopback)
        unstable = _differing(usual, self._sent(first, loopback))
        changed = made_or_none(speaking, **{declared_option: value})
        if changed is None:
            pytest.skip(f"{declared_option}={value!r} is refused without other options")
        again = _differing(usual, self._sent(first, loopback)) - unstable
        expect(
            not again,
            f"a synthesizer sends its own settings after another was made with {declared_option}={value!r}",
            f"its request differs in {', '.join(sorted(again))}: {loopback.requests[-1].body[:200]!r}",
            OTHER_VOICE,
        )
        if isinstance(self.audio_or_error(changed, when=f"{declared_option}={value!r}"), SynthesisError):
            pytest.skip(f"{declared_option}={value!r} is refused without other options")
        expect(
            _differing(usual, _parts(self.last_request(loopback))) - unstable,
            f"the request changes with the option {declared_option}",
            f"the request is unchanged with {declared_option}={value!r}: "
            f"{self.last_request(loopback).body[:200]!r}",
            SETTING_WITHOUT_EFFECT,
        )

    def test_undeclared_options_are_not_sent(self, loopback: LoopbackServer, speaking: Make) -> None:
        """An undeclared option changes neither the body nor the query of the request."""
        usual = speaking()
        before, again = self._sent(usual, loopback), self._sent(usual, loopback)
        stable = {"body", "query"} - _differing(before, again)
        for name in sorted(set(self.undeclared) - _NOT_IN_REQUESTS):
            changed = made_or_none(speaking, **{name: self.undeclared[name]})
            if changed is None:
                continue  # the backend refuses this option alone
            if isinstance(self.audio_or_error(changed, when=f"with {name}"), SynthesisError):
                continue
            sent = _differing(before, _parts(self.last_request(loopback))) & stable
            expect(
                not sent,
                f"{name} does not change the request, or is declared",
                f"its {' and '.join(sorted(sent))} changes: {self.last_request(loopback).body[:200]!r}",
                "if an option that shapes the sound is not in the key, a change of it replays the old audio",
            )

    def _sent(self, synthesizer: Any, loopback: LoopbackServer) -> dict[str, object]:
        """Return the parts of the request that speaking the prompt sends."""
        self.speak(synthesizer)
        return _parts(self.last_request(loopback))

    def test_no_more_calls_at_once_than_max_concurrency(
        self, loopback: LoopbackServer, http: HttpService, speaking: Make
    ) -> None:
        """``max_concurrency`` limits the requests at the same time, and every call is sent in the end."""
        if not self.accepts("max_concurrency"):
            pytest.skip("the backend has no option max_concurrency")
        gate = threading.Event()

        def reply(_: Request) -> Reply:
            gate.wait(10)
            return http.good(SAMPLES)

        loopback.replies = reply
        synthesizer = speaking(max_concurrency=3)

        async def crowd() -> bool:
            texts = [f"{self.prompt} {n}" for n in range(20)]
            calls = [asyncio.ensure_future(synthesize(synthesizer, text)) for text in texts]
            began = await asyncio.to_thread(loopback.wait_requests, 3)
            # A fourth request would arrive within 0.2 s.
            await asyncio.to_thread(loopback.wait_requests, 4, 0.2)
            gate.set()
            await asyncio.gather(*calls)
            return began

        wanted = "with max_concurrency=3, 20 calls at once make 20 requests, 3 at once"
        why = "services refuse too many requests at once, and one request at a time is slow"
        try:
            began = run_within(crowd, self.patience, "with max_concurrency=3, 20 calls at once end")
        except BACKEND_EXCEPTIONS as error:
            refuse(wanted, error, why)
        finally:
            gate.set()
        expect(
            began and loopback.most_active == 3 and len(loopback.requests) == 20,
            wanted,
            f"{len(loopback.requests)} requests, {loopback.most_active} at once",
            why,
        )

    def test_text_that_cannot_be_sent_is_refused_before_any_call(
        self, loopback: LoopbackServer, speaking: Make
    ) -> None:
        """A text that UTF-8 cannot encode is a ``TextRejectedError``; nothing is sent."""
        error = self.error_of(speaking(), "broken \ud800 text", when="a lone surrogate")
        expect(
            isinstance(error, TextRejectedError) and not error.reached and not loopback.requests,
            "a lone surrogate is a TextRejectedError with reached=False, and no request is made",
            error,
            ERROR_CLASS,
        )


def _parts(request: Request) -> dict[str, object]:
    """Return the parts of a request by name, without its Content-Length."""
    headers = {f"header {name}": value for name, value in request.headers.items() if name != "content-length"}
    return {
        "method": request.method,
        "path": request.path,
        "query": request.query,
        "body": request.body,
        **headers,
    }


def _differing(one: dict[str, object], other: dict[str, object]) -> set[str]:
    """Return the names of the parts in which two requests differ."""
    return {name for name in {*one, *other} if one.get(name) != other.get(name)}
