"""Wrong uses of the fixtures, and what the errors suggest."""

import inspect

import pytest

from russo import Audio

AWAITED = (
    "russo_say and russo_audio are not async: use their audio without await, "
    "or `await russo_synthesizer.synthesize(...)`"
)
AWAITS = {
    "pytest-asyncio": """
        import pytest

        @pytest.mark.asyncio
        async def test_say(russo_say):
            await russo_say("Hello")

        @pytest.mark.asyncio
        @pytest.mark.russo("Hello")
        async def test_audio(russo_audio):
            await russo_audio
    """,
    "anyio": """
        import pytest

        @pytest.fixture
        def anyio_backend():
            return "asyncio"

        @pytest.mark.anyio
        async def test_say(russo_say):
            await russo_say("Hello")

        @pytest.mark.anyio
        @pytest.mark.russo("Hello")
        async def test_audio(russo_audio):
            await russo_audio
    """,
}


@pytest.mark.parametrize("plugin", AWAITS)
@pytest.mark.parametrize(
    "options", [(), ("-q", "--tb=short"), ("--tb=line",), ("--tb=native",), ("--full-trace",), ("-n", "2")]
)
def test_awaiting_the_audio_suggests_what_works(project, plugin, options):
    project.tests(AWAITS[plugin])
    result = project.run(*options)
    result.assert_outcomes(failed=2)
    lines = [line for line in result.outlines if line.removeprefix("E").strip() == AWAITED]
    assert len(lines) == 2


def test_other_type_errors_have_no_note(project):
    project.tests(
        """
        import pytest

        class Audio: pass
        class AudioSegment: pass

        async def test_without_russo():
            await Audio()

        async def test_other_class(russo_say):
            await AudioSegment()

        @pytest.mark.asyncio
        async def test_other_error(russo_say):
            russo_say("Hello") + 1
        """
    )
    result = project.run("-o", "asyncio_mode=auto")
    result.assert_outcomes(failed=3)
    result.stdout.no_fnmatch_line("*are not async*")


def test_audio_is_not_awaitable():
    assert not inspect.isawaitable(Audio(b"ab", "pcm", 8000))


@pytest.mark.parametrize(
    ("call", "given"),
    [
        ("russo_say('Hello', voice='hidden')", "voice"),
        ("russo_say('Hello', api_key='hidden', speed=2)", "api_key and speed"),
        ("russo_say('Hello', 'hidden')", "a second argument"),
        ("russo_say(text='Hello', voice='hidden')", "voice"),
        ("russo_say('Hello', text='hidden')", "text"),
    ],
)
@pytest.mark.parametrize("options", [("--tb=short",), ("-q", "--tb=line"), ("-n", "2")])
def test_more_than_the_prompt_is_refused_and_the_recipe_is_named(project, call, given, options):
    project.tests(f"def test_it(russo_say): exec({call!r})")
    result = project.run(*options)
    result.assert_outcomes(failed=1)
    shown = "\n".join(result.outlines)
    assert (
        f"TypeError: russo_say takes the prompt only, not {given}; a voice is an option of a synthesizer: "
        "make one for each voice, see 'Two voices in one test' on the page 'Give the audio to your agent' "
        "of the documentation"
    ) in shown
    assert "_plugin" not in shown.replace("pytest_plugin", "")
    assert project.calls == []


@pytest.mark.parametrize(
    ("call", "given"),
    [
        ("russo_say()", "no argument"),
        ("russo_say(prompt='hidden')", "prompt"),
        ("russo_say(prompt='hidden', voice='hidden')", "prompt and voice"),
    ],
)
def test_call_without_a_prompt_shows_the_right_call(project, call, given):
    project.tests(f"def test_it(russo_say): exec({call!r})")
    result = project.run("--tb=short")
    result.assert_outcomes(failed=1)
    assert (
        "E   TypeError: russo_say takes one argument, the prompt, without a name: "
        f'russo_say("Turn on the light."); it was called with {given}'
    ) in result.outlines
    assert project.calls == []


def test_prompt_may_be_given_as_the_keyword_text(project):
    project.tests("def test_it(russo_say): russo_say(text='Hello')")
    project.run().assert_outcomes(passed=1)
    assert project.calls == ["a Hello"]


NOT_AWAITED = (
    "synthesize is async: use `await russo_synthesizer.synthesize(...)`; "
    "a test that is not async can use russo_say"
)


@pytest.mark.parametrize("options", [("--tb=short",), ("-q", "--tb=native"), ("-n", "2")])
def test_missing_await_suggests_what_works(project, options):
    project.tests(
        """
        async def test_it(russo_synthesizer):
            russo_synthesizer.synthesize("Hello").duration

        def test_plain(russo_synthesizer):
            russo_synthesizer.synthesize("Hello").data
        """
    )
    result = project.run(*options, "-o", "asyncio_mode=auto", "-W", "default", subprocess=True)
    result.assert_outcomes(failed=2)
    assert len([line for line in result.outlines if line.removeprefix("E").strip() == NOT_AWAITED]) == 2


def test_attribute_errors_of_other_coroutines_have_no_note(project):
    project.tests(
        """
        async def synthesize(text): pass

        def test_coroutine(russo_say):
            synthesize("Hello").duration

        def test_text(russo_say):
            raise AttributeError("'coroutine' object has no attribute 'duration'")
        """
    )
    result = project.run("-W", "default", subprocess=True)
    result.assert_outcomes(failed=2)
    result.stdout.no_fnmatch_line("*is async*")


def test_recipe_that_the_error_names_is_in_the_documentation(pytestconfig):
    page = (pytestconfig.rootpath / "docs" / "how-to" / "hand-audio-to-an-agent.md").read_text("utf-8")
    assert page.startswith("# Give the audio to your agent\n")
    assert "\n## Two voices in one test\n" in page
