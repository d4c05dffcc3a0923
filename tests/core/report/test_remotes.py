"""The shared stores of a run in its document and on its page."""

import pytest

from russo._report.formats import numbers_of_store
from russo._report.page import render
from support.projects import SAY_HELLO_TWICE
from support.report import prompts_of, run_with_report
from support.report_documents import green_run
from support.report_dom import Page

URL = "s3://team/voice"
STORE = {
    **{"url": URL, "hits": 8, "misses": 4, "skipped": 0, "uploaded": 4, "not_uploaded": 0},
    **{"adopted": 0, "problem": None},
}


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "8 of 12 entries found, 4 uploaded"),
        ({"hits": 1, "misses": 0, "uploaded": 0}, "1 of 1 entry found"),
        ({"hits": 0, "misses": 0, "uploaded": 1200}, "1,200 uploaded"),
        ({"adopted": 2}, "8 of 12 entries found, 4 uploaded, 2 replaced by the store's own"),
        ({"hits": 0, "misses": 0, "uploaded": 0}, "no entry found or uploaded"),
    ],
)
def test_numbers_of_a_store_are_a_sentence(changes, text):
    assert numbers_of_store(STORE | changes) == text


def page_of(report):
    return Page("".join(render(report.document, report.media)))


def test_page_names_the_stores_of_the_run_and_their_trouble():
    report = green_run()
    trouble = {"url": "file:///<b>", "hits": 0, "misses": 1, "uploaded": 0, "problem": "1 damaged entry"}
    report.document["remotes"] = [STORE, STORE | trouble]
    assert [each.words for each in page_of(report).first("header").all(".remote")] == [
        f"Shared store {URL}: 8 of 12 entries found, 4 uploaded",
        "Shared store file:///<b>: 0 of 1 entry found. 1 damaged entry",
    ]


@pytest.mark.parametrize(
    ("stores", "words"),
    [([STORE], "from the shared store"), ([STORE, STORE | {"url": "file:///a"}], f"from {URL}")],
    ids=["one store", "two stores"],
)
def test_page_marks_a_prompt_from_a_store_in_both_views(stores, words):
    report = green_run()
    report.document["remotes"] = stores
    attempts = [attempt for test in report.document["tests"] for attempt in test["attempts"]]
    use = next(use for attempt in attempts for use in attempt["prompts"])
    use["remote"] = URL
    page = page_of(report)
    for view in ("#by-test", "#by-prompt"):
        assert [each.words for each in page.one(view).all(".remote")] == [words]


def test_page_of_a_document_without_stores_names_none():
    page = page_of(green_run())  # russo 0.4 wrote such documents
    assert page.all(".remote") == []


# -- the document of a run


@pytest.fixture
def written(project, shared):
    """The document of a run that filled the store; the local cache is empty again."""
    project.ini(f"russo_remote = {shared.url}")
    project.tests(SAY_HELLO_TWICE)
    _, document = run_with_report(project, "--russo-remote-write")
    shared.forget_local()
    return document


def test_document_has_what_a_run_uploaded(shared, written):
    assert written["remotes"] == [STORE | {"url": shared.url, "hits": 0, "misses": 1, "uploaded": 1}]
    assert [use["remote"] for use in prompts_of(written, "test_it")] == [None, None]


@pytest.mark.parametrize(
    ("ini", "workers"),
    [("", []), ("russo_speak_ahead = 2", []), ("russo_speak_ahead = 2", ["-n", "1"])],
    ids=["in the test", "ahead", "ahead in a worker"],
)
def test_document_has_what_a_run_brought(project, shared, written, ini, workers):
    project.conftest("")
    (project.path / "speaking.py").write_text((project.path / "conftest.py").read_text())
    project.ini(f"russo_remote = {shared.url}\nrusso_synth = speaking:Speaker\n{ini}")
    project.tests(
        """
        import pytest

        @pytest.mark.russo("Hello")
        def test_it(russo_audio, russo_say): russo_say("Hello")
        """
    )
    _, document = run_with_report(project, *workers)
    assert document["remotes"] == [STORE | {"url": shared.url, "hits": 1, "misses": 0, "uploaded": 0}]
    uses = prompts_of(document, "test_it")
    assert [(use["state"], use["remote"]) for use in uses] == [("hit", shared.url)] * 2


def test_document_has_the_trouble_of_a_store_and_what_was_adopted(project, shared, written):
    project.run("--russo-remote=off").assert_outcomes(passed=1)
    (path,) = shared.root.glob("v1/??/*.russo")
    path.unlink()
    shared.let_others_win()
    shared.forget_local()
    _, document = run_with_report(project, "--russo-remote-write")
    assert document["remotes"] == [
        STORE | {"url": shared.url, "hits": 0, "misses": 1, "uploaded": 0, "adopted": 1}
    ]
    sound = document["audio"][prompts_of(document, "test_it")[0]["audio"]]
    assert (sound["problem"], sound["bytes"]) == (None, 44 + 2 * len(b"aHello" * 100))  # what the test got
    shared.forget_local()
    shared.trouble("refused")
    _, document = run_with_report(project, "--russo-remote-write")
    assert document["remotes"] == [
        STORE
        | {"url": shared.url, "hits": 0, "misses": 0, "uploaded": 0, "skipped": 1, "not_uploaded": 1}
        | {"problem": "1 lookup skipped, 1 entry not uploaded (it is down)"}
    ]


def test_document_of_a_run_without_a_store_has_none(project):
    project.tests(SAY_HELLO_TWICE)
    _, document = run_with_report(project)
    assert document["remotes"] == []
