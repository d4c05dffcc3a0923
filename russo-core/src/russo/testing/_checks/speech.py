"""Checks of speaking: audio, odd texts, one's own settings, silence beside the speech, time."""

from __future__ import annotations

import time
from typing import Any, Final

import pytest

from ... import Audio, SynthesisError, SynthesisTimeoutError
from .._server.loopback import LoopbackServer
from .._server.request import Request
from .._sound import check_audio
from .base import Declared, Make
from .expect import expect, refuse
from .planted_key import listening
from .texts import ODD_TEXTS, additions, holds, holds_exactly, repeated

_EXACT: Final = "the audio is stored under the exact prompt and must be of that"
_OWN: Final = "one voice would be stored, and replayed, for another"
_DUE: Final = 0.01  # seconds that a call takes for a timeout of a tenth of it to come due


class SpeechChecks(Declared):
    """What holds while speaking."""

    def test_audio_is_what_it_says_it_is(self, speaking: Make) -> None:
        """Format, rate, channels, width and sizes are true, and there is sound."""
        check_audio(self.speak(speaking()))

    def test_odd_text_is_spoken_or_refused(
        self, odd_text: str, speaking: Make, server: LoopbackServer | None
    ) -> None:
        """Any text becomes audio, or an error of the tree with backend and prompt, in bounded time."""
        text, synthesizer = ODD_TEXTS[odd_text], speaking()
        outcome = self.refused(synthesizer, text, when=f"the text is {text[:60]!r}")
        if isinstance(outcome, SynthesisError):
            sent = server is not None and bool(server.requests)
            expect(
                server is None or outcome.reached is sent,
                "an error says by `reached` whether the service was sent a request",
                f"reached={outcome.reached}, requests were made: {sent}; {outcome!r}",
                "the summary, and the limit of backend calls, count what was reached",
            )
            return
        check_audio(outcome)
        if server is not None:
            self._check_sent(synthesizer, server, text)
        elif odd_text == "5,000 characters":
            self._check_length(synthesizer, text, outcome)

    def _check_sent(self, synthesizer: Any, server: LoopbackServer, text: str) -> None:
        """Check that the requests of a call held its text, as a call of the prompt holds that."""
        assert self.service is not None, "a server plays a service"
        read, sent = self.service.text_of, list(server.requests)
        wanted = f"the service is sent the very text {text[:60]!r}"
        if read is not None:
            try:
                seen = "".join(map(read, sent))
            except Exception as error:  # noqa: BLE001 - it is the author's
                refuse("text_of of HttpService reads the text from every request of a call", error, _EXACT)
            expect(seen == text, wanted, f"{seen[:300]!r}, by text_of", _EXACT)
            return
        self.speak(synthesizer)
        usual = server.requests[-1]
        for each in sent:
            expect(
                holds_exactly(each, text, usual, self.prompt)
                or self._is_loose(synthesizer, server, each, text),
                f"{wanted}, with no more around it than around the prompt, or read by HttpService.text_of",
                f"{each.method} {each.path}, body {each.body[:300]!r}",
                _EXACT,
            )
        around = additions(usual, self.prompt)
        expect(
            not around or any(any(map(str.isalnum, each)) for each in around),
            f"the service is sent the very text {self.prompt!r}",
            f"{around} beside it",
            _EXACT,
        )

    def _is_loose(self, synthesizer: Any, server: LoopbackServer, request: Request, text: str) -> bool:
        """Tell whether a request holds a text, where requests differ by themselves: by a boundary, say."""
        usual = server.requests[-1]
        self.speak(synthesizer)
        return holds(request, text) and not holds_exactly(
            server.requests[-1], self.prompt, usual, self.prompt
        )

    def _check_length(self, synthesizer: Any, text: str, spoken: Audio) -> None:
        """Check that a long text is spoken to its end: four times the text takes some four times as long."""
        short, quarter = self.speak(synthesizer, text[:40]), self.speak(synthesizer, text[: len(text) // 4])
        least, part, whole = map(size_of, (short, quarter, spoken))
        expect(
            part <= least or whole - least > 2.5 * (part - least),
            "a long text is spoken whole, or refused",
            f"{len(text)} characters are {whole}, a quarter of them {part} (seconds, or bytes)",
            "what is cut off is missing in every replay",
        )

    def test_declared_option_is_heard(self, declared_option: str, speaking: Make) -> None:
        """An option that is declared shapes the sound: that of the prompt is another."""
        if self.service is not None:
            pytest.skip("the request shows it: see test_declared_option_is_sent")
        usual = speaking()
        spoken, again = self.speak(usual), self.speak(usual)
        if spoken != again:
            pytest.skip("the same text is not the same bytes twice: no ear hears an option in that")
        value = self.declared[declared_option]
        other = self.refused(speaking(**{declared_option: value}), when=f"with {declared_option}={value!r}")
        if isinstance(other, SynthesisError):
            pytest.skip(f"{declared_option}={value!r} is refused, alone or here")
        expect(
            other != spoken,
            f"{self.prompt!r} sounds otherwise with {declared_option}={value!r}",
            "the same bytes; if it is heard in other texts or values only, give such a `prompt` or value",
            "users would hear that their setting does nothing, and pay for it under another key",
        )
        expect(
            self.speak(usual) == spoken,
            f"a synthesizer keeps its own settings when another is made with {declared_option}={value!r}",
            "other bytes than before",
            _OWN,
        )

    def test_speaking_says_nothing(self, speaking: Make) -> None:
        """Constructing and speaking print nothing and warn of nothing: they log."""
        with listening() as said:
            self.speak(speaking())
        printed = f"{said.out}{said.err}"
        expect(
            not printed,
            "speaking prints nothing",
            f"{printed[:200]!r}",
            "`russo say --json` and whoever reads the output would read that; log it",
        )
        # A resource that nobody closed has a check of its own, and a deprecation is the SDK's.
        beside = (ResourceWarning, DeprecationWarning, PendingDeprecationWarning)
        warned = [f"{each.message}" for each in said.warned if not issubclass(each.category, beside)]
        expect(
            not warned,
            "speaking warns of nothing",
            f"{warned[:3]}",
            "many test suites turn warnings into errors, and paid speech would be lost; log it",
        )

    def test_timeout_ends_a_call(self, speaking: Make) -> None:
        """``timeout`` bounds a call of a backend that calls no service, too."""
        if self.service is not None:
            pytest.skip(
                "a service that falls silent shows it: see test_service_that_falls_silent_is_a_timeout"
            )
        if not self.accepts("timeout"):
            pytest.skip("the backend has no option timeout")
        text = repeated(self.prompt, 50)
        self.refused(speaking(), text, when="a long text")  # what is loaded once is not the call's
        usual = self._seconds(speaking(), text)[1]
        if usual < _DUE:
            pytest.skip(f"it speaks {len(text)} characters in {usual:.3f} s: no timeout comes due")
        outcome, took = self._seconds(speaking(timeout=usual / 10), text)
        expect(
            isinstance(outcome, SynthesisTimeoutError) or took < usual / 2,
            f"timeout={usual / 10:.3f} ends a call that takes {usual:.3f} s, by SynthesisTimeoutError",
            f"{outcome!r} after {took:.3f} s",
            "one prompt that hangs holds up the whole test run",
        )

    def _seconds(self, synthesizer: Any, text: str) -> tuple[object, float]:
        start = time.monotonic()
        outcome = self.refused(synthesizer, text, when="a long text")
        return outcome, time.monotonic() - start


def size_of(audio: Audio) -> float:
    """Return how long audio is: its seconds, or its bytes where only a decoder knows them."""
    return len(audio.data) if audio.duration is None else audio.duration
