"""`FunctionAgent`: a function that takes one utterance and returns what the agent does.

The microphone never waits for the function: a plain function runs in a thread.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from russo import Audio

from ..._errors import AgentConfigError
from ..._events import Heard, Interrupted, Said, Sound, ToolCall, ToolCalled, TurnEnded
from .one_thread import OneThread
from .utterances import UtteranceSplitter

if TYPE_CHECKING:
    from ..._call.playout import Playout
    from ..._protocol import Line

_logger = logging.getLogger(__name__)

_CLOSE_SECONDS: Final = 2.0  # how long closing waits for the function


class FunctionAgent:
    """An agent that is a function: it takes one utterance and returns what the agent does.

        def hear(audio):
            words = recognize(audio.pcm())
            return [Heard(words), tool_call("set_light", room="kitchen"), "The light is on."]

        FunctionAgent(hear)

    An utterance ends after 0.5 s of silence, or after 60 s. It has at most 0.3 s of silence before and after
    the speech. Sound more than 47 dB below full scale and clicks shorter than 0.06 s count as silence.

    A plain function runs in a thread, an async function in the event loop of the call. A second utterance
    waits until the first is answered. If the call is closed while a plain function runs, closing waits 2 s
    for its end. Python cannot stop a thread, so after that the function runs on, and a warning is logged.

    Args:
        hear: A plain or async function. It gets each utterance as `Audio` (16-bit mono WAV). It returns
            ``None`` (the agent does nothing), a ``str`` (the words of the reply), an `Audio` (the sound of
            the reply, mono), a `ToolCall`, an event of russo_agents, or a list or tuple of these, in order.
            An empty ``str`` or `Audio` is ignored. The events `Interrupted` and `TurnEnded` are refused,
            because the adapter reports them. If the caller speaks while sound plays, the sound stops, and
            the words and sounds after it are not said. `Turn.heard` can be read from the first `Heard` on.
        sample_rate: The rate of the utterances in Hz.

    Raises:
        AgentConfigError: ``hear`` cannot be called with one argument, or 20 ms are not a whole number
            of samples at this rate.
    """

    def __init__(self, hear: Callable[[Audio], Any], sample_rate: int = 16_000) -> None:
        _check_function(hear)
        if type(sample_rate) is not int or sample_rate <= 0 or sample_rate % 50:
            raise AgentConfigError(
                f"FunctionAgent's sample_rate is {sample_rate!r:.80}; it must be an integer in Hz that "
                "divides into frames of 20 ms, such as 8000, 16000 or 24000"
            )
        self._hear = hear
        self._sample_rate = sample_rate

    @asynccontextmanager
    async def connect(self, playout: Playout) -> AsyncIterator[Line]:
        """Return a context manager that opens a line and closes it.

        Args:
            playout: The clock of what the caller has heard.
        """
        line = _FunctionLine(self._hear, self._sample_rate, playout)
        try:
            yield line
        finally:
            await line.close()


class _FunctionLine:
    """A conversation with a function. One task answers the utterances, one after another."""

    ends_turns = True
    real_time = False
    # "heard" is added when the function returns the first Heard.
    observes = frozenset({"tool_calls", "reply", "interruption"})

    def __init__(self, hear: Callable[[Audio], Any], sample_rate: int, playout: Playout) -> None:
        self.sample_rate = sample_rate
        self._hear = hear
        self._playout = playout
        self._splitter = UtteranceSplitter(sample_rate)
        self._utterances: asyncio.Queue[Audio] = asyncio.Queue()
        self._events: asyncio.Queue[Any] = asyncio.Queue()
        self._playing: asyncio.Timeout | None = None
        self._is_called = False
        self._is_closed = False
        self._thread = OneThread("FunctionAgent")
        self._task = asyncio.create_task(self._answer_all(), name="FunctionAgent")

    async def send(self, frame: bytes) -> None:
        """Take 20 ms of sound; an utterance that ends with it is queued."""
        utterance = self._splitter.add(frame)
        if self._splitter.is_spoken and self._playing is not None:
            self._playing.reschedule(asyncio.get_running_loop().time())
            self._playing = None
            self._events.put_nowait(Interrupted())
        if utterance is not None:
            # Resampling to the same rate only adds the WAV header.
            audio = Audio(utterance, "pcm", self.sample_rate).resample(self.sample_rate)
            self._utterances.put_nowait(audio)

    async def events(self) -> AsyncIterator[Any]:
        """Yield the events; raise what the function raised."""
        while not isinstance(event := await self._events.get(), _Closed):
            yield event
        if event.error is not None:
            raise event.error

    def hint(self) -> str | None:
        """Return why the agent is silent, for the message of an `AgentSilentError`."""
        if self._is_called:
            return f"{_shown(self._hear)} has not returned"
        if not self._splitter.count:
            unheard = "it found no speech louder than -47 dB that is longer than 0.06 s"
            return f"{_shown(self._hear)} was not called; {unheard}"
        return None

    async def close(self) -> None:
        """Stop the function; wait for its end for a limited time."""
        self._is_closed = True
        self._thread.stop()
        self._task.cancel()
        self._events.put_nowait(_Closed())
        _, running = await asyncio.wait({self._task}, timeout=_CLOSE_SECONDS)
        if running or not await self._thread.ends_within(_CLOSE_SECONDS):
            _logger.warning(
                "%s still runs %g s after the call was closed; it is left running, and its answer is ignored",
                _shown(self._hear),
                _CLOSE_SECONDS,
            )

    async def _answer_all(self) -> None:
        try:
            while not self._is_closed:  # a function may ignore its cancellation
                await self._answer(await self._utterances.get())
        except Exception as error:  # noqa: BLE001 - `events` raises it again
            self._events.put_nowait(_Closed(error))
        except BaseException as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            # SystemExit would end the event loop. CancelledError would end only this task, without an error.
            failure = RuntimeError(f"{_shown(self._hear)} raised {type(error).__name__}: {error}")
            failure.__cause__ = error
            self._events.put_nowait(_Closed(failure))

    async def _answer(self, utterance: Audio) -> None:
        is_interrupted = False
        for event in _events_of(await self._call(utterance), self._hear):
            if isinstance(event, Heard):
                self.observes |= {"heard"}
            is_speech = isinstance(event, Said | Sound)
            if not (is_speech and is_interrupted):
                self._events.put_nowait(event)
                is_interrupted |= isinstance(event, Sound) and not await self._is_played(event)
        self._events.put_nowait(TurnEnded())

    async def _call(self, utterance: Audio) -> Any:
        """Return what the function returns. A plain function may also return an awaitable."""
        self._is_called = True
        if _is_async(self._hear):
            answer = await self._hear(utterance)
        else:
            answer = await self._thread.call(self._hear, utterance)
            answer = await answer if inspect.isawaitable(answer) else answer
        self._is_called = False
        return answer

    async def _is_played(self, sound: Sound) -> bool:
        """Wait until the sound has been played; return ``False`` if the caller interrupted it."""
        try:
            async with asyncio.timeout(None) as self._playing:
                await self._playout.played(sound.seconds)
        except TimeoutError:
            return False
        finally:
            self._playing = None
        return True


@dataclass(frozen=True, slots=True)
class _Closed:
    """The last item of a line's queue of events."""

    error: Exception | None = None


def _is_async(hear: Any) -> bool:
    """Return whether a function, or the ``__call__`` of an object, is async."""
    return inspect.iscoroutinefunction(hear) or inspect.iscoroutinefunction(type(hear).__call__)


def _check_function(hear: Any) -> None:
    expected = "FunctionAgent expects a function that takes one utterance and returns what the agent does"
    if not callable(hear):
        raise AgentConfigError(f"{expected}; it got {hear!r:.80}")
    if inspect.isgeneratorfunction(hear) or inspect.isasyncgenfunction(hear):
        raise AgentConfigError(f"{expected}; {_shown(hear)} is a generator: return a list instead")
    with suppress(ValueError):  # some functions that are written in C have no signature
        signature = inspect.signature(hear)
        try:
            signature.bind(None)
        except TypeError as error:
            raise AgentConfigError(f"{expected}; {_shown(hear)} takes {signature}") from error


def _shown(hear: Any) -> str:
    """Return the name of a function for a message."""
    if isinstance(hear, functools.partial):
        return _shown(hear.func)
    name = getattr(hear, "__qualname__", type(hear).__qualname__)
    return f"{name.rpartition('<locals>.')[2]}()"


def _events_of(answer: Any, hear: Any) -> list[Any]:
    """Return the events of what a function returned; check all of them first."""
    items = answer if isinstance(answer, list | tuple) else [answer]
    events = [_event_of(item, hear) for item in items]
    return [event for event in events if event is not None]


def _event_of(item: Any, hear: Any) -> Any:
    match item:
        case None:
            return None
        case str():
            text = str.__str__(item)  # str() of a subclass, such as an Enum, may return other text
            return Said(text) if text else None
        case ToolCall():
            return ToolCalled(item)
        case Audio():
            return _sound_of(item, hear)
        case Heard() | Said() | Sound() | ToolCalled():
            return item
        case Interrupted() | TurnEnded():
            raise TypeError(f"{_shown(hear)} returned {item!r}; remove it: the adapter reports this event")
    raise TypeError(
        f"{_shown(hear)} returned {item!r:.80} ({type(item).__name__}); expected None, a str, a ToolCall, "
        "an Audio, an event of russo_agents, or a list of these"
    )


def _sound_of(audio: Audio, hear: Any) -> Sound | None:
    if audio.channels != 1:
        raise ValueError(f"{_shown(hear)} returned audio with {audio.channels} channels; expected 1")
    pcm = audio.pcm()
    return Sound(pcm, audio.sample_rate) if pcm else None
