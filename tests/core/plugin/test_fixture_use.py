"""A chosen backend that a fixture of the user replaces is named, with the file of the fixture."""

import pytest

HELLO = "def test_it(russo_say): russo_say('Hello')"
REPLACES = "had no effect: the fixture russo_synthesizer of conftest.py replaces"
WORKERS = pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "workers"])


def lines_of(result):
    return [line.removeprefix("russo: ") for line in result.outlines if "had no effect" in line]


@WORKERS
@pytest.mark.parametrize("verbosity", [[], ["-v"]], ids=["plain", "verbose"])
def test_an_option_without_effect_is_named(project, workers, verbosity):
    project.tests(HELLO)
    result = project.run("--russo-synth=local", *verbosity, *workers, subprocess=bool(workers))
    result.assert_outcomes(passed=1)
    assert lines_of(result) == [f"--russo-synth=local {REPLACES} it"]
    assert lines_of(project.run("--russo-synth=local", *workers, subprocess=bool(workers))) == [
        f"--russo-synth=local {REPLACES} it"
    ]


def test_quiet_does_not_name_it(project):
    project.tests(HELLO)
    assert lines_of(project.run("--russo-synth=local", "-q")) == []


def test_the_variable_and_the_ini_setting_are_named_as_they_are_written(project, monkeypatch):
    project.tests(HELLO)
    project.ini("russo_synth = local")
    assert lines_of(project.run()) == [f"russo_synth = local {REPLACES} it"]
    monkeypatch.setenv("RUSSO_SYNTH", "local")
    assert lines_of(project.run()) == [f"RUSSO_SYNTH=local {REPLACES} it"]


def test_options_of_the_backend_are_named_without_their_values(project):
    project.tests(HELLO)
    option = "--russo-synth-option=local.speed=1.25"
    assert lines_of(project.run("--russo-synth=local", option)) == [
        f"--russo-synth=local and --russo-synth-option=local.speed=… {REPLACES} the chosen backend"
    ]
    assert lines_of(project.run(option)) == [
        f"--russo-synth-option=local.speed=… {REPLACES} the chosen backend"
    ]


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
    assert lines_of(result) == [f"--russo-synth=local {REPLACES} it"]


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
        "--russo-synth=local had no effect: the fixture russo_synthesizer of test_a.py and test_b.py and 1 more "
        "replaces it"
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


def test_a_run_without_the_option_or_without_the_fixture_has_no_line(project):
    project.tests(HELLO)
    assert lines_of(project.run()) == []
    project.tests("def test_it(russo_cache): russo_cache.size()")
    assert lines_of(project.run("--russo-synth=local")) == []


OWN_CACHE = """
    @pytest.fixture
    def russo_synthesizer():
        return Speaker()

    @pytest.fixture(scope="session")
    def russo_cache({arguments}):
        return {cache}
"""
REPLACES_CACHE = "had no effect: the fixture russo_cache of conftest.py replaces the cache"


@WORKERS
def test_directories_without_effect_are_named(project, workers, monkeypatch):
    monkeypatch.setenv("RUSSO_RECORDINGS_DIR", "recordings")
    (project.path / "recordings").mkdir()
    project.conftest(OWN_CACHE.format(arguments="", cache='AudioCache("own")'))
    project.tests(HELLO)
    result = project.run("--russo-cache-dir=other", *workers, subprocess=bool(workers))
    result.assert_outcomes(passed=1)
    assert lines_of(result) == [f"--russo-cache-dir and RUSSO_RECORDINGS_DIR {REPLACES_CACHE}"]


@pytest.mark.parametrize(
    ("arguments", "cache", "given"),
    [
        ("russo_cache", "russo_cache", "--russo-cache-dir=other"),
        ("request", 'AudioCache(request.config.getoption("russo_cache_dir"))', "--russo-cache-dir=other"),
        ("", 'AudioCache("own")', "-v"),
        ("", 'AudioCache("own")', "--override-ini=russo_cache_dir=other"),
    ],
    ids=["decorates", "reads the option", "no option", "ini setting"],
)
def test_directories_with_an_effect_are_not_named(project, arguments, cache, given):
    project.conftest(OWN_CACHE.format(arguments=arguments, cache=cache))
    project.tests(HELLO)
    result = project.run(given)
    result.assert_outcomes(passed=1)
    assert lines_of(result) == []
