"""The limit of backend calls, and the counts of ``--verbose``."""

import pytest

from support.projects import summary


def test_calls_over_the_limit_are_refused_before_they_reach_the_backend(acme_project):
    result = acme_project.run("--russo-max-calls=2")
    result.assert_outcomes(passed=4, skipped=2, failed=1, errors=1)
    assert acme_project.calls == ["a One", "a Two"]
    result.stdout.fnmatch_lines(
        [
            "E*russo.BudgetExceededError: the run's limit of 2 backend calls is reached: 'Said' was not synthesized*"
        ]
    )
    assert (
        summary(result)
        == "1 hit (3 characters, 0 s of speech), 2 backend calls to acme (6 characters), 4 misses"
    )


def test_limit_applies_to_all_workers_together(acme_project):
    acme_project.tests(
        """
        import pytest

        @pytest.mark.parametrize("number", range(12))
        def test_it(russo_say, number): russo_say(f"Prompt {number}")
        """
    )
    result = acme_project.run("-n", "2", "--russo-max-calls=5", subprocess=True)
    result.assert_outcomes(passed=5, failed=7)
    assert len(acme_project.calls) == 5


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ("-1", "--russo-max-calls=-1: the limit must be 0 or more"),
        ("-999999999999999999999", "the limit must be 0 or more"),
        ("many", "invalid int value: 'many'"),
        ("9" * 5000, "invalid int value"),
    ],
)
def test_invalid_limit_is_a_usage_error(project, limit, message):
    project.tests("def test_it(): pass")
    result = project.run(f"--russo-max-calls={limit}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert message in result.stderr.str()


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "workers"])
@pytest.mark.parametrize("limit", [0, 3])
def test_limit_without_another_setting_of_russo_applies(project, limit, workers):
    project.tests(
        """
        import pytest

        @pytest.mark.parametrize("number", range(6))
        def test_it(russo_say, number): russo_say(f"Prompt {number}")
        """
    )
    result = project.run(f"--russo-max-calls={limit}", *workers, subprocess=bool(workers))
    result.assert_outcomes(passed=limit, failed=6 - limit)
    assert len(project.calls) == limit


def test_calls_of_a_crashed_worker_stay_counted(project):
    project.tests(
        """
        import os, pytest

        @pytest.mark.parametrize("number", range(6))
        def test_it(russo_say, number):
            russo_say(f"Prompt {number}")
            if number == 1:
                os._exit(1)
        """
    )
    project.run("--russo-max-calls=3", "-n", "2", subprocess=True)
    assert len(project.calls) == 3


def test_verbose_counts_by_backend_and_layer(acme_project):
    acme_project.run("-k", "one")
    result = acme_project.run("-v", "-k", "one or said")
    result.stdout.fnmatch_lines(
        [
            "russo: 1 hit *",
            "russo: backend acme: 1 hit, 1 backend call",
            f"russo: 1 hit from {acme_project.path}/.russo_cache",
        ]
    )


def test_limit_without_another_setting_applies_to_all_workers_together(project):
    project.tests(
        """
        import pytest

        @pytest.mark.parametrize("number", range(8))
        def test_it(russo_say, number): russo_say(f"Prompt {number}")
        """
    )
    result = project.run("-n", "2", "--russo-max-calls=3", subprocess=True)
    result.assert_outcomes(passed=3, failed=5)
    assert len(project.calls) == 3


LATE = """
    kept = []

    @pytest.fixture(scope="session")
    def russo_synthesizer():
        return Speaker()

    @pytest.fixture(autouse=True)
    def keep(russo_synthesizer):
        kept.append(russo_synthesizer)

    def pytest_sessionfinish():
        if kept:
            kept[0].synthesize_sync("Late")
"""


def test_call_after_the_last_test_of_a_worker_is_counted(project):
    project.conftest(LATE)
    project.tests("def test_it(russo_say): russo_say('Hello')")
    result = project.run("-n", "1", subprocess=True)
    assert project.calls == ["a Hello", "a Late"]
    assert summary(result) == "0 hits, 2 backend calls to speaker (9 characters)"


def test_call_after_the_last_test_belongs_to_no_test(project):
    """The events of the call reach every conftest.py, not only those that apply to the last test."""
    project.conftest(LATE)
    for folder in ("first", "last"):
        (project.path / folder).mkdir()
        (project.path / folder / f"test_{folder}.py").write_text(
            f"def test_it(russo_say): russo_say('{folder}')\n"
        )
    (project.path / "first" / "conftest.py").write_text(
        "def pytest_russo_cache_miss(event):\n    print('SEEN', event.prompt)\n"
    )
    result = project.run("-s")
    assert project.calls == ["a first", "a last", "a Late"]
    result.stdout.fnmatch_lines(["*SEEN first", "*SEEN Late"])
    result.stdout.no_fnmatch_line("*SEEN last*")
