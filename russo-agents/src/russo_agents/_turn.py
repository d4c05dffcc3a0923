"""`Turn`: what the agent heard, said and did after one prompt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ._comparison import NoCalls
from ._errors import LatencyError, NotObservedError
from ._events import Heard, Said, ToolCall, ToolCalled

if TYPE_CHECKING:
    from russo import Audio

_OBSERVED: Final = {
    "heard": ("the words that the agent understood", "Heard"),
    "tool_calls": ("tool calls", "ToolCalled"),
    "reply": ("the words of replies", "Said"),
    "interruption": ("interruptions", "Interrupted"),
}


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Turn:
    """One turn of a conversation: a prompt, and the agent's answer.

    A field that the line cannot observe raises a `NotObservedError` when it is read. So ``tool_calls == []``
    never passes for a line that does not report tool calls.

    Attributes:
        prompt: The text that the caller said, or a description of the `Audio`. ``None`` if the agent spoke
            first, and after `Call.pause`.
        events: All events of the turn in order, also those that russo does not know.
        audio: The sound of the reply, 16-bit mono samples (format ``pcm``), or ``None`` if there was no
            sound. If the caller interrupted it, the sound until then.
        observes: What the line observes: of ``heard``, ``tool_calls``, ``reply`` and ``interruption``.
    """

    prompt: str | None
    events: tuple[Any, ...]
    audio: Audio | None
    observes: frozenset[str]
    _stopped_after: float | None = None
    _latency: float | str = "there was no prompt"

    @property
    def heard(self) -> str:
        """The words that the agent understood, or ``""``."""
        __tracebackhide__ = True
        return self._words("heard", Heard)

    @property
    def reply(self) -> str:
        """The words that the agent said, or ``""``. If the caller interrupted them, the words until then."""
        __tracebackhide__ = True
        return self._words("reply", Said)

    @property
    def tool_calls(self) -> list[ToolCall]:
        """The tool calls in order."""
        __tracebackhide__ = True
        calls = [event.call for event in self.events if isinstance(event, ToolCalled)]
        self._check("tool_calls", calls)
        return calls

    @property
    def interrupted(self) -> bool:
        """Whether the prompt of this turn stopped the agent's speech, of which a part was not played yet."""
        __tracebackhide__ = True
        return self.stopped_after is not None

    @property
    def stopped_after(self) -> float | None:
        """How many seconds after the first voiced sample of the prompt the agent stopped speaking.

        ``None`` if the prompt did not stop the agent.
        """
        __tracebackhide__ = True
        self._check("interruption", self._stopped_after)
        return self._stopped_after

    @property
    def latency(self) -> float:
        """Seconds from the last voiced sample of the prompt to the first voiced sample of the reply.

        Raises:
            LatencyError: The value would be false: the pace was not real time, the driver was late by more
                than 50 ms, or there was no sound on one of the two sides.
        """
        __tracebackhide__ = True
        if isinstance(self._latency, str):
            raise LatencyError(f"this turn has no latency: {self._latency}", turn=self)
        return self._latency

    def called(self, name: str, /, **arguments: Any) -> list[ToolCall]:
        """Return the calls of a tool that have at least these arguments.

        If there are none, the ``repr`` of the empty list shows the nearest call and what is different.
        """
        __tracebackhide__ = True
        calls = self.tool_calls
        found = [call for call in calls if call.name == name and _has(call, arguments)]
        return found or NoCalls(calls, name, arguments)

    def __repr__(self) -> str:
        parts = [f"prompt={self.prompt!r}"]
        parts += [
            f"{name}={value!r}"
            for name, value in (
                ("heard", self._seen("heard")),
                ("tool_calls", self._seen("tool_calls")),
                ("reply", self._seen("reply")),
                ("stopped_after", self._stopped_after),
            )
            if value not in (None, "", [])
        ]
        if isinstance(self._latency, float):
            parts.append(f"latency={self._latency:.3f}")
        return f"Turn({', '.join(parts)})"

    def _seen(self, field: str) -> Any:
        try:
            return getattr(self, field)
        except NotObservedError:
            return None

    def _words(self, field: str, kind: type[Heard] | type[Said]) -> str:
        __tracebackhide__ = True
        words = " ".join(text for event in self.events if isinstance(event, kind) and (text := event.text))
        self._check(field, words)
        return words

    def _check(self, field: str, value: object) -> None:
        """Refuse to read an empty field that the line cannot observe."""
        __tracebackhide__ = True
        if value in (None, "", []) and field not in self.observes:
            subject, event = _OBSERVED[field]
            observed = ", ".join(sorted(self.observes)) or "none"
            raise NotObservedError(
                f"this line does not observe {subject}, so an empty value would mean nothing; "
                f"it observes: {observed}; {event} events would report them",
                turn=self,
            )


def _has(call: ToolCall, arguments: dict[str, Any]) -> bool:
    return all(name in call.arguments and call.arguments[name] == value for name, value in arguments.items())
