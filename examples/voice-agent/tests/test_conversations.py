"""Several turns: earlier turns decide the meaning of later ones."""

from voice_agent.tools import CancelTimer, SetLight, SetTemperature, SetTimer


def test_later_turns_refer_to_earlier_ones(russo_say, ask):
    assert ask(russo_say("Turn on the kitchen light.")) == SetLight(room="kitchen", on=True)
    assert ask(russo_say("Make it warmer.")) == SetTemperature(room="kitchen", degrees=21)
    assert ask(russo_say("Make it warmer.")) == SetTemperature(room="kitchen", degrees=22)
    assert ask(russo_say("And the bedroom.")) == SetTemperature(room="bedroom", degrees=22)
    assert ask(russo_say("Switch off the kitchen lights.")) == SetLight(room="kitchen", on=False)
    assert ask(russo_say("Turn it on again.")) == SetLight(room="kitchen", on=True)


def test_a_timer_is_cancelled_once(russo_say, ask):
    assert ask(russo_say("Set a timer for five minutes.")) == SetTimer(minutes=5)
    assert ask(russo_say("Cancel it.")) == CancelTimer(minutes=5)
    assert ask(russo_say("Cancel the timer.")) is None


def test_the_word_it_has_no_meaning_in_the_first_turn(russo_say, ask):
    assert ask(russo_say("Turn it off again.")) is None
    assert ask(russo_say("Make it cooler.")) is None
