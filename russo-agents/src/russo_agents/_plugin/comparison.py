"""The explanation of a failed comparison of tool calls, for pytest's assertions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import TypeGuard

from russo.plugins import shown, visible

from .._comparison import differences
from .._events import ToolCall


def explain(left: object, right: object) -> list[str] | None:
    """Return the lines that explain why two calls, or two lists of calls, are different.

    Args:
        left: What the agent called.
        right: What the test expects.

    Returns:
        ``None`` if the values are not tool calls.
    """
    if isinstance(left, ToolCall) and isinstance(right, ToolCall):
        lines = list(_explain_pair(left, right))
    elif _is_calls(left) and _is_calls(right) and (left or right):
        lines = list(_explain_lists(left, right))
    else:
        return None
    return [f"{shown(repr(left), 300)} == {shown(repr(right), 300)}", *map(visible, lines)]


def _is_calls(value: object) -> TypeGuard[Sequence[ToolCall]]:
    return isinstance(value, (list, tuple)) and all(isinstance(each, ToolCall) for each in value)


def _explain_lists(left: Sequence[ToolCall], right: Sequence[ToolCall]) -> Iterator[str]:
    if len(left) != len(right):
        yield f"{_count(len(left))}, expected {len(right)}"
    for number, (call, expected) in enumerate(zip_longest(left, right), 1):
        where = f"call {number}: " if max(len(left), len(right)) > 1 else ""
        if call is None:
            yield f"{where}missing: {expected}"
        elif expected is None:
            yield f"{where}not expected: {call}"
        elif call != expected:
            yield from (f"{where}{line}" for line in _explain_pair(call, expected))


def _explain_pair(call: ToolCall, expected: ToolCall) -> Iterator[str]:
    if call.name != expected.name:
        yield f"the tool is {call.name!r}, expected {expected.name!r}"
    yield from differences(call, expected.arguments, is_complete=True)


def _count(number: int) -> str:
    return f"{number} call" if number == 1 else f"{number} calls"
