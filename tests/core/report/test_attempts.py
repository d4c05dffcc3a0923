"""How tests ended in the document: outcomes, counts, problems, and attempts of tests that run again."""

import importlib.util
import json
import re
from collections import Counter
from textwrap import dedent

import pytest

from russo._report.attempts import Attempt, Attempts, outcome_of
from support.projects import DEFAULT_FIXTURE
from support.report import attempts_of, outcomes_of, run_with_report, words_of

ALL_OUTCOMES = """
    import pytest

    @pytest.fixture
    def broken_setup(russo_say):
        russo_say("Hello")
        raise RuntimeError("no setup")

    @pytest.fixture
    def broken_teardown(russo_say):
        russo_say("Hello")
        yield
        raise RuntimeError("no teardown")

    def test_passed(russo_say): russo_say("Hello")
    def test_without_prompt(): pass
    def test_failed(russo_say): russo_say("Hello"); assert [] == ["light"], "no light"
    def test_skipped(russo_say): russo_say("Hello"); pytest.skip("later")
    @pytest.mark.skip(reason="not here")
    def test_marked(): pass
    def test_setup(broken_setup): pass
    def test_teardown(broken_teardown): pass
    def test_both(broken_teardown): assert False
    @pytest.mark.xfail(reason="known")
    def test_expected(): assert False
    @pytest.mark.xfail(reason="known")
    def test_unexpected(): pass
    @pytest.mark.xfail(strict=True)
    def test_strict(): pass
    def test_imperative(): pytest.xfail("not yet")
    def test_fixture(no_such_fixture): pass
"""
OUTCOMES = {
    "test_passed": "passed",
    "test_without_prompt": "passed",
    "test_failed": "failed",
    "test_skipped": "skipped",
    "test_marked": "skipped",
    "test_setup": "error",
    "test_teardown": "error",
    "test_both": "error",
    "test_expected": "xfailed",
    "test_unexpected": "xpassed",
    "test_strict": "failed",
    "test_imperative": "xfailed",
    "test_fixture": "error",
}


def counts_of_last_line(result):
    """Return the numbers of pytest's last line, by the words of its categories."""
    last = [line for line in result.outlines if re.search(r" in [\d.]+s", line)][-1]
    found = {word: int(number) for number, word in re.findall(r"(\d+) ([a-z ]*[a-z])(?=,| in )", last)}
    return {
        {"errors": "error", "warning": "warnings"}.get(word, word): number for word, number in found.items()
    }


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_every_outcome_is_in_the_document_and_the_counts_agree(project, workers):
    project.tests(ALL_OUTCOMES)
    result, document = run_with_report(project, *workers, subprocess=bool(workers))
    assert outcomes_of(document) == OUTCOMES
    assert list(outcomes_of(document)) == list(OUTCOMES) or workers
    assert document["counts"] == counts_of_last_line(result)
    assert document["counts"]["error"] == 4  # test_both is a failure and an error


def test_counts_without_the_terminal_plugin_are_those_of_the_tests(project):
    project.tests(ALL_OUTCOMES)
    _, document = run_with_report(project, "-p", "no:terminal", subprocess=True)
    assert outcomes_of(document) == OUTCOMES
    assert document["counts"] == {
        "passed": 2,
        "failed": 2,
        "skipped": 2,
        "error": 4,
        "xfailed": 2,
        "xpassed": 1,
    }


@pytest.mark.parametrize("workers", [(), ("-n", "1")])
def test_problems_have_phase_message_and_traceback(project, workers):
    project.tests(ALL_OUTCOMES)
    _, document = run_with_report(project, *workers, subprocess=bool(workers))
    found = {
        test["id"].partition("::")[2]: [
            (problem["phase"], problem["message"].splitlines()[0])
            for problem in test["attempts"][0]["problems"]
        ]
        for test in document["tests"]
    }
    assert found == {
        "test_passed": [],
        "test_without_prompt": [],
        "test_failed": [("call", "AssertionError: no light")],
        "test_skipped": [("call", "later")],
        "test_marked": [("setup", "not here")],
        "test_setup": [("setup", "RuntimeError: no setup")],
        "test_teardown": [("teardown", "RuntimeError: no teardown")],
        "test_both": [("call", "assert False"), ("teardown", "RuntimeError: no teardown")],
        "test_expected": [("call", "known")],
        "test_unexpected": [("call", "known")],
        "test_strict": [("call", "[XPASS(strict)]")],
        "test_imperative": [("call", "not yet")],
        "test_fixture": [("setup", "fixture 'no_such_fixture' not found")],
    }
    (problem,) = attempts_of(document, "test_failed")[0]["problems"]
    assert 'russo_say("Hello"); assert [] == ["light"], "no light"' in problem["traceback"]
    assert re.search(r"\ntest_it\.py:\d+: AssertionError$", problem["traceback"])
    assert attempts_of(document, "test_marked")[0]["problems"][0]["traceback"].endswith("test_it.py:18")


@pytest.mark.parametrize("workers", [(), ("-n", "1")])
def test_file_that_is_not_collected_is_an_error(project, workers):
    project.tests("import no_such_module")
    project.tests("import pytest; pytest.skip('not here', allow_module_level=True)", name="test_other")
    project.tests("def test_it(russo_say): russo_say('Hello')", name="test_third")
    result, document = run_with_report(
        project, *workers, "--continue-on-collection-errors", subprocess=bool(workers)
    )
    assert document["counts"] == counts_of_last_line(result)
    tests = {test["id"]: test for test in document["tests"]}
    assert tests["test_it.py"]["outcome"] == "error"
    (problem,) = tests["test_it.py"]["attempts"][0]["problems"]
    assert problem["phase"] == "collect"
    assert problem["message"] == "ModuleNotFoundError: No module named 'no_such_module'"
    assert words_of(tests["test_it.py"]["command"])[-1] == "test_it.py"
    assert tests["test_third.py::test_it"]["outcome"] == "passed"


def test_run_that_stops_at_a_collection_error_writes_the_report(project):
    project.tests("import no_such_module")
    result, document = run_with_report(project)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert document["counts"] == counts_of_last_line(result) == {"error": 1}
    assert outcomes_of(document) == {"test_it.py": "error"}


STOPS = {
    "-x": ("import no_such_module", {"test_it.py": "error"}, ["-x"]),
    "--maxfail": ("import no_such_module", {"test_it.py": "error"}, ["--maxfail=1"]),
    "-x with a skipped file": (
        "import pytest; pytest.skip('not here', allow_module_level=True)",
        {"test_it.py": "skipped", "test_other.py": "error"},
        ["-x"],
    ),
    "interrupt": ("raise KeyboardInterrupt", {}, []),
}


@pytest.mark.parametrize("workers", [(), ("-n", "1")])
@pytest.mark.parametrize("stop", STOPS)
def test_run_that_stops_in_collection_replaces_an_older_report(project, stop, workers):
    text, expected, arguments = STOPS[stop]
    (project.path / "report.json").write_text("older")
    project.tests(text)
    project.tests("import no_such_module", name="test_other")
    result, document = run_with_report(project, *arguments, *workers, subprocess=True)
    assert result.ret != 0
    if not workers:  # a worker collects all files
        assert outcomes_of(document) == expected
    numbers = dict(Counter(expected.values()))
    assert document["counts"] == numbers


def test_run_with_a_wrong_path_does_not_change_an_older_report(project):
    (project.path / "report.json").write_text("older")
    project.tests("def test_it(): pass")
    result = project.run("--russo-report=report.json", "no_such_file.py")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert (project.path / "report.json").read_text() == "older"
    assert "russo: report" not in result.stdout.str()


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
@pytest.mark.skipif(pytest.version_tuple < (9,), reason="pytest 9 has the fixture subtests")
def test_failed_subtests_are_problems_of_their_test(project, workers):
    project.tests(
        """
        import time

        def test_it(subtests, russo_say):
            for number in range(3):
                with subtests.test(f"number {number}"):
                    time.sleep(0.2)
                    russo_say(f"Number {number}")
                    assert number != 1
            with subtests.test("skipped"):
                import pytest
                pytest.skip("later")

        def test_good(subtests):
            with subtests.test("good"): pass
        """
    )
    for arguments in ((), ("-v",)):
        result, document = run_with_report(project, *workers, *arguments, subprocess=bool(workers))
        assert document["counts"] == counts_of_last_line(result)
        assert outcomes_of(document) == {"test_it": "failed", "test_good": "passed"}
        (attempt,) = attempts_of(document, "test_it")
        assert len(attempt["prompts"]) == 3
        assert 0.6 <= attempt["seconds"] < 1.2 or workers  # the time of a subtest is part of that of its test
        problems = [(problem["message"], problem.get("subtest")) for problem in attempt["problems"]]
        assert problems == [("assert 1 != 1", "[number 1]"), ("contains 1 failed subtest", None)]


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_tests_after_the_first_failure_are_not_in_the_document(project, workers):
    project.tests(
        """
        import pytest, time

        @pytest.mark.parametrize("number", range(20))
        def test_it(russo_say, number): russo_say("Hello"); time.sleep(0.01); assert number != 2
        """
    )
    result, document = run_with_report(project, "-x", *workers, subprocess=bool(workers))
    assert document["counts"] == counts_of_last_line(result)
    assert outcomes_of(document)["test_it[2]"] == "failed"
    assert len(document["tests"]) < 20


def test_test_of_a_crashed_worker_has_failed(project):
    project.tests(
        """
        import os

        def test_good(russo_say): russo_say("Hello")
        def test_crash(russo_say): russo_say("Hello"); os._exit(1)
        """
    )
    result, document = run_with_report(project, "-n", "1", subprocess=True)
    assert document["counts"] == counts_of_last_line(result)
    assert outcomes_of(document) == {"test_good": "passed", "test_crash": "failed"}
    (attempt,) = attempts_of(document, "test_crash")
    (problem,) = attempt["problems"]
    assert problem["phase"] == "crash"
    assert "crashed while running 'test_it.py::test_crash'" in problem["message"]


# -- tests that run again

AGAIN = """
    import pytest
    from pathlib import Path

    @pytest.fixture
    def cleaned(russo_say, russo_report):
        yield
        russo_say("Clean up")
        russo_report.attach("end", Path("count").read_text())

    {mark}
    def test_it(cleaned, russo_say, russo_report):
        count = int(Path("count").read_text()) + 1
        Path("count").write_text(str(count))
        russo_say(f"Attempt {{count}}")
        russo_report.attach("log", f"log {{count}}")
        assert count == 3, f"only {{count}}"

    def test_other(russo_say): russo_say("Other")
"""
# Runs a test until it passes. `log` chooses the reports that it logs, as two plugins do.
RUN_AGAIN = """
from pathlib import Path
from _pytest.runner import runtestprotocol

def pytest_runtest_protocol(item, nextitem):
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for number in range(3):
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
        is_last = number == 2 or all(report.passed for report in reports)
        for report in reports:
            if is_last or not report.failed:
                item.ihook.pytest_runtest_logreport(report=report)
        if is_last:
            break
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True
"""


def check_attempts(document):
    attempts = attempts_of(document, "test_it")
    assert [attempt["outcome"] for attempt in attempts] == ["rerun", "rerun", "passed"]
    assert outcomes_of(document) == {"test_it": "passed", "test_other": "passed"}
    for number, attempt in enumerate(attempts, 1):
        assert [use["prompt"] for use in attempt["prompts"]] == [f"Attempt {number}", "Clean up"]
        assert [(each["name"], each["text"]) for each in attempt["attachments"]] == [
            ("log", f"log {number}"),
            ("end", str(number)),
        ]
    messages = [[problem["message"].splitlines()[0] for problem in each["problems"]] for each in attempts]
    assert messages == [["AssertionError: only 1"], ["AssertionError: only 2"], []]
    (other,) = attempts_of(document, "test_other")
    assert [use["prompt"] for use in other["prompts"]] == ["Other"]


@pytest.mark.parametrize("workers", [(), ("-n", "1")])
def test_attempts_keep_their_own_values_if_failed_reports_are_not_logged(project, workers):
    (project.path / "count").write_text("0")
    (project.path / "again.py").write_text(RUN_AGAIN)
    project.pytester.syspathinsert()
    project.tests(AGAIN.format(mark=""))
    _, document = run_with_report(project, "-p", "again", *workers, subprocess=True)
    check_attempts(document)


# Runs a test again while pytest makes the report, which it logs twice, as pytest-retry does.
RUN_AGAIN_IN_MAKEREPORT = """
import pytest

@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if call.when != "call" or report.passed:
        return report
    for number in range(2):
        item.ihook.pytest_runtest_teardown(item=item, nextitem=None)
        if number == 0:
            report.outcome = "retried"
            item.ihook.pytest_runtest_logreport(report=report)
        item._initrequest()
        item.ihook.pytest_runtest_setup(item=item)
        call = pytest.CallInfo.from_call(lambda: item.ihook.pytest_runtest_call(item=item), when="call")
        again = pytest.TestReport.from_item_and_call(item, call)
        report.outcome, report.longrepr = again.outcome, again.longrepr
        if report.passed:
            break
    return report

def pytest_report_teststatus(report):
    return ("retried", "R", "RETRY") if report.outcome == "retried" else None
"""


@pytest.mark.parametrize("workers", [(), ("-n", "1")])
@pytest.mark.parametrize(("needed", "outcome"), [(3, "passed"), (9, "failed")])
def test_attempts_inside_one_report_have_the_outcome_of_the_last(project, needed, outcome, workers):
    (project.path / "count").write_text("0")
    (project.path / "again.py").write_text(RUN_AGAIN_IN_MAKEREPORT)
    project.pytester.syspathinsert()
    project.tests(AGAIN.format(mark="").replace("count == 3", f"count == {needed}"))
    _, document = run_with_report(project, "-p", "again", *workers, subprocess=True)
    attempts = attempts_of(document, "test_it")
    assert [attempt["outcome"] for attempt in attempts] == ["rerun", outcome]
    assert outcomes_of(document)["test_it"] == outcome
    prompts = [[use["prompt"] for use in attempt["prompts"]] for attempt in attempts]
    # The plugin logs no report of the second attempt, so its prompts belong to the last one.
    assert prompts == [["Attempt 1", "Clean up"], ["Attempt 2", "Clean up", "Attempt 3", "Clean up"]]
    last = [problem["message"].splitlines()[0] for problem in attempts[-1]["problems"]]
    assert last == (["AssertionError: only 3"] if outcome == "failed" else [])


@pytest.mark.parametrize(
    ("attempts", "expected"),
    [
        ([Attempt("failed"), Attempt()], "failed"),
        ([Attempt("failed"), Attempt("passed"), Attempt()], "passed"),
        ([Attempt(is_rerun=True), Attempt()], "unfinished"),
        ([Attempt("error", is_rerun=True), Attempt()], "unfinished"),
        ([Attempt("failed"), Attempt(is_rerun=True), Attempt()], "unfinished"),
        ([Attempt("error", is_rerun=True), Attempt("passed")], "passed"),
    ],
)
def test_outcome_of_a_test_whose_last_attempts_have_no_report(attempts, expected):
    assert outcome_of(dict(zip("abc", attempts, strict=False))) == expected


@pytest.mark.parametrize("workers", [(), ("-n", "1"), ("-n", "2")])
@pytest.mark.skipif(
    importlib.util.find_spec("pytest_rerunfailures") is None, reason="needs pytest-rerunfailures"
)
def test_attempts_of_pytest_rerunfailures_keep_their_own_values(project, workers):
    (project.path / "count").write_text("0")
    project.tests(AGAIN.format(mark="@pytest.mark.flaky(reruns=4)"))
    result, document = run_with_report(project, *workers, subprocess=True)
    check_attempts(document)
    assert document["counts"] == counts_of_last_line(result) == {"passed": 2, "rerun": 2}


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        (["rerun", "passed"], "passed"),
        (["rerun", "failed"], "failed"),
        (["failed", "rerun", "passed"], "passed"),
        (["rerun"], "unfinished"),
    ],
)
def test_last_attempt_is_the_outcome_of_the_test(project, outcomes, expected):
    project.conftest(
        dedent(DEFAULT_FIXTURE)
        + f"""
from _pytest.runner import runtestprotocol

def pytest_runtest_protocol(item, nextitem):
    for outcome in {outcomes!r}:
        for report in runtestprotocol(item, nextitem=nextitem, log=False):
            if report.when == "call":
                if outcome == "rerun":
                    report.outcome = outcome
                elif outcome == "failed":
                    report.outcome, report.longrepr = outcome, "failed"
            item.ihook.pytest_runtest_logreport(report=report)
    return True
"""
    )
    project.tests("def test_it(russo_say): russo_say('Hello')")
    _, document = run_with_report(project)
    attempts = attempts_of(document, "test_it")
    assert [attempt["outcome"] for attempt in attempts] == [*["rerun"] * (len(outcomes) - 1), expected]
    assert [len(attempt["prompts"]) for attempt in attempts] == [1] * len(outcomes)


@pytest.mark.parametrize("workers", [(), ("-n", "1")])
def test_problems_have_no_colors_of_the_terminal(project, workers):
    project.tests("def test_it(): assert ['on', 'set_light'] == ['on', 'off']")
    result, document = run_with_report(project, "--color=yes", *workers, subprocess=True)
    assert "set_light\x1b[" in result.stdout.str()
    (problem,) = attempts_of(document, "test_it")[0]["problems"]
    assert "'set_light' != 'off'" in problem["message"]
    assert "\x1b" not in problem["message"] + problem["traceback"]


def test_long_texts_of_problems_are_cut_in_the_middle(project):
    project.tests(
        """
        def test_it(): raise ValueError("first" + "x" * 1_000_000 + "last")
        """
    )
    _, document = run_with_report(project)
    (problem,) = attempts_of(document, "test_it")[0]["problems"]
    assert problem["message"].startswith("ValueError: first")
    assert problem["message"].endswith("last")
    assert len(problem["message"]) < 17_000
    assert len(problem["traceback"]) < 67_000


HOSTILE = ["a\ud800b", "\x00\x1b[31m\x07", "</script><b>", "\u202e", "\"'\\", "x" * 1_000_000]


@pytest.mark.parametrize("workers", [(), ("-n", "1")])
def test_hostile_text_of_prompts_errors_and_names_is_json(project, workers):
    project.conftest(
        """
        class Quick(Speaker):
            async def synthesize(self, text):
                return Audio(b"sound!" * 100, "pcm", 8000)

        @pytest.fixture
        def russo_synthesizer():
            return Quick()
        """
    )
    (project.path / "texts.json").write_text(json.dumps(HOSTILE))
    project.tests(
        f"""
        import json, pytest
        from pathlib import Path

        @pytest.mark.parametrize("number", range({len(HOSTILE)}))
        def test_it(russo_say, russo_report, number):
            text = json.loads(Path("texts.json").read_text())[number]
            russo_say(text)
            russo_report.attach(text, text)
            raise ValueError(text.replace(chr(0xD800), ""))  # xdist refuses a report with a surrogate
        """
    )
    _, document = run_with_report(project, *workers, subprocess=True)
    assert len(document["tests"]) == len(HOSTILE)
    for number, text in enumerate(HOSTILE):
        (attempt,) = attempts_of(document, f"test_it[{number}]")
        assert [use["prompt"] for use in attempt["prompts"]] == [text]
        assert attempt["prompts"][0]["state"] != "failed"
    first, *_, last = [test["attempts"][0]["attachments"][0] for test in document["tests"]]
    assert (first["name"], first["text"]) == ("a\ud800b", r"a\ud800b")
    assert len(last["name"]) < 1100
    assert len(last["text"]) < 270_000
    assert document["files"][last["file"]]["bytes"] == 1_000_000


def test_test_that_was_run_again_and_did_not_end_is_unfinished():
    attempts = Attempts()
    phase = {"test": "test_it", "attempt": "gw0:1", "seconds": 0.1, "problem": None}
    attempts.add({**phase, "outcome": "", "rerun": True})
    attempts.add({**phase, "outcome": "error", "rerun": False})  # its teardown
    assert outcome_of(attempts.of_tests()["test_it"]) == "unfinished"
