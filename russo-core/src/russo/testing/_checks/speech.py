"""Checks of speaking: the audio, odd texts, own settings, output and warnings, the timeout."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any, Final

import pytest

from ... import Audio, SynthesisError, SynthesisTimeoutError
from .._server.loopback import LoopbackServer
from .._server.request import Request
from .audio import check_audio
from .base import ContractBase, Make
from .expect import expect, refuse
from .planted_key import captured_output
from .reasons import OTHER_VOICE, SETTING_WITHOUT_EFFECT
from .texts import ODD_TEXTS, holds, holds_exactly, repeated, texts_around

_EXACT_PROMPT: Final = "the audio is stored under the exact prompt, and must be the audio of that prompt"
_MEASURABLE: Final = 0.01  # seconds; a shorter call ends before a timeout of a tenth of it is noticed


class SpeechChecks(ContractBase):
    """Checks what a call returns and does."""

    def test_audio_is_what_it_says_it_is(self, speaking: Make) -> None:
        """Format, rate, channels, width and sizes match the data, and the audio is not silent."""
        check_audio(self.speak(speaking()))

    def test_odd_text_is_spoken_or_refused(
        self, odd_text: str, speaking: Make, server: LoopbackServer | None
    ) -> None:
        """Any text becomes audio or a ``SynthesisError`` with backend and prompt, in bounded time."""
        text, synthesizer = ODD_TEXTS[odd_text], speaking()
        outcome = self.audio_or_error(synthesizer, text, when=f"the text is {text[:60]!r}")
        if isinstance(outcome, SynthesisError):
            sent = server is not None and bool(server.requests)
            expect(
                server is None or outcome.reached is sent,
                "the attribute `reached` of an error says whether a request was sent to the service",
                f"reached={outcome.reached}, requests were made: {sent}; {outcome!r}",
                "the summary and the limit of backend calls count the calls that reached the service",
            )
            return
        check_audio(outcome)
        if server is not None:
            self._check_sent(synthesizer, server, text)
        elif odd_text == "5,000 characters":
            self._check_length(synthesizer, text, outcome)

    def _check_sent(self, synthesizer: Any, server: LoopbackServer, text: str) -> None:
        """Check that the requests of a call carried its text, as those of the prompt carry the prompt."""
        assert self.service is not None, "there is a server only if there is a service"
        sent = list(server.requests)
        wanted = f"the request holds exactly the text {text[:60]!r}"
        if self.service.text_of is not None:
            seen = _joined_text(self.service.text_of, sent)
            expect(seen == text, wanted, f"{seen[:300]!r}, by text_of", _EXACT_PROMPT)
            return
        self.speak(synthesizer)
        usual = server.requests[-1]
        for each in sent:
            expect(
                holds_exactly(each, text, usual, self.prompt)
                or self._holds_despite_noise(synthesizer, server, each, text),
                f"{wanted}, with the same text around it as around the prompt, or HttpService.text_of "
                "reads it",
                f"{each.method} {each.path}, body {each.body[:300]!r}",
                _EXACT_PROMPT,
            )
        around = texts_around(usual, self.prompt)
        expect(
            not around or any(any(map(str.isalnum, each)) for each in around),
            f"the request holds exactly the text {self.prompt!r}",
            f"{around} beside it",
            _EXACT_PROMPT,
        )

    def _holds_despite_noise(
        self, synthesizer: Any, server: LoopbackServer, request: Request, text: str
    ) -> bool:
        """Return whether a request has a text, if every request differs, such as in a multipart boundary."""
        usual = server.requests[-1]
        self.speak(synthesizer)
        return holds(request, text) and not holds_exactly(
            server.requests[-1], self.prompt, usual, self.prompt
        )

    def _check_length(self, synthesizer: Any, text: str, spoken: Audio) -> None:
        """Check that a long text is spoken whole: it takes about four times as long as its first quarter."""
        short, quarter = self.speak(synthesizer, text[:40]), self.speak(synthesizer, text[: len(text) // 4])
        least, part, whole = map(length_of, (short, quarter, spoken))
        expect(
            part <= least or whole - least > 2.5 * (part - least),
            "a long text is spoken completely, or refused",
            f"{len(text)} characters are {whole}, a quarter of them {part} (seconds, or bytes)",
            "the missing part would be missing in every replay",
        )

    def test_declared_option_is_heard(self, declared_option: str, speaking: Make) -> None:
        """A declared option changes the audio of the prompt."""
        if self.service is not None:
            pytest.skip("the request is checked instead: see test_declared_option_is_sent")
        usual = speaking()
        spoken, again = self.speak(usual), self.speak(usual)
        if spoken != again:
            pytest.skip(
                "the same text gives different bytes at each call, so bytes do not show the effect "
                "of an option"
            )
        value = self.declared[declared_option]
        other = self.audio_or_error(
            speaking(**{declared_option: value}), when=f"with {declared_option}={value!r}"
        )
        if isinstance(other, SynthesisError):
            pytest.skip(f"{declared_option}={value!r} is refused, alone or with these options")
        expect(
            other != spoken,
            f"{self.prompt!r} has other audio with {declared_option}={value!r}",
            "the same bytes; if only other texts or values change the audio, declare such a `prompt` "
            "or value",
            SETTING_WITHOUT_EFFECT,
        )
        expect(
            self.speak(usual) == spoken,
            f"a synthesizer keeps its own settings when another is made with {declared_option}={value!r}",
            "other bytes than before",
            OTHER_VOICE,
        )

    def test_speaking_says_nothing(self, speaking: Make) -> None:
        """Constructing and speaking print nothing and raise no warnings; they may log."""
        with captured_output() as output:
            self.speak(speaking())
        printed = f"{output.out}{output.err}"
        expect(
            not printed,
            "speaking prints nothing",
            f"{printed[:200]!r}",
            "the output of `russo say --json` would be broken; log it instead",
        )
        # Unclosed resources have their own check; deprecations concern the SDK.
        ignored = (ResourceWarning, DeprecationWarning, PendingDeprecationWarning)
        warned = [f"{each.message}" for each in output.warned if not issubclass(each.category, ignored)]
        expect(
            not warned,
            "speaking raises no warnings",
            f"{warned[:3]}",
            "many test suites turn warnings into errors, and billed audio would be lost; log it instead",
        )

    def test_timeout_ends_a_call(self, speaking: Make) -> None:
        """``timeout`` limits a call of a backend that calls no service, too."""
        if self.service is not None:
            pytest.skip("another check tests this: see test_service_that_falls_silent_is_a_timeout")
        if not self.accepts("timeout"):
            pytest.skip("the backend has no option timeout")
        text = repeated(self.prompt, 50)
        # The first call loads what is loaded once; the later calls are measured.
        self.audio_or_error(speaking(), text, when="a long text")
        usual = self._timed_outcome(speaking(), text)[1]
        if usual < _MEASURABLE:
            pytest.skip(f"{len(text)} characters take {usual:.3f} s: too short for a timeout")
        outcome, took = self._timed_outcome(speaking(timeout=usual / 10), text)
        expect(
            isinstance(outcome, SynthesisTimeoutError) or took < usual / 2,
            f"timeout={usual / 10:.3f} ends a call that takes {usual:.3f} s with a SynthesisTimeoutError",
            f"{outcome!r} after {took:.3f} s",
            "one prompt that hangs stops the whole test run",
        )

    def _timed_outcome(self, synthesizer: Any, text: str) -> tuple[object, float]:
        """Return the audio or the error of a call, and the seconds that it took."""
        start = time.monotonic()
        outcome = self.audio_or_error(synthesizer, text, when="a long text")
        return outcome, time.monotonic() - start


def _joined_text(text_of: Callable[[Request], str], requests: Iterable[Request]) -> str:
    """Return the texts that the author's function reads from the requests of one call, joined."""
    try:
        return "".join(map(text_of, requests))
    except Exception as error:  # noqa: BLE001 - the author's function may raise anything
        refuse("text_of of HttpService reads the text from every request of a call", error, _EXACT_PROMPT)


def length_of(audio: Audio) -> float:
    """Return the duration of audio in seconds, or its bytes if only a decoder knows the duration."""
    seconds = audio.known_duration
    return len(audio.data) if seconds is None else seconds
