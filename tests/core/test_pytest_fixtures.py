"""The fixtures and the marker, in small real projects."""

import pytest

from support.projects import summary

SAY = """
    def test_it(russo_say):
        assert russo_say("Hello").data == russo_say("Hello").data
"""
ASYNC_TEST = """
    import pytest

    {mark}
    async def test_it(russo_synthesizer):
        from russo import CachedSynthesizer
        assert isinstance(russo_synthesizer, CachedSynthesizer)
        assert (await russo_synthesizer.synthesize("Hello")).data
"""


def test_say_speaks_once_and_replays_ever_after(project):
    project.tests(SAY)
    project.run().assert_outcomes(passed=1)
    assert project.calls == ["a Hello"]
    result = project.run()
    result.assert_outcomes(passed=1)
    assert project.calls == ["a Hello"]
    assert summary(result) == "2 hits (10 characters, 0 s of speech), 0 backend calls"


def test_audio_is_of_the_closest_marker(project):
    project.tests(
        """
        import pytest
        pytestmark = pytest.mark.russo("module")

        @pytest.mark.russo("class")
        class TestIt:
            @pytest.mark.russo("function")
            def test_function(self, russo_audio):
                assert russo_audio.data.startswith(b"afunction")

            def test_class(self, russo_audio):
                assert russo_audio.data.startswith(b"aclass")

        def test_module(russo_audio):
            assert russo_audio.data.startswith(b"amodule")
        """
    )
    project.run().assert_outcomes(passed=3)


@pytest.mark.parametrize(
    "arguments", ["", "1", '"one", "two"', 'prompt="Hello"', '"Hello", speed=2', "None", 'b"Hello"']
)
def test_a_marker_that_is_not_one_string_is_an_error_even_where_no_fixture_asks(project, arguments):
    project.tests(
        f"""
        import pytest

        @pytest.mark.russo({arguments})
        def test_with(russo_audio):
            pass

        @pytest.mark.russo({arguments})
        def test_without():
            pass
        """
    )
    result = project.run()
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(["@pytest.mark.russo takes exactly one string, the prompt; it was given (*)"])
    assert project.calls == []


def test_audio_without_a_marker_is_an_error(project):
    project.tests("def test_it(russo_audio): pass")
    result = project.run()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(['test_it asks for russo_audio without a @pytest.mark.russo("…")'])


def test_an_empty_prompt_is_an_error(project):
    project.tests(
        """
        import pytest

        @pytest.mark.russo("  ")
        def test_marked(russo_audio): pass

        def test_said(russo_say): russo_say("")
        """
    )
    result = project.run()
    result.assert_outcomes(errors=1, failed=1)
    result.stdout.fnmatch_lines(["*speaker could not speak '': the prompt is empty; change the prompt"])
    assert project.calls == []


@pytest.mark.parametrize("scope", ["function", "class", "module", "package", "session"])
@pytest.mark.parametrize("style", ["return", "yield"])
def test_an_override_of_any_scope_arrives_wrapped(project, scope, style):
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


def test_dependants_receive_the_wrapped_object(project):
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


def test_parametrised_overrides_do_not_replay_each_other(project):
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


def test_overrides_in_a_module_and_a_class_win(project):
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


def test_an_override_that_returns_the_default_stays_one_layer(project):
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


def test_an_override_that_decorates_another_counts_once(project):
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
    assert summary(result) == "1 hit (5 characters, 0 s of speech), 1 backend call (5 characters)"


def test_layers_made_by_hand_belong_to_the_run_too(project):
    project.conftest(
        """
        @pytest.fixture
        def russo_synthesizer():
            return CachedSynthesizer(CachedSynthesizer(Speaker()), cache_key_extra={"layer": 2})
        """
    )
    project.tests("def test_it(russo_say): russo_say('Hello'); russo_say('Hello')")
    result = project.run()
    assert summary(result) == "1 hit (5 characters, 0 s of speech), 1 backend call (5 characters)"
    assert project.cached() == 2


def test_a_cached_synthesizer_keeps_what_it_was_given(project):
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


def test_a_cached_synthesizer_takes_from_the_run_what_it_was_not_given(project):
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
def test_the_runs_replay_always_wins(project, given):
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


def test_the_runs_off_always_wins(project):
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


def test_an_overridden_cache_is_used(project):
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
            "*None is no synthesizer: it needs a method `async def synthesize(self, text: str) -> Audio`",
        ),
        ("'local'", "*'local' is no synthesizer*"),
        ("Speaker", "*Speaker is a class, not a synthesizer: call it to make one"),
    ],
)
def test_what_is_no_synthesizer_is_refused_for_every_test_of_the_scope(project, value, seen):
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


def test_what_is_no_cache_is_refused(project):
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


def test_a_failing_override_shows_the_users_line(project):
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


def test_setup_plan_runs_nothing(project):
    project.tests(SAY)
    result = project.run("--setup-plan")
    assert result.ret == 0
    assert project.calls == []


@pytest.mark.parametrize(
    ("options", "mark"),
    [
        (["-o", "asyncio_mode=strict"], "@pytest.mark.asyncio"),
        (["-o", "asyncio_mode=auto"], ""),
        ([], "@pytest.mark.anyio"),
    ],
    ids=["asyncio-strict", "asyncio-auto", "anyio"],
)
def test_async_tests_await_the_synthesizer(project, options, mark):
    project.tests(ASYNC_TEST.format(mark=mark))
    result = project.run(*options)
    assert result.ret == 0
    assert project.calls == ["a Hello"]


def test_trio_tests_miss_and_hit(project):
    project.tests(
        """
        import pytest

        @pytest.fixture
        def anyio_backend():
            return "trio"

        @pytest.mark.anyio
        async def test_it(russo_synthesizer):
            assert await russo_synthesizer.synthesize("Hello") == await russo_synthesizer.synthesize("Hello")
        """
    )
    project.run().assert_outcomes(passed=1)
    assert project.calls == ["a Hello"]


@pytest.mark.parametrize(
    ("options", "fixture"),
    [
        (["-o", "asyncio_mode=auto"], "@pytest.fixture"),
        (["-o", "asyncio_mode=strict"], "@pytest_asyncio.fixture"),
        (["-o", "asyncio_mode=strict"], '@pytest_asyncio.fixture(scope="session", loop_scope="session")'),
    ],
)
@pytest.mark.parametrize("style", ["return", "yield"])
def test_async_overrides_arrive_wrapped(project, options, fixture, style):
    project.conftest(
        f"""
        import pytest_asyncio

        {fixture}
        async def russo_synthesizer():
            {style} Speaker()
        """
    )
    project.tests(ASYNC_TEST.format(mark="@pytest.mark.asyncio"))
    project.run(*options).assert_outcomes(passed=1)
    assert project.calls == ["a Hello"]


def test_marked_audio_reaches_async_tests(project):
    project.tests(
        """
        import pytest

        @pytest.mark.asyncio
        @pytest.mark.russo("Hello")
        async def test_it(russo_audio):
            assert russo_audio.data.startswith(b"aHello")
        """
    )
    project.run().assert_outcomes(passed=1)


def test_say_works_inside_a_running_loop_and_leaves_the_users_loops_alone(project):
    project.tests(
        """
        import asyncio, pytest

        @pytest.mark.asyncio
        async def test_async(russo_say):
            assert russo_say("Hello").data
            await asyncio.sleep(0)

        def test_plain(russo_say):
            loop = asyncio.new_event_loop()
            asyncio.set_event_loop(loop)
            russo_say("Goodbye")
            assert asyncio.get_event_loop_policy().get_event_loop() is loop if __import__("sys").version_info < (3, 14) else True
            loop.close()
            asyncio.set_event_loop(None)
        """
    )
    project.run().assert_outcomes(passed=2)


def test_unittest_classes_use_the_fixtures(project):
    project.tests(
        """
        import unittest, pytest

        class TestIt(unittest.TestCase):
            @pytest.fixture(autouse=True)
            def _speech(self, russo_say):
                self.say = russo_say

            def test_it(self):
                assert self.say("Hello").data
        """
    )
    project.run().assert_outcomes(passed=1)


def test_a_plain_async_fixture_without_a_plugin_is_refused_clearly(project):
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


def test_the_default_synthesizer_is_closed_at_the_end_of_the_session(project):
    project.pytester.makepyfile(
        closing="""
        from pathlib import Path
        from russo import Audio

        class Closing:
            async def synthesize(self, text):
                return Audio(b"sound", "pcm", 8000, 1, 1)

            async def aclose(self):
                Path("closed.txt").write_text("closed")
        """
    )
    project.conftest("")
    project.tests("def test_it(russo_say): russo_say('Hello')")
    project.pytester.syspathinsert()
    project.run("--russo-synth=closing:Closing").assert_outcomes(passed=1)
    assert (project.path / "closed.txt").read_text() == "closed"


def test_nested_runs_do_not_mix(project):
    project.tests(
        """
        from pathlib import Path

        from pathlib import Path

        pytest_plugins = ["pytester"]

        def test_outer(russo_say, pytester):
            russo_say("Outer")
            pytester.makeini("[pytest]")
            pytester.makeconftest(Path(__file__).with_name("conftest.py").read_text())
            pytester.makepyfile("def test_inner(russo_say): russo_say('Inner')")
            result = pytester.runpytest_inprocess("-p", "no:asyncio")
            result.assert_outcomes(passed=1)
            result.stdout.fnmatch_lines(["russo: 0 hits, 1 backend call (5 characters)"])
        """
    )
    result = project.run()
    result.assert_outcomes(passed=1)
    assert summary(result) == "0 hits, 1 backend call (5 characters)"


FAILING = """
    @pytest.fixture(scope="session")
    def russo_synthesizer():
        class Failing(Speaker):
            async def synthesize(self, text):
                from russo import ServiceError
                try:
                    self.connect()
                except OSError as error:
                    raise ServiceError("HTTP 503", backend="speaker", prompt=text) from error

            def connect(self):
                raise OSError("deep in an SDK")

        return Failing()
"""


@pytest.mark.parametrize("way", ["plain", "async"])
def test_failing_backend_shows_the_tests_line_and_the_chain_of_messages(project, way):
    project.conftest(FAILING)
    project.tests(SAY if way == "plain" else ASYNC_TEST.format(mark="@pytest.mark.asyncio"))
    lines = project.run().outlines
    shown = "\n".join(lines)
    assert "OSError: deep in an SDK" in lines
    assert "ServiceError: speaker could not speak 'Hello': HTTP 503" in shown
    assert any(line.startswith(">") and ("russo_say(" in line or "synthesize(" in line) for line in lines)
    assert "cached.py" not in shown
    assert "conftest.py" not in shown
    assert len(lines) < 40
    full = project.run("--full-trace").outlines
    assert any("cached.py" in line for line in full)
    assert any("self.connect()" in line for line in full)


def test_other_errors_are_shown_as_pytest_shows_them(project):
    project.conftest(
        """
        @pytest.fixture(scope="session")
        def russo_synthesizer():
            class Broken(Speaker):
                async def synthesize(self, text):
                    return self.no_such_name

            return Broken()
        """
    )
    project.tests(SAY)
    project.run().stdout.fnmatch_lines(["*return self.no_such_name*"])


def test_cause_that_refuses_to_be_changed_is_shown_as_it_is(project):
    project.conftest(
        """
        import dataclasses

        @dataclasses.dataclass(frozen=True)
        class Frozen(Exception):
            number: int

        @pytest.fixture(scope="session")
        def russo_synthesizer():
            class Failing(Speaker):
                async def synthesize(self, text):
                    from russo import ServiceError
                    try:
                        self.connect()
                    except Frozen as error:
                        raise ServiceError("HTTP 503", backend="speaker", prompt=text) from error

                def connect(self):
                    raise Frozen(1)

            return Failing()
        """
    )
    project.tests(SAY)
    result = project.run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["conftest.Frozen: 1", "E*ServiceError: speaker could not speak 'Hello': HTTP 503*"]
    )


def test_error_from_deep_below_the_test_is_an_ordinary_failure(project):
    project.tests(
        """
        from russo import RussoError

        def deep(number):
            if number:
                deep(number - 1)
            else:
                raise RussoError("from below")

        def test_it(russo_cache):
            deep(900)
        """
    )
    result = project.run("--tb=short")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*RussoError: from below*"])


def test_errors_that_the_test_caught_itself_keep_their_lines(project):
    project.tests(
        """
        from russo import RussoError

        def lookup():
            return {}["missing"]

        def test_it(russo_cache):
            try:
                lookup()
            except KeyError:
                raise RussoError("mine")
        """
    )
    assert '>       return {}["missing"]' in project.run().outlines


def test_failing_check_of_the_conformance_kit_shows_its_line(project):
    project.tests(
        """
        import pytest
        from russo import ServiceError
        from russo.testing import BackendContract

        class TestIt(BackendContract):
            backend = "local"

            @pytest.fixture
            def make_synthesizer(self):
                def make(**options):
                    raise ServiceError("made in vain", backend="local", prompt="")
                return make
        """
    )
    result = project.run("--russo-cache-dir=here", "-k", "test_cache_key_extra_is_json")
    result.stdout.fnmatch_lines(['*raise ServiceError("made in vain"*'])
