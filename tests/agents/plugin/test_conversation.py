"""The section of a failing test, and the rows of a conversation."""

import pytest

from russo_agents import ToolCall
from russo_agents._call.record import CallRecord
from russo_agents._plugin.conversation import LATENCY, lines_of, rows_of
from support.agents.projects import section


def record(*moments, pace=1.0, **values):
    """Return a record of moments: a time, a kind, a text and further values."""
    made = CallRecord(pace=pace, stereo=lambda: None, **values)
    for at, kind, *text in moments:
        options = text.pop() if text and isinstance(text[-1], dict) else {}
        made.add(at, kind, *text, **options)
    return made


def lines(*records):
    found = list(lines_of(records))
    assert all(len(line) <= 80 for line in found), found
    return found


LIGHT = ToolCall("set_light", {"room": "chicken", "on": True}, "no such room")


def test_turn_is_readable():
    call = record(
        (0.5, "caller", "Turn on the kitchen light.", {"seconds": 1.4}),
        (2.42, "heard", "turn on the chicken light"),
        (2.43, "tool", str(LIGHT), {"call": LIGHT}),
        (2.9, "speaks"),
        (4.1, "said", "There is no chicken room."),
        (4.2, "ended"),
        (4.2, "turn", {"seconds": 1.0}),
        latencies=[1.0],
        turns=1,
    )
    assert lines(call) == [
        "   0.50  caller   Turn on the kitchen light.",
        "   2.42  heard    turn on the chicken light",
        "   2.43  tool     set_light(room='chicken', on=True) -> 'no such room'",
        "   2.90  agent    There is no chicken room.",
        "   4.20  latency  1.00 s",
        "latency: from the last voiced sample of the prompt to the first voiced sample of",
        "  the reply",
    ]


@pytest.mark.parametrize(
    ("moments", "rows"),
    [
        ([(1, "speaks"), (2, "ended")], [(1, "agent", "(speaks)")]),
        ([(1, "speaks"), (2, "said", "Yes"), (3, "said", "No")], [(1, "agent", "Yes"), (3, "agent", "No")]),
        (
            [(1, "speaks"), (2, "interrupted"), (2.5, "said", "Ye")],
            [(1, "agent", "(speaks)"), (2, "agent", "(interrupted)"), (2.5, "agent", "Ye")],
        ),
        ([(1, "said", "Yes"), (2, "speaks"), (3, "ended")], [(1, "agent", "Yes")]),
        (
            [(1, "said", "Yes"), (2, "turn", ""), (3, "speaks"), (4, "tool", "f()"), (5, "said", "No")],
            [(1, "agent", "Yes"), (3, "agent", "(speaks)"), (4, "tool", "f()"), (5, "agent", "No")],
        ),
        (
            [(1, "other", "Metrics(x=1)"), (2, "lost", "gone")],
            [(1, "other", "Metrics(x=1)"), (2, "line", "gone")],
        ),
        (
            [(1, "turn", "the reply has no voiced sample")],
            [(1, "latency", "none: the reply has no voiced sample")],
        ),
        ([(1, "turn", "")], []),
        ([(1, "heard", "a\x1b[2Jb\nc")], [(1, "heard", "a\\x1b[2Jb\\nc")]),
        ([(1, "heard", "x" * 1000)], [(1, "heard", "x" * 399 + "…")]),
        ([(1, "tool", "f()", {"call": ToolCall("f", {}, {"a": 1})})], [(1, "tool", "f() -> {'a': 1}")]),
        ([(1, "tool", "f()", {"call": ToolCall("f")})], [(1, "tool", "f()")]),
    ],
)
def test_moments_become_rows(moments, rows):
    assert [(row.at, row.who, row.what) for row in rows_of(record(*moments))] == rows


def test_reason_is_not_repeated_at_pace_0():
    call = record((0.5, "caller", "Hello"), (2, "turn", "the call ran at pace 0"), pace=0.0)
    assert lines(call) == ["   0.50  caller   Hello", "latency: not measured at pace 0"]


def test_several_calls_are_numbered_and_share_the_notes():
    call = record(
        (0.5, "caller", "Hello"), (1, "turn", {"seconds": 0.3}), latencies=[0.3], problems=["a\x1b"]
    )
    shown = lines(call, call)
    assert shown[0] == "call 1 of 2"
    assert shown[3] == "call 2 of 2"
    assert " ".join(line.strip() for line in shown[6:]) == f"{LATENCY} problem: a\\x1b"


def test_call_without_a_word_says_so():
    assert lines(record()) == ["(the caller and the agent said nothing)"]


def test_long_conversation_shows_its_beginning_and_its_end():
    shown = lines(record(*((number, "heard", str(number)) for number in range(1000))))
    assert len(shown) == 81
    assert shown[19:22] == [
        "  19.00  heard    19",
        "         (920 rows left out)",
        " 940.00  heard    940",
    ]
    assert shown[-1] == " 999.00  heard    999"


def test_long_words_and_wide_characters_are_wrapped():
    text = "a" * 100 + " " + "電灯をつけてください" * 9
    shown = lines(record((0, "caller", text)))
    assert shown[0] == "   0.00  caller   " + "a" * 62
    assert all(line.startswith(" " * 18) for line in shown[1:])
    assert "".join(line.strip() for line in shown)[len("0.00  caller   ") :].replace(" ", "") == text.replace(
        " ", ""
    )
    widths = [sum(2 if ord(each) > 0x1000 else 1 for each in line) for line in shown]
    assert max(widths) <= 80


FAILING = """
    def test_it(russo_call):
        russo_call.say("Turn on the light.")
        assert False
"""


def test_failing_test_shows_the_conversation(agent_project):
    agent_project.tests(FAILING)
    result = agent_project.run()
    result.assert_outcomes(failed=1)
    *rows, kept = section(result)
    assert [line.split(None, 2)[1:] for line in rows[:-1]] == [
        ["caller", "Turn on the light."],
        ["heard", "turn on the light"],
        ["tool", "set_light(room='kitchen', on=True) -> 'done'"],
        ["agent", "The light is on."],
    ]
    assert rows[-1] == "latency: not measured at pace 0"
    assert kept.startswith("kept: .russo_calls/")


def test_passing_test_shows_no_conversation(agent_project):
    assert section(agent_project.run("-rA")) is None


def test_test_without_a_call_has_no_section(agent_project):
    agent_project.tests("def test_it(russo_agent): assert False")
    assert section(agent_project.run()) is None


@pytest.mark.parametrize("phase", ["setup", "teardown"])
def test_conversation_is_shown_if_another_fixture_fails(agent_project, phase):
    agent_project.tests(
        f"""
        import pytest

        @pytest.fixture
        def home(russo_call):
            if {phase == "setup"}:
                russo_call.say("Hello")
                raise ValueError("of the fixture")
            yield russo_call
            russo_call.say("Goodbye")
            raise ValueError("of the fixture")

        def test_it(home):
            home.say("Hello")
        """
    )
    result = agent_project.run()
    result.assert_outcomes(errors=1, passed=int(phase == "teardown"))
    prompts = [line.split()[-1] for line in section(result) if "caller" in line]
    assert prompts == (["Hello"] if phase == "setup" else ["Hello", "Goodbye"])


def test_conversation_is_shown_again_only_if_it_went_on(agent_project):
    agent_project.tests(
        """
        import pytest

        @pytest.fixture
        def closing(russo_call, request):
            yield
            if request.node.name == "test_more":
                russo_call.say("Goodbye")
            raise ValueError("of the fixture")

        def test_same(russo_call, closing):
            russo_call.say("Hello")
            assert False

        def test_more(russo_call, closing):
            russo_call.say("Hello")
            assert False
        """
    )
    result = agent_project.run()
    result.assert_outcomes(failed=2, errors=2)
    assert sum("russo: the conversation" in line for line in result.outlines) == 3


def test_failing_async_test_shows_each_call(agent_project):
    agent_project.tests(
        """
        import pytest

        @pytest.mark.asyncio
        async def test_it(russo_async_call):
            async with russo_async_call() as call:
                await call.say("Hello")
            async with russo_async_call() as call:
                await call.say("Again")
                assert False
        """
    )
    lines = section(agent_project.run())
    assert [line for line in lines if "call" in line and "caller" not in line][:2] == [
        "call 1 of 2",
        "call 2 of 2",
    ]
    assert [line.split()[-1] for line in lines if "caller" in line] == ["Hello", "Again"]


def test_agent_that_fails_is_shown_with_its_error(agent_project):
    agent_project.agent(
        """
    from shop import ANSWER, Shop

    @pytest.fixture
    def russo_agent():
        return Shop([ANSWER[0], ValueError("no \\x1b light")])
"""
    )
    lines = section(agent_project.run())
    assert lines[1].split(None, 2)[1:] == ["heard", "turn on the light"]
    assert "no \\x1b light" in lines[2]
