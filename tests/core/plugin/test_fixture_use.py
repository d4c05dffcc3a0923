"""A chosen backend that a fixture of the user replaces is named, with the file of the fixture."""

import pytest

from support.projects import summary_lines

HELLO = "def test_it(russo_say): russo_say('Hello')"
REPLACES = "the fixture russo_synthesizer of conftest.py replaces the backend of"
WORKERS = pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "workers"])


def lines_of(result):
    return [line for line in summary_lines(result) if "had no effect" in line or " replaces " in line]


@WORKERS
@pytest.mark.parametrize("verbosity", [[], ["-v"]], ids=["plain", "verbose"])
def test_an_option_without_effect_is_named(project, workers, verbosity):
    project.tests(HELLO)
    result = project.run("--russo-synth=local", *verbosity, *workers, subprocess=bool(workers))
    result.assert_outcomes(passed=1)
    assert lines_of(result) == [f"{REPLACES} --russo-synth=local"]
    assert lines_of(project.run("--russo-synth=local", *workers, subprocess=bool(workers))) == [
        f"{REPLACES} --russo-synth=local"
    ]


def test_quiet_does_not_name_it(project):
    project.tests(HELLO)
    assert lines_of(project.run("--russo-synth=local", "-q")) == []


def test_the_variable_and_the_ini_setting_are_named_as_they_are_written(project, monkeypatch):
    project.tests(HELLO)
    project.ini("russo_synth = local")
    assert lines_of(project.run("-v")) == [f"{REPLACES} russo_synth = local"]
    monkeypatch.setenv("RUSSO_SYNTH", "local")
    assert lines_of(project.run()) == [f"{REPLACES} RUSSO_SYNTH=local"]


def test_the_backend_of_the_ini_file_is_named_with_v_only(project):
    project.tests(HELLO)
    project.ini("russo_synth = local")
    assert lines_of(project.run()) == []
    option = "--russo-synth-option=local.speed=1.25"
    assert lines_of(project.run(option)) == [
        f"{REPLACES} russo_synth = local and --russo-synth-option=local.speed=…"
    ]


def test_options_of_the_backend_are_named_without_their_values(project):
    project.tests(HELLO)
    option = "--russo-synth-option=local.speed=1.25"
    assert lines_of(project.run("--russo-synth=local", option)) == [
        f"{REPLACES} --russo-synth=local and --russo-synth-option=local.speed=…"
    ]
    assert lines_of(project.run(option)) == [f"{REPLACES} --russo-synth-option=local.speed=…"]


@pytest.mark.parametrize("chosen", [[], ["--russo-synth=local"]], ids=["none chosen", "local chosen"])
def test_an_option_of_another_backend_is_named_once(project, chosen):
    project.tests(HELLO)
    (line,) = lines_of(project.run("--russo-synth-option=google.voice=Kore", *chosen))
    assert line == f"{REPLACES} {' and '.join([*chosen, '--russo-synth-option=google.voice=…'])}"


@pytest.mark.parametrize(
    "fixture",
    [
        "async def russo_synthesizer():\n    yield Speaker()",
        "def russo_synthesizer():\n    yield Speaker()",
        "def russo_synthesizer():\n    return CachedSynthesizer(Speaker())",
    ],
    ids=["async", "generator", "cached"],
)
def test_every_kind_of_fixture_is_named_with_its_file(project, fixture):
    project.conftest("")
    conftest = project.path / "conftest.py"
    conftest.write_text(f"{conftest.read_text()}\n@pytest.fixture\n{fixture}\n")
    project.tests(HELLO)
    result = project.run("--russo-synth=local", "-o", "asyncio_mode=auto")
    result.assert_outcomes(passed=1)
    assert lines_of(result) == [f"{REPLACES} --russo-synth=local"]


def test_fixtures_of_several_files_are_named(project):
    project.conftest("")
    for name in ("a", "b", "c"):
        project.tests(
            """
            import pytest
            from conftest import Speaker

            class TestIt:
                @pytest.fixture
                def russo_synthesizer(self):
                    return Speaker()

                def test_it(self, russo_say): russo_say("Hello")
            """,
            name=f"test_{name}",
        )
    project.pytester.syspathinsert()
    assert lines_of(project.run("--russo-synth=local")) == [
        "the fixture russo_synthesizer of test_a.py and test_b.py and 1 more replaces the backend of "
        "--russo-synth=local"
    ]


@WORKERS
def test_a_directory_that_replaces_it_for_a_part_of_the_tests_is_not_named(project, workers):
    project.conftest("")
    project.tests(HELLO)
    part = project.path / "part"
    part.mkdir()
    (part / "conftest.py").write_text(
        "import pytest\nfrom russo.testing import FakeSynthesizer\n"
        "@pytest.fixture\ndef russo_synthesizer(): return FakeSynthesizer()\n"
    )
    (part / "test_part.py").write_text(HELLO)
    synth = "--russo-synth=russo.testing:FakeSynthesizer"
    result = project.run(synth, *workers, subprocess=bool(workers))
    result.assert_outcomes(passed=2)
    assert lines_of(result) == []


@pytest.mark.parametrize(
    "fixture",
    [
        "def russo_synthesizer(russo_synthesizer): return russo_synthesizer",
        "def russo_synthesizer():\n    from russo import load_synthesizer\n    return load_synthesizer('local')",
    ],
    ids=["decorates", "loads the same backend"],
)
def test_a_fixture_that_uses_the_chosen_backend_is_not_named(project, fixture):
    project.conftest("")
    conftest = project.path / "conftest.py"
    conftest.write_text(f"{conftest.read_text()}\n@pytest.fixture\n{fixture}\n")
    project.tests(HELLO)
    result = project.run("--russo-synth=local", subprocess=True)
    result.assert_outcomes(passed=1)
    assert lines_of(result) == []


def test_a_fixture_that_wraps_the_chosen_backend_replaces_it(project):
    """The option has an effect, so the sentence does not say that it had none."""
    project.conftest("")
    conftest = project.path / "conftest.py"
    conftest.write_text(
        f"""{conftest.read_text()}
class Noisy(Speaker):
    def __init__(self, name):
        super().__init__(name)
        self.name = name

@pytest.fixture
def russo_synthesizer(pytestconfig):
    return Noisy(pytestconfig.getoption("--russo-synth"))
"""
    )
    project.tests(HELLO)
    assert lines_of(project.run("--russo-synth=local")) == [f"{REPLACES} --russo-synth=local"]


TWO_VOICES = """
    class Noisy(Speaker):
        cache_key_extra = {"backend": "noisy", "inner": {"backend": "elevenlabs"}}

    @pytest.fixture
    def slow_caller():
        return CachedSynthesizer(Speaker("slow"))

    @pytest.fixture
    def noisy_caller():
        return CachedSynthesizer(Noisy())
"""
CALLERS = """
    def test_slow(slow_caller): slow_caller.synthesize_sync("Hello")
    def test_noisy(noisy_caller): noisy_caller.synthesize_sync("Hello")
"""
UNUSED = "had no effect: no test used the fixture russo_synthesizer"


@WORKERS
def test_a_backend_that_no_test_used_is_named(project, workers, monkeypatch):
    project.conftest(TWO_VOICES)
    project.tests(CALLERS)
    result = project.run("--russo-synth=google", *workers, subprocess=bool(workers))
    result.assert_outcomes(passed=2)
    assert lines_of(result) == [f"--russo-synth=google {UNUSED}"]
    monkeypatch.setenv("RUSSO_SYNTH", "google")
    assert lines_of(project.run()) == [f"RUSSO_SYNTH=google {UNUSED}"]


@pytest.mark.parametrize("name", ["elevenlabs", "russo.testing:FakeSynthesizer"])
@pytest.mark.parametrize("cache", ["", ', cache=AudioCache("own")'], ids=["run's cache", "own cache"])
def test_a_backend_that_a_fixture_may_have_used_is_not_named(project, name, cache):
    project.conftest(TWO_VOICES.replace("Noisy())", f"Noisy(){cache})"))
    project.tests(CALLERS)
    assert lines_of(project.run(f"--russo-synth={name}")) == []


def test_a_backend_of_the_ini_file_that_no_test_used_is_not_named(project):
    project.conftest(TWO_VOICES)
    project.tests(CALLERS)
    project.ini("russo_synth = google")
    assert lines_of(project.run("-v")) == []


def test_a_run_without_the_option_or_without_the_fixture_has_no_line(project):
    project.tests(HELLO)
    assert lines_of(project.run()) == []
    project.tests("def test_it(russo_cache): russo_cache.size()")
    # Without a request, a summary is printed only if unused entries are to be removed.
    result = project.run("--russo-synth=local", "--russo-prune-unused")
    result.stdout.fnmatch_lines(["russo: 0 hits, 0 backend calls"])
    result.stdout.no_fnmatch_line(f"*{UNUSED}*")


OWN_CACHE = """
    @pytest.fixture
    def russo_synthesizer():
        return Speaker()

    @pytest.fixture(scope="session")
    def russo_cache({arguments}):
        return {cache}
"""
REPLACES_CACHE = "the fixture russo_cache of conftest.py replaces the"


@WORKERS
def test_directories_that_a_fixture_replaces_are_named(project, workers, monkeypatch):
    monkeypatch.setenv("RUSSO_RECORDINGS_DIR", "recordings")
    (project.path / "recordings").mkdir()
    project.conftest(OWN_CACHE.format(arguments="", cache='AudioCache("own")'))
    project.tests(HELLO)
    result = project.run("--russo-cache-dir=other", *workers, subprocess=bool(workers))
    result.assert_outcomes(passed=1)
    assert lines_of(result) == [
        f"{REPLACES_CACHE} cache other (command line) and the recordings recordings "
        "(environment variable RUSSO_RECORDINGS_DIR)"
    ]


@pytest.mark.parametrize(
    ("arguments", "cache"),
    [("russo_cache", "russo_cache"), ("request", 'AudioCache(request.config.getoption("russo_cache_dir"))')],
    ids=["decorates", "reads the option"],
)
def test_directories_that_are_used_are_not_named(project, arguments, cache):
    project.conftest(OWN_CACHE.format(arguments=arguments, cache=cache))
    project.tests(HELLO)
    result = project.run("--russo-cache-dir=other")
    result.assert_outcomes(passed=1)
    assert lines_of(result) == []


@pytest.mark.parametrize(
    ("setting", "replaced"),
    [
        ("--russo-cache-mode=auto", [f"{REPLACES_CACHE} cache .russo_cache"]),
        (
            "--override-ini=russo_cache_dir=other",
            [f"{REPLACES_CACHE} cache other (ini-file, russo_cache_dir)"],
        ),
        ("--russo-no-cache", []),
    ],
    ids=["default", "ini setting", "mode off"],
)
def test_the_directory_of_the_header_is_named_if_it_is_not_used(project, setting, replaced):
    project.conftest(OWN_CACHE.format(arguments="", cache='AudioCache("own")'))
    project.tests("def test_it(russo_cache): russo_cache.size()\ndef test_say(russo_say): russo_say('Hello')")
    assert lines_of(project.run(setting)) == replaced


@WORKERS
@pytest.mark.parametrize(
    ("cache", "named"),
    [
        ('AudioCache("own")', "cache own"),
        (
            'LayeredCache(AudioCache("own"), [AudioCache("kept", read_only=True)])',
            "cache own, recordings kept",
        ),
    ],
    ids=["cache", "layers"],
)
def test_the_summary_names_the_directories_that_were_used(project, workers, cache, named):
    project.conftest(OWN_CACHE.format(arguments="", cache=cache))
    project.tests(HELLO)
    result = project.run(*workers, subprocess=bool(workers))
    assert summary_lines(result)[1:] == [f"mode auto, {named}"]
