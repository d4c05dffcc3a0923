"""`CallRecord`: what a person sees of a call."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from .._events import Heard, Interrupted, Said, Sound, ToolCall, ToolCalled, TurnEnded
from .._foreign import described

if TYPE_CHECKING:
    from collections.abc import Callable

    from russo import Audio

Kind = Literal["caller", "heard", "tool", "speaks", "said", "interrupted", "ended", "turn", "other", "lost"]
_LONGEST_TEXT = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Something that happened in a call.

    Attributes:
        at: Seconds of audio since the call began.
        kind: ``caller``: the prompt begins; ``heard``: the agent understood words; ``tool``: a tool was
            called; ``speaks``: the first voiced sample of a reply; ``said``: words of the agent;
            ``interrupted``: the agent stopped; ``ended``: the line reported the end of the turn; ``turn``:
            a turn is over; ``other``: an event that russo does not know; ``lost``: the line closed.
        text: The words; for ``turn``, why no latency was measured.
        seconds: For ``caller``, the length of the prompt; for ``turn``, the latency.
        call: For ``tool``, the call.
    """

    at: float
    kind: Kind
    text: str = ""
    seconds: float | None = None
    call: ToolCall | None = None


@dataclass(slots=True, eq=False)
class CallRecord:
    """The record of one call. It grows by texts only; the sound is in a temporary file.

    Attributes:
        pace: The pace of the call.
        moments: What happened, in order.
        turns: The number of turns that are over.
        latencies: The latencies of the turns that have one, in seconds.
        seconds_said: Seconds of the caller's prompts.
        seconds_heard: Seconds of sound that the agent sent and that was not discarded.
        problems: What went wrong without an error, such as a line that did not close.
    """

    pace: float
    stereo: Callable[[], Audio | None]
    moments: list[Moment] = field(default_factory=list)
    turns: int = 0
    latencies: list[float] = field(default_factory=list)
    seconds_said: float = 0.0
    seconds_heard: float = 0.0
    problems: list[str] = field(default_factory=list)

    def add(
        self,
        at: float,
        kind: Kind,
        text: str = "",
        *,
        seconds: float | None = None,
        call: ToolCall | None = None,
    ) -> None:
        """Add a moment."""
        self.moments.append(Moment(at=at, kind=kind, text=text[:_LONGEST_TEXT], seconds=seconds, call=call))

    def add_event(self, at: float, event: object) -> None:
        """Add an event of the line. Sound has its own moment, when a reply begins."""
        match event:
            case Heard(text):
                self.add(at, "heard", text)
            case Said(text):
                self.add(at, "said", text)
            case ToolCalled(call):
                self.add(at, "tool", described(call), call=call)
            case Interrupted():
                self.add(at, "interrupted")
            case TurnEnded():
                self.add(at, "ended")
            case Sound():
                pass
            case _:
                self.add(at, "other", described(event))
