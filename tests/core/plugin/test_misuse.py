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

        async def test_without_russo():
            await Audio()

        @pytest.mark.asyncio
        async def test_other_error(russo_say):
            russo_say("Hello") + 1
        """
    )
    result = project.run("-o", "asyncio_mode=auto")
    result.assert_outcomes(failed=2)
    result.stdout.no_fnmatch_line("*are not async*")


def test_audio_is_not_awaitable():
    assert not inspect.isawaitable(Audio(b"ab", "pcm", 8000))


@pytest.mark.parametrize(
    ("call", "given"),
    [
        ("russo_say('Hello', voice='hidden')", "voice"),
        ("russo_say('Hello', api_key='hidden', speed=2)", "api_key and speed"),
        ("russo_say('Hello', 'hidden')", "a second argument"),
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


def test_recipe_that_the_error_names_is_in_the_documentation(pytestconfig):
    page = (pytestconfig.rootpath / "docs" / "how-to" / "hand-audio-to-an-agent.md").read_text("utf-8")
    assert page.startswith("# Give the audio to your agent\n")
    assert "\n## Two voices in one test\n" in page
