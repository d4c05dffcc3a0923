import random
import time

import pytest
from benchmarks.rounds import AGAIN, Rounds, calls, measure, spread


def steady(seconds, log=None, name=""):
    """Make a subject that reports this many seconds per call without spending them."""

    def run(number):
        if log is not None:
            log.append(name)
        return seconds * number

    return run


def test_spread_has_median_and_quartiles():
    values = spread([5.0, 1.0, 2.0, 4.0, 3.0])
    assert (values.low, values.median, values.high, values.best, values.rounds) == (2, 3, 4, 1, 5)


def test_spread_of_one_value_is_that_value():
    values = spread([7.0])
    assert (values.low, values.median, values.high, values.best) == (7, 7, 7, 7)


def test_ratio_compares_within_each_round():
    # If the machine is ten times slower in the second round, the ratios stay the same.
    rounds = Rounds({"mine": [2.0, 20.0, 2.0], "base": [1.0, 10.0, 1.0]})
    ratio = rounds.ratio("mine", "base")
    assert (ratio.low, ratio.median, ratio.high) == (2, 2, 2)


def test_median_of_ratios_is_not_the_ratio_of_medians():
    rounds = Rounds({"mine": [1.0, 2.0, 9.0], "base": [1.0, 1.0, 3.0]})
    assert rounds.ratio("mine", "base").median == 2
    assert rounds.ratio("mine", "base").best == 1


def test_difference_compares_within_each_round():
    rounds = Rounds({"mine": [3.0, 13.0], "base": [1.0, 11.0]})
    assert rounds.difference("mine", "base").median == 2
    assert rounds.difference("mine", "base").scaled(1000).median == 2000


def test_each_round_runs_every_subject_once_and_the_base_twice():
    log = []
    subjects = {name: steady(1.0, log, name) for name in ("base", "mine", "other")}
    rounds = measure(subjects, base="base", seconds=0, least=50, order=random.Random(1))
    assert {name: len(values) for name, values in rounds.seconds.items()} == dict.fromkeys(
        ("base", "mine", "other", "base" + AGAIN), 50
    )
    in_rounds = log[-200:]
    turns = [tuple(in_rounds[start : start + 4]) for start in range(0, 200, 4)]
    assert all(sorted(turn) == ["base", "base", "mine", "other"] for turn in turns)
    assert len(set(turns)) > 6  # 12 orders are possible


def test_time_is_per_call_for_any_number_of_calls():
    subjects = {"base": steady(0.001), "slow": steady(0.3)}
    rounds = measure(subjects, base="base", seconds=0, least=5, block=0.01)
    assert rounds.each("base").median == pytest.approx(0.001)
    assert rounds.ratio("slow", "base").median == pytest.approx(300)


def test_block_length_decides_the_number_of_calls_per_turn():
    numbers = []

    def run(number):
        numbers.append(number)
        return 0.001 * number

    measure({"base": run}, base="base", seconds=0, least=5, block=0.02)
    assert set(numbers[-10:]) == {20}
    numbers.clear()
    measure({"base": run}, base="base", seconds=0, least=5, block=0)
    assert set(numbers) == {1}


def test_rounds_end_at_the_time_limit_but_not_before_the_minimum():
    start = time.monotonic()
    rounds = measure({"base": calls(time.sleep, [0.001])}, base="base", seconds=0.1, most=10**6)
    assert time.monotonic() - start < 30
    assert 7 <= rounds.each("base").rounds < 10**6
    assert measure({"base": steady(1.0)}, base="base", seconds=60, most=9).each("base").rounds == 9


def test_calls_go_through_the_arguments_in_turn():
    seen = []
    run = calls(seen.append, "abc")
    run(2)
    run(5)
    assert "".join(seen) == "abcabca"


def test_preparation_of_a_subject_is_not_measured():
    def run(number):
        time.perf_counter()  # a real subject prepares here
        return 0.5 * number

    assert measure({"base": run}, base="base", seconds=0).each("base").median == 0.5
