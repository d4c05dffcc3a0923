"""Adapters with one fault each: the check that names the fault fails."""

import pytest

from support.agents.contract_adapters import ALL, WRONG

NEIGHBOURS = {
    "test_attributes_of_the_line",
    "test_methods_of_the_line",
    "test_second_turn_has_its_own_answer",
    "test_turn_with_a_tool_call_only",
    "test_silence_is_no_turn",
    "test_call_can_be_cancelled",
}


def assert_caught(wrong, checks, contract):
    failed, output = contract.run(wrong.kind, checks)
    assert failed == wrong.checks & checks, output
    assert wrong.says in output
    assert output.count("the contract expects: ") == output.count("\nwhat to do: ") >= len(failed)


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.kind.__name__)
def test_wrong_adapter_is_caught_by_the_check_for_its_fault(wrong, contract):
    first = f"test_{wrong.caught_by[0]}"
    assert_caught(wrong, {first} | (NEIGHBOURS - wrong.checks), contract)


@pytest.mark.slow
@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.kind.__name__)
def test_no_other_check_fails_for_a_wrong_adapter(wrong, contract):
    real_time = {"test_turn_has_the_answer"}  # takes two seconds
    assert_caught(wrong, ALL - real_time | wrong.checks, contract)


def test_every_check_names_a_fault():
    assert {f"test_{wrong.caught_by[0]}" for wrong in WRONG} == ALL
