"""``call.json``: a call as JSON values. The page "Agents in pytest" documents it."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from .._foreign import described

if TYPE_CHECKING:
    from .._call.record import Moment
    from .item_calls import OneCall

VERSION: Final = 1
_DEEPEST: Final = 20
_LONGEST_NUMBER: Final = 1000  # bits; Python refuses to write numbers of thousands of digits


def document_of(call: OneCall, *, test: str, outcome: str, audio: str | None) -> dict[str, Any]:
    """Return the document of a call.

    Args:
        call: The call.
        test: The node id of the test.
        outcome: ``failed``, ``passed``, ``skipped`` or ``interrupted``.
        audio: The name of the file with the sound, if there is one.
    """
    record = call.record
    return {
        "version": VERSION,
        "test": test,
        "outcome": outcome,
        "agent": call.agent,
        "pace": record.pace,
        "audio": audio,
        "seconds_said": round(record.seconds_said, 3),
        "seconds_heard": round(record.seconds_heard, 3),
        "turns": record.turns,
        "latencies": [round(latency, 3) for latency in record.latencies],
        "problems": record.problems,
        "moments": [_moment(moment) for moment in record.moments],
    }


def _moment(moment: Moment) -> dict[str, Any]:
    values: dict[str, Any] = {"at": round(moment.at, 3), "kind": moment.kind}
    if moment.text:
        values["text"] = moment.text
    if moment.seconds is not None:
        values["seconds"] = round(moment.seconds, 3)
    if moment.call is not None:
        values["tool"] = {
            "name": plain(moment.call.name),
            "arguments": plain(moment.call.arguments),
            "result": plain(moment.call.result),
        }
    return values


def plain(value: object, outer: frozenset[int] = frozenset()) -> Any:
    """Return a value as JSON values. What JSON does not have becomes its ``repr``.

    Args:
        value: The value.
        outer: The ids of the values that contain this value.
    """
    if value is None or isinstance(value, (bool, str)):
        return value
    if type(value) is float and math.isfinite(value):
        return value
    if type(value) is int and value.bit_length() <= _LONGEST_NUMBER:
        return value
    if len(outer) < _DEEPEST and id(value) not in outer:
        inner = outer | {id(value)}
        with contextlib.suppress(Exception):  # the methods of another package's type may fail
            if isinstance(value, Mapping):
                return {_name(key): plain(each, inner) for key, each in value.items()}
            if isinstance(value, (list, tuple)):
                return [plain(each, inner) for each in value]
    return described(value)


def _name(key: object) -> str:
    return key if isinstance(key, str) else described(key)
