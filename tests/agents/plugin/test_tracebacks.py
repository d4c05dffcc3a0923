"""The output of pytest for an agent that fails."""

import pytest

LOST = """
    from shop import Shop

    def broken_tool():
        raise KeyError("kitchen")

    def call_tool():
        try:
            broken_tool()
        except KeyError as error:
            return error

    @pytest.fixture
    def russo_agent():
        return Shop([call_tool])
"""
UNCONNECTED = """
    class Offline:
        def connect(self, playout):
            raise OSError("no server")

    @pytest.fixture
    def russo_agent():
        return Offline()
"""
SYNC = """
    def test_it(russo_call):
        russo_call.say("Hello")
"""
ASYNC = """
    import pytest

    @pytest.mark.asyncio
    async def test_it(russo_async_call):
        async with russo_async_call() as call:
            await call.say("Hello")
"""


@pytest.mark.parametrize("test", [SYNC, ASYNC], ids=["plain", "async"])
def test_failing_agent_shows_the_tests_line_and_the_users_frames(agent_project, test):
    agent_project.agent(LOST)
    agent_project.tests(test)
    lines = agent_project.run().outlines
    marked = [line.removeprefix(">").strip() for line in lines if line.startswith(">")]
    assert marked[:2] == ["raise event", 'raise KeyError("kitchen")']
    assert marked[2].endswith('call.say("Hello")')
    assert len(marked) == 3
    assert any("russo_agents.AgentLostError: the line failed" in line for line in lines)
    assert not any("russo_agents/_" in line for line in lines)


def test_full_trace_shows_the_frames_of_the_driver(agent_project):
    agent_project.agent(LOST)
    lines = agent_project.run("--full-trace").outlines
    assert any("russo_agents/_call" in line for line in lines)


@pytest.mark.parametrize("test", [SYNC, ASYNC], ids=["plain", "async"])
def test_failing_connect_shows_the_users_frames(agent_project, test):
    agent_project.agent(UNCONNECTED)
    agent_project.tests(test)
    lines = agent_project.run().outlines
    marked = [line.removeprefix(">").strip() for line in lines if line.startswith(">")]
    assert marked[0] == 'raise OSError("no server")'
    assert not any("russo_agents/_" in line for line in lines)
    assert any("the agent could not be connected: OSError('no server')" in line for line in lines)


def test_prompt_that_is_not_stored_is_shown_at_the_tests_line(agent_project):
    agent_project.tests(ASYNC)
    result = agent_project.run("--russo-cache-mode=replay")
    result.assert_outcomes(failed=1)
    marked = [line for line in result.outlines if line.startswith(">")]
    assert [line.split()[-1] for line in marked] == ['call.say("Hello")']
    result.stdout.fnmatch_lines(["E*CacheMissError: no cached audio for 'Hello'*"])
