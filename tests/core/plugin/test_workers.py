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


def test_workers_call_the_backend_once_per_prompt_and_their_counts_add_up(project):
    project.conftest(SLOW)
    project.tests(MANY)
    result = project.run("-n", "4", subprocess=True)
    result.assert_outcomes(passed=24)
    assert sorted(project.calls) == ["a Prompt 0", "a Prompt 1", "a Prompt 2"]
    assert re.fullmatch(
        r"21 hits \(168 characters, \d+ s of speech\), 3 backend calls \(24 characters\)", summary(result)
    )


def test_the_cache_is_cleared_once_by_the_controller(project):
    project.conftest(SLOW)
    project.tests(MANY)
    project.run("-n", "2", subprocess=True)
    result = project.run("-n", "4", "--russo-clear-cache", subprocess=True)
    result.assert_outcomes(passed=24)
    assert len(project.calls) == 6


def test_refresh_calls_the_backend_once_per_key_over_all_workers(project):
    project.conftest(SLOW)
    project.tests(MANY)
    project.run("-n", "2", subprocess=True)
    project.run("-n", "4", "--russo-cache-mode=refresh", subprocess=True).assert_outcomes(passed=24)
    assert len(project.calls) == 6


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
