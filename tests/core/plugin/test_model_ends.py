"""The summary of a run that calls a model with an announced end."""

import datetime

import pytest

from russo._backends import model_ends
from support.projects import summary

VOICE = """
    from russo import Audio
    from russo.authoring import ModelEnd

    class Voice:
        model_ends = {"m1": ModelEnd("2027-01-06", "https://acme.example/ends")}

        def __init__(self, *, model: str = "m1"):
            self.model = model

        @property
        def cache_key_extra(self):
            return {"backend": "acme", "model": self.model}

        async def synthesize(self, text):
            return Audio(b"xy" * 4000, "pcm", 8000)
"""
TESTS = """
    import pytest

    @pytest.mark.parametrize("text", ["One", "Two", "Three"])
    def test_it(russo_say, text): russo_say(text)
"""
LINE = "russo: acme: the model m1 ends on 2027-01-06, in 41 days (https://acme.example/ends)"


@pytest.fixture
def run(pytester, monkeypatch):
    monkeypatch.setattr(model_ends, "today", lambda: datetime.date(2026, 11, 26))
    monkeypatch.syspath_prepend(pytester.path)
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function")

    def run(model="m1"):
        pytester.makepyfile(acme_ends=VOICE.replace('str = "m1"', f'str = "{model}"'), test_it=TESTS)
        return pytester.runpytest_inprocess("--russo-synth=acme_ends:Voice")

    return run


def test_run_that_calls_the_model_warns_once_with_the_date(run):
    result = run()
    assert result.stdout.lines.count(LINE) == 1
    assert summary(result) == "0 hits, 3 backend calls to acme (11 characters)"


def test_run_that_replays_the_model_does_not_warn(run):
    run()
    result = run()
    assert "3 hits" in summary(result)
    assert not [line for line in result.outlines if "2027-01-06" in line]


def test_run_that_calls_another_model_does_not_warn(run):
    result = run("m2")
    assert not [line for line in result.outlines if "2027-01-06" in line]
