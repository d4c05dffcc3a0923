"""The events of a line: what the agent heard, said and did, in the order in which it happened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ._foreign import described, printable


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of a tool, which prints as the call.

    Two calls are equal if their names and arguments are equal; the result does not count. Arguments may
    contain `unittest.mock.ANY` and `pytest.approx`.

    Attributes:
        name: The name of the tool.
        arguments: The arguments by name, as the agent passed them.
        result: The value that the tool returned, or ``None`` if it is unknown.
    """

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    result: Any = field(default=None, compare=False)

    def __str__(self) -> str:
        if not isinstance(self.arguments, Mapping):  # a test may expect ANY
            return f"{printable(self.name)}({described(self.arguments)})"
        arguments = (f"{printable(name)}={described(value)}" for name, value in self.arguments.items())
        return f"{printable(self.name)}({', '.join(arguments)})"

    __repr__ = __str__


def tool_call(name: str, /, **arguments: Any) -> ToolCall:
    """Return the `ToolCall` that a test expects: ``tool_call("set_light", room="kitchen", on=True)``."""
    return ToolCall(name, arguments)


@dataclass(frozen=True, slots=True)
class Heard:
    """The agent understood a part of the caller's speech.

    Attributes:
        text: The final words of that part. Interim results are not events.

    Raises:
        TypeError: The words are not text.
    """

    text: str

    def __post_init__(self) -> None:
        _check_text(self)


@dataclass(frozen=True, slots=True)
class Said:
    """The agent said something, in words.

    Attributes:
        text: The words. If the agent was interrupted, the words until then.

    Raises:
        TypeError: The words are not text.
    """

    text: str

    def __post_init__(self) -> None:
        _check_text(self)


@dataclass(frozen=True, slots=True)
class Sound:
    """The agent said something, in sound. Sound may arrive faster than it plays.

    Attributes:
        pcm: The samples: signed 16-bit little-endian, mono.
        sample_rate: Samples per second, in Hz.

    Raises:
        TypeError: The samples are not bytes.
        ValueError: Half a sample, or a rate that is not a positive integer.
    """

    pcm: bytes
    sample_rate: int

    def __post_init__(self) -> None:
        if type(self.pcm) is not bytes:
            raise TypeError(f"Sound.pcm is {type(self.pcm).__name__}, not bytes")
        if len(self.pcm) % 2:
            raise ValueError(f"Sound.pcm has {len(self.pcm)} bytes; a 16-bit sample has two")
        if type(self.sample_rate) is not int or self.sample_rate <= 0:
            raise ValueError(f"Sound.sample_rate is {self.sample_rate!r}; it must be a positive integer")

    def __repr__(self) -> str:
        return f"Sound(<{self.seconds:.2f} s>, sample_rate={self.sample_rate})"

    @property
    def seconds(self) -> float:
        """How long the sound plays."""
        return len(self.pcm) / 2 / self.sample_rate


@dataclass(frozen=True, slots=True)
class ToolCalled:
    """The agent called a tool, and the tool has returned.

    Attributes:
        call: The call with its arguments and its result.

    Raises:
        TypeError: The call is not a `ToolCall`, its name is not text, or its arguments are not a mapping.
    """

    call: ToolCall

    def __post_init__(self) -> None:
        if not isinstance(self.call, ToolCall):
            raise TypeError(f"ToolCalled.call is {_kind(self.call)}; it must be a ToolCall")
        if not isinstance(self.call.name, str):
            raise TypeError(f"ToolCall.name is {_kind(self.call.name)}; it must be text")
        if not isinstance(self.call.arguments, Mapping):
            raise TypeError(
                f"ToolCall.arguments is {_kind(self.call.arguments)}; it must be a mapping of names to values"
            )


@dataclass(frozen=True, slots=True)
class Interrupted:
    """The agent stopped speaking because the caller spoke: sound that is not played yet is discarded.

    Attributes:
        at: When the agent fell silent, in seconds of the play-out clock, if that was before this event: an
            agent may pause while it finds out what the caller says. ``None``: now.

    Raises:
        TypeError: The time is not a number.
    """

    at: float | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.at is not None and not isinstance(self.at, int | float):
            raise TypeError(f"Interrupted.at is {_kind(self.at)}; it must be a number of seconds, or None")


@dataclass(frozen=True, slots=True)
class TurnEnded:
    """The agent's turn has ended: it does nothing more until the caller speaks."""


Event: TypeAlias = Heard | Said | Sound | ToolCalled | Interrupted | TurnEnded
"""An event that russo knows. A line may yield others: they are kept in `Turn.events`."""


def _check_text(event: Heard | Said) -> None:
    if not isinstance(event.text, str):
        raise TypeError(f"{type(event).__name__}.text is {_kind(event.text)}; it must be text")


def _kind(value: object) -> str:
    return type(value).__name__
