"""The summary lines of a run's calls."""

from collections import Counter

import pytest

from russo_agents._plugin.summary import lines_of_run
from support.projects import summary_lines


@pytest.mark.parametrize(
    ("counts", "lines"),
    [
        ({"calls": 0}, []),
        (
            {"calls": 1, "turns": 1, "said": 1234, "heard": 12_345_678, "pace 1": 1, "latency 620": 1},
            [
                "russo: 1 call with 1 turn, 1.2 s said, 12,345.7 s heard, "
                "latency 0.62 s (median), 0.62 s (worst)"
            ],
        ),
        (
            {"calls": 3, "turns": 5, "latency 1100": 1, "latency 400": 2, "latency 700": 1, "pace 0": 2},
            ["russo: 3 calls with 5 turns, 0.0 s said, 0.0 s heard, latency 0.55 s (median), 1.10 s (worst)"],
        ),
        (
            {"calls": 2, "turns": 2, "pace 0": 2},
            ["russo: 2 calls with 2 turns, 0.0 s said, 0.0 s heard, no latency at pace 0"],
        ),
        ({"calls": 1, "pace 1": 1}, ["russo: 1 call with 0 turns, 0.0 s said, 0.0 s heard"]),
        (
            {"problem b": 2, "problem a": 1},
            ["russo: a", "russo: b (2 times)"],
        ),
        (
            {f"problem {number}": 1 for number in range(7)},
            [*(f"russo: {number}" for number in range(5)), "russo: and 2 more problems"],
        ),
    ],
)
def test_counts_become_lines(counts, lines):
    assert list(lines_of_run(Counter(counts))) == lines


FOUR_TESTS = """
    import pytest

    @pytest.mark.parametrize("number", range(4))
    def test_it(russo_call, number):
        russo_call.say("Hello")
        russo_call.say("Again")
"""


@pytest.mark.parametrize("workers", [(), ("-n", "4")])
def test_line_sums_up_all_workers(agent_project, workers):
    agent_project.tests(FOUR_TESTS)
    result = agent_project.run(*workers, subprocess=bool(workers))
    result.assert_outcomes(passed=4)
    # Each prompt of the project has 600 samples at 8,000 Hz, and each reply 4,000 samples.
    assert summary_lines(result)[-1] == (
        "4 calls with 8 turns, 0.6 s said, 4.0 s heard, no latency at pace 0"
    )


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_latencies_of_all_workers_are_compared(agent_project, workers):
    agent_project.tests(
        """
        import pytest

        @pytest.mark.parametrize("latency", [0.4, 0.6004, 2.0])
        def test_it(russo_call, latency):
            russo_call.record.latencies.append(latency)
        """
    )
    line = summary_lines(agent_project.run(*workers, subprocess=bool(workers)))[-1]
    assert line == "3 calls with 0 turns, 0.0 s said, 0.0 s heard, latency 0.60 s (median), 2.00 s (worst)"


def test_run_without_a_call_has_no_line(agent_project):
    agent_project.tests("def test_it(russo_say): russo_say('Hello')")
    assert not any("call with" in line for line in summary_lines(agent_project.run()))


REPLACED = "the fixture russo_agent of {} replaces the agent shop:Shop ({})"
CHAINED = """
    @pytest.fixture
    def russo_agent(russo_agent):
        return russo_agent
"""
PARAMETERS = """
    import pytest
    from shop import Shop

    @pytest.mark.parametrize("russo_agent", [Shop()])
    def test_it(russo_call):
        pass
"""


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_fixture_that_replaces_the_chosen_agent_is_a_line(agent_project, workers):
    agent_project.tests(
        """
        def test_first(russo_call): pass
        def test_second(russo_call): pass
        """
    )
    result = agent_project.run("--russo-agent=shop:Shop", *workers, subprocess=bool(workers))
    assert summary_lines(result).count(REPLACED.format("conftest.py", "command line")) == 1


def test_agent_of_the_environment_that_is_replaced_is_a_line(agent_project, monkeypatch):
    monkeypatch.setenv("RUSSO_AGENT", "shop:Shop")
    lines = summary_lines(agent_project.run())
    assert lines[-1] == REPLACED.format("conftest.py", "environment variable RUSSO_AGENT")


def test_parameter_that_replaces_the_chosen_agent_is_a_line(agent_project):
    agent_project.agent("")
    agent_project.tests(PARAMETERS)
    lines = summary_lines(agent_project.run("--russo-agent=shop:Shop"))
    assert lines[-1] == REPLACED.format("test_it.py", "command line")


@pytest.mark.parametrize(
    ("fixture", "ini", "arguments"),
    [("", "", ["--russo-agent=shop:Shop"]), (CHAINED, "", ["--russo-agent=shop:Shop"]),
     (None, "russo_agent = shop:Shop", []), (None, "", [])],
    ids=["no override", "chained", "ini-file", "no setting"],
)  # fmt: skip
def test_agent_that_is_not_replaced_is_no_line(agent_project, fixture, ini, arguments):
    if fixture is not None:
        agent_project.agent(fixture)
    agent_project.ini(ini)
    result = agent_project.run(*arguments)
    result.assert_outcomes(passed=1)
    assert not any("replaces" in line for line in summary_lines(result))


def test_problem_of_a_call_is_a_line(agent_project):
    agent_project.tests(
        """
        def test_it(russo_call):
            russo_call.record.problems.append("the line \\x1b was not closed")
        """
    )
    assert summary_lines(agent_project.run())[-1] == "the line \\x1b was not closed"
