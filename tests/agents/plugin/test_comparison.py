"""What an assertion shows if a tool call was nearly right."""

from unittest.mock import ANY

import pytest

from russo_agents import ToolCall, ToolCalled, Turn, tool_call
from russo_agents._plugin.comparison import explain
from support.agents.foreign import Unprintable

LIGHT = ToolCall("set_light", {"room": "chicken", "on": True, "level": 0.1 + 0.2}, "no such room")
MUSIC = ToolCall("play_music", {})


@pytest.mark.parametrize(
    ("expected", "lines"),
    [
        (
            tool_call("set_light", room="kitchen", on=ANY, level=pytest.approx(0.3)),
            ["room is 'chicken', expected 'kitchen'"],
        ),
        (tool_call("set_light", room="chicken", on=True), ["level=0.30000000000000004 is not expected"]),
        (
            tool_call("set_light", room="chicken", on=False, level=ANY, color="red"),
            ["on is True, expected False", "color is missing, expected 'red'"],
        ),
        (
            tool_call("set_lamp", room=ANY, on=ANY, level=ANY),
            ["the tool is 'set_light', expected 'set_lamp'"],
        ),
    ],
)
def test_arguments_that_differ_are_named(expected, lines):
    found = explain(LIGHT, expected)
    assert found[0] == f"{LIGHT!r} == {expected!r}"
    assert found[1:] == lines
    assert explain([LIGHT], [expected])[1:] == lines


@pytest.mark.parametrize(
    ("left", "right", "lines"),
    [
        ([], [MUSIC], ["0 calls, expected 1", "missing: play_music()"]),
        ([MUSIC], [], ["1 call, expected 0", "not expected: play_music()"]),
        (
            [MUSIC, tool_call("stop", x=1)],
            [MUSIC, tool_call("stop", x=2), MUSIC],
            ["2 calls, expected 3", "call 2: x is 1, expected 2", "call 3: missing: play_music()"],
        ),
    ],
)
def test_lists_are_compared_call_by_call(left, right, lines):
    assert explain(left, right)[1:] == lines


@pytest.mark.parametrize(("left", "right"), [([], []), ([1], [MUSIC]), (MUSIC, "music"), ({}, {})])
def test_other_values_are_left_to_pytest(left, right):
    assert explain(left, right) is None


def test_escape_sequences_in_arguments_are_shown():
    class Loud:
        def __repr__(self):
            return "\x1b[2J"

    assert explain(tool_call("f", x=Loud()), tool_call("f", x=1))[1:] == ["x is \\x1b[2J, expected 1"]


def test_escape_sequences_in_names_are_shown():
    call = ToolCall("f", {"\x1b[2J": 1})
    assert explain(call, tool_call("f"))[1:] == ["\\x1b[2J=1 is not expected"]
    assert repr(turn(call).called("f", a=1)) == "[] (nearest: f(\\x1b[2J=1): a is missing, expected 1)"
    assert repr(turn(ToolCall("\x1b[2J")).called("f")) == "[] (called: \\x1b[2J)"


def test_values_without_a_repr_are_compared():
    lines = explain(tool_call("f", x=Unprintable()), tool_call("f", x=1))
    assert lines[1:] == ["x is <Unprintable, whose repr raises ValueError>, expected 1"]


def turn(*calls):
    events = tuple(ToolCalled(call) for call in calls)
    return Turn(prompt="", events=events, audio=None, observes=frozenset({"tool_calls"}))


@pytest.mark.parametrize(
    ("calls", "name", "arguments", "shown"),
    [
        ([], "stop", {}, "[] (no tool was called)"),
        (
            [MUSIC, LIGHT, tool_call("set_light", room="hall")],
            "set_light",
            {"room": "kitchen", "on": True},
            f"[] (nearest: {LIGHT}: room is 'chicken', expected 'kitchen')",
        ),
        ([MUSIC], "play_musik", {}, "[] (called: play_music; did you mean 'play_music'?)"),
        (
            [tool_call(f"tool_{number}") for number in range(7)],
            "other",
            {},
            "[] (called: tool_0, tool_1, tool_2, tool_3, tool_4 and 2 more)",
        ),
    ],
)
def test_call_that_was_not_made_shows_the_nearest(calls, name, arguments, shown):
    found = turn(*calls).called(name, **arguments)
    assert repr(found) == shown
    assert found == []
    assert isinstance(found, list)


def test_calls_that_were_made_are_a_plain_list():
    found = turn(LIGHT, MUSIC).called("set_light", on=True)
    assert type(found) is list
    assert repr(found) == repr([LIGHT])


def test_failing_assertions_show_the_difference(agent_project):
    agent_project.tests(
        """
        from russo_agents import tool_call

        def test_equal(russo_call):
            assert russo_call.say("Hello").tool_calls == [tool_call("set_light", room="hall", on=True)]

        def test_called(russo_call):
            assert russo_call.say("Hello").called("set_light", room="hall")
        """
    )
    result = agent_project.run()
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            "E*assert [[]set_light(room='kitchen', on=True)] == [[]set_light(room='hall', on=True)]",
            "E*room is 'kitchen', expected 'hall'",
            "E*assert [[]] (nearest: set_light(room='kitchen', on=True): room is 'kitchen', expected 'hall')",
        ]
    )
