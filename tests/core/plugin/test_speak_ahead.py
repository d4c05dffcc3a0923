"""Speaking ahead, and record-only runs."""

import tracemalloc

import pytest

from russo._plugin.speak_ahead import slice_for
from support.projects import summary


def enable_speaking_ahead(project):
    project.ini("russo_synth = acme:Acme\nrusso_speak_ahead = 4")


def test_speaking_ahead_changes_only_the_order_of_calls(acme_project):
    plain = acme_project.run()
    plain.assert_outcomes(passed=6, skipped=2)
    in_order = acme_project.calls
    acme_project.run("--russo-clear-cache")
    (acme_project.path / "calls.txt").unlink()
    enable_speaking_ahead(acme_project)
    ahead = acme_project.run("--russo-clear-cache")
    ahead.assert_outcomes(passed=6, skipped=2)
    assert (
        summary(ahead)
        == summary(plain)
        == "1 hit (3 characters, 0 s of speech), 4 backend calls to acme (15 characters)"
    )
    assert acme_project.calls == ["a One", "a Two", "a Said", "a Other"]
    assert sorted(acme_project.calls) == sorted(in_order)
    again = acme_project.run()
    assert summary(again) == "5 hits (18 characters, 2 s of speech), 0 backend calls"


def test_prompts_are_synthesized_concurrently_before_the_tests(acme_project):
    acme_project.tests(
        """
        import pytest

        @pytest.mark.parametrize("number", [pytest.param(n, marks=pytest.mark.russo(f"Prompt {n}")) for n in range(20)])
        def test_it(russo_audio, number): pass
        """
    )
    enable_speaking_ahead(acme_project)
    acme_project.run("--russo-synth-option=custom.delay=0.1").assert_outcomes(passed=20)
    assert len(acme_project.calls) == 20
    assert (acme_project.path / "most.txt").read_text() == "4"


def test_only_selected_tests_are_spoken_ahead(acme_project):
    enable_speaking_ahead(acme_project)
    acme_project.run("-k", "one").assert_outcomes(passed=1, deselected=7)
    assert acme_project.calls == ["a One"]


@pytest.mark.parametrize("mode", ["replay", "refresh", "off"])
def test_nothing_is_spoken_ahead_in_other_modes(acme_project, mode):
    enable_speaking_ahead(acme_project)
    acme_project.pytester.makeconftest(
        """
        def pytest_runtest_logstart():
            with open("calls.txt", "a") as calls:
                calls.write("start\\n")
        """
    )
    result = acme_project.run(f"--russo-cache-mode={mode}", "-k", "two")
    expected = {
        "replay": ["start"] * 2,
        "refresh": ["start", "a Two", "start"],
        "off": ["start", "a Two"] * 2,
    }
    assert acme_project.calls == expected[mode]
    assert result.ret == (1 if mode == "replay" else 0)


def test_prompt_that_fails_ahead_fails_again_in_its_test(acme_project):
    acme_project.tests(
        """
        import pytest

        @pytest.mark.russo("Fail")
        def test_it(russo_audio): pass
        """
    )
    enable_speaking_ahead(acme_project)
    result = acme_project.run()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["E*RuntimeError: no voice today"])
    assert acme_project.calls == ["a Fail"] * 2


def test_workers_share_the_prompts_spoken_ahead(acme_project):
    acme_project.tests(
        """
        import pytest

        @pytest.mark.parametrize("number", [pytest.param(n, marks=pytest.mark.russo(f"Prompt {n}")) for n in range(12)])
        def test_it(russo_audio, number): pass
        """
    )
    enable_speaking_ahead(acme_project)
    result = acme_project.run("-n", "2", "--russo-synth-option=custom.delay=0.1", subprocess=True)
    result.assert_outcomes(passed=12)
    assert len(acme_project.calls) == 12
    assert summary(result) == "0 hits, 12 backend calls to acme (98 characters)"


@pytest.mark.parametrize("xdist", [[], ["-n", "2"]], ids=["alone", "xdist"])
def test_record_only_records_marked_prompts_and_runs_no_test(acme_project, xdist):
    result = acme_project.run("--russo-record-only", *xdist, subprocess=bool(xdist))
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "russo: 2 of 2 marked prompts are recorded",
            "russo: not spoken ahead for test_it.py::test_skipped: it is or may be skipped",
            "russo: not spoken ahead for test_it.py::test_perhaps: it is or may be skipped",
            "russo: not spoken ahead for test_it.py::test_said: its prompts are known only when it runs",
            "russo: not spoken ahead for test_it.py::TestOverride::test_other: it has a fixture russo_synthesizer of its own",
        ]
    )
    result.stdout.no_fnmatch_line("*passed*")
    assert sorted(acme_project.calls) == ["a One", "a Two"]
    acme_project.run("--russo-record-only")
    assert len(acme_project.calls) == 2


def test_record_only_refreshes_recorded_prompts(acme_project):
    acme_project.run("--russo-record-only")
    result = acme_project.run("--russo-record-only", "--russo-cache-mode=refresh")
    result.stdout.fnmatch_lines(["russo: 2 of 2 marked prompts are recorded"])
    assert sorted(acme_project.calls) == ["a One", "a One", "a Two", "a Two"]


@pytest.mark.parametrize("mode", ["replay", "off"])
def test_record_only_is_refused_in_modes_that_record_nothing(acme_project, mode, monkeypatch):
    monkeypatch.setenv("RUSSO_CACHE_MODE", mode)
    result = acme_project.run("--russo-record-only")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [
            f"ERROR: --russo-record-only and mode '{mode}' (environment variable RUSSO_CACHE_MODE) disagree: "
            "nothing would be recorded"
        ]
    )
    assert acme_project.calls == []


def test_record_only_reports_failures(acme_project):
    acme_project.tests(
        """
        import pytest

        @pytest.mark.russo("Fail")
        def test_it(russo_audio): pass
        """
    )
    result = acme_project.run("--russo-record-only")
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        ["russo: 0 of 1 marked prompts are recorded", "russo: not recorded: no voice today"]
    )


@pytest.mark.parametrize("workers", [1, 2, 3, 7])
def test_workers_divide_the_prompts_and_a_replacement_gets_none(workers):
    prompts = [f"Prompt {number}" for number in range(5)]
    slices = [slice_for(prompts, worker, workers) for worker in range(workers)]
    assert sorted(prompt for part in slices for prompt in part) == prompts
    assert slice_for(prompts, workers, workers) == []


def test_huge_speak_ahead_number_takes_bounded_memory(acme_project):
    acme_project.ini("russo_synth = acme:Acme\nrusso_speak_ahead = 300000")
    tracemalloc.start()
    try:
        acme_project.run().assert_outcomes(passed=6, skipped=2)
        assert tracemalloc.get_traced_memory()[1] < 100_000_000
    finally:
        tracemalloc.stop()
