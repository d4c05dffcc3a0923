"""One spoken command, one tool call."""

import pytest

from russo import Audio
from voice_agent.tools import DimLight, PlayMusic, SetLight, SetTemperature, SetTimer, StopMusic


def test_turns_on_a_light(russo_say, ask):
    call = ask(russo_say("Turn on the kitchen light."))
    assert call == SetLight(room="kitchen", on=True)
    assert str(call) == 'set_light(room="kitchen", on=True)'


def test_another_word_order_means_the_same(russo_say, ask):
    assert ask(russo_say("Please switch the hallway lights off.")) == SetLight(room="hallway", on=False)


def test_dims_a_light(russo_say, ask):
    assert ask(russo_say("Dim the bedroom lights to thirty percent.")) == DimLight(room="bedroom", percent=30)


@pytest.mark.parametrize(
    ("words", "minutes"), [("one minute", 1), ("fifteen minutes", 15), ("fifty minutes", 50)]
)
def test_fifteen_is_not_fifty(russo_say, ask, words, minutes):
    assert ask(russo_say(f"Set a timer for {words}.")) == SetTimer(minutes)


@pytest.mark.russo("Play some jazz in the living room.")
def test_plays_music(russo_audio, ask):
    assert ask(russo_audio) == PlayMusic(room="living room", genre="jazz")


@pytest.mark.russo("Stop the music.")
def test_stops_the_music(russo_audio, ask):
    assert ask(russo_audio) == StopMusic()


@pytest.mark.asyncio
async def test_sets_a_temperature(russo_synthesizer, ask):
    audio = await russo_synthesizer.synthesize("Set the bedroom to twenty one degrees.")
    assert ask(audio) == SetTemperature(room="bedroom", degrees=21)


@pytest.mark.parametrize(
    "prompt",
    [
        "I would like to book a flight from Berlin to Rome.",
        "Set an alarm for seven in the morning.",
        "Turn on the television.",
        "Thank you very much.",
    ],
)
def test_other_speech_calls_no_tool(russo_say, ask, prompt):
    assert ask(russo_say(prompt)) is None


def test_silence_calls_no_tool(ask):
    assert ask(Audio(bytes(48_000), format="pcm")) is None
