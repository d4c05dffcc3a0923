"""The protocol between russo-agents and an adapter. An adapter inherits nothing.

`Line.events` raises what went wrong, and ends if the other side hangs up.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeGuard, runtime_checkable

if TYPE_CHECKING:
    from ._call.playout import Playout

OBSERVABLE: Final = frozenset({"heard", "tool_calls", "reply", "interruption"})
"""What a line may be able to observe; see `Line`."""


class Line(Protocol):
    """One open conversation with an agent.

    A line may also have these attributes:

    * ``real_time`` (bool): ``False`` if the agent may be fed faster than speech, because its voice detection
      counts audio. A line without this attribute is ``True``, and refuses ``pace=0``.
    * ``observes`` (a set of strings): what the line can observe, of ``"heard"``, ``"tool_calls"``,
      ``"reply"`` and ``"interruption"``. Without this attribute, the line observes all.
    * ``async def dtmf(self, digits: str)``: press keys of a telephone.
    * ``def hint(self) -> str | None``: what may be the reason for the agent's silence, for the message of an
      `AgentSilentError`.

    Attributes:
        sample_rate: The rate in Hz at which the agent listens. russo resamples the prompts.
        ends_turns: Whether the line reports `TurnEnded`. If not, russo ends a turn after 1.5 s of silence.
    """

    @property
    def sample_rate(self) -> int:
        """The rate in Hz at which the agent listens."""
        ...

    @property
    def ends_turns(self) -> bool:
        """Whether the line reports `TurnEnded`."""
        ...

    async def send(self, frame: bytes) -> None:
        """Send 20 ms of sound to the agent: signed 16-bit little-endian, mono. russo paces the frames.

        Return when the line can take more: at ``pace=0`` this is what limits the speed.
        """
        ...

    def events(self) -> AsyncIterator[Any]:
        """Yield the events of `russo_agents`, and others if the adapter has more.

        The iterator ends if the other side hangs up, and raises what went wrong.
        """
        ...


@runtime_checkable
class Agent(Protocol):
    """An agent under test, to which russo can open lines, one after another."""

    def connect(self, playout: Playout) -> AbstractAsyncContextManager[Line]:
        """Return a context manager that opens a line and closes it. One task enters and leaves it.

        Args:
            playout: The clock of what the caller has heard.
        """
        ...


def is_agent(candidate: object) -> TypeGuard[Agent]:
    """Return whether an object, which is not a class, has the method of an agent."""
    return isinstance(candidate, Agent) and not isinstance(candidate, type)


def real_time_of(line: Line) -> bool:
    """Return whether a line must be fed at the pace of speech."""
    return bool(getattr(line, "real_time", True))


def observed_by(line: Line) -> frozenset[str]:
    """Return what a line can observe."""
    observes = getattr(line, "observes", None)
    return OBSERVABLE if observes is None else frozenset(observes)
