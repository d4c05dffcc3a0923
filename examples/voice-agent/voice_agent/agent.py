"""Turns words into tool calls, and remembers the subject of the conversation."""

import dataclasses
import re

from .hearing import Hearing
from .tools import (
    CancelTimer,
    DimLight,
    PlayMusic,
    RoomCall,
    SetLight,
    SetTemperature,
    SetTimer,
    StopMusic,
    ToolCall,
)

_USUAL_DEGREES = 20
_SMALL = """one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
sixteen seventeen eighteen nineteen"""
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_NUMBERS = {word: value for value, word in enumerate(_SMALL.split(), 1)}
_NUMBERS |= {word: 10 * value for value, word in enumerate(_TENS.split(), 2)}


class Agent:
    """Answers each turn of one conversation with a tool call.

    Args:
        hearing: The speech recogniser; conversations may share it, because it keeps no state.

    Attributes:
        heard: The words of the last turn, "" if none were understood.
    """

    def __init__(self, hearing: Hearing) -> None:
        self.heard = ""
        self._hearing = hearing
        self._last: ToolCall | None = None
        self._minutes: int | None = None
        self._degrees: dict[str, int] = {}

    def hear(self, pcm: bytes) -> ToolCall | None:
        """Take one turn of speech; return the tool call, or ``None`` if nothing was understood.

        Args:
            pcm: 16 kHz, 16 bits, mono.
        """
        self.heard = self._hearing.words(pcm)
        words = self.heard.removeprefix("please ").removesuffix(" please")
        call = self._command(words) or self._followup(words)
        self._remember(call)
        return call

    def _command(self, words: str) -> ToolCall | None:
        """Return the tool call of a command that needs no earlier turn."""
        if m := re.fullmatch(r"(?:turn|switch) (on|off) the (.+) lights?", words):
            return SetLight(room=m[2], on=m[1] == "on")
        if m := re.fullmatch(r"(?:turn|switch) the (.+) lights? (on|off)", words):
            return SetLight(room=m[1], on=m[2] == "on")
        if m := re.fullmatch(r"dim the (.+) lights? to (.+) percent", words):
            return DimLight(room=m[1], percent=_number(m[2]))
        if m := re.fullmatch(r"(?:set|start) a timer for (.+) minutes?", words):
            return SetTimer(minutes=_number(m[1]))
        if m := re.fullmatch(r"play (?:some )?(\w+)(?: music)? in the (.+)", words):
            return PlayMusic(genre=m[1], room=m[2])
        if re.fullmatch(r"(?:stop|pause) the music", words):
            return StopMusic()
        if m := re.fullmatch(r"set the (.+) to (.+) degrees", words):
            return SetTemperature(room=m[1], degrees=_number(m[2]))
        return None

    def _followup(self, words: str) -> ToolCall | None:
        """Return the tool call of a command that refers to earlier turns."""
        last = self._last
        if re.fullmatch(r"(?:cancel|stop) the timer", words) and self._minutes:
            return CancelTimer(self._minutes)
        if words == "cancel it" and isinstance(last, SetTimer):
            return CancelTimer(last.minutes)
        if m := re.fullmatch(r"make the (.+) (warmer|cooler)", words):
            return self._adjust(m[1], m[2])
        if not isinstance(last, RoomCall):
            return None
        if m := re.fullmatch(r"make it (warmer|cooler)", words):
            return self._adjust(last.room, m[1])
        if (m := re.fullmatch(r"turn it (on|off)(?: again)?", words)) and isinstance(last, SetLight):
            return SetLight(room=last.room, on=m[1] == "on")
        if m := re.fullmatch(r"and the (.+)", words):
            return dataclasses.replace(last, room=m[1])
        return None

    def _adjust(self, room: str, how: str) -> ToolCall:
        now = self._degrees.get(room, _USUAL_DEGREES)
        return SetTemperature(room=room, degrees=now + 1 if how == "warmer" else now - 1)

    def _remember(self, call: ToolCall | None) -> None:
        match call:
            case SetTemperature(room=room, degrees=degrees):
                self._degrees[room] = degrees
            case SetTimer(minutes=minutes):
                self._minutes = minutes
            case CancelTimer():
                self._minutes = None
        self._last = call or self._last


def _number(words: str) -> int:
    return sum(_NUMBERS[word] for word in words.split())
