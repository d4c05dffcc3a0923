"""The fixtures russo_agent, russo_call and russo_async_call."""

import pytest

from support.projects import summary


def test_plain_test_says_a_prompt_and_reads_the_turn(agent_project):
    agent_project.tests(
        """
        from russo_agents import tool_call

        def test_it(russo_call):
            turn = russo_call.say("Hello")
            assert turn.prompt == "Hello"
            assert turn.heard == "turn on the light"
            assert turn.tool_calls == [tool_call("set_light", room="kitchen", on=True)]
            assert turn.reply == "The light is on."
        """
    )
    result = agent_project.run()
    result.assert_outcomes(passed=1)
    assert summary(result) == "0 hits, 1 backend call to speaker (5 characters)"


def test_line_is_closed_after_each_test(agent_project):
    agent_project.tests(
        """
        from shop import Shop

        def test_first(russo_call):
            assert (Shop.opened, Shop.closed) == (1, 0)

        def test_second(russo_call):
            assert (Shop.opened, Shop.closed) == (2, 1)

        def test_third():
            assert (Shop.opened, Shop.closed) == (2, 2)
        """
    )
    agent_project.run().assert_outcomes(passed=3)


@pytest.mark.parametrize("scope", ["function", "module", "session"])
@pytest.mark.parametrize("kind", ["return", "yield"])
def test_agent_may_have_any_scope_and_be_yielded(agent_project, scope, kind):
    agent_project.agent(
        f"""
    from shop import Shop

    @pytest.fixture(scope="{scope}")
    def russo_agent():
        {kind} Shop()
"""
    )
    agent_project.run().assert_outcomes(passed=1)


def test_agent_may_have_parameters(agent_project):
    agent_project.agent(
        """
    from shop import ANSWER, Said, Shop

    @pytest.fixture(params=["one", "two"])
    def russo_agent(request):
        return Shop([Said(request.param)])
"""
    )
    agent_project.tests(
        """
        def test_it(russo_call, request):
            assert russo_call.say("Hello").reply == request.node.callspec.params["russo_agent"]
        """
    )
    agent_project.run().assert_outcomes(passed=2)


def test_test_that_says_audio_only_needs_no_synthesizer(agent_project):
    agent_project.agent(
        """
    from shop import Shop

    @pytest.fixture
    def russo_agent():
        return Shop()

    @pytest.fixture
    def russo_synthesizer():
        raise AssertionError("not needed")
"""
    )
    agent_project.tests(
        """
        import pytest
        from russo import Audio

        SOUND = Audio(bytes([0, 32]) * 4000, "pcm", 8000)

        def test_plain(russo_call):
            assert russo_call.say(SOUND).reply == "The light is on."

        @pytest.mark.asyncio
        async def test_async(russo_async_call):
            async with russo_async_call() as call:
                assert (await call.say(SOUND)).reply == "The light is on."

        def test_text(russo_call):
            russo_call.say("Hello")

        @pytest.mark.asyncio
        async def test_async_text(russo_async_call):
            async with russo_async_call() as call:
                await call.say("Hello")
        """
    )
    result = agent_project.run()
    result.assert_outcomes(passed=2, failed=2)
    result.stdout.fnmatch_lines(["*AssertionError: not needed*"] * 2)


@pytest.mark.parametrize("test", ["plain", "async"])
def test_synthesizer_may_be_an_async_fixture(agent_project, test):
    agent_project.conftest(
        """
        import pytest_asyncio
        from shop import Shop

        @pytest.fixture
        def russo_agent():
            return Shop()

        @pytest_asyncio.fixture
        async def russo_synthesizer():
            yield Speaker("b")
        """
    )
    agent_project.tests(
        """
        import pytest

        def test_plain(russo_call):
            assert russo_call.say("Hello").reply == "The light is on."

        @pytest.mark.asyncio
        async def test_async(russo_async_call):
            async with russo_async_call() as call:
                assert (await call.say("Hello")).reply == "The light is on."
        """
    )
    agent_project.run("-k", test).assert_outcomes(passed=1)
    assert agent_project.calls == ["b Hello"]
