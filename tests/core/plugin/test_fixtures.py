"""The fixtures and the marker."""

import pytest

from support.projects import SAY_HELLO_TWICE, summary


def test_say_synthesizes_once_and_replays_later(project):
    project.tests(SAY_HELLO_TWICE)
    project.run().assert_outcomes(passed=1)
    assert project.calls == ["a Hello"]
    result = project.run()
    result.assert_outcomes(passed=1)
    assert project.calls == ["a Hello"]
    assert summary(result) == "2 hits (10 characters, 0 s of speech), 0 backend calls"


def test_closest_marker_decides_the_prompt(project):
    project.tests(
        """
        import pytest
        pytestmark = pytest.mark.russo("module")

        @pytest.mark.russo("class")
        class TestIt:
            @pytest.mark.russo("function")
            def test_function(self, russo_audio):
                assert russo_audio.data.startswith(b"afunction")

            def test_class(self, russo_audio):
                assert russo_audio.data.startswith(b"aclass")

        def test_module(russo_audio):
            assert russo_audio.data.startswith(b"amodule")
        """
    )
    project.run().assert_outcomes(passed=3)


@pytest.mark.parametrize(
    "arguments", ["", "1", '"one", "two"', 'prompt="Hello"', '"Hello", speed=2', "None", 'b"Hello"']
)
def test_marker_that_is_not_one_string_is_an_error_even_without_russo_audio(project, arguments):
    project.tests(
        f"""
        import pytest

        @pytest.mark.russo({arguments})
        def test_with(russo_audio):
            pass

        @pytest.mark.russo({arguments})
        def test_without():
            pass
        """
    )
    result = project.run()
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(["@pytest.mark.russo takes exactly one string, the prompt; it was given (*)"])
    assert project.calls == []


def test_audio_without_a_marker_is_an_error(project):
    project.tests("def test_it(russo_audio): pass")
    result = project.run()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(['test_it asks for russo_audio without a @pytest.mark.russo("…")'])


def test_empty_prompt_is_an_error(project):
    project.tests(
        """
        import pytest

        @pytest.mark.russo("  ")
        def test_marked(russo_audio): pass

        def test_said(russo_say): russo_say("")
        """
    )
    result = project.run()
    result.assert_outcomes(errors=1, failed=1)
    result.stdout.fnmatch_lines(["*speaker could not speak '': the prompt is empty; change the prompt"])
    assert project.calls == []


def test_setup_plan_runs_nothing(project):
    project.tests(SAY_HELLO_TWICE)
    result = project.run("--setup-plan")
    assert result.ret == 0
    assert project.calls == []


def test_unittest_classes_can_use_the_fixtures(project):
    project.tests(
        """
        import unittest, pytest

        class TestIt(unittest.TestCase):
            @pytest.fixture(autouse=True)
            def _speech(self, russo_say):
                self.say = russo_say

            def test_it(self):
                assert self.say("Hello").data
        """
    )
    project.run().assert_outcomes(passed=1)


def test_default_synthesizer_is_closed_at_the_end_of_the_session(project):
    project.pytester.makepyfile(
        closing="""
        from pathlib import Path
        from russo import Audio

        class Closing:
            async def synthesize(self, text):
                return Audio(b"sound", "pcm", 8000, 1, 1)

            async def aclose(self):
                Path("closed.txt").write_text("closed")
        """
    )
    project.conftest("")
    project.tests("def test_it(russo_say): russo_say('Hello')")
    project.pytester.syspathinsert()
    project.run("--russo-synth=closing:Closing").assert_outcomes(passed=1)
    assert (project.path / "closed.txt").read_text() == "closed"


def test_nested_runs_do_not_mix(project):
    project.tests(
        """
        from pathlib import Path

        from pathlib import Path

        pytest_plugins = ["pytester"]

        def test_outer(russo_say, pytester):
            russo_say("Outer")
            pytester.makeini("[pytest]")
            pytester.makeconftest(Path(__file__).with_name("conftest.py").read_text())
            pytester.makepyfile("def test_inner(russo_say): russo_say('Inner')")
            result = pytester.runpytest_inprocess("-p", "no:asyncio")
            result.assert_outcomes(passed=1)
            result.stdout.fnmatch_lines(["russo: 0 hits, 1 backend call to speaker (5 characters)"])
        """
    )
    result = project.run()
    result.assert_outcomes(passed=1)
    assert summary(result) == "0 hits, 1 backend call to speaker (5 characters)"
