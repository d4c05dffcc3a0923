"""Runs with xdist workers."""

import re
from types import SimpleNamespace

import pytest

from russo._plugin.workers import Workers
from support.projects import summary
from support.report import all_prompts, read_document

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


def test_workers_call_the_backend_once_per_prompt_in_every_mode(project):
    project.conftest(SLOW)
    project.tests(MANY)
    prompts = ["a Prompt 0", "a Prompt 1", "a Prompt 2"]
    result = project.run("-n", "2", subprocess=True)
    result.assert_outcomes(passed=24)
    assert sorted(project.calls) == prompts
    counts = r"21 hits \(168 characters, [\d.]+ s of speech\), 3 backend calls to speaker \(24 characters\)"
    assert re.fullmatch(counts, summary(result))  # the counts of the workers are added
    for number, option in enumerate(["--russo-cache-mode=refresh", "--russo-clear-cache"], 2):
        project.run("-n", "2", option, subprocess=True).assert_outcomes(passed=24)
        assert sorted(project.calls) == sorted(prompts * number), option


def test_finished_tests_of_a_crashed_worker_are_counted(project):
    project.tests(
        """
        import os

        def test_one(russo_say): russo_say("One")
        def test_two(russo_say): os._exit(3)
        """
    )
    result = project.run("-n", "1", subprocess=True)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert summary(result) == "0 hits, 1 backend call to speaker (3 characters)"


def test_prompts_of_an_interrupted_worker_are_counted_once(project):
    project.tests(
        """
        import os, signal

        # A shell starts background processes with this signal ignored, and they inherit that.
        signal.signal(signal.SIGINT, signal.default_int_handler)

        def test_one(russo_say): russo_say("One")
        def test_two(russo_say): russo_say("Two"); os.kill(os.getpid(), signal.SIGINT)
        """
    )
    result = project.run("-n", "1", "--russo-report=report.json", subprocess=True)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert [use["prompt"] for use in all_prompts(read_document(project.path / "report.json"))] == [
        "One",
        "Two",
    ]


def test_replay_fails_the_same_way_in_workers(project):
    project.tests("def test_it(russo_say): russo_say('Hello')")
    result = project.run("-n", "2", "--russo-cache-mode=replay", subprocess=True)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*russo.CacheMissError: no cached audio for 'Hello'*"])
    assert summary(result) == "0 hits, 0 backend calls, 1 miss"


def test_wrong_usage_is_reported_by_the_controller(project):
    project.tests("def test_it(russo_say): pass")
    result = project.run("-n", "2", "--russo-synth=nothing", subprocess=True)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: no backend is named 'nothing'*"])


@pytest.mark.parametrize("name", ["alpha", "gw1"])
def test_worker_may_have_any_name(project, name):
    project.tests("def test_it(): pass")
    project.run("-d", "--tx", f"popen//id={name}", subprocess=True).assert_outcomes(passed=1)


@pytest.mark.parametrize(("name", "number"), [("gw0", 0), ("gw13", 13), ("alpha", 0)])
def test_worker_number_is_read_from_its_name(name, number):
    config = SimpleNamespace(workerinput={"workerid": name, "workercount": 14})
    assert (Workers(config).number, Workers(config).count) == (number, 14)


def test_shared_directory_exists_only_during_the_run(project, monkeypatch):
    temporary = project.path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    project.tests(
        """
        import os
        from pathlib import Path

        def test_it(russo_say):
            russo_say("Hello")
            assert list(Path(os.environ["TMPDIR"]).glob("russo-*"))
        """
    )
    project.run("-n", "2", "--russo-max-calls=5", subprocess=True).assert_outcomes(passed=1)
    assert list(temporary.glob("russo-*")) == []


def test_value_that_is_not_json_is_omitted_and_logged(caplog):
    workers = Workers(SimpleNamespace())
    workers.send("wrong", object)
    values = iter([1, None])
    workers.send("right", lambda: next(values))
    assert (workers.received("right"), workers.received("wrong")) == ([1], [])
    assert "values named 'wrong' are not sent: Object of type object is not JSON serializable" in caplog.text


def test_name_can_be_sent_only_once():
    workers = Workers(SimpleNamespace())
    workers.send("counts", lambda: 1)
    with pytest.raises(ValueError, match="the name 'counts' is already used for values; choose another name"):
        workers.send("counts", lambda: 2)


def test_only_the_controller_clears_the_cache(project):
    project.tests(
        """
        import pytest
        from russo import AudioCache

        @pytest.mark.parametrize("number", range(4))
        def test_it(number): pass
        """
    )
    conftest = project.path / "conftest.py"
    conftest.write_text(
        conftest.read_text()
        + """
real = AudioCache.clear

def clear(self):
    with open("cleared.txt", "a") as file:
        file.write("once ")
    return real(self)

AudioCache.clear = clear
"""
    )
    project.run("-n", "2", "--russo-clear-cache", subprocess=True).assert_outcomes(passed=4)
    assert (project.path / "cleared.txt").read_text() == "once "
