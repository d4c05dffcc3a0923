"""The line about ``russo`` markers that had no effect."""

import pytest

import russo
from support.projects import summary, summary_lines

MARKED = """
    import pytest

    @pytest.mark.russo("Used")
    def test_used(russo_audio): pass

    @pytest.mark.russo("Unused")
    @pytest.mark.parametrize("number", range({number}))
    def test_unused(number): pass
"""


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (1, "1 test has a russo marker but not the fixture russo_audio: test_it.py::test_unused[0]"),
        (
            5,
            "5 tests have a russo marker but not the fixture russo_audio: test_it.py::test_unused[0], "
            "test_it.py::test_unused[1], test_it.py::test_unused[2], and 2 more",
        ),
    ],
)
def test_markers_without_russo_audio_are_named_with_v(project, workers, number, sentence):
    project.tests(MARKED.format(number=number))
    result = project.run("-v", *workers)
    result.assert_outcomes(passed=number + 1)
    assert [line for line in summary_lines(result) if "marker" in line] == [sentence]
    result = project.run(*workers)
    assert [line for line in summary_lines(result) if "marker" in line] == []


def test_markers_are_named_if_no_test_uses_russo(project):
    project.tests(MARKED.format(number=1).replace("def test_used(russo_audio)", "def test_used()"))
    assert summary_lines(project.run()) == []
    assert summary_lines(project.run("-v"))[-1].startswith("2 tests have a russo marker but not the fixture")
    assert summary_lines(project.run("-v", "--collect-only")) == []


def test_deselected_markers_are_not_named(project):
    project.tests(MARKED.format(number=1))
    assert [line for line in summary_lines(project.run("-v", "-k", "test_used")) if "marker" in line] == []


def marker_lines(result):
    return [line for line in summary_lines(result) if "marker" in line]


@pytest.mark.parametrize(
    "argument",
    ["--fixtures", "--fixtures-per-test", "--setup-plan", "--setup-only", "--collect-only", "-k=none"],
)
def test_run_that_runs_no_test_has_no_line(project, argument):
    project.tests(MARKED.format(number=1).replace("test_used(russo_audio)", "test_used()"))
    assert summary_lines(project.run("-v", argument)) == []


def test_run_that_cannot_be_collected_has_no_line(project):
    project.tests(MARKED.format(number=1))
    project.tests("import a_module_that_does_not_exist", name="test_broken")
    assert summary_lines(project.run("-v")) == []


DYNAMIC = """
    import pytest

    pytestmark = pytest.mark.russo("Hello")

    @pytest.mark.parametrize("number", range(3))
    def test_by_name(request, number):
        request.getfixturevalue("russo_audio")

    @pytest.fixture
    def speech(russo_audio):
        return russo_audio

    def test_by_the_name_of_another_fixture(request):
        request.getfixturevalue("speech")

    def test_unused(): pass

    @pytest.mark.skip
    def test_skipped(): pass

    def test_failed_before_it_could_use_it(request):
        assert not request
        request.getfixturevalue("russo_audio")
"""


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_test_that_asks_for_the_fixture_when_it_runs_is_not_named(project, workers):
    project.tests(DYNAMIC)
    result = project.run("-v", *workers)
    result.assert_outcomes(passed=5, skipped=1, failed=1)
    assert marker_lines(result) == [
        "1 test has a russo marker but not the fixture russo_audio: test_it.py::test_unused"
    ]


def test_damaged_package_has_no_summary(project, monkeypatch):
    project.conftest("")
    project.tests(MARKED.format(number=1).replace("test_used(russo_audio)", "test_used()"))
    monkeypatch.setattr(russo, "__file__", None)  # as after the removal of russo/__init__.py
    result = project.run("-v")
    result.assert_outcomes(passed=2)
    assert result.ret == 0
    assert summary(result) is None
    result.stderr.fnmatch_lines(["*repair it: *"])
