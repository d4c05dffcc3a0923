"""Checks of the requests of a backend that calls a service over HTTP: text, options, how many at once."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, Final

import pytest

from ... import SynthesisError, TextRejectedError
from .._server.loopback import LoopbackServer, Reply
from .._server.request import Request
from .._server.service import HttpService
from .base import SAMPLES, Make, ServiceDeclared, asked, made
from .deadlines import RAISED, within
from .expect import expect, refuse

_TREE: Final = "users, the retries and the summary act on the class; russo.authoring.Exchange builds it"
_OWN: Final = "one voice would be stored, and replayed, for another"
_LIMITS: Final = frozenset({"api_key", "base_url", "timeout", "max_attempts", "max_concurrency"})


class RequestChecks(ServiceDeclared):
    """What holds of requests; skipped where no ``service`` is declared."""

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

    def test_declared_option_is_sent(
        self, declared_option: str, running: LoopbackServer, calling: Make
    ) -> None:
        """An option that is declared changes the request, of its own synthesizer and of no other."""
        if declared_option == "base_url":
            pytest.skip("base_url is where the request goes")
        first, value = calling(), self.declared[declared_option]
        usual = self._sent(first, running)
        wandering = _different(usual, self._sent(first, running))
        changed = made(calling, **{declared_option: value})
        if changed is None:
            pytest.skip(f"{declared_option}={value!r} is refused alone")
        again = _different(usual, self._sent(first, running)) - wandering
        expect(
            not again,
            f"a synthesizer sends its own settings after another was made with {declared_option}={value!r}",
            f"its request differs in {', '.join(sorted(again))}: {running.requests[-1].body[:200]!r}",
            _OWN,
        )
        if isinstance(self.refused(changed, when=f"{declared_option}={value!r}"), SynthesisError):
            pytest.skip(f"{declared_option}={value!r} is refused alone")
        expect(
            _different(usual, _parts(self.last(running))) - wandering,
            f"the request changes with the option {declared_option}",
            f"it does not, with {declared_option}={value!r}: {self.last(running).body[:200]!r}",
            "users would hear that their setting does nothing, and pay for it under another key",
        )

    def test_undeclared_options_are_not_sent(self, running: LoopbackServer, calling: Make) -> None:
        """An option that is not declared changes neither the body of the request nor its query."""
        usual = calling()
        before, again = self._sent(usual, running), self._sent(usual, running)
        stable = {"body", "query"} - _different(before, again)
        for name in sorted(set(self.undeclared) - _LIMITS):
            changed = made(calling, **{name: self.undeclared[name]})
            if changed is None or isinstance(self.refused(changed, when=f"with {name}"), SynthesisError):
                continue  # it is refused alone
            sent = _different(before, _parts(self.last(running))) & stable
            expect(
                not sent,
                f"the request is the same whatever {name} is, or {name} is declared",
                f"its {' and '.join(sorted(sent))} changes: {self.last(running).body[:200]!r}",
                "what shapes the sound and is not in the key replays the old voice when it is changed",
            )

    def _sent(self, synthesizer: Any, running: LoopbackServer) -> dict[str, object]:
        self.speak(synthesizer)
        return _parts(self.last(running))

    def test_no_more_calls_at_once_than_max_concurrency(
        self, running: LoopbackServer, http: HttpService, calling: Make
    ) -> None:
        """Of many calls at once, ``max_concurrency`` reach the service at once, and all in the end."""
        if not self.accepts("max_concurrency"):
            pytest.skip("the backend has no option max_concurrency")
        gate = threading.Event()

        def reply(_: Request) -> Reply:
            gate.wait(10)
            return http.good(SAMPLES)

        running.replies = reply
        synthesizer = calling(max_concurrency=3)

        async def crowd() -> bool:
            texts = [f"{self.prompt} {n}" for n in range(20)]
            calls = [asyncio.ensure_future(asked(synthesizer, text)) for text in texts]
            began = await asyncio.to_thread(running.wait_requests, 3)
            await asyncio.to_thread(running.wait_requests, 4, 0.2)  # seconds in which a fourth would come
            gate.set()
            await asyncio.gather(*calls)
            return began

        wanted = "with max_concurrency=3, 20 calls at once make 20 requests, 3 at once"
        why = "services refuse accounts that ask too much at once; none at all takes all day"
        try:
            began = within(crowd, self.patience, "with max_concurrency=3, 20 calls at once end")
        except RAISED as error:
            refuse(wanted, error, why)
        finally:
            gate.set()
        expect(
            began and running.most_active == 3 and len(running.requests) == 20,
            wanted,
            f"{len(running.requests)} requests, {running.most_active} at once",
            why,
        )

    def test_text_that_cannot_be_sent_is_refused_before_any_call(
        self, running: LoopbackServer, calling: Make
    ) -> None:
        """A text without a UTF-8 form is a ``TextRejectedError``; nothing is sent."""
        error = self.failed(calling(), "broken \ud800 text", when="a lone surrogate")
        expect(
            isinstance(error, TextRejectedError) and not error.reached and not running.requests,
            "a lone surrogate is a TextRejectedError with reached=False, and no request is made",
            error,
            _TREE,
        )


def _parts(request: Request) -> dict[str, object]:
    """Return what a request says, part by part; the length follows from the rest."""
    headers = {f"header {name}": value for name, value in request.headers.items() if name != "content-length"}
    return {
        "method": request.method,
        "path": request.path,
        "query": request.query,
        "body": request.body,
        **headers,
    }


def _different(one: dict[str, object], other: dict[str, object]) -> set[str]:
    return {name for name in {*one, *other} if one.get(name) != other.get(name)}
