"""Announced ends of models: the sentence about them depends on today's date."""

import datetime

import pytest

from russo._backends import model_ends
from russo._backends.model_ends import ModelEnd, announced_end, announced_ends, model_ends_of

END = ModelEnd("2027-01-06", "https://acme.example/ends")


class Voice:
    model_ends = {"m1": END, "m2": END, "m0": ModelEnd("2026-07-23", "https://acme.example/old")}  # noqa: RUF012

    def __init__(self, model):
        self.model = model


@pytest.fixture
def today(monkeypatch):
    return lambda date: monkeypatch.setattr(model_ends, "today", lambda: datetime.date.fromisoformat(date))


@pytest.mark.parametrize(
    ("date", "said"),
    [
        ("2026-11-26", "the model m1 ends on 2027-01-06, in 41 days (https://acme.example/ends)"),
        ("2027-01-05", "the model m1 ends on 2027-01-06, in 1 day (https://acme.example/ends)"),
        ("2027-01-06", "the model m1 ended on 2027-01-06 (https://acme.example/ends)"),
        ("2028-01-01", "the model m1 ended on 2027-01-06 (https://acme.example/ends)"),
    ],
)
def test_sentence_names_date_and_source(today, date, said):
    today(date)
    assert announced_end(Voice("m1")) == said


@pytest.mark.parametrize("model", ["m3", None, 7, ["m1"]])
def test_model_without_an_announced_end_is_not_mentioned(model):
    assert announced_end(Voice(model)) is None
    assert announced_end(object()) is None


def test_synthesizer_decides_which_ends_apply_and_its_class_lists_all(today):
    class Elsewhere(Voice):
        def __init__(self, model):
            super().__init__(model)
            self.model_ends = {"m0": END}

    today("2026-11-26")
    assert announced_end(Elsewhere("m1")) is None
    assert announced_end(Elsewhere("m0")).startswith("the model m0 ends on 2027-01-06")
    assert announced_ends(Elsewhere) == announced_ends(Voice)


def test_ends_that_raise_count_as_none():
    class Odd(Voice):
        @property
        def model_ends(self):
            raise RuntimeError("no")

    assert announced_end(Odd("m1")) is None


def test_ends_of_a_backend_are_one_line_per_date_sorted_by_date(today):
    today("2026-11-26")
    assert announced_ends(Voice) == [
        "the model m0 ended on 2026-07-23 (https://acme.example/old)",
        "the models m1, m2 end on 2027-01-06, in 41 days (https://acme.example/ends)",
    ]


@pytest.mark.parametrize(
    "declared", [None, ["m1"], {"m1": "2027-01-06"}, {"m1": ModelEnd("soon", "x")}, {"m1": 7}]
)
def test_malformed_ends_are_left_out(declared):
    class Odd:
        model_ends = declared

    assert model_ends_of(Odd) == {}
    assert announced_ends(Odd) == []


def test_today_is_the_system_date():
    assert model_ends.today() == datetime.date.today()
