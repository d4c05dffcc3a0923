"""Checks of speaking: audio, odd texts, many loops, many calls, cancellation, closing."""

from __future__ import annotations

import asyncio
import gc
import pickle
import time
import warnings
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import parse_qsl

import pytest

from .. import SynthesisError
from ._declared import SAMPLES, Declared, Make
from ._expect import expect, refuse
from ._loopback import LoopbackServer, Reply, Request
from ._running import ENDING, child_processes, comes_true, within
from ._sound import check_audio

ODD_TEXTS: Final = {
    "empty": "",
    "blanks": " \t \n",
    "one letter": "a",
    "punctuation": "…?! — “;”",
    "digits": "+49 30 901820, 12:30, 0.5 %",
    "accents": "Zürich, Kraków, São Paulo",
    "combining": "Zu\u0308rich e\u0301te\u0301",
    "emoji": "👩\u200d✈️ 🇩🇪 ✈️",
    "right to left": "\u202bשלום\u202c مرحبا",  # noqa: RUF001 - it is not meant to be Latin
    "Chinese": "我想订一张去罗马的机票。",
    "lines": "first line\nsecond line\r\nthird line",
    "NUL": "one\0two",
    "controls": "one\x07\x1b[31mtwo\x7f",
    "markup": "<speak>Rome &amp; Berlin</speak> <break time='9s'/>",
    "quotes and shell": 'it\'s "so" `id` $HOME %s {0} \\n ; | & > *',
    "like an option": "--help",
    "like a dash option": "-f /etc/hostname",
    "invisible": "\ufeff\u200b\u2060",
    "lone surrogate": "broken \ud800 text",
    "5,000 characters": "I would like to book a flight to Rome. " * 128 + "Thanks!!",
}
_SAFE = "prompts hold whatever people say and type, and none of it may stop a run in another way"
_LONG: Final = 5  # times the prompt


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
        try:
            check_audio(within(lambda: synthesizer.synthesize(text), self.patience))
        except SynthesisError as error:
            self._check_error(error, text)
        except Exception as error:  # noqa: BLE001 - that it is another is what is checked
            refuse(f"{text[:60]!r} is spoken, or refused by a russo.SynthesisError", error, _SAFE)
        else:
            for request in () if server is None else server.requests:
                expect(
                    _holds(request, text),
                    f"the service is sent the very text {text[:60]!r}",
                    f"{request.body[:300]!r}",
                    "the audio is stored under the exact prompt and must be of that",
                )

    def _check_error(self, error: SynthesisError, text: str) -> None:
        expect(
            (error.backend, error.prompt) == (self.backend, text)
            and str(error).startswith(f"{self.backend} "),
            f"an error carries the backend {self.backend!r} and the exact prompt",
            error,
            "whoever reads it has several backends and many prompts",
        )
        copy = pickle.loads(pickle.dumps(error))
        expect(
            (type(copy), str(copy)) == (type(error), str(error)),
            "an error survives pickling",
            f"{copy!r}",
            "pytest-xdist carries errors between processes",
        )

    def test_many_event_loops_one_after_another(self, speaking: Make) -> None:
        """One synthesizer speaks in any number of event loops in turn."""
        synthesizer = speaking()
        self.speak(synthesizer)
        for _ in range(3):
            try:
                within(lambda: synthesizer.synthesize(self.prompt), self.patience)
            except Exception as error:  # noqa: BLE001 - whatever a second loop makes of it
                refuse(
                    "one synthesizer may be used from many event loops, one after another",
                    error,
                    "each async test has a loop of its own, and a session's synthesizer serves them all",
                )

    def test_many_calls_at_once_do_not_disturb_each_other(
        self, speaking: Make, server: LoopbackServer | None
    ) -> None:
        """Of 20 calls at once, short and long texts in turn, each is given the sound of its own text."""
        short, long = self.prompt, _repeated(self.prompt, _LONG)
        if self.service is not None and server is not None:
            good = self.service.good
            server.replies = lambda sent: good(SAMPLES * 3 if _holds(sent, long) else SAMPLES)
        synthesizer = speaking()

        async def crowd() -> Any:
            return await asyncio.gather(*(synthesizer.synthesize(text) for text in [short, long] * 10))

        try:
            spoken = within(crowd, self.patience)
        except Exception as error:  # noqa: BLE001 - whatever a crowd makes of it
            refuse(
                "a synthesizer may be called many times at once", error, "prompts are recorded side by side"
            )
        sizes = [len(audio.data) if audio.duration is None else audio.duration for audio in spoken]
        expect(
            max(sizes[::2]) < min(sizes[1::2]),
            f"of calls at once, each gets the sound of its own text: {_LONG} times the text takes longer",
            f"the short ones took {sizes[::2]}, the long ones {sizes[1::2]}",
            "a sound that is stored under another's prompt is replayed for ever",
        )

    def test_event_loop_goes_on_while_it_speaks(self, speaking: Make, server: LoopbackServer | None) -> None:
        """A call leaves the event loop to others: to an agent under test, and to cancellation."""
        synthesizer, text = speaking(), _repeated(self.prompt, 4 * _LONG)
        self.speak(synthesizer)  # what is imported or loaded once is not the call's
        if self.service is not None and server is not None:
            server.replies = replace(self.service.good(SAMPLES), delay=0.6)

        async def watched() -> tuple[float, float]:
            call = asyncio.ensure_future(_settled(synthesizer, text))
            start = last = time.monotonic()
            longest = 0.0
            while not call.done():
                await asyncio.sleep(0.01)
                longest, last = max(longest, time.monotonic() - last), time.monotonic()
            return last - start, longest

        took, longest = within(watched, self.patience)
        expect(
            longest < 0.5 or longest < 0.8 * took,
            "the event loop goes on while the synthesizer speaks; asyncio.to_thread takes what blocks",
            f"it stood still for {longest:.2f} s of the {took:.2f} s that a call took",
            "an agent under test shares the loop, and nothing can be cancelled",
        )

    def test_cancelled_call_ends_by_cancelled_error(
        self, speaking: Make, server: LoopbackServer | None
    ) -> None:
        """Wherever a call is when it is cancelled, it ends at once by ``CancelledError``."""
        for moment in _MOMENTS:
            cancelled = self._cancel(speaking(), server, moment)
            expect(
                cancelled.outcome is None or isinstance(cancelled.outcome, asyncio.CancelledError),
                "a cancelled call raises asyncio.CancelledError",
                cancelled.outcome,
                "asyncio.timeout, task groups and pytest's own timeouts rely on it",
            )
            expect(
                cancelled.seconds < ENDING,
                "a cancelled call ends at once",
                f"after {cancelled.seconds:.1f} s",
                "a test run that is stopped would hang",
            )

    def test_cancelled_call_leaves_nothing_running(
        self, speaking: Make, server: LoopbackServer | None
    ) -> None:
        """No task, no process and no connection of a cancelled call stays behind."""
        before = child_processes()
        left = self._cancel(speaking(), server, 0.05, patience=ENDING).left
        expect(not left, "a cancelled call leaves no task behind", f"{left}", _LEFT)
        if before is not None:
            ended = comes_true(lambda: not (child_processes() or set()) - before)
            expect(
                ended,
                "a cancelled call leaves no process behind: kill it, and wait for it",
                "one runs on",
                _LEFT,
            )
        if server is not None:
            expect(server.wait_closed(), "a cancelled call leaves no connection open", "one is open", _LEFT)

    def test_synthesizer_speaks_after_a_cancelled_call(
        self, speaking: Make, server: LoopbackServer | None
    ) -> None:
        """A cancelled call takes nothing away from those that follow."""
        synthesizer = speaking()
        for moment in _MOMENTS:
            self._cancel(synthesizer, server, moment)
        if self.service is not None and server is not None:
            server.replies = self.service.good(SAMPLES)
        try:
            within(lambda: synthesizer.synthesize(self.prompt), self.patience)
        except Exception as error:  # noqa: BLE001 - whatever it does is what is told
            refuse(
                "a synthesizer speaks on after cancelled calls",
                error,
                "one test's timeout would fail the others",
            )

    def _cancel(
        self, synthesizer: Any, server: LoopbackServer | None, moment: float, *, patience: float = 0.0
    ) -> _Cancelled:
        """Cancel a call after so many seconds; have patience with the tasks that it leaves."""
        text = _repeated(self.prompt, 40)
        if server is not None:
            server.replies = Reply(fail_at="start", fail_how="hang")

        async def cancel() -> _Cancelled:
            call = asyncio.ensure_future(synthesizer.synthesize(text))
            await asyncio.wait({call}, timeout=moment)
            start = time.monotonic()
            if not call.cancel():
                return _Cancelled(None, 0.0, [])
            outcomes: list[object] = await asyncio.gather(call, return_exceptions=True)
            return _Cancelled(outcomes[0], time.monotonic() - start, await _others(patience))

        return within(cancel, self.patience + patience)

    def test_closing_at_any_time(self, make: Make, speaking: Make, server: LoopbackServer | None) -> None:
        """Where ``aclose`` is offered, it may be called before any call, after calls, and again."""
        unused, used = make(), speaking()
        if getattr(unused, "aclose", None) is None:
            pytest.skip("the synthesizer offers no aclose, and need not")
        self.speak(used)
        for synthesizer in (unused, unused, used, used):
            try:
                within(lambda each=synthesizer: _close(each), self.patience)  # type: ignore[misc]
            except Exception as error:  # noqa: BLE001 - whatever closing raises
                refuse(
                    "`async def aclose(self)` may be called at any time, more than once, in any loop",
                    error,
                    "russo closes at the end of a run what the run may not have used, or somebody has closed",
                )
        if server is not None:
            expect(server.wait_closed(), "aclose releases connections", "one is open", _LEFT)

    def test_nothing_is_left_open(self, speaking: Make, server: LoopbackServer | None) -> None:
        """What a call opens is closed: sockets, files and transports, before the collector finds them."""
        gc.collect()
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always", ResourceWarning)
            self._speak_and_close(speaking())
            gc.collect()
        left = [str(each.message) for each in seen if issubclass(each.category, ResourceWarning)]
        expect(not left, "what a call opens is closed", f"{left}", _LEFT)
        if server is not None:
            expect(
                server.wait_closed(), "a call leaves no connection open after its loop", "one is open", _LEFT
            )

    def _speak_and_close(self, synthesizer: Any) -> None:
        self.speak(synthesizer)
        if getattr(synthesizer, "aclose", None) is not None:
            within(lambda: _close(synthesizer), self.patience)


# Seconds after which a call is cancelled: before it has begun, at its first steps, amid its work.
_MOMENTS: Final = (0.0, 0.001, 0.02, 0.1)
_LEFT: Final = "tests have loops of their own: what stays behind warns, leaks or pays in somebody else's test"


@dataclass(frozen=True, slots=True)
class _Cancelled:
    """How a call ended that was cancelled: ``outcome`` is ``None`` where it had ended before.

    It took so many ``seconds``, and the tasks in ``left`` went on.
    """

    outcome: object
    seconds: float
    left: list[str]


async def _settled(synthesizer: Any, text: str) -> None:
    """Speak; a text that is refused is as good as one that is spoken."""
    await asyncio.gather(synthesizer.synthesize(text), return_exceptions=True)


async def _close(synthesizer: Any) -> None:
    await synthesizer.aclose()


async def _others(patience: float) -> list[str]:
    """Return the tasks that go on beside this one, after some patience with those that are ending."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    if others:
        await asyncio.wait(others, timeout=patience)
    return [f"{task.get_coro()!r:.200}" for task in others if not task.done()]


def _repeated(text: str, times: int) -> str:
    """Return a text of so many sentences: some backends take them one by one."""
    return " ".join([f"{text}."] * times)


def _holds(request: Request, text: str) -> bool:
    """Tell whether a request carries a text, whole: as a value of its JSON, form or query, or as it is."""
    return any(text in value for value in (*request.query.values(), *_texts(request)))


def _texts(request: Request) -> list[str]:
    try:
        return _strings(request.json)
    except ValueError:
        body = request.body.decode("utf-8", "replace")
        return [body, *(value for _, value in parse_qsl(body, keep_blank_values=True))]


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [text for each in value for text in _strings(each)] if isinstance(value, list) else []
