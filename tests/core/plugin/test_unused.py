"""Entries that a complete run did not use: which are listed and which are removed."""

import shutil
import time

import pytest

from russo import Audio, AudioCache
from russo._store.ledger import LEDGERS


@pytest.fixture
def complete_project(project):
    """A project with a complete, passing run; its cache has one unused entry and one of another backend."""
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
def test_complete_passing_run_lists_and_removes_unused_entries(complete_project, xdist):
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
def test_incomplete_run_removes_nothing_and_prints_the_reason(complete_project, arguments, reason):
    result = complete_project.run("--russo-prune-unused", *arguments)
    result.stdout.fnmatch_lines(
        [f"russo: no unused entries are removed: the run was not complete ({reason})"]
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
def test_run_that_does_not_pass_removes_nothing(complete_project, body, reason):
    complete_project.tests(f"import pytest\ndef test_it(russo_say): russo_say('New')\ndef test_two(): {body}")
    result = complete_project.run("--russo-prune-unused")
    result.stdout.fnmatch_lines([f"russo: no unused entries are removed: *({reason})"])
    assert complete_project.cached() == 3


def test_unused_recordings_are_listed_and_never_removed(complete_project):
    (complete_project.path / ".russo_cache").rename(complete_project.path / "recordings")
    result = complete_project.run("--russo-prune-unused", "--russo-recordings-dir=recordings")
    result.stdout.fnmatch_lines(["russo: unused: 'Old' (*, */recordings)"])
    assert complete_project.cached("recordings") == 2


# -- entries that are in no ledger


def ledgers(path):
    return sorted((path / ".russo_cache" / LEDGERS).glob("*.ledger"))


def test_first_complete_run_removes_nothing_and_reports_it_once(complete_project):
    shutil.rmtree(complete_project.path / ".russo_cache" / LEDGERS)  # an older russo wrote the cache
    result = complete_project.run("--russo-prune-unused")
    result.stdout.fnmatch_lines(
        [
            "russo: no unused entries are removed: *.russo_cache has no ledger of an earlier complete run of "
            "this project with these options; the next complete run can remove them",
            "russo: neither this run nor an earlier complete run used 1 entry in *.russo_cache; "
            "--russo-prune-unused=all removes those that are in no ledger",
        ]
    )
    result = complete_project.run("--russo-prune-unused")
    result.stdout.no_fnmatch_line("*no unused entries are removed*")
    assert complete_project.cached() == 3


def test_entry_in_no_ledger_is_removed_only_with_all(complete_project):
    shutil.rmtree(complete_project.path / ".russo_cache" / LEDGERS)
    complete_project.run("-v").stdout.no_fnmatch_line("russo: unused: *")
    complete_project.run("--russo-prune-unused").stdout.no_fnmatch_line("russo: removed: *")
    result = complete_project.run("--russo-prune-unused=all")
    result.stdout.fnmatch_lines(["russo: removed: 'Old' (*"])
    assert complete_project.cached() == 2  # the entry of the other backend is kept


@pytest.mark.parametrize("value", ["=al", "=", "=ALL", "=unused"])
def test_unknown_value_of_the_option_is_a_usage_error(complete_project, value):
    result = complete_project.run(f"--russo-prune-unused{value}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert complete_project.cached() == 2


def test_path_after_the_option_is_not_its_value(complete_project):
    result = complete_project.run("--russo-prune-unused", "test_it.py")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*(paths were given)"])


def test_unused_entry_is_listed_until_it_is_removed(complete_project):
    for _ in range(3):
        complete_project.run().assert_outcomes(passed=2)
    complete_project.run("-v").stdout.fnmatch_lines(["russo: unused: 'Old' (*"])
    complete_project.run("--russo-prune-unused").stdout.fnmatch_lines(["russo: removed: 'Old' (*"])
    complete_project.run("--russo-prune-unused").stdout.no_fnmatch_line("*Old*")


def test_entry_used_again_is_kept(complete_project):
    complete_project.run().assert_outcomes(passed=2)
    complete_project.tests("def test_it(russo_say): russo_say('Old')")
    result = complete_project.run("--russo-prune-unused")
    result.stdout.fnmatch_lines(["russo: removed: 'New' (*"])
    assert complete_project.cached() == 2


def test_incomplete_run_does_not_change_ledgers(complete_project):
    before = [path.read_bytes() for path in ledgers(complete_project.path)]
    complete_project.run("-k", "test_it", "--russo-prune-unused=all")
    assert [path.read_bytes() for path in ledgers(complete_project.path)] == before
    complete_project.run("--russo-prune-unused").stdout.fnmatch_lines(["russo: removed: 'Old' (*"])


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (
            lambda folder: next(folder.glob("*.ledger")).write_text("x\x1b"),
            "*.ledger is unreadable: it is not a",
        ),
        (
            lambda folder: next(folder.glob("*.ledger")).write_bytes(b""),
            "*.ledger is unreadable: it is not a",
        ),
        (
            lambda folder: (folder / ("0" * 32 + ".ledger")).symlink_to("/"),
            "is unreadable: it is not a regular",
        ),
        (lambda folder: [shutil.rmtree(folder), folder.write_text("")], "is not a folder that russo made"),
        (
            lambda folder: [shutil.rmtree(folder), folder.symlink_to("/tmp")],
            "is not a folder that russo made",
        ),
    ],
    ids=["foreign text", "empty", "link", "a file as folder", "a link as folder"],
)
@pytest.mark.parametrize("option", ["--russo-prune-unused", "--russo-prune-unused=all"])
def test_damaged_ledger_prevents_removal(complete_project, damage, reason, option):
    damage(complete_project.path / ".russo_cache" / LEDGERS)
    result = complete_project.run(option)
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines([f"russo: no unused entries are removed: *{reason}*"])
    assert complete_project.cached() == 3
    complete_project.run().assert_outcomes(passed=2)


def test_damaged_ledger_of_the_project_is_replaced(complete_project):
    (ledger,) = ledgers(complete_project.path)
    ledger.write_bytes(ledger.read_bytes()[:-1])
    complete_project.run("--russo-prune-unused").stdout.fnmatch_lines(["*unreadable: it is damaged*"])
    complete_project.tests("def test_it(russo_say): russo_say('Newer')")
    complete_project.run("--russo-prune-unused").stdout.fnmatch_lines(["russo: removed: 'New' (*"])
    assert complete_project.cached() == 3


def test_entry_that_cannot_be_removed_is_reported(complete_project):
    conftest = complete_project.path / "conftest.py"
    conftest.write_text(
        conftest.read_text() + "\ndef refuse(self, key): raise PermissionError(13, 'Permission denied')\n"
        "@pytest.hookimpl(wrapper=True)\ndef pytest_terminal_summary():\n"
        "    with pytest.MonkeyPatch.context() as patch:\n"
        "        patch.setattr(AudioCache, 'remove', refuse)\n        return (yield)\n"
    )
    result = complete_project.run("--russo-prune-unused")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["russo: not removed (Permission denied): 'Old' (*"])
    conftest.write_text(conftest.read_text().partition("\ndef refuse")[0])
    complete_project.run("--russo-prune-unused").stdout.fnmatch_lines(["russo: removed: 'Old' (*"])


def test_run_that_stores_nothing_creates_no_cache(complete_project):
    path = complete_project.path
    (path / ".russo_cache").rename(path / "recordings")
    complete_project.tests("def test_it(russo_say): russo_say('Old')")
    complete_project.run("--russo-prune-unused", "--russo-recordings-dir=recordings").assert_outcomes(
        passed=1
    )
    assert not (path / ".russo_cache").exists()


def test_run_that_uses_no_entry_removes_none(complete_project):
    complete_project.tests("def test_it(): pass")
    complete_project.run("--russo-prune-unused").stdout.no_fnmatch_line("russo: removed: *")
    assert complete_project.cached() == 2


def test_ledger_contains_no_option(complete_project):
    complete_project.run(
        "--russo-synth-option=custom.api_key=s3cret", "--russo-synth-option=custom.token=s3cret"
    )
    assert all(b"s3cret" not in path.read_bytes() for path in ledgers(complete_project.path))


def test_new_api_key_makes_no_separate_project(complete_project):
    for key in ("one", "two"):
        complete_project.run(f"--russo-synth-option=custom.api_key={key}")
    assert len(ledgers(complete_project.path)) == 1


def test_ten_thousand_unused_entries_take_less_than_a_second(complete_project):
    cache = AudioCache(complete_project.path / ".russo_cache")
    fields = {"own": {"backend": "speaker"}, "given": None}
    for number in range(10_000):
        cache.put(f"{number:064x}", Audio(b"xy", "pcm"), prompt="Unknown", fields=fields)
    complete_project.run("-p", "no:logging").assert_outcomes(passed=2)
    began = time.process_time()
    complete_project.run("-p", "no:logging")
    alone = time.process_time() - began
    began = time.process_time()
    result = complete_project.run("-p", "no:logging", "--russo-prune-unused")
    assert time.process_time() - began - alone < 1
    result.stdout.fnmatch_lines(["russo: neither this run * used 10,00? entries in *"])


@pytest.mark.parametrize("xdist", [[], ["-n", "2"]], ids=["alone", "xdist"])
@pytest.mark.parametrize("mode", ["auto", "refresh"])
def test_entries_of_a_synthesizer_made_in_a_test_count_as_used(project, mode, xdist):
    own = """
        import asyncio
        from russo import CachedSynthesizer

        def test_own(russo_cache, voice):
            asyncio.run(CachedSynthesizer(voice, cache=russo_cache, mode=MODE).synthesize("One"))
        """.replace("MODE", repr(mode))
    project.conftest(
        """
        @pytest.fixture
        def voice():
            return Speaker()

        @pytest.fixture
        def russo_synthesizer(voice):
            return voice
        """
    )
    fixture = "\n        def test_it(russo_say): russo_say('One'); russo_say('Two')\n        "
    project.tests(own + fixture)
    project.run().assert_outcomes(passed=2)
    project.tests(own + "\n        def test_it(russo_say): russo_say('Three')\n        ")
    result = project.run("-v", *xdist, subprocess=bool(xdist))
    result.stdout.fnmatch_lines(["russo: unused: 'Two' *"])
    result.stdout.no_fnmatch_line("russo: unused: 'One' *")
    result = project.run("--russo-prune-unused", *xdist, subprocess=bool(xdist))
    result.stdout.fnmatch_lines(["russo: removed: 'Two' *"])
    result.stdout.no_fnmatch_line("russo: removed: 'One' *")
    assert project.cached() == 2
