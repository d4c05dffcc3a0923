"""Projects that override ``russo_synthesizer`` or ``russo_cache``."""

import pytest

from support.projects import AWAIT_HELLO, summary


@pytest.mark.parametrize("scope", ["function", "class", "module", "package", "session"])
@pytest.mark.parametrize("style", ["return", "yield"])
def test_override_of_any_scope_is_wrapped_in_a_cached_synthesizer(project, scope, style):
    project.conftest(
        f"""
        @pytest.fixture(scope="{scope}")
        def russo_synthesizer():
            {style} Speaker()
        """
    )
    project.tests(
        """
        from russo import CachedSynthesizer

        def test_it(russo_synthesizer, russo_say, request):
            assert isinstance(russo_synthesizer, CachedSynthesizer)
            assert request.getfixturevalue("russo_synthesizer") is russo_synthesizer
            assert russo_say("Hello") == russo_say("Hello")

        def test_again(russo_say):
            russo_say("Hello")
        """
    )
    project.run().assert_outcomes(passed=2)
    assert project.calls == ["a Hello"]


def test_fixtures_that_use_the_override_get_the_wrapped_object(project):
    project.conftest(
        """
        @pytest.fixture
        def russo_synthesizer():
            return Speaker()

        @pytest.fixture
        def agent(russo_synthesizer):
            return russo_synthesizer
        """
    )
    project.tests(
        """
        from russo import CachedSynthesizer

        def test_it(agent):
            assert isinstance(agent, CachedSynthesizer)
        """
    )
    project.run().assert_outcomes(passed=1)


def test_parametrised_overrides_do_not_share_audio(project):
    project.conftest(
        """
        @pytest.fixture(params=["a", "b"])
        def russo_synthesizer(request):
            return Speaker(request.param)
        """
    )
    project.tests("def test_it(russo_say): assert russo_say('Hello').data[:1] in b'ab'")
    project.run().assert_outcomes(passed=2)
    assert sorted(project.calls) == ["a Hello", "b Hello"]


def test_override_in_a_module_or_class_is_used(project):
    project.tests(
        """
        import pytest
        from conftest import Speaker

        @pytest.fixture
        def russo_synthesizer():
            return Speaker("m")

        class TestIt:
            @pytest.fixture
            def russo_synthesizer(self):
                return Speaker("c")

            def test_class(self, russo_say):
                assert russo_say("Hello").data.startswith(b"c")

        def test_module(russo_say):
            assert russo_say("Hello").data.startswith(b"m")
        """
    )
    project.run().assert_outcomes(passed=2)


def test_override_that_returns_the_default_is_not_wrapped_twice(project):
    project.pytester.makeconftest(
        """
        import pytest

        @pytest.fixture
        def russo_synthesizer(russo_synthesizer):
            return russo_synthesizer
        """
    )
    project.tests(
        """
        from russo import CachedSynthesizer

        def test_it(russo_synthesizer):
            assert not isinstance(russo_synthesizer.synthesizer, CachedSynthesizer)
        """
    )
    project.run("--russo-synth=local").assert_outcomes(passed=1)


def test_override_that_decorates_another_counts_each_prompt_once(project):
    project.conftest(
        """
        @pytest.fixture(scope="session")
        def russo_synthesizer():
            return Speaker()
        """
    )
    project.tests(
        """
        import pytest
        from russo import Audio

        class Louder:
            def __init__(self, inner):
                self.inner = inner
                self.cache_key_extra = {"louder": True, "inner": dict(inner.cache_key_extra)}

            async def synthesize(self, text):
                audio = await self.inner.synthesize(text)
                return Audio(audio.data * 2, audio.format, audio.sample_rate, 1, 1)

        @pytest.fixture
        def russo_synthesizer(russo_synthesizer):
            return Louder(russo_synthesizer)

        def test_it(russo_say):
            russo_say("Hello")
            russo_say("Hello")
        """
    )
    result = project.run()
    result.assert_outcomes(passed=1)
    assert project.calls == ["a Hello"]
    assert summary(result) == "1 hit (5 characters, 0 s of speech), 1 backend call to speaker (5 characters)"


def test_nested_cached_synthesizers_of_a_user_belong_to_the_run(project):
    project.conftest(
        """
        @pytest.fixture
        def russo_synthesizer():
            return CachedSynthesizer(CachedSynthesizer(Speaker()), cache_key_extra={"layer": 2})
        """
    )
    project.tests("def test_it(russo_say): russo_say('Hello'); russo_say('Hello')")
    result = project.run()
    assert summary(result) == "1 hit (5 characters, 0 s of speech), 1 backend call to speaker (5 characters)"
    assert project.cached() == 2


def test_cached_synthesizer_keeps_its_own_cache_and_mode(project):
    project.conftest(
        """
        @pytest.fixture
        def russo_synthesizer(tmp_path):
            return CachedSynthesizer(Speaker(), cache=AudioCache(Path(__file__).with_name("mine")), mode="refresh")
        """
    )
    project.tests("def test_it(russo_say): russo_say('Hello')")
    project.run().assert_outcomes(passed=1)
    project.run().assert_outcomes(passed=1)
    assert project.calls == ["a Hello"] * 2
    assert (project.cached("mine"), project.cached()) == (1, 0)


def test_cached_synthesizer_gets_cache_and_mode_of_the_run_by_default(project):
    project.conftest(
        """
        @pytest.fixture
        def russo_synthesizer():
            return CachedSynthesizer(Speaker(), cache_key_extra={"extra": 1})
        """
    )
    project.tests("def test_it(russo_say): russo_say('Hello')")
    project.run("--russo-cache-dir=here").assert_outcomes(passed=1)
    assert project.cached("here") == 1


@pytest.mark.parametrize("given", ['mode="auto"', 'mode="refresh"', "enabled=False"])
def test_replay_of_the_run_overrides_any_mode(project, given):
    project.conftest(
        f"""
        @pytest.fixture
        def russo_synthesizer():
            return CachedSynthesizer(Speaker(), {given})
        """
    )
    project.tests("def test_it(russo_say): russo_say('Hello')")
    result = project.run("--russo-cache-mode=replay")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*russo.CacheMissError: no cached audio for 'Hello' in .russo_cache (mode 'replay'*"]
    )
    assert project.calls == []


def test_off_of_the_run_overrides_any_mode(project):
    project.conftest(
        """
        @pytest.fixture
        def russo_synthesizer():
            return CachedSynthesizer(Speaker(), mode="replay")
        """
    )
    project.tests("def test_it(russo_say): russo_say('Hello'); russo_say('Hello')")
    project.run("--russo-no-cache").assert_outcomes(passed=1)
    assert project.calls == ["a Hello"] * 2
    assert project.cached() == 0


def test_overridden_cache_is_used(project):
    project.conftest(
        """
        @pytest.fixture(scope="session")
        def russo_synthesizer():
            return Speaker()

        @pytest.fixture(scope="session")
        def russo_cache():
            return LayeredCache(AudioCache(Path(__file__).with_name("mine")), [])
        """
    )
    project.tests("def test_it(russo_say): russo_say('Hello')")
    project.run().assert_outcomes(passed=1)
    assert project.cached("mine") == 1


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        (
            "None",
            "*None is not a synthesizer: it needs a method `async def synthesize(self, text: str) -> Audio`",
        ),
        ("'local'", "*'local' is not a synthesizer*"),
        ("Speaker", "*Speaker is a class, not a synthesizer: call it to make one"),
    ],
)
def test_override_that_is_not_a_synthesizer_is_refused_for_every_test_of_its_scope(project, value, seen):
    project.conftest(
        f"""
        @pytest.fixture(scope="session")
        def russo_synthesizer():
            return {value}
        """
    )
    project.tests(
        """
        def test_one(russo_synthesizer): pass
        def test_two(russo_synthesizer): pass
        """
    )
    result = project.run()
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines([f"fixture russo_synthesizer (conftest.russo_synthesizer): {seen}"])


def test_override_that_is_not_a_cache_is_refused(project):
    project.conftest(
        """
        @pytest.fixture(scope="session")
        def russo_synthesizer():
            return Speaker()

        @pytest.fixture(scope="session")
        def russo_cache():
            return "/somewhere"
        """
    )
    project.tests("def test_it(russo_say): pass")
    result = project.run()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["fixture russo_cache returned '/somewhere'; it must return a russo.AudioCache*"]
    )


def test_traceback_of_a_failing_override_shows_the_users_line(project):
    project.conftest(
        """
        @pytest.fixture
        def russo_synthesizer():
            raise LookupError("no such agent")
        """
    )
    project.tests("def test_it(russo_say): pass")
    result = project.run("--tb=short")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["E   LookupError: no such agent"])
    result.stdout.no_fnmatch_line("*pytest_plugin.py*")


@pytest.mark.parametrize(
    ("options", "fixture"),
    [
        (["-o", "asyncio_mode=auto"], "@pytest.fixture"),
        (["-o", "asyncio_mode=strict"], "@pytest_asyncio.fixture"),
        (["-o", "asyncio_mode=strict"], '@pytest_asyncio.fixture(scope="session", loop_scope="session")'),
    ],
)
@pytest.mark.parametrize("style", ["return", "yield"])
def test_async_override_is_wrapped_in_a_cached_synthesizer(project, options, fixture, style):
    project.conftest(
        f"""
        import pytest_asyncio

        {fixture}
        async def russo_synthesizer():
            {style} Speaker()
        """
    )
    project.tests(AWAIT_HELLO.format(mark="@pytest.mark.asyncio"))
    project.run(*options).assert_outcomes(passed=1)
    assert project.calls == ["a Hello"]


def test_async_fixture_without_an_async_plugin_is_an_error_that_names_it(project):
    project.conftest(
        """
        @pytest.fixture
        async def russo_synthesizer():
            return Speaker()
        """
    )
    project.tests("def test_it(russo_say): pass")
    result = project.run("-p", "no:asyncio", "-p", "no:anyio", "-W", "default")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*russo_synthesizer*"])
    assert "never awaited" not in result.stdout.str() + result.stderr.str()
