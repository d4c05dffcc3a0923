"""``--russo-report``: the uses of prompts in the document, each in its test."""

import pytest

from support.report import all_prompts, attempts_of, outcomes_of, prompts_of, run_with_report, words_of


def test_failed_prompt_has_its_error_and_no_audio(project):
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
    _, document = run_with_report(project)
    (good,), (bad,) = prompts_of(document, "test_good"), prompts_of(document, "test_bad")
    assert (good["prompt"], good["state"], good["error"]) == ("Good", "synthesized", None)
    assert (bad["prompt"], bad["state"], bad["error"]) == ("Bad", "failed", "ValueError: a <b>reason</b>")
    assert (bad["audio"], bad["seconds"], bad["record"]) == (None, None, None)


def test_miss_in_mode_replay_has_the_explanation_of_the_terminal(project):
    project.tests("def test_it(russo_say): russo_say('Hello')")
    assert project.run().ret == 0
    project.conftest(
        """
        @pytest.fixture
        def russo_synthesizer():
            return Speaker("b")
        """
    )
    result, document = run_with_report(project, "--russo-cache-mode=replay")
    (use,) = prompts_of(document, "test_it")
    assert use["state"] == "failed"
    lines = use["error"].splitlines()
    assert lines[0] == f"no cached audio for 'Hello' in .russo_cache (mode 'replay', key {use['key'][:12]})"
    assert "the same prompt is stored with other settings:" in lines
    assert lines[-1] == "record it once with: pytest --russo-cache-mode=auto"
    result.stdout.fnmatch_lines([f"E*{line}" for line in lines])
    assert words_of(use["record"]) == ["pytest", "--russo-cache-mode=auto", "test_it.py::test_it"]
    again = words_of(document["tests"][0]["command"])
    assert again == ["pytest", "--russo-cache-mode=replay", "test_it.py::test_it"]


@pytest.mark.parametrize("workers", [(), ("-n", "1")])
def test_miss_in_a_fixture_is_explained_and_has_the_command(project, workers):
    project.tests(
        """
        import pytest

        @pytest.fixture
        def spoken(russo_say): return russo_say("Fixture")

        def test_fixture(spoken): pass

        @pytest.mark.russo("Marked")
        def test_marked(russo_audio): pass
        """
    )
    _, document = run_with_report(project, "--russo-cache-mode=replay", *workers, subprocess=bool(workers))
    assert outcomes_of(document) == {"test_fixture": "error", "test_marked": "error"}
    for name in ("test_fixture", "test_marked"):
        (attempt,) = attempts_of(document, name)
        (problem,), (use,) = attempt["problems"], attempt["prompts"]
        assert problem["phase"] == "setup"
        assert problem["message"].removeprefix("russo.CacheMissError: ") == use["error"]
        assert use["error"].endswith("\nrecord it once with: pytest --russo-cache-mode=auto")
        assert words_of(use["record"])[-2:] == ["--russo-cache-mode=auto", f"test_it.py::{name}"]


def test_miss_is_explained_once(project, monkeypatch):
    from russo._flow import explain

    calls = []
    true = explain.explain_miss
    monkeypatch.setattr(
        explain, "explain_miss", lambda *args, **named: calls.append(args) or true(*args, **named)
    )
    project.tests("def test_it(russo_say): russo_say('Hello')")
    run_with_report(project, "--russo-cache-mode=replay")
    assert len(calls) == 1


def test_miss_of_a_cache_that_cannot_be_read_has_no_command_that_records(project, monkeypatch):
    from russo import AudioCache, Miss

    refused = Miss("permission denied", unreadable=True)
    monkeypatch.setattr(AudioCache, "lookup", lambda *args, **options: refused)
    monkeypatch.setattr(AudioCache, "find", lambda self, *args, **options: (refused, self))
    project.tests("def test_it(russo_say): russo_say('Hello')")
    _, document = run_with_report(project, "--russo-cache-mode=replay")
    (use,) = prompts_of(document, "test_it")
    assert use["error"].endswith("readable for this user, and run the test again")
    assert use["record"] is None


def test_caught_miss_keeps_its_place_among_the_prompts(project):
    project.tests("def test_it(russo_say): russo_say('Stored')")
    project.run()
    project.tests(
        """
        import pytest
        from russo import CacheMissError

        def test_it(russo_say):
            with pytest.raises(CacheMissError):
                russo_say("Missing")
            russo_say("Stored")
        """
    )
    _, document = run_with_report(project, "--russo-cache-mode=replay")
    assert [(use["prompt"], use["state"]) for use in prompts_of(document, "test_it")] == [
        ("Missing", "failed"),
        ("Stored", "hit"),
    ]


def test_each_use_has_its_own_state(project):
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
    _, document = run_with_report(project)
    (first,), (second,) = prompts_of(document, "test_one"), prompts_of(document, "test_two")
    assert (first["state"], first["error"], first["audio"]) == ("failed", "ValueError: not yet", None)
    assert (second["state"], second["error"]) == ("synthesized", None)
    assert second["audio"] in document["audio"]
    assert outcomes_of(document) == {"test_one": "failed", "test_two": "passed"}


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
    _, document = run_with_report(project)
    assert [use["prompt"] for use in prompts_of(document, "test_one")] == ["Welcome"]
    assert prompts_of(document, "test_two") == []


def test_memory_for_audio_that_is_not_stored_is_bounded(project):
    project.tests(
        """
        def test_it(russo_say, request):
            for number in range(40):
                russo_say(f"Prompt {number}")
            assert len(request.config.pluginmanager.get_plugin("russo-report").listener._waiting) == 16
        """
    )
    result, document = run_with_report(project, "--russo-no-cache")
    result.assert_outcomes(passed=1)
    assert len({use["audio"] for use in prompts_of(document, "test_it")}) == 40
    assert all(sound["bytes"] and not sound["problem"] for sound in document["audio"].values())


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
        (["-o", "russo_speak_ahead=2"], {"test_it": ["hit"]}),
        (["--russo-record-only"], {}),
    ],
)
def test_prompt_spoken_ahead_is_outside_of_the_tests_that_use_it(project, arguments, tests):
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
    _, document = run_with_report(project, "--russo-synth=acme:Speaker", *arguments)
    (ahead,) = document["outside"]["prompts"]
    assert (ahead["prompt"], ahead["state"]) == ("Hello", "synthesized")
    assert {
        name: [use["state"] for use in prompts_of(document, name)] for name in outcomes_of(document)
    } == tests


def test_call_refused_by_the_limit_is_a_failed_prompt(project):
    project.tests("def test_it(russo_say): russo_say('Hello')")
    _, document = run_with_report(project, "--russo-max-calls=0")
    (use,) = prompts_of(document, "test_it")
    assert use["state"] == "failed"
    assert use["error"].startswith("BudgetExceededError: ")


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


def test_nested_synthesizers_are_one_use_with_the_state_of_the_inner_one(project):
    project.conftest(NESTED)
    project.tests(DECORATED)
    project.pytester.syspathinsert()
    _, document = run_with_report(project)
    assert [(use["prompt"], use["state"]) for use in all_prompts(document)] == [("Hello", "synthesized")]
    _, document = run_with_report(project, "--russo-clear-cache")
    assert project.calls == ["a Hello!"]  # the inner cache still has the entry
    assert [(use["prompt"], use["state"]) for use in all_prompts(document)] == [("Hello", "hit")]


def test_controller_writes_one_report_with_the_prompts_of_all_workers(project):
    project.tests(
        """
        import pytest

        @pytest.mark.parametrize("number", range(12))
        def test_it(russo_say, number): russo_say(f"Prompt {number % 3}"); assert number != 7
        """
    )
    result, document = run_with_report(project, "-n", "2", subprocess=True)
    result.assert_outcomes(passed=11, failed=1)
    assert document["counts"] == {"passed": 11, "failed": 1}
    for number in range(12):
        assert [use["prompt"] for use in prompts_of(document, f"test_it[{number}]")] == [
            f"Prompt {number % 3}"
        ]
    assert outcomes_of(document)["test_it[7]"] == "failed"
    assert {use["audio"] for use in all_prompts(document)} == set(document["audio"])
    assert len(document["audio"]) == 3
    assert result.outlines.count("russo: report written to report.json") == 1


def test_audio_that_workers_do_not_store_is_in_the_report(project):
    project.tests(
        """
        import pytest

        @pytest.mark.parametrize("number", range(4))
        def test_it(russo_say, number): russo_say(f"Prompt {number}")
        """
    )
    _, document = run_with_report(project, "-n", "2", "--russo-no-cache", subprocess=True)
    assert [sound["problem"] for sound in document["audio"].values()] == [None] * 4


def test_interrupted_run_still_writes_the_report(project):
    project.tests(
        """
        def test_one(russo_say): russo_say("Hello"); raise KeyboardInterrupt
        """
    )
    result, document = run_with_report(project, subprocess=True)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert outcomes_of(document) == {"test_one": "unfinished"}
    assert [use["state"] for use in prompts_of(document, "test_one")] == ["synthesized"]


def test_run_without_the_option_writes_nothing_and_loads_no_report(project):
    project.tests(
        """
        import sys

        def test_it(russo_say):
            russo_say("Hello")
            assert "russo._plugin.report" not in sys.modules
            assert not [name for name in sys.modules if name.startswith("russo._report")]
            assert "jinja2" not in sys.modules
        """
    )
    project.run(subprocess=True).assert_outcomes(passed=1)
    assert not list(project.path.glob("*report*"))


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
    _, document = run_with_report(project, *workers, subprocess=True)
    assert [use["state"] for use in all_prompts(document)] == ["failed", "synthesized"]
    assert outcomes_of(document) == {"test_1_replay": "failed", "test_2_auto": "passed"}


@pytest.mark.parametrize("workers", [(), ("-n", "1")])
def test_settings_are_json_values(project, workers):
    project.conftest(
        """
        @pytest.fixture
        def russo_synthesizer():
            return CachedSynthesizer(Speaker(), cache_key_extra={"style": {"mood": "glad"}, "tags": ["a"]})
        """
    )
    project.tests("def test_it(russo_say): russo_say('Hello')")
    result, document = run_with_report(project, *workers, subprocess=True)
    result.assert_outcomes(passed=1)
    (use,) = prompts_of(document, "test_it")
    assert use["settings"] == {"backend": "speaker", "voice": "a", "style": {"mood": "glad"}, "tags": ["a"]}
