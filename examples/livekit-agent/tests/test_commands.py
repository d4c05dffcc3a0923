"""One spoken command, one tool call."""

import pytest

from russo_agents import tool_call


def test_turns_on_a_light(russo_call):
    turn = russo_call.say("Turn on the kitchen light.")
    assert turn.tool_calls == [tool_call("set_light", room="kitchen", on=True)]
    assert turn.reply == "The kitchen light is on."


@pytest.mark.parametrize(("words", "minutes"), [("thirteen", 13), ("thirty", 30)])
def test_thirteen_is_not_thirty(russo_call, words, minutes):
    turn = russo_call.say(f"Set a timer for {words} minutes.")
    assert turn.tool_calls == [tool_call("set_timer", minutes=minutes)]


def test_plays_jazz_in_any_room(russo_call):
    turn = russo_call.say("Play some jazz in the living room.")
    assert turn.called("play_music", genre="jazz")
    assert not turn.called("play_music", genre="rock")


def test_other_speech_calls_no_tool(russo_call):
    turn = russo_call.say("Thank you very much.")
    assert turn.heard == "thank you very much"
    assert turn.tool_calls == []
    assert turn.reply == "Sorry, I cannot do that."


def test_silence_calls_no_tool(russo_call):
    turn = russo_call.pause(3.0)
    assert turn.tool_calls == []
    assert turn.reply == ""


@pytest.mark.asyncio
async def test_an_async_test_opens_its_own_call(russo_async_call):
    async with russo_async_call() as call:
        turn = await call.say("Turn the bedroom light off.")
    assert turn.tool_calls == [tool_call("set_light", room="bedroom", on=False)]
