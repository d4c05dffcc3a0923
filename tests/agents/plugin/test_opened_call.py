"""A call whose event loop is blocked by the agent."""

BLOCKS = """
    import time
    import shop

    class Blocks(shop.Line):
        async def answer(self, events):
            time.sleep(3600)

    @pytest.fixture
    def russo_agent(monkeypatch, request):
        if request.node.name == "test_blocks":
            monkeypatch.setattr(shop, "Line", Blocks)
        return shop.Shop()
"""


def test_agent_that_blocks_the_event_loop_is_an_error_and_the_next_test_runs(agent_project):
    agent_project.agent(BLOCKS)
    agent_project.tests(
        """
        def test_blocks(russo_call):
            russo_call.say("Hello")

        def test_next(russo_call):
            assert russo_call.say("Hello").reply == "The light is on."
        """
    )
    result = agent_project.run("--russo-agent-timeout=2", subprocess=True)
    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(
        [
            "E*AgentSilentError: the event loop of the call is blocked for * s by *conftest.py:* in answer; "
            "async code of an agent must not block: await, or use asyncio.to_thread",
            "*caller   Hello",
            "russo: the line was not closed, because its event loop is blocked",
        ]
    )
    assert not any("never awaited" in line or "was destroyed" in line for line in result.errlines)
