"""Calls of several turns: earlier turns decide the meaning of later ones."""

import pytest

from russo_agents import tool_call


def test_later_turns_refer_to_earlier_ones(russo_call):
    turn = russo_call.say("Turn on the kitchen light.")
    assert turn.tool_calls == [tool_call("set_light", room="kitchen", on=True)]
    turn = russo_call.say("Make it warmer.")
    assert turn.tool_calls == [tool_call("set_temperature", room="kitchen", degrees=21)]
    turn = russo_call.say("Make it warmer.")
    assert turn.tool_calls == [tool_call("set_temperature", room="kitchen", degrees=22)]
    turn = russo_call.say("And the bedroom.")
    assert turn.tool_calls == [tool_call("set_temperature", room="bedroom", degrees=22)]
    turn = russo_call.say("Switch off the kitchen lights.")
    assert turn.tool_calls == [tool_call("set_light", room="kitchen", on=False)]
    turn = russo_call.say("Turn it on again.")
    assert turn.tool_calls == [tool_call("set_light", room="kitchen", on=True)]


def test_a_timer_is_cancelled_once(russo_call):
    assert russo_call.say("Set a timer for five minutes.").called("set_timer", minutes=5)
    assert russo_call.say("Cancel it.").called("cancel_timer", minutes=5)
    assert russo_call.say("Cancel the timer.").tool_calls == []


def test_the_word_it_has_no_meaning_in_the_first_turn(russo_call):
    for prompt in ("Turn it off again.", "Make it cooler."):
        turn = russo_call.say(prompt)
        assert turn.heard == prompt.lower().rstrip(".")
        assert turn.tool_calls == []


def test_what_was_not_understood_is_no_command(russo_call):
    turn = russo_call.say("Thank you very much.")
    assert turn.tool_calls == []
    assert turn.heard == ""


def test_a_silent_caller_gets_no_answer(russo_call):
    assert russo_call.pause(3).events == ()
    assert russo_call.say("Stop the music.").tool_calls == [tool_call("stop_music")]


@pytest.mark.asyncio
async def test_a_timer_is_cancelled_in_an_async_test(russo_async_call):
    async with russo_async_call() as call:
        assert (await call.say("Set a timer for five minutes.")).called("set_timer", minutes=5)
        assert (await call.say("Cancel it.")).called("cancel_timer", minutes=5)
