"""Fixtures of other names than ``russo_synthesizer`` that return a `CachedSynthesizer`."""

import functools

import pytest

from support.projects import summary

TWO_VOICES = """
    @pytest.fixture(scope="session")
    def first():
        return CachedSynthesizer(Speaker("a"))

    @pytest.fixture
    async def second():
        return CachedSynthesizer(Speaker("b"))
"""
SAY_WITH_TWO_VOICES = """
    import pytest

    async def test_it(first, second):
        assert (await first.synthesize("Hello")).data != (await second.synthesize("Hello")).data
        assert first.synthesize_sync("Hello").data == (await first.synthesize("Hello")).data
"""


def test_cached_synthesizer_of_any_fixture_uses_the_run(project):
    project.conftest(TWO_VOICES)
    project.tests(SAY_WITH_TWO_VOICES)
    run = functools.partial(project.run, "-o", "asyncio_mode=auto", "--russo-cache-dir=kept")
    result = run()
    result.assert_outcomes(passed=1)
    assert summary(result).startswith("2 hits (10 characters, 0 s of speech), 2 backend calls")
    assert project.cached("kept") == 2
    run("--russo-cache-mode=replay").assert_outcomes(passed=1)
    run("--russo-cache-mode=refresh").assert_outcomes(passed=1)
    result = run("--russo-cache-mode=refresh", "--russo-max-calls=1")
    result.assert_outcomes(failed=1)
    assert sorted(project.calls) == ["a Hello"] * 3 + ["b Hello"] * 2


def test_entries_of_other_fixtures_count_as_used(project):
    project.conftest(TWO_VOICES)
    project.tests(SAY_WITH_TWO_VOICES)
    for _ in range(2):
        result = project.run("-o", "asyncio_mode=auto", "--russo-prune-unused=all")
        result.assert_outcomes(passed=1)
    assert project.cached() == 2


def test_cached_synthesizer_of_another_fixture_keeps_its_own_arguments(project):
    project.conftest(
        """
        @pytest.fixture
        def speaker():
            return CachedSynthesizer(Speaker(), cache=AudioCache("mine"), mode="refresh")
        """
    )
    project.tests("def test_it(speaker): speaker.synthesize_sync('Hello')")
    for _ in range(2):
        project.run().assert_outcomes(passed=1)
    assert project.calls == ["a Hello"] * 2
    assert (project.cached("mine"), project.cached()) == (1, 0)


def test_fixture_of_a_wider_scope_than_the_cache_stays_as_it_is(project):
    project.conftest(
        TWO_VOICES.replace("async def", "def")
        + """
    @pytest.fixture
    def russo_cache():
        return AudioCache("narrow")
"""
    )
    project.tests(
        """
        def test_it(first, second):
            assert [each._context is not None for each in (first, second)] == [False, True]
            assert second.cache.directory.name == "narrow"
        """
    )
    project.run().assert_outcomes(passed=1)


def test_value_of_russo_synthesizer_in_another_fixture_stays_the_same_object(project):
    project.conftest(
        """
        @pytest.fixture
        def russo_synthesizer():
            return Speaker()

        @pytest.fixture
        def alias(russo_synthesizer):
            return russo_synthesizer
        """
    )
    project.tests("def test_it(alias, russo_synthesizer): assert alias is russo_synthesizer")
    project.run().assert_outcomes(passed=1)


# -- one object that several fixtures or several runs use

SHARED = """
    from voices import VOICE

    @pytest.fixture(scope="{scope}")
    def voice():
        return VOICE
"""
VOICES = "from russo import CachedSynthesizer\nfrom russo.testing import FakeSynthesizer\n\nVOICE = CachedSynthesizer(FakeSynthesizer())"
TWO_RUNS = """
    import sys, pytest

    for name in ("first", "second"):
        arguments = ["-p", "no:cacheprovider", "-p", "no:hypothesispytest", f"--russo-cache-dir={name}"]
        if code := pytest.main(arguments):
            sys.exit(code)
"""


@pytest.fixture
def shared_project(project):
    """A project with an object of a module, and a script that runs pytest twice in one process."""
    project.pytester.makepyfile(voices=VOICES, two_runs=TWO_RUNS)
    project.pytester.syspathinsert()
    return project


def test_object_of_a_module_uses_the_second_run_of_a_process(shared_project):
    shared_project.conftest(SHARED.format(scope="session"))
    shared_project.tests("def test_it(voice): voice.synthesize_sync('Hello')")
    result = shared_project.pytester.runpython(shared_project.path / "two_runs.py")
    assert result.ret == 0
    assert len([line for line in result.outlines if "1 backend call" in line]) == 2
    assert (shared_project.cached("first"), shared_project.cached("second")) == (1, 1)


def test_object_that_cannot_use_the_second_run_forgets_the_first(shared_project):
    shared_project.conftest(
        SHARED.format(scope="session")
        + """
    def scope(fixture_name, config):
        return "session" if config.getoption("russo_cache_dir") == "first" else "function"

    @pytest.fixture(scope=scope)
    def russo_cache():
        return AudioCache("mine")
"""
    )
    shared_project.tests(
        """
        def test_it(voice, pytestconfig):
            assert (voice._context is not None) is (pytestconfig.getoption("russo_cache_dir") == "first")
        """
    )
    assert shared_project.pytester.runpython(shared_project.path / "two_runs.py").ret == 0


def test_object_of_a_module_uses_the_cache_of_each_package(shared_project):
    shared_project.conftest(SHARED.format(scope="function"))
    for name in ("a", "b"):
        package = shared_project.pytester.mkpydir(name)
        (package / "conftest.py").write_text(
            "import pytest, russo\n"
            "@pytest.fixture(scope='package')\n"
            f"def russo_cache(): return russo.AudioCache('cache_{name}')\n"
        )
        (package / f"test_{name}.py").write_text("def test_it(voice): voice.synthesize_sync('Hello')\n")
    shared_project.run().assert_outcomes(passed=2)
    assert (shared_project.cached("cache_a"), shared_project.cached("cache_b"), shared_project.cached()) == (
        1,
        1,
        0,
    )


# -- fixtures that worked before russo looked at their values


def test_value_whose_class_cannot_be_read_is_left_alone(project):
    project.conftest(
        """
        class Lazy:
            @property
            def __class__(self):
                raise LookupError("not connected yet")

        @pytest.fixture(scope="session")
        def russo_synthesizer():
            return Speaker()

        @pytest.fixture
        def lazy():
            return Lazy()
        """
    )
    project.tests("def test_it(russo_say, lazy): russo_say('Hello')")
    project.run().assert_outcomes(passed=1)


@pytest.mark.parametrize("arguments", ["voice", "voice, russo_say", "russo_say, voice"])
def test_cache_may_use_the_object(project, arguments):
    project.conftest(
        """
        @pytest.fixture(scope="session")
        def russo_synthesizer():
            return Speaker()

        @pytest.fixture(scope="session")
        def voice():
            return CachedSynthesizer(Speaker("b"))

        @pytest.fixture(scope="session")
        def russo_cache(voice):
            return AudioCache("mine")
        """
    )
    project.tests(
        f"""
        def test_it({arguments}): voice.synthesize_sync("Hello")
        def test_cache(russo_say): russo_say("Hello")
        """
    )
    project.run().assert_outcomes(passed=2)
    assert sorted(project.calls) == ["a Hello", "b Hello"]
    assert project.cached("mine") == 1


RAISING_CACHE = """
    @pytest.fixture
    def russo_cache():
        raise LookupError("there is no cache here")

    @pytest.fixture
    def voice():
        return {voice}
"""


OWN = 'cache=AudioCache("mine")'


@pytest.mark.parametrize(
    "voice",
    [
        f"CachedSynthesizer(Speaker(), {OWN})",
        f"CachedSynthesizer(CachedSynthesizer(Speaker(), {OWN}), {OWN})",
    ],
)
def test_object_with_its_own_cache_does_not_set_up_the_cache_of_the_project(project, voice):
    project.conftest(RAISING_CACHE.format(voice=voice))
    project.tests("def test_it(voice): voice.synthesize_sync('Hello'); assert voice._context")
    project.run().assert_outcomes(passed=1)
    project.run("--russo-cache-mode=replay").assert_outcomes(passed=1)
    assert project.calls == ["a Hello"]


def test_wrapped_object_without_a_cache_uses_the_cache_of_the_project(project):
    project.conftest(RAISING_CACHE.format(voice=f"CachedSynthesizer(CachedSynthesizer(Speaker()), {OWN})"))
    project.tests("def test_it(voice): pass")
    result = project.run()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*LookupError: there is no cache here"])
