"""The tools that the agent may call; each prints as a call."""

import json
from dataclasses import dataclass, fields


@dataclass(frozen=True)
class ToolCall:
    """The tool call that the agent chose."""

    @property
    def name(self) -> str:
        """The name of the tool, such as ``set_light``."""
        words = (f"_{letter.lower()}" if letter.isupper() else letter for letter in type(self).__name__)
        return "".join(words).lstrip("_")

    def __str__(self) -> str:
        values = ((field.name, getattr(self, field.name)) for field in fields(self))
        arguments = ", ".join(
            f"{name}={json.dumps(value) if isinstance(value, str) else value}" for name, value in values
        )
        return f"{self.name}({arguments})"


@dataclass(frozen=True)
class RoomCall(ToolCall):
    """A tool call for one room."""

    room: str


@dataclass(frozen=True)
class SetLight(RoomCall):
    """Turn a room's light on or off."""

    on: bool


@dataclass(frozen=True)
class DimLight(RoomCall):
    """Set the brightness of a room's light."""

    percent: int


@dataclass(frozen=True)
class SetTemperature(RoomCall):
    """Heat or cool a room, in degrees Celsius."""

    degrees: int


@dataclass(frozen=True)
class PlayMusic(RoomCall):
    """Play music in a room."""

    genre: str


@dataclass(frozen=True)
class StopMusic(ToolCall):
    """Stop the music, wherever it plays."""


@dataclass(frozen=True)
class SetTimer(ToolCall):
    """Start a timer."""

    minutes: int


@dataclass(frozen=True)
class CancelTimer(ToolCall):
    """Cancel the timer that was set for so many minutes."""

    minutes: int
