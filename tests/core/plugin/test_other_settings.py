"""A run that synthesizes prompts which are stored with other settings says so in one line."""

import pytest

ACME_SPEED = """
    from russo import Audio

    class Acme:
        def __init__(self, *, speed: float = 1.0, voice: str = "a"):
            self.cache_key_extra = {"backend": "acme", "speed": speed, "voice": voice}

        async def synthesize(self, text):
            return Audio(text.encode() * 100, "pcm", 8000, 1, 1)
"""
THREE = """
    import pytest

    @pytest.mark.parametrize("number", range(3))
    def test_it(russo_say, number): russo_say(f"Prompt {number}")
"""
FAST = "--russo-synth-option=custom.speed=1.3"
LINE = "russo: 3 prompts are stored with other settings (speed is 1.0, wanted 1.3)"
WORKERS = pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "workers"])


@pytest.fixture
def acme_project(project):
    project.conftest("")
    project.pytester.makepyfile(acme=ACME_SPEED)
    project.pytester.syspathinsert()
    project.ini("russo_synth = acme:Acme")
    project.tests(THREE)
    return project


def other_lines(result):
    return [line for line in result.outlines if "stored with other settings" in line]


@WORKERS
@pytest.mark.parametrize("verbosity", [[], ["-v"]], ids=["plain", "verbose"])
def test_a_changed_speed_is_named_once(acme_project, workers, verbosity):
    assert other_lines(acme_project.run()) == []
    result = acme_project.run(FAST, *verbosity, *workers, subprocess=bool(workers))
    result.assert_outcomes(passed=3)
    assert other_lines(result) == [LINE]
    assert other_lines(acme_project.run(FAST, *verbosity)) == []


def test_quiet_run_does_not_name_the_changed_setting(acme_project):
    acme_project.run()
    assert other_lines(acme_project.run(FAST, "-q")) == []


@pytest.mark.parametrize("mode", ["off", "refresh", "replay"])
def test_only_mode_auto_names_the_changed_setting(acme_project, mode):
    acme_project.run()
    assert other_lines(acme_project.run(FAST, f"--russo-cache-mode={mode}", "--tb=no")) == []


def test_recordings_are_compared_too(acme_project):
    acme_project.run("--russo-cache-dir=recordings")
    assert other_lines(acme_project.run(FAST, "--russo-recordings-dir=recordings")) == [LINE]
    assert other_lines(acme_project.run(FAST, "--russo-recordings-dir=recordings")) == []


@WORKERS
def test_recordings_of_a_cache_of_the_users_own_are_compared(acme_project, workers):
    acme_project.run("--russo-cache-dir=recordings")
    acme_project.conftest(
        """
        @pytest.fixture(scope="session")
        def russo_cache():
            return LayeredCache(AudioCache("own"), [AudioCache("recordings", read_only=True)])
        """
    )
    result = acme_project.run(FAST, *workers, subprocess=bool(workers))
    assert acme_project.cached("own") == 3
    assert other_lines(result) == [LINE]


def test_two_voices_of_one_test_are_not_other_settings(acme_project):
    acme_project.tests(
        """
        import pytest
        from acme import Acme
        from russo import CachedSynthesizer

        @pytest.fixture(params=["a", "b"])
        def russo_synthesizer(request):
            return CachedSynthesizer(Acme(voice=request.param))

        def test_it(russo_say): russo_say("Hello")
        """
    )
    result = acme_project.run()
    result.assert_outcomes(passed=2)
    assert other_lines(result) == []
    assert acme_project.cached() == 2


def test_layers_around_layers_count_a_prompt_once(acme_project):
    acme_project.tests(
        """
        import pytest
        from russo import CachedSynthesizer

        @pytest.fixture
        def russo_synthesizer(russo_synthesizer):
            return CachedSynthesizer(russo_synthesizer, cache_key_extra={"room": "kitchen"})

        def test_it(russo_say): russo_say("Hello")
        """
    )
    assert other_lines(acme_project.run()) == []
    assert acme_project.cached() == 2
    assert other_lines(acme_project.run(FAST)) == [
        "russo: 1 prompt is stored with other settings (speed is 1.0, wanted 1.3)"
    ]


@pytest.mark.parametrize(
    "arguments", [["--russo-record-only"], ["-o", "russo_speak_ahead=2"]], ids=["only", "ahead"]
)
def test_prompts_that_are_spoken_ahead_are_compared(acme_project, arguments):
    acme_project.tests(
        """
        import pytest

        @pytest.mark.russo("Hello")
        def test_it(russo_audio): pass
        """
    )
    assert other_lines(acme_project.run(*arguments)) == []
    assert other_lines(acme_project.run(FAST, *arguments)) == [
        "russo: 1 prompt is stored with other settings (speed is 1.0, wanted 1.3)"
    ]


def test_a_cleared_cache_has_no_other_settings(acme_project):
    acme_project.run()
    assert other_lines(acme_project.run(FAST, "--russo-clear-cache")) == []


def test_a_run_with_hits_only_reads_no_other_entry(acme_project, monkeypatch):
    acme_project.run()

    def refuse(*_):
        raise AssertionError("entries are compared")

    monkeypatch.setattr("russo._plugin.run_summary.other_settings", refuse)
    result = acme_project.run()
    result.stdout.fnmatch_lines(["russo: 3 hits *"])
