"""`AgentContract`: right adapters of several kinds pass, and its reports of tests that cannot run."""

import re

import pytest

from support.agents.contract_adapters import (
    ALL,
    EndsBySilence,
    Greets,
    NeverEndsATurn,
    ObservesNothing,
    OneLineAtATime,
    RealTime,
    RightAgent,
    RightLine,
)

REAL_TIME = "test_turn_has_the_answer"


def test_right_adapter_passes_every_check(contract):
    failed, output = contract.run(RightLine, ALL)
    assert failed == set(), output
    assert re.search(r"= 23 passed in", output)


# The ends by silence take seconds at any pace.
BY_SILENCE = {
    "test_end_of_a_turn_is_as_declared",
    "test_second_turn_has_its_own_answer",
    "test_turn_with_a_tool_call_only",
    "test_agent_hangs_up",
}


@pytest.mark.parametrize(
    ("kind", "declarations"),
    [
        (EndsBySilence, ""),
        (ObservesNothing, "reply = second_reply = heard = ''; tool_prompt = long_prompt = None"),
    ],
)
def test_right_adapter_that_reports_less_passes(kind, declarations, contract):
    failed, output = contract.run(kind, BY_SILENCE, declarations=declarations)
    assert failed == set(), output
    assert " passed" in output


@pytest.mark.parametrize(
    ("kind", "declarations", "skipped"),
    [
        (Greets, "greets = True", 0),
        (OneLineAtATime, "simultaneous = False", 1),
        (RightLine, "tool_prompt = long_prompt = hang_up_prompt = None; sdk = ()", 4),
    ],
)
def test_right_adapter_of_another_kind_passes(kind, declarations, skipped, contract):
    failed, output = contract.run(kind, ALL - {REAL_TIME}, declarations=declarations)
    assert failed == set(), output
    assert re.search(rf" {21 - skipped} passed, " + (f"{skipped} skipped" if skipped else ""), output)


@pytest.mark.slow
def test_real_time_adapter_passes_every_check(contract):
    failed, output = contract.run(RealTime, ALL, declarations="real_time = True")
    assert failed == set(), output
    assert "22 passed, 1 skipped" in output


def test_text_prompts_are_spoken_by_russo_say(contract):
    contract.pytester.makeconftest(
        """
        import pytest
        from support.agents.scripted import prompt

        class Speaker:
            cache_key_extra = {"backend": "speaker"}

            async def synthesize(self, text):
                return prompt(-0.3, 0.6 if text == "What time is it?" else 1.2, -0.3)

        @pytest.fixture(scope="session")
        def russo_synthesizer():
            return Speaker()
        """
    )
    failed, output = contract.run(
        RightLine,
        {"test_second_turn_has_its_own_answer"},
        declarations="prompt, second_prompt = 'What time is it?', 'What day is it?'",
    )
    assert failed == set(), output
    assert "russo: 0 hits, 2 backend calls" in output


def test_missing_fixture_is_reported_with_an_example(contract):
    contract.pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    contract.pytester.makepyfile(
        test_it="""
        from russo_agents.testing import AgentContract

        class TestIt(AgentContract):
            pass
        """
    )
    result = contract.pytester.runpytest_inprocess("-p", "no:cacheprovider", "-k", "attributes")
    result.stdout.fnmatch_lines(
        ["TestIt has no fixture `agent`, which returns a new agent, such as `AcmeAgent(url)`"]
    )


def test_report_shows_the_call_and_no_frames_of_russo(contract):
    _, output = contract.run(NeverEndsATurn, {"test_end_of_a_turn_is_as_declared"})
    report = output.partition("the contract expects: ")[2]
    assert report.startswith("the agent answers `prompt` and ends its turn\nfound: AgentSilentError: ")
    assert re.search(
        r"\nthe call:\n +0\.64 s  caller '\(audio, 1\.2 s\)'\n +\d\.\d\d s  heard 'What time", report
    )
    assert "Traceback" not in output
    assert "another exception occurred" not in output


def test_most_basic_checks_are_first(contract):
    contract.run(RightLine, ALL)
    result = contract.pytester.runpytest_inprocess("--collect-only", "-q", "-p", "no:cacheprovider")
    names = list(dict.fromkeys(re.findall(r"::(test_\w+)", result.stdout.str())))
    assert names[:3] == [
        "test_import_of_the_adapter_imports_no_sdk",
        "test_connect_is_an_async_context_manager",
        "test_attributes_of_the_line",
    ]
    assert names[-1] == "test_calls_leave_nothing_behind"


def test_agent_of_the_test_is_new_for_each_check(contract):
    made = []

    class Counted(RightAgent):
        def __init__(self):
            made.append(self)

    from support.agents import contract_adapters

    contract_adapters.Counted = Counted
    try:
        contract.run(Counted, {"test_attributes_of_the_line", "test_methods_of_the_line"})
    finally:
        del contract_adapters.Counted
    assert len(made) == 2
