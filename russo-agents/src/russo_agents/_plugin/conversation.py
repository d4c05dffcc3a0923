"""The conversation of a call as rows and lines: for the section of a failing test, and for the report.

Prompts, words of the agent, arguments and results are foreign text, so every row is escaped and bounded.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from russo.plugins import shown

if TYPE_CHECKING:
    from .._call.record import CallRecord, Moment

LATENCY: Final = "latency: from the last voiced sample of the prompt to the first voiced sample of the reply"

_WIDTH: Final = 80
_INDENT: Final = 18
_LONGEST_TEXT: Final = 400
_FIRST_ROWS: Final = 20
_LAST_ROWS: Final = 60


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a conversation.

    Attributes:
        at: Seconds of audio since the call began.
        who: ``caller``, ``heard``, ``tool``, ``agent``, ``latency``, ``other`` or ``line``.
        what: The words, escaped and on one line.
    """

    at: float
    who: str
    what: str

    @property
    def time(self) -> str:
        """The time as a text, in seconds."""
        return f"{self.at:.2f}"


def rows_of(record: CallRecord) -> list[Row]:
    """Return the rows of a call, in order.

    Sound and words of a reply are one row at the time of the first of them. Sound has a row of its own if
    something else happens before the words arrive, or if there are none.
    """
    rows: list[Row] = []
    speaks: Moment | None = None  # sound whose words have not arrived yet
    has_words = False  # of the reply whose sound has not begun yet
    for moment in record.moments:
        match moment.kind:
            case "speaks":
                speaks = None if has_words else moment
                has_words = False
            case "said":
                rows.append(_row(moment, at=moment.at if speaks is None else speaks.at))
                has_words, speaks = speaks is None, None
            case "ended" | "heard":
                rows += [] if moment.kind == "ended" else [_row(moment)]
            case _:
                rows += [] if speaks is None else [_sound(speaks)]
                rows += [] if _is_skipped(moment, record) else [_row(moment)]
                speaks, has_words = None, False
    rows += [] if speaks is None else [_sound(speaks)]
    return sorted(rows, key=lambda row: row.at)


def _sound(speaks: Moment) -> Row:
    return Row(speaks.at, "agent", "(speaks)")


def notes_of(record: CallRecord) -> list[str]:
    """Return what the rows do not say: the definition of latency, and problems."""
    notes = []
    if record.latencies:
        notes.append(LATENCY)
    elif record.pace != 1:
        notes.append(f"latency: not measured at pace {record.pace:g}")
    return [*notes, *(f"problem: {shown(problem, _LONGEST_TEXT)}" for problem in record.problems)]


def lines_of(records: Sequence[CallRecord]) -> Iterator[str]:
    """Yield the lines of a test's calls, each of at most 80 columns."""
    for number, record in enumerate(records, 1):
        if len(records) > 1:
            yield f"call {number} of {len(records)}"
        rows = rows_of(record)
        if not rows:
            yield "(the caller and the agent said nothing)"
        left_out = len(rows) - _FIRST_ROWS - _LAST_ROWS
        for index, row in enumerate(rows):
            if left_out <= 1 or not _FIRST_ROWS <= index < _FIRST_ROWS + left_out:
                yield from _wrapped(f"{row.time:>7}  {row.who:<7}  ", row.what)
            elif index == _FIRST_ROWS:
                yield f"         ({left_out:,} rows left out)"
    for note in dict.fromkeys(note for record in records for note in notes_of(record)):
        yield from _wrapped("", note, indent=2)


def _row(moment: Moment, *, at: float | None = None) -> Row:
    return Row(moment.at if at is None else at, *_words_of(moment))


def _words_of(moment: Moment) -> tuple[str, str]:
    """Return who did something, and what."""
    text = shown(moment.text, _LONGEST_TEXT)
    match moment.kind:
        case "said":
            return "agent", text
        case "tool":
            return "tool", f"{text}{_result_of(moment)}"
        case "interrupted":
            return "agent", "(interrupted)"
        case "turn":
            return "latency", f"none: {text}" if moment.seconds is None else f"{moment.seconds:.2f} s"
        case "lost":
            return "line", text
        case kind:
            return kind, text


def _result_of(moment: Moment) -> str:
    result = None if moment.call is None else moment.call.result
    if result is None:
        return ""
    words = shown(result, _LONGEST_TEXT)
    return f" -> {words!r}" if isinstance(result, str) else f" -> {words}"


def _is_skipped(moment: Moment, record: CallRecord) -> bool:
    """Return whether a moment says nothing that the notes do not say."""
    return moment.kind == "turn" and moment.seconds is None and (record.pace != 1 or not moment.text)


def _wrapped(prefix: str, text: str, *, indent: int = _INDENT) -> Iterator[str]:
    """Yield a text in lines; the lines after the first are indented."""
    line, columns = prefix, len(prefix)
    is_first = True
    for word in text.split(" "):
        for piece in _pieces(word, _WIDTH - indent):
            width = _width(piece)
            if not is_first and columns + 1 + width > _WIDTH:
                yield line.rstrip()
                line, columns, is_first = " " * indent, indent, True
            line += piece if is_first else f" {piece}"
            columns += width + (not is_first)
            is_first = False
    yield line.rstrip()


def _pieces(word: str, most: int) -> Iterator[str]:
    """Yield a word in pieces that fit a line."""
    piece, columns = "", 0
    for character in word:
        width = _width(character)
        if columns + width > most:
            yield piece
            piece, columns = "", 0
        piece += character
        columns += width
    yield piece


def _width(text: str) -> int:
    """Return how many columns a terminal needs for a text."""
    if text.isascii():
        return len(text)
    return sum(map(_columns, text))


def _columns(character: str) -> int:
    return 0 if unicodedata.combining(character) else 1 + (unicodedata.east_asian_width(character) in "WF")
