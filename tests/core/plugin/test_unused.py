"""Entries that a complete run did not use."""

import pytest


@pytest.fixture
def complete_project(project):
    """A project whose run is complete and green, with one entry too many in its cache, and one of another's."""
    project.conftest(
        """
        class Other(Speaker):
            cache_key_extra = {"backend": "other"}

        @pytest.fixture(scope="session")
        def russo_synthesizer():
            return Speaker()

        @pytest.fixture
        def other():
            return Other()
        """
    )
    project.tests(
        """
        import asyncio
        from russo import CachedSynthesizer

        def test_it(russo_say): russo_say("Old")
        def test_other(other, russo_cache):
            asyncio.run(CachedSynthesizer(other, cache=russo_cache).synthesize("Other"))
        """
    )
    project.run().assert_outcomes(passed=2)
    project.tests("def test_it(russo_say): russo_say('New')\ndef test_two(): pass")
    return project


@pytest.mark.parametrize("xdist", [[], ["-n", "2"]], ids=["alone", "xdist"])
def test_a_complete_green_run_lists_and_prunes_what_it_did_not_use(complete_project, xdist):
    result = complete_project.run("-v", *xdist, subprocess=bool(xdist))
    result.stdout.fnmatch_lines(["russo: unused: 'Old' (*, */.russo_cache)"])
    result.stdout.no_fnmatch_line("*'Other'*")
    assert complete_project.cached() == 3
    result = complete_project.run("--russo-prune-unused", *xdist, subprocess=bool(xdist))
    result.stdout.fnmatch_lines(["russo: removed: 'Old' (*"])
    assert complete_project.cached() == 2


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["-k", "test_it"], "-k selected tests"),
        (["-m", "not slow"], "-m selected tests"),
        (["test_it.py"], "paths were given"),
        (["-x"], "-x or --maxfail may stop early"),
        (["--deselect=test_it.py::test_two"], "--deselect left out tests"),
        (["--collect-only"], "--collect-only ran no test"),
    ],
)
def test_an_incomplete_run_prunes_nothing_and_says_why(complete_project, arguments, reason):
    result = complete_project.run("--russo-prune-unused", *arguments)
    result.stdout.fnmatch_lines(
        [f"russo: no unused entries are removed: the run does not tell which they are ({reason})"]
    )
    assert complete_project.cached() >= 2
    assert "a Old" in complete_project.calls


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("assert False", "1 failed"),
        ("pytest.skip('later')", "1 skipped"),
        ("pytest.xfail('known')", "1 xfailed"),
    ],
)
def test_a_run_that_is_not_green_prunes_nothing(complete_project, body, reason):
    complete_project.tests(f"import pytest\ndef test_it(russo_say): russo_say('New')\ndef test_two(): {body}")
    result = complete_project.run("--russo-prune-unused")
    result.stdout.fnmatch_lines([f"russo: no unused entries are removed: *({reason})"])
    assert complete_project.cached() == 3


def test_unused_recordings_are_listed_and_never_removed(complete_project):
    (complete_project.path / ".russo_cache").rename(complete_project.path / "recordings")
    result = complete_project.run("--russo-prune-unused", "--russo-recordings-dir=recordings")
    result.stdout.fnmatch_lines(["russo: unused: 'Old' (*, */recordings)"])
    assert complete_project.cached("recordings") == 2
