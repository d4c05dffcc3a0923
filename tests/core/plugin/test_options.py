"""The options, ini settings and environment variables, in small real projects."""

import pytest

from support.projects import summary

SAY = """
    def test_it(russo_say):
        russo_say("Hello")
"""
FACTORY = """
    from russo import Audio

    class Speaker:
        def __init__(self, *, voice: str = "a", speed: float = 1.0, loud: bool = False, seed: int | None = None):
            self.cache_key_extra = {"voice": voice, "speed": speed, "loud": loud, "seed": seed}

        async def synthesize(self, text):
            return Audio(repr(self.cache_key_extra).encode(), "pcm", 8000, 1, 1)
"""


@pytest.fixture
def by_name(project):
    """A project that chooses its backend with an option instead of a fixture."""
    project.conftest("")
    project.pytester.makepyfile(acme=FACTORY)
    project.pytester.syspathinsert()
    project.tests("def test_it(russo_say): print(russo_say('Hello').data.decode())")
    return project


def test_clear_cache_removes_stored_entries(project):
    project.tests(SAY)
    project.run()
    project.run("--russo-clear-cache").assert_outcomes(passed=1)
    assert project.calls == ["a Hello"] * 2


def test_no_cache_always_synthesizes_and_stores_nothing(project):
    project.tests(SAY)
    for _ in range(2):
        result = project.run("--russo-no-cache")
        assert summary(result) == "0 hits, 1 backend call to speaker (5 characters)"
    assert project.calls == ["a Hello"] * 2
    assert not (project.path / ".russo_cache").exists()


def test_replay_makes_no_call_and_its_error_names_the_record_command(project):
    project.tests(SAY)
    result = project.run("--russo-cache-mode=replay")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "E*russo.CacheMissError: no cached audio for 'Hello' in .russo_cache (mode 'replay', key ????????????)",
            "E*record it once with: pytest --russo-cache-mode=auto",
        ]
    )
    result.stdout.no_fnmatch_line("*_cached.py*")
    assert summary(result) == "0 hits, 0 backend calls, 1 miss"
    project.run().assert_outcomes(passed=1)
    project.run("--russo-cache-mode=replay").assert_outcomes(passed=1)
    assert project.calls == ["a Hello"]


def test_refresh_calls_the_backend_once_per_key_and_run(project):
    project.tests(
        """
        def test_one(russo_say): russo_say("Hello"); russo_say("Hello")
        def test_two(russo_say): russo_say("Hello")
        """
    )
    project.run()
    result = project.run("--russo-cache-mode=refresh")
    assert project.calls == ["a Hello"] * 2
    assert (
        summary(result) == "2 hits (10 characters, 0 s of speech), 1 backend call to speaker (5 characters)"
    )


def test_recordings_are_read_first_and_never_written(project):
    project.tests(SAY)
    project.run("--russo-cache-dir=recordings")
    recordings = project.path / "recordings"
    before = {path.name: path.read_bytes() for path in recordings.iterdir() if path.is_file()}
    project.tests(SAY + '\n    def test_new(russo_say): russo_say("New")')
    project.run("--russo-recordings-dir=recordings", "--russo-clear-cache").assert_outcomes(passed=2)
    assert project.calls == ["a Hello", "a New"]
    assert (project.cached("recordings"), project.cached()) == (1, 1)
    assert {path.name: path.read_bytes() for path in recordings.iterdir() if path.is_file()} == before


def test_refresh_replaces_recordings_only_if_they_are_the_cache(project):
    project.tests(SAY)
    project.run("--russo-cache-dir=recordings")
    result = project.run("--russo-recordings-dir=recordings", "--russo-cache-mode=refresh")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["ERROR: mode 'refresh' cannot replace the recordings in *recordings, which are *"]
    )
    result = project.run(
        "--russo-recordings-dir=recordings", "--russo-cache-mode=refresh", "--russo-cache-dir=recordings"
    )
    result.assert_outcomes(passed=1)
    assert project.calls == ["a Hello"] * 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--russo-cache-mode=sometimes"],
            "no cache mode is named 'sometimes'; the modes are auto, replay, refresh, off (command line)",
        ),
        (
            ["--russo-no-cache", "--russo-cache-mode=replay"],
            "--russo-no-cache and --russo-cache-mode=replay disagree*",
        ),
        (
            ["--russo-clear-cache", "--russo-cache-mode=replay"],
            "--russo-clear-cache and mode 'replay' disagree*",
        ),
        (
            ["--russo-cache-dir=test_it.py"],
            "*test_it.py is a file; russo needs a directory there (command line)",
        ),
        (["--russo-synth=nothing"], "no backend is named 'nothing'; installed: *(command line)"),
        (
            ["--russo-synth=nothing:Synth"],
            "backend 'nothing:Synth' cannot be loaded: No module named 'nothing' (command line)",
        ),
        (
            ["--russo-synth-option=voice=Kore"],
            "backend option 'voice=…' does not have the form NAME.OPTION=VALUE*",
        ),
        (
            ["--russo-synth=local", "--russo-synth-option=local.speed=9"],
            "backend 'local' refuses its options: *speed*9*",
        ),
        (
            ["--russo-synth=local", "--russo-synth-option=local.voice=nobody"],
            "backend 'local' refuses its options: voice is 'nobody'; hibari-tts has the voices heart,*",
        ),
        (["--russo-synth=acme:Speaker", "--russo-synth-option=custom.vioce=b"], "*did you mean 'voice'?*"),
        (
            ["--russo-synth=acme:Speaker", "--russo-synth-option=custom.speed=fast"],
            "*speed='fast': must be a number*",
        ),
    ],
)
def test_wrong_usage_is_refused_before_any_test_runs(by_name, arguments, message):
    result = by_name.run(*arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {message}"])
    result.stdout.no_fnmatch_line("*test_it.py*")


def test_backend_that_cannot_be_made_fails_only_the_tests_that_use_it(project, monkeypatch):
    project.conftest("")
    package = project.path / "fragile"
    package.mkdir()
    (package / "fragile.py").write_text(
        "class Fragile:\n    def __init__(self):\n        raise OSError('no model')\n"
    )
    info = package / "fragile-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fragile\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[russo.synthesizers]\nfragile = fragile:Fragile\n")
    monkeypatch.setenv("PYTHONPATH", str(package))
    project.tests(
        """
        def test_other(): pass
        def test_it(russo_say): russo_say("Hello")
        """
    )
    result = project.run("--russo-synth=fragile", subprocess=True)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["E*OSError: no model"])


def test_help_works_with_invalid_settings(project):
    project.ini("russo_synth = nothing")
    result = project.run("--help")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*--russo-synth=NAME*", "*--russo-clear-cache*", "*russo_synth_options*"])


def test_precedence_is_command_line_environment_ini_default(project, monkeypatch):
    project.tests(SAY)
    project.run()
    assert project.cached() == 1
    project.ini("russo_cache_dir = from-ini")
    project.run()
    assert project.cached("from-ini") == 1
    monkeypatch.setenv("RUSSO_CACHE_DIR", "from-environment")
    project.run()
    assert project.cached("from-environment") == 1
    project.run("--russo-cache-dir=from-command-line")
    assert project.cached("from-command-line") == 1
    monkeypatch.setenv("RUSSO_CACHE_DIR", "")
    project.run("-o", "russo_cache_dir=from-o")
    assert project.cached("from-o") == 1


def test_environment_variables_choose_backend_mode_and_recordings(by_name, monkeypatch):
    monkeypatch.setenv("RUSSO_SYNTH", "acme:Speaker")
    by_name.run().assert_outcomes(passed=1)
    monkeypatch.setenv("RUSSO_CACHE_MODE", "replay")
    by_name.run().assert_outcomes(passed=1)
    by_name.run("--russo-synth-option=custom.voice=b").assert_outcomes(failed=1)
    monkeypatch.setenv("RUSSO_RECORDINGS_DIR", ".russo_cache")
    by_name.run("--russo-cache-dir=elsewhere").assert_outcomes(passed=1)


def test_options_are_converted_to_the_types_of_the_constructor(by_name):
    by_name.ini(
        """
        russo_synth = acme:Speaker
        russo_synth_options =
            custom.voice = c
            custom.loud = yes
            custom.seed = 7
            local.voice = heart
        """
    )
    result = by_name.run("--russo-synth-option=custom.speed=2", "--russo-synth-option=custom.voice=d", "-s")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*{'voice': 'd', 'speed': 2.0, 'loud': True, 'seed': 7}*"])


def test_changed_option_never_replays_old_audio(by_name):
    for options in ([], ["--russo-synth-option=custom.voice=b"], ["--russo-synth-option=custom.speed=1.5"]):
        by_name.run("--russo-synth=acme:Speaker", *options).assert_outcomes(passed=1)
    assert by_name.cached() == 3


def test_local_backend_synthesizes_and_replays(project):
    project.conftest("")
    project.tests(
        """
        def test_it(russo_say):
            audio = russo_say("Book a flight from Berlin to Rome")
            assert 1.5 < audio.duration < 4
            assert (audio.sample_rate, audio.channels, audio.format) == (24000, 1, "wav")
        """
    )
    result = project.run("--russo-synth=local", subprocess=True)
    assert summary(result) == "0 hits, 1 backend call to local (33 characters)"
    result = project.run("--russo-synth=local", "--russo-cache-mode=replay", subprocess=True)
    assert summary(result) == "1 hit (33 characters, 2 s of speech), 0 backend calls"


def test_cache_that_cannot_be_written_is_reported_and_tests_pass(project):
    project.tests(SAY + '\n    def test_again(russo_say): russo_say("Hello")')
    (project.path / "file").write_text("")
    project.ini("russo_cache_dir = file/cache")
    result = project.run()
    result.assert_outcomes(passed=2)
    assert (
        summary(result)
        == "0 hits, 2 backend calls to speaker (10 characters), 2 not stored (Not a directory)"
    )


def test_synthesizer_that_declares_no_settings_is_reported(project):
    project.conftest(
        """
        class MySynth(Speaker):
            cache_key_extra = None

        @pytest.fixture
        def russo_synthesizer():
            return MySynth()
        """
    )
    project.tests(SAY)
    for _ in range(2):
        result = project.run()
        result.stdout.fnmatch_lines(
            ["russo: MySynth declares no cache_key_extra: its settings are not in the key"]
        )


@pytest.mark.parametrize("options", [[], ["-v"], ["-q"]], ids=["plain", "verbose", "quiet"])
def test_a_synthesizer_whose_settings_are_given_beside_it_is_not_named(project, options):
    project.conftest(
        """
        class MySynth(Speaker):
            cache_key_extra = None

        @pytest.fixture
        def russo_synthesizer():
            return CachedSynthesizer(MySynth(), cache_key_extra={"speed": 1.3})
        """
    )
    project.tests(SAY)
    for _ in range(2):
        result = project.run(*options)
        result.assert_outcomes(passed=1)
        result.stdout.no_fnmatch_line("*cache_key_extra*")


def test_run_that_does_not_use_russo_has_no_summary(project):
    project.tests("def test_it(): pass")
    result = project.run("--russo-cache-mode=replay")
    result.assert_outcomes(passed=1)
    assert summary(result) is None


def test_error_lists_the_backends_if_none_is_chosen(project, monkeypatch):
    from importlib.metadata import EntryPoint

    from russo._backends import discovery

    project.conftest("")
    project.tests(SAY)
    entries = {name: (EntryPoint(name, f"{name}:Synth", discovery.BACKENDS.name),) for name in ("one", "two")}
    monkeypatch.setattr("russo._flow.workspace.installed_backends", lambda: entries)
    result = project.run()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["several backends are installed; choose one: --russo-synth={one,two}"])
    monkeypatch.setattr("russo._flow.workspace.installed_backends", dict)
    result = project.run()
    result.stdout.fnmatch_lines(
        ['no backend is installed; pip install "russo-core?local?" brings one that needs no key']
    )


def test_cache_is_cleared_before_a_conftest_stores_an_entry(project):
    conftest = project.path / "conftest.py"
    conftest.write_text(
        conftest.read_text()
        + """
def pytest_sessionstart(session):
    AudioCache(".russo_cache").put("k", Audio(b"sound", "pcm"))

def pytest_terminal_summary(terminalreporter):
    terminalreporter.write_line("the line of conftest.py")
"""
    )
    project.tests("def test_it(russo_say): assert russo_say('Hello')")
    result = project.run("--russo-clear-cache")
    result.assert_outcomes(passed=1)
    assert project.cached() == 2
    result.stdout.fnmatch_lines(["russo: 0 hits, 1 backend call*", "the line of conftest.py"])
