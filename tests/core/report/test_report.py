"""``--russo-report``: the prompts and tests on the page, and the path of the page."""

import sys

import pytest

from support.report import ReportPage, run_with_report


def test_outcomes_of_tests_are_shown_with_failures_first(project):
    project.tests(
        """
        import pytest

        @pytest.fixture
        def broken(russo_say):
            russo_say("Hello")
            yield
            raise RuntimeError("no")

        def test_passed(russo_say): russo_say("Hello")
        def test_failed(russo_say): russo_say("Hello"); assert False
        def test_skipped(russo_say): russo_say("Hello"); pytest.skip("later")
        def test_error(broken): pass
        @pytest.mark.xfail
        def test_expected(russo_say): russo_say("Hello"); assert False
        """
    )
    result, page = run_with_report(project)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert [(test[0], test[1].partition("::")[2]) for test in page.cards[0]["tests"]] == [
        ("failed", "test_failed"),
        ("error", "test_error"),
        ("passed", "test_passed"),
        ("skipped", "test_skipped"),
        ("xfailed", "test_expected"),
    ]


def test_failed_prompt_shows_its_error_and_comes_first(project):
    project.conftest(
        """
        class Failing(Speaker):
            async def synthesize(self, text):
                if text == "Bad":
                    raise ValueError("a <b>reason</b>")
                return await super().synthesize(text)

        @pytest.fixture
        def russo_synthesizer():
            return Failing()
        """
    )
    project.tests(
        """
        def test_good(russo_say): russo_say("Good")
        def test_bad(russo_say): russo_say("Bad")
        """
    )
    _, page = run_with_report(project)
    assert [(card["prompt"], card["state"]) for card in page.cards] == [
        ("Bad", "failed"),
        ("Good", "synthesized"),
    ]
    assert page.cards[0]["problem"] == "ValueError: a <b>reason</b>"
    assert "audio" not in page.cards[0]
    assert page.cards[0]["tests"] == [["failed", "test_it.py::test_bad", "not spoken"]]


def test_miss_in_mode_replay_is_a_failed_prompt(project):
    project.tests("def test_it(russo_say): russo_say('Hello')")
    _, page = run_with_report(project, "--russo-cache-mode=replay")
    assert page.cards[0]["state"] == "failed"
    assert page.cards[0]["problem"] == "nothing is stored, and no call was made"


def test_prompt_that_failed_first_and_succeeded_later_is_one_card(project):
    project.conftest(
        """
        class Second(Speaker):
            tries = 0

            async def synthesize(self, text):
                self.tries += 1
                if self.tries == 1:
                    raise ValueError("not yet")
                return await super().synthesize(text)

        @pytest.fixture(scope="session")
        def russo_synthesizer():
            return Second()
        """
    )
    project.tests(
        """
        def test_one(russo_say): russo_say("Hello")
        def test_two(russo_say): russo_say("Hello")
        """
    )
    _, page = run_with_report(project)
    (card,) = page.cards
    assert card["state"] == "failed"
    assert card["problem"] == "ValueError: not yet"
    assert card["audio"]
    assert [test[2] for test in card["tests"]] == ["not spoken", "synthesized"]


def test_prompt_of_a_session_fixture_belongs_to_the_test_that_ran_it(project):
    project.conftest(
        """
        @pytest.fixture(scope="session")
        def russo_synthesizer():
            return Speaker()

        @pytest.fixture(scope="session")
        def greeting(russo_synthesizer):
            import asyncio
            return asyncio.run(russo_synthesizer.synthesize("Welcome"))
        """
    )
    project.tests(
        """
        def test_one(greeting): pass
        def test_two(greeting): pass
        """
    )
    _, page = run_with_report(project)
    assert page.card("Welcome")["tests"] == [["passed", "test_it.py::test_one", "synthesized"]]


def test_memory_for_audio_that_is_not_stored_is_bounded(project):
    project.tests(
        """
        def test_it(russo_say, request):
            for number in range(40):
                russo_say(f"Prompt {number}")
            assert len(request.config.pluginmanager.get_plugin("russo-report").listener._waiting) == 16
        """
    )
    result, page = run_with_report(project, "--russo-no-cache")
    result.assert_outcomes(passed=1)
    assert len({card["audio"] for card in page.cards}) == 40


AHEAD = """
    from russo import Audio

    class Speaker:
        cache_key_extra = {"backend": "acme"}

        async def synthesize(self, text):
            return Audio(text.encode() * 100, "pcm", 8000, 1, 1)
"""


@pytest.mark.parametrize(
    ("arguments", "tests"),
    [
        (["-o", "russo_speak_ahead=2"], [["passed", "test_it.py::test_it", "hit"]]),
        (["--russo-record-only"], []),
    ],
)
def test_prompt_spoken_ahead_shows_the_tests_that_use_it(project, arguments, tests):
    project.conftest("")
    project.pytester.makepyfile(acme=AHEAD)
    project.pytester.syspathinsert()
    project.tests(
        """
        import pytest

        @pytest.mark.russo("Hello")
        def test_it(russo_audio): pass
        """
    )
    _, page = run_with_report(project, "--russo-synth=acme:Speaker", *arguments)
    (card,) = page.cards
    assert card["state"] == "synthesized"
    assert card["tests"] == [["no test", "spoken outside of tests", "synthesized"], *tests]


def test_call_refused_by_the_limit_is_a_failed_prompt(project):
    project.tests("def test_it(russo_say): russo_say('Hello')")
    _, page = run_with_report(project, "--russo-max-calls=0")
    assert page.cards[0]["state"] == "failed"
    assert page.cards[0]["problem"].startswith("BudgetExceededError: ")


NESTED = """
    @pytest.fixture(scope="session")
    def inner_cache(tmp_path_factory):
        return AudioCache(tmp_path_factory.getbasetemp().parent / "inner")

    @pytest.fixture(scope="session")
    def russo_synthesizer(inner_cache):
        return CachedSynthesizer(Speaker(), cache=inner_cache)

    class Louder:
        cache_key_extra = {"louder": True}
        def __init__(self, inner): self.inner = inner
        async def synthesize(self, text): return await self.inner.synthesize(text + "!")
"""
DECORATED = """
    import pytest
    from conftest import Louder

    @pytest.fixture(scope="session")
    def russo_synthesizer(russo_synthesizer):
        return Louder(russo_synthesizer)

    def test_it(russo_say): russo_say("Hello")
"""


def test_nested_synthesizers_are_one_card_with_the_outcome_of_the_inner_one(project):
    project.conftest(NESTED)
    project.tests(DECORATED)
    project.pytester.syspathinsert()
    _, page = run_with_report(project)
    assert [(card["prompt"], card["state"]) for card in page.cards] == [("Hello", "synthesized")]
    _, page = run_with_report(project, "--russo-clear-cache")
    assert project.calls == ["a Hello!"]  # the inner cache still has the entry
    assert [(card["prompt"], card["state"]) for card in page.cards] == [("Hello", "hit")]


def test_controller_writes_one_page_with_the_prompts_of_all_workers(project):
    project.tests(
        """
        import pytest

        @pytest.mark.parametrize("number", range(12))
        def test_it(russo_say, number): russo_say(f"Prompt {number % 3}"); assert number != 7
        """
    )
    result, page = run_with_report(project, "-n", "2", subprocess=True)
    result.assert_outcomes(passed=11, failed=1)
    assert sorted(card["prompt"] for card in page.cards) == ["Prompt 0", "Prompt 1", "Prompt 2"]
    assert [card["state"] for card in page.cards] == ["synthesized"] * 3
    assert [len(card["tests"]) for card in page.cards] == [4, 4, 4]
    assert page.card("Prompt 1")["tests"][0][0:2] == ["failed", "test_it.py::test_it[7]"]
    assert all(card["audio"] for card in page.cards)
    assert result.outlines.count("russo: report written to report.html") == 1


def test_audio_that_workers_do_not_store_is_on_the_page(project):
    project.tests(
        """
        import pytest

        @pytest.mark.parametrize("number", range(4))
        def test_it(russo_say, number): russo_say(f"Prompt {number}")
        """
    )
    _, page = run_with_report(project, "-n", "2", "--russo-no-cache", subprocess=True)
    assert [bool(card["audio"]) for card in page.cards] == [True] * 4


def test_missing_folders_are_created_and_an_older_page_is_replaced(project):
    project.tests("def test_it(russo_say): russo_say('Hello')")
    target = project.path / "out" / "deep" / "report.html"
    for _ in range(2):
        result = project.run("--russo-report=out/deep/report.html")
        result.stdout.fnmatch_lines(["russo: report written to out/deep/report.html"])
        assert ReportPage(target.read_text("utf-8")).card("Hello")
    assert [path.name for path in target.parent.iterdir()] == ["report.html"]


def test_path_that_cannot_be_written_is_reported_and_tests_pass(project):
    (project.path / "file").write_text("mine")
    project.tests("def test_it(russo_say): russo_say('Hello')")
    result = project.run("--russo-report=file/report.html")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["russo: report not written to file/report.html: *exists*"])
    assert (project.path / "file").read_text() == "mine"


def test_page_that_cannot_be_renamed_leaves_no_temporary_file(project):
    project.tests(
        """
        from pathlib import Path

        def test_it(russo_say):
            russo_say("Hello")
            Path("report.html").mkdir()
            Path("report.html", "mine").touch()
        """
    )
    result = project.run("--russo-report=report.html")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["russo: report not written to report.html: *"])
    assert [path.name for path in project.path.glob("*report*")] == ["report.html"]
    assert [path.name for path in project.path.glob("report.html/*")] == ["mine"]


@pytest.mark.skipif(sys.platform == "win32", reason="needs a device file")
def test_device_is_refused_before_any_test_runs(project):
    project.tests("def test_it(russo_say): russo_say('Hello')")
    result = project.run("--russo-report=/dev/null")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --russo-report=/dev/null is not a regular file; name one*"])


@pytest.mark.parametrize("name", [".", "folder", "folder/", "new/"])
def test_directory_is_refused_before_any_test_runs(project, name):
    (project.path / "folder").mkdir()
    project.tests("def test_it(russo_say): russo_say('Hello')")
    result = project.run(f"--russo-report={name}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: --russo-report={name} is a directory; name a file in it*"])
    assert project.calls == []


@pytest.mark.parametrize("option", ["--collect-only", "--fixtures"])
def test_collect_only_does_not_change_an_older_page(project, option):
    (project.path / "report.html").write_text("older")
    project.tests("def test_it(russo_say): russo_say('Hello')")
    assert project.run("--russo-report=report.html", option).ret == 0
    assert (project.path / "report.html").read_text() == "older"


def test_interrupted_run_still_writes_the_page(project):
    project.tests(
        """
        def test_one(russo_say): russo_say("Hello"); raise KeyboardInterrupt
        """
    )
    result, page = run_with_report(project, subprocess=True)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert page.card("Hello")["tests"] == [["unfinished", "test_it.py::test_one", "synthesized"]]


def test_run_without_the_option_writes_no_page_and_loads_no_template_engine(project):
    project.tests(
        """
        import sys

        def test_it(russo_say):
            russo_say("Hello")
            assert "russo._plugin.report" not in sys.modules
            assert "russo._report.page" not in sys.modules
            assert "jinja2" not in sys.modules
        """
    )
    project.run(subprocess=True).assert_outcomes(passed=1)
    assert not list(project.path.glob("*.html"))


@pytest.mark.parametrize("workers", [(), ("-n", "1")])
def test_failure_is_shown_even_if_a_later_test_synthesized_the_prompt(project, workers):
    project.conftest(
        """
        @pytest.fixture
        def russo_synthesizer(request):
            return CachedSynthesizer(Speaker(), mode="replay" if "replay" in request.node.name else "auto")
        """
    )
    project.tests(
        """
        def test_1_replay(russo_say): russo_say("Hello")
        def test_2_auto(russo_say): russo_say("Hello")
        """
    )
    _, page = run_with_report(project, *workers, subprocess=True)
    assert page.card("Hello")["tests"] == [
        ["failed", "test_it.py::test_1_replay", "not spoken"],
        ["passed", "test_it.py::test_2_auto", "synthesized"],
    ]


@pytest.mark.parametrize("workers", [(), ("-n", "1")])
def test_settings_inside_a_mapping_are_shown(project, workers):
    project.conftest(
        """
        @pytest.fixture
        def russo_synthesizer():
            return CachedSynthesizer(Speaker(), cache_key_extra={"style": {"mood": "glad"}, "tags": ["a"]})
        """
    )
    project.tests("def test_it(russo_say): russo_say('Hello')")
    result, page = run_with_report(project, *workers, subprocess=True)
    result.assert_outcomes(passed=1)
    assert '{"mood": "glad"}' in page.text
    assert '["a"]' in page.text
