"""Runs in which plugins are switched off, or in which no test runs; unittest and other ways of requesting."""

import pytest

from support.agents.projects import SAY_ONCE

NO_RUSSO = "the pytest plugin of russo-core, which this run does not load (-p no:russo)"


@pytest.mark.parametrize("arguments", [["--collect-only"], ["--setup-plan"], ["--fixtures"], ["--markers"]])
def test_run_that_runs_no_test_opens_no_call(agent_project, arguments):
    shop = agent_project.path / "shop.py"
    shop.write_text(shop.read_text().replace("Shop.opened += 1", "raise SystemExit('opened')"))
    result = agent_project.run(*arguments)
    assert result.ret == 0
    assert not (agent_project.path / ".russo_calls").exists()


def test_setup_only_opens_and_closes_the_call(agent_project):
    result = agent_project.run("--setup-only")
    assert result.ret == 0
    assert any("SETUP    F russo_call" in line for line in result.outlines)


def test_without_russos_plugin_the_fixtures_fail_with_the_reason(agent_project):
    agent_project.pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    agent_project.tests(
        """
        def test_call(russo_call): pass
        def test_async_call(russo_async_call): pass
        def test_other(): pass
        """
    )
    result = agent_project.run("-p", "no:russo")
    result.assert_outcomes(errors=2, passed=1)
    assert result.outlines.count(f"the fixtures of russo-agents need {NO_RUSSO}") == 2


def test_without_russos_plugin_a_setting_is_a_usage_error(agent_project):
    result = agent_project.run("-p", "no:russo")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert f"ERROR: the settings of russo-agents need {NO_RUSSO}" in result.errlines


def test_without_the_plugin_there_are_no_fixtures(agent_project):
    agent_project.pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    result = agent_project.run("-p", "no:russo-agents")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*fixture 'russo_call' not found"])


@pytest.mark.parametrize("plugin", ["terminal", "xdist", "rerunfailures", "asyncio", "anyio", "junitxml"])
def test_run_works_without_other_plugins(agent_project, plugin):
    if plugin == "asyncio":
        agent_project.pytester.makeini("[pytest]\nrusso_pace = 0\n")
    agent_project.tests("def test_it(russo_call): assert russo_call.say('Hello').reply == 'x'")
    result = agent_project.run("-p", f"no:{plugin}")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert len(list((agent_project.path / ".russo_calls").glob("*/call.json"))) == 1


def test_class_of_unittest_gets_the_call_from_a_fixture(agent_project):
    agent_project.tests(
        """
        import unittest
        import pytest

        class TestShop(unittest.TestCase):
            @pytest.fixture(autouse=True)
            def open_call(self, russo_call):
                self.call = russo_call

            def test_passes(self):
                self.assertEqual(self.call.say("Hello").reply, "The light is on.")

            def test_fails(self):
                self.assertEqual(self.call.say("Hello").reply, "x")
        """
    )
    result = agent_project.run()
    result.assert_outcomes(passed=1, failed=1)
    assert any("russo: the conversation" in line for line in result.outlines)


def test_other_fixture_may_use_the_call(agent_project):
    agent_project.tests(
        """
        import pytest

        @pytest.fixture
        def greeted(russo_call):
            russo_call.say("Hello")
            yield russo_call
            assert russo_call.record.turns == 2
            russo_call.hang_up()

        def test_it(greeted, russo_call):
            assert greeted is russo_call
            assert greeted.say("Again").reply == "The light is on."
        """
    )
    agent_project.run().assert_outcomes(passed=1)


def test_fixture_of_a_wider_scope_cannot_use_the_call(agent_project):
    agent_project.tests(
        """
        import pytest

        @pytest.fixture(scope="module")
        def greeted(russo_call):
            return russo_call

        def test_it(greeted):
            pass
        """
    )
    result = agent_project.run()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["ScopeMismatch: You tried to access the function scoped fixture russo_call*"]
    )


def test_workers_without_a_terminal_show_the_conversation(agent_project):
    agent_project.tests(SAY_ONCE.replace("The light is on.", "x"))
    result = agent_project.run("-n", "2", subprocess=True)
    result.assert_outcomes(failed=1)
    assert any("russo: the conversation" in line for line in result.outlines)


@pytest.mark.parametrize(
    "method", ["say('Hello', wait=False).turn()", "hear()", "pause(0.5)", "hang_up()", "dtmf('1')"]
)
def test_every_method_blocks_and_ends(agent_project, method):
    shop = agent_project.path / "shop.py"
    source = shop.read_text().replace(
        "    async def events",
        "    async def dtmf(self, digits):\n        Shop.pressed = digits\n\n    async def events",
    )
    shop.write_text(source)
    agent_project.tests(
        f"""
        from russo_agents import AgentSilentError

        def test_it(russo_call):
            try:
                russo_call.{method}
            except AgentSilentError:
                assert {method == "hear()"}
        """
    )
    agent_project.run("--russo-agent-timeout=0.3").assert_outcomes(passed=1)
