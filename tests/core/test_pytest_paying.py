"""Speaking ahead, record-only, the limit of backend calls, and what a complete run did not use."""

import pytest

from support.projects import summary

ACME = """
    import asyncio, os
    from pathlib import Path
    from russo import Audio

    class Acme:
        now = most = 0

        def __init__(self, *, delay: float = 0.0, voice: str = "a"):
            self.delay = delay
            self.cache_key_extra = {"backend": "acme", "voice": voice}

        async def synthesize(self, text):
            descriptor = os.open(Path(__file__).with_name("calls.txt"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.write(descriptor, ("a " + text + "\\n").encode())
            os.close(descriptor)
            Acme.now += 1
            Acme.most = max(Acme.most, Acme.now)
            Path(__file__).with_name("most.txt").write_text(str(Acme.most))
            await asyncio.sleep(self.delay)
            Acme.now -= 1
            if text.startswith("Fail"):
                raise RuntimeError("no voice today")
            return Audio(b"xy" * 4000, "pcm", 8000)
"""
MARKED = """
    import pytest

    @pytest.mark.russo("One")
    def test_one(russo_audio): pass

    @pytest.mark.russo("Two")
    def test_two(russo_audio): pass

    @pytest.mark.russo("Two")
    def test_two_again(russo_audio): pass

    @pytest.mark.russo("Unasked")
    def test_unasked(): pass

    @pytest.mark.skip
    @pytest.mark.russo("Skipped")
    def test_skipped(russo_audio): pass

    @pytest.mark.skipif("True")
    @pytest.mark.russo("Perhaps")
    def test_perhaps(russo_audio): pass

    def test_said(russo_say): russo_say("Said")

    class TestOverride:
        @pytest.fixture
        def russo_synthesizer(self):
            from acme import Acme
            return Acme(voice="other")

        @pytest.mark.russo("Other")
        def test_other(self, russo_audio): pass
"""


@pytest.fixture
def acme(project):
    project.conftest("")
    project.pytester.makepyfile(acme=ACME)
    project.pytester.syspathinsert()
    project.ini("russo_synth = acme:Acme")
    project.tests(MARKED)
    return project


def spoken_ahead(project):
    project.ini("russo_synth = acme:Acme\nrusso_speak_ahead = 4")


def test_speaking_ahead_changes_nothing_but_the_order(acme):
    plain = acme.run()
    plain.assert_outcomes(passed=6, skipped=2)
    in_order = acme.calls
    acme.run("--russo-clear-cache")
    (acme.path / "calls.txt").unlink()
    spoken_ahead(acme)
    ahead = acme.run("--russo-clear-cache")
    ahead.assert_outcomes(passed=6, skipped=2)
    assert (
        summary(ahead)
        == summary(plain)
        == "1 hit (3 characters, 0 s of speech), 4 backend calls (15 characters)"
    )
    assert acme.calls == ["a One", "a Two", "a Said", "a Other"]
    assert sorted(acme.calls) == sorted(in_order)
    again = acme.run()
    assert summary(again) == "5 hits (18 characters, 2 s of speech), 0 backend calls"


def test_prompts_are_spoken_at_once_before_the_tests(acme):
    acme.tests(
        """
        import pytest

        @pytest.mark.parametrize("number", [pytest.param(n, marks=pytest.mark.russo(f"Prompt {n}")) for n in range(20)])
        def test_it(russo_audio, number): pass
        """
    )
    spoken_ahead(acme)
    acme.run("--russo-synth-option=custom.delay=0.1").assert_outcomes(passed=20)
    assert len(acme.calls) == 20
    assert (acme.path / "most.txt").read_text() == "4"


def test_only_selected_tests_are_spoken_ahead(acme):
    spoken_ahead(acme)
    acme.run("-k", "one").assert_outcomes(passed=1, deselected=7)
    assert acme.calls == ["a One"]


@pytest.mark.parametrize("mode", ["replay", "refresh", "off"])
def test_nothing_is_spoken_ahead_in_other_modes(acme, mode):
    spoken_ahead(acme)
    result = acme.run(f"--russo-cache-mode={mode}", "-k", "two")
    expected = {"replay": [], "refresh": ["a Two"], "off": ["a Two"] * 2}
    assert acme.calls == expected[mode]
    assert result.ret == (1 if mode == "replay" else 0)


def test_what_fails_ahead_fails_again_in_its_test(acme):
    acme.tests(
        """
        import pytest

        @pytest.mark.russo("Fail")
        def test_it(russo_audio): pass
        """
    )
    spoken_ahead(acme)
    result = acme.run()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["E*RuntimeError: no voice today"])
    assert acme.calls == ["a Fail"] * 2


def test_workers_share_what_is_spoken_ahead(acme):
    acme.tests(
        """
        import pytest

        @pytest.mark.parametrize("number", [pytest.param(n, marks=pytest.mark.russo(f"Prompt {n}")) for n in range(12)])
        def test_it(russo_audio, number): pass
        """
    )
    spoken_ahead(acme)
    result = acme.run("-n", "3", "--russo-synth-option=custom.delay=0.1", subprocess=True)
    result.assert_outcomes(passed=12)
    assert len(acme.calls) == 12
    assert summary(result) == "0 hits, 12 backend calls (98 characters)"


@pytest.mark.parametrize("xdist", [[], ["-n", "2"]], ids=["alone", "xdist"])
def test_record_only_speaks_the_marked_prompts_and_runs_no_test(acme, xdist):
    result = acme.run("--russo-record-only", *xdist, subprocess=True)
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
    assert sorted(acme.calls) == ["a One", "a Two"]
    acme.run("--russo-record-only")
    assert len(acme.calls) == 2


def test_record_only_refreshes_what_is_recorded(acme):
    acme.run("--russo-record-only")
    result = acme.run("--russo-record-only", "--russo-cache-mode=refresh")
    result.stdout.fnmatch_lines(["russo: 2 of 2 marked prompts are recorded"])
    assert sorted(acme.calls) == ["a One", "a One", "a Two", "a Two"]


@pytest.mark.parametrize("mode", ["replay", "off"])
def test_record_only_is_refused_where_nothing_would_be_recorded(acme, mode, monkeypatch):
    monkeypatch.setenv("RUSSO_CACHE_MODE", mode)
    result = acme.run("--russo-record-only")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [
            f"ERROR: --russo-record-only and mode '{mode}' (environment variable RUSSO_CACHE_MODE) disagree: "
            "nothing would be recorded"
        ]
    )
    assert acme.calls == []


def test_record_only_says_what_failed(acme):
    acme.tests(
        """
        import pytest

        @pytest.mark.russo("Fail")
        def test_it(russo_audio): pass
        """
    )
    result = acme.run("--russo-record-only")
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        ["russo: 0 of 1 marked prompts are recorded", "russo: not recorded: no voice today"]
    )


def test_calls_over_the_limit_are_refused_before_they_are_paid(acme):
    result = acme.run("--russo-max-calls=2")
    result.assert_outcomes(passed=4, skipped=2, failed=1, errors=1)
    assert acme.calls == ["a One", "a Two"]
    result.stdout.fnmatch_lines(
        ["E*russo.BudgetExceededError: the run's limit of 2 backend calls is reached: 'Said' was not spoken*"]
    )
    assert summary(result) == "1 hit (3 characters, 0 s of speech), 2 backend calls (6 characters), 4 misses"


def test_the_limit_holds_over_all_workers(acme):
    acme.tests(
        """
        import pytest

        @pytest.mark.parametrize("number", range(12))
        def test_it(russo_say, number): russo_say(f"Prompt {number}")
        """
    )
    result = acme.run("-n", "4", "--russo-max-calls=5", subprocess=True)
    result.assert_outcomes(passed=5, failed=7)
    assert len(acme.calls) == 5


def test_verbose_tells_of_backends_and_layers(acme):
    acme.run("-k", "one")
    result = acme.run("-v", "-k", "one or said")
    result.stdout.fnmatch_lines(
        [
            "russo: 1 hit *",
            "russo: backend acme: 1 hit, 1 backend call",
            f"russo: 1 hit from {acme.path}/.russo_cache",
        ]
    )


@pytest.fixture
def complete(project):
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
def test_a_complete_green_run_lists_and_prunes_what_it_did_not_use(complete, xdist):
    result = complete.run("-v", *xdist, subprocess=True)
    result.stdout.fnmatch_lines(["russo: unused: 'Old' (*, */.russo_cache)"])
    result.stdout.no_fnmatch_line("*'Other'*")
    assert complete.cached() == 3
    result = complete.run("--russo-prune-unused", *xdist, subprocess=True)
    result.stdout.fnmatch_lines(["russo: removed: 'Old' (*"])
    assert complete.cached() == 2


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
def test_an_incomplete_run_prunes_nothing_and_says_why(complete, arguments, reason):
    result = complete.run("--russo-prune-unused", *arguments)
    result.stdout.fnmatch_lines(
        [f"russo: no unused entries are removed: the run does not tell which they are ({reason})"]
    )
    assert complete.cached() >= 2
    assert "a Old" in complete.calls


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("assert False", "1 failed"),
        ("pytest.skip('later')", "1 skipped"),
        ("pytest.xfail('known')", "1 xfailed"),
    ],
)
def test_a_run_that_is_not_green_prunes_nothing(complete, body, reason):
    complete.tests(f"import pytest\ndef test_it(russo_say): russo_say('New')\ndef test_two(): {body}")
    result = complete.run("--russo-prune-unused")
    result.stdout.fnmatch_lines([f"russo: no unused entries are removed: *({reason})"])
    assert complete.cached() == 3


def test_unused_recordings_are_listed_and_never_removed(complete):
    (complete.path / ".russo_cache").rename(complete.path / "recordings")
    result = complete.run("--russo-prune-unused", "--russo-recordings-dir=recordings")
    result.stdout.fnmatch_lines(["russo: unused: 'Old' (*, */recordings)"])
    assert complete.cached("recordings") == 2


@pytest.mark.parametrize("value", ["many", "-1"])
def test_a_wrong_number_to_speak_ahead_is_refused(project, value):
    project.ini(f"russo_speak_ahead = {value}")
    project.tests("def test_it(): pass")
    result = project.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: russo_speak_ahead is '{value}'; it must be a number, 0 or more"])
