"""Calls in the report of --russo-report: the conversation and both voices, at their test."""

import wave

import pytest

from support.report import attempts_of, read_document

TWO_TESTS = """
    import pytest

    @pytest.mark.parametrize("prompt", ["Hello", "Goodbye"])
    def test_it(russo_call, prompt):
        russo_call.say(prompt)
        assert prompt == "Goodbye"
"""


def sections(project, name, directory="report"):
    document = read_document(project.path / directory / "report.json")
    return [attempt["sections"] for attempt in attempts_of(document, name)], document


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_conversation_is_a_section_of_its_test(agent_project, workers):
    agent_project.tests(TWO_TESTS)
    agent_project.run(*workers, "--russo-report=report/", subprocess=True)
    for prompt in ("Hello", "Goodbye"):
        ((section,),), document = sections(agent_project, f"test_it[{prompt}]")
        assert section["title"] == "Conversation"
        assert section["columns"] == ["time", "who", "what"]
        assert [row[1:] for row in section["rows"]] == [
            ["caller", prompt],
            ["heard", "turn on the light"],
            ["tool", "set_light(room='kitchen', on=True) -> 'done'"],
            ["agent", "The light is on."],
            ["note", "latency: not measured at pace 0"],
        ]
        assert section["rows"][0][0].endswith("\N{NO-BREAK SPACE}s")
        audio = document["audio"][section["audio"]]
        with wave.open(str(agent_project.path / "report" / audio["file"])) as sound:
            assert sound.getnchannels() == 2


def test_each_attempt_and_each_call_has_its_section(agent_project):
    agent_project.tests(
        """
        import pytest

        attempts = []

        @pytest.mark.asyncio
        async def test_it(russo_async_call):
            attempts.append(1)
            for number in range(len(attempts)):
                async with russo_async_call() as call:
                    await call.say(f"Call {number}")
            assert len(attempts) == 2
        """
    )
    agent_project.run("--reruns=1", "--russo-report=report/", subprocess=True)
    (first, second), _ = sections(agent_project, "test_it")
    assert [section["title"] for section in first] == ["Conversation"]
    assert [section["title"] for section in second] == ["Conversation 1", "Conversation 2"]
    assert [section["rows"][0][2] for section in second] == ["Call 0", "Call 1"]


def test_call_without_sound_has_a_section_without_audio(agent_project):
    agent_project.tests("def test_it(russo_call): pass")
    agent_project.run("--russo-report=report/", subprocess=True)
    ((section,),), _ = sections(agent_project, "test_it")
    assert section["audio"] is None
