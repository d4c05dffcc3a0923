"""Fixtures that are used in a way that cannot work: each is a clear error, and nothing hangs."""

import pytest

ASYNC_AGENT = """
    from shop import Shop
    {imports}

    @{decorator}{scope}
    async def russo_agent():
        {kind} Shop()
"""
PLAIN_TEST = """
    def test_it(russo_call):
        russo_call.say("Hello")
"""
ASYNC_TEST = """
    import pytest

    @pytest.mark.{mark}
    async def test_it(russo_async_call):
        async with russo_async_call() as call:
            assert (await call.say("Hello")).reply == "The light is on."
"""
REFUSED = (
    "the fixture russo_agent (conftest.russo_agent) is async, and russo_call runs the agent in an event loop "
    "of its own: write the fixture without async, or use russo_async_call in an async test"
)


def async_agent(decorator, *, kind="return", scope=""):
    imports = "import pytest_asyncio" if "asyncio" in decorator else ""
    return ASYNC_AGENT.format(decorator=decorator, imports=imports, kind=kind, scope=scope)


@pytest.mark.parametrize("kind", ["return", "yield"])
@pytest.mark.parametrize(
    ("decorator", "arguments"),
    [
        ("pytest_asyncio.fixture", []),
        ("pytest.fixture", ["-o", "asyncio_mode=auto"]),
        ("pytest.fixture", []),
        ("pytest.fixture", ["-p", "no:asyncio", "-p", "no:anyio", "-W", "ignore"]),
    ],
    ids=["strict", "auto", "not handled", "no plugin"],
)
def test_async_agent_of_a_plain_test_is_refused(agent_project, decorator, arguments, kind):
    agent_project.agent(async_agent(decorator, kind=kind))
    agent_project.tests(PLAIN_TEST)
    if "no:asyncio" in arguments:
        agent_project.pytester.makeini("[pytest]\nrusso_pace = 0\n")
    result = agent_project.run(*arguments)
    result.assert_outcomes(errors=1)
    assert REFUSED in result.outlines


def test_async_agent_with_anyio_is_refused(agent_project):
    agent_project.agent(async_agent("pytest.fixture"))
    agent_project.tests(
        """
        def test_it(anyio_backend, russo_call):
            russo_call.say("Hello")
        """
    )
    result = agent_project.run()
    result.assert_outcomes(errors=2)
    assert result.outlines.count(REFUSED) == 2


def test_async_agent_of_a_wider_scope_is_refused_in_a_later_plain_test(agent_project):
    decorator = "pytest_asyncio.fixture(loop_scope='session', scope='session')"
    agent_project.agent(async_agent(decorator))
    agent_project.tests(ASYNC_TEST.format(mark="asyncio(loop_scope='session')"), name="test_a")
    agent_project.tests(PLAIN_TEST, name="test_b")
    result = agent_project.run("test_a.py", "test_b.py")
    result.assert_outcomes(passed=1, errors=1)
    assert REFUSED in result.outlines


@pytest.mark.parametrize("kind", ["return", "yield"])
@pytest.mark.parametrize(
    ("decorator", "mark", "arguments"),
    [
        ("pytest_asyncio.fixture", "asyncio", []),
        ("pytest.fixture", "asyncio", ["-o", "asyncio_mode=auto"]),
        ("pytest.fixture", "anyio", ["-k", "asyncio"]),
    ],
)
def test_async_agent_of_an_async_test_is_used(agent_project, decorator, mark, arguments, kind):
    agent_project.agent(async_agent(decorator, kind=kind))
    agent_project.tests(ASYNC_TEST.format(mark=mark))
    agent_project.run(*arguments).assert_outcomes(passed=1)


def test_async_agent_that_no_plugin_runs_is_refused_in_an_async_test(agent_project):
    agent_project.agent(async_agent("pytest.fixture"))
    agent_project.tests(ASYNC_TEST.format(mark="asyncio"))
    result = agent_project.run("-W", "ignore")
    result.assert_outcomes(errors=1)
    assert not any("never awaited" in line for line in result.outlines)


@pytest.mark.parametrize(
    ("mark", "arguments"),
    [("asyncio", []), ("asyncio", ["-o", "asyncio_mode=auto"]), ("anyio", ["-k", "asyncio"])],
)
def test_async_test_with_russo_call_is_refused(agent_project, mark, arguments):
    agent_project.tests(
        f"""
        import pytest

        @pytest.mark.{mark}
        async def test_it(russo_call):
            russo_call.say("Hello")
        """
    )
    result = agent_project.run(*arguments)
    result.assert_outcomes(errors=1)
    assert (
        "russo_call blocks, and this test is async: use `async with russo_async_call() as call:` "
        "and `await call.say(…)`" in result.outlines
    )


def test_trio_test_is_refused(agent_project):
    agent_project.tests(ASYNC_TEST.format(mark="anyio"))
    result = agent_project.run()
    result.assert_outcomes(passed=1, failed=1)
    assert (
        "russo_async_call needs an asyncio event loop, and this test runs in another one, such as trio; "
        "with anyio, let the fixture anyio_backend return 'asyncio'" in result.outlines
    )


@pytest.mark.parametrize(
    ("value", "shown"), [("3", "3"), ("'\\x1b'", "\\x1b"), ("Shop", "<class 'shop.Shop'>"), ("None", "None")]
)
def test_fixture_that_returns_something_else_is_an_error(agent_project, value, shown):
    agent_project.agent(
        f"""
    from shop import Shop

    @pytest.fixture
    def russo_agent():
        return {value}
"""
    )
    result = agent_project.run()
    result.assert_outcomes(errors=1)
    assert (
        f"the fixture russo_agent returned {shown}, which is not an agent: it has no method connect(playout); "
        "use an adapter such as FunctionAgent" in result.outlines
    )


def test_pace_0_on_a_real_time_line_is_an_error(agent_project):
    source = (agent_project.path / "shop.py").read_text()
    (agent_project.path / "shop.py").write_text(source.replace("8000, True, False", "8000, True, True"))
    result = agent_project.run()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["pace 0 is not possible: Line is fed in real time; use --russo-pace=1*"])


def test_two_prompts_at_once_are_an_error(agent_project):
    agent_project.tests(
        """
        import pytest
        from russo_agents import AgentError

        @pytest.mark.asyncio
        async def test_it(russo_async_call):
            import asyncio
            async with russo_async_call() as call:
                with pytest.raises(AgentError, match="say was called while say of the same call still waits"):
                    await asyncio.gather(call.say("Hello"), call.say("Hello"))
        """
    )
    agent_project.run().assert_outcomes(passed=1)
