"""Runs with xdist's workers."""

import re

import pytest

from support.projects import summary

SLOW = """
    import asyncio

    class Slow(Speaker):
        async def synthesize(self, text):
            await asyncio.sleep(0.3)
            return await super().synthesize(text)

    @pytest.fixture(scope="session")
    def russo_synthesizer():
        return Slow()
"""
MANY = """
    import pytest

    @pytest.mark.parametrize("number", range(24))
    def test_it(russo_say, number):
        russo_say(f"Prompt {number % 3}")
"""


def test_workers_call_the_backend_once_per_prompt_also_for_refresh_and_after_a_clear(project):
    project.conftest(SLOW)
    project.tests(MANY)
    prompts = ["a Prompt 0", "a Prompt 1", "a Prompt 2"]
    result = project.run("-n", "2", subprocess=True)
    result.assert_outcomes(passed=24)
    assert sorted(project.calls) == prompts
    counts = r"21 hits \(168 characters, \d+ s of speech\), 3 backend calls \(24 characters\)"
    assert re.fullmatch(counts, summary(result))  # the workers' counts add up
    for number, option in enumerate(["--russo-cache-mode=refresh", "--russo-clear-cache"], 2):
        project.run("-n", "2", option, subprocess=True).assert_outcomes(passed=24)
        assert sorted(project.calls) == sorted(prompts * number), option


def test_a_crashed_workers_finished_tests_still_count(project):
    project.tests(
        """
        import os

        def test_one(russo_say): russo_say("One")
        def test_two(russo_say): os._exit(3)
        """
    )
    result = project.run("-n", "1", subprocess=True)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert summary(result) == "0 hits, 1 backend call (3 characters)"


def test_replay_fails_the_same_way_in_workers(project):
    project.tests("def test_it(russo_say): russo_say('Hello')")
    result = project.run("-n", "2", "--russo-cache-mode=replay", subprocess=True)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*russo.CacheMissError: no cached audio for 'Hello'*"])
    assert summary(result) == "0 hits, 0 backend calls, 1 miss"


def test_wrong_usage_stops_the_controller(project):
    project.tests("def test_it(russo_say): pass")
    result = project.run("-n", "2", "--russo-synth=nothing", subprocess=True)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: no backend is named 'nothing'*"])
