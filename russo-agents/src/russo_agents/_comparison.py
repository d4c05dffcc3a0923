"""Why a tool call is not the expected one: the arguments that differ, and the nearest call."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ._events import ToolCall
from ._foreign import described, printable

_LONGEST_VALUE: Final = 100
_MOST_NAMED: Final = 5


class NoCalls(list[ToolCall]):
    """The empty list that `Turn.called` returns. Its ``repr`` shows the call that was nearly right.

    An assertion of pytest shows the ``repr`` of a value.
    """

    def __init__(self, calls: Sequence[ToolCall], name: str, arguments: Mapping[str, Any]) -> None:
        super().__init__()
        self._why = _why_not_called(calls, name, arguments)

    def __repr__(self) -> str:
        return f"[] ({self._why})"


def differences(call: ToolCall, arguments: Mapping[str, Any], *, is_complete: bool) -> Iterator[str]:
    """Yield what is different between a call and the expected arguments.

    Args:
        call: The call.
        arguments: The expected arguments. They may contain `unittest.mock.ANY` and `pytest.approx`.
        is_complete: Whether other arguments than the expected ones are differences.
    """
    for name, expected in arguments.items():
        if name not in call.arguments:
            yield f"{printable(name)} is missing, expected {_short(expected)}"
        elif not _is_equal(call.arguments[name], expected):
            yield f"{printable(name)} is {_short(call.arguments[name])}, expected {_short(expected)}"
    if is_complete:
        for name, value in call.arguments.items():
            if name not in arguments:
                yield f"{printable(name)}={_short(value)} is not expected"


def nearest_call(calls: Sequence[ToolCall], expected: ToolCall, *, is_complete: bool) -> ToolCall | None:
    """Return the call of the same tool that has the fewest differences, or ``None``."""
    same = [call for call in calls if call.name == expected.name]
    return min(
        same,
        key=lambda call: len(list(differences(call, expected.arguments, is_complete=is_complete))),
        default=None,
    )


def _why_not_called(calls: Sequence[ToolCall], name: str, arguments: Mapping[str, Any]) -> str:
    if not calls:
        return "no tool was called"
    near = nearest_call(calls, ToolCall(name, arguments), is_complete=False)
    if near is not None:
        return f"nearest: {near}: {'; '.join(differences(near, arguments, is_complete=False))}"
    names = list(dict.fromkeys(call.name for call in calls))
    similar = difflib.get_close_matches(name, names, n=1)
    hint = f"; did you mean {similar[0]!r}?" if similar else ""
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return f"called: {', '.join(map(printable, names[:_MOST_NAMED]))}{more}{hint}"


def _is_equal(value: object, expected: object) -> bool:
    try:
        return bool(value == expected)
    except Exception:  # noqa: BLE001 - of another package, such as an array
        return False


def _short(value: object) -> str:
    text = described(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"
