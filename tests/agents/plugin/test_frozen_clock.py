"""A plain test that freezes or replaces the clock: its call runs in russo's own event loop, and ends."""

import pytest

HOWS = {
    "freezegun": 'freezegun.freeze_time("2026-01-01")',
    "time-machine": 'time_machine.travel("2026-01-01", tick=False)',
    "mock": 'unittest.mock.patch("time.monotonic", lambda: 1.0)',
}


@pytest.mark.parametrize("pace", [0, 1])
@pytest.mark.parametrize("how", HOWS.values(), ids=HOWS)
def test_call_in_a_frozen_test_ends(agent_project, how, pace):
    for name in ("freezegun", "time_machine"):
        pytest.importorskip(name)
    agent_project.tests(
        f"""
        import unittest.mock
        import freezegun, time_machine

        def test_it(russo_call):
            with {how}:
                assert russo_call.say("Hello").reply == "The light is on."

        def test_after_it(russo_call):
            assert russo_call.say("Hello").reply == "The light is on."
        """
    )
    agent_project.run(f"--russo-pace={pace}", "--russo-agent-timeout=20").assert_outcomes(passed=2)
