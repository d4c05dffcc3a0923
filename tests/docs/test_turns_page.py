"""The page that describes how a turn is judged has the numbers of the driver, and its picture has the states."""

import re
from pathlib import Path

import pytest

from russo_agents._call import call, connection, listener, microphone, turns, voice, waiting

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = " ".join((DOCS / "explanation" / "agents.md").read_text("utf-8").split())
PICTURE = (DOCS / "images" / "turn.svg").read_text("utf-8")
WORDS = re.sub(r"<[^>]+>", "", PICTURE)


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (call._QUIET_SECONDS, "the line has been quiet for {:g} s"),
        (listener.END_SECONDS, "after {:g} s without voice"),
        (listener._END_SECONDS_TALKED_OVER, "| after {:g} s |"),
        (listener.LONGEST_TURN_SECONDS, "| the reply of one turn | {:g} s of audio |"),
        (listener.LONGEST_TURN_SECONDS, "| sound that arrived and was not played yet | {:g} s |"),
        (listener._MOST_EVENTS, "| events of one turn | {:,} |"),
        (connection.CLOSE_SECONDS, "| closing the line | {:g} s |"),
        (1000 * microphone.LATE_SECONDS, "more than {:g} ms late"),
        (microphone._EAGER_SECONDS, "the {:g} s after the prompt"),
        (turns.CUT_WORDS_SECONDS, "or after {:g} s of audio"),
        (turns.CUT_WORDS_SECONDS, "up to {:g} s after it interrupted a reply"),
        (waiting._REST_SECONDS, "no answer begins within {:g} s of audio"),
        (voice._PAUSE_SECONDS, "A pause is {:g} s or longer"),
        (1000 * voice._WINDOW_SECONDS, "A window of {:g} ms is voiced"),
    ],
)
def test_page_has_the_number_of_the_driver(value, sentence):
    assert sentence.format(value) in PAGE


def test_picture_has_the_states_and_the_numbers_of_the_page():
    states = re.findall(
        r"^\| (\w+) \|", (DOCS / "explanation" / "agents.md").read_text("utf-8"), re.MULTILINE
    )
    named = ["waiting", "asked", "replying", "cut", "over"]
    assert [state for state in states if state in named] == named
    assert [state for state in named if not re.search(rf">{state}</text>", PICTURE)] == []
    for value, words in (
        (call._QUIET_SECONDS, "quiet for {:g} s"),
        (listener.END_SECONDS, "{:g} s of silence"),
        (turns.CUT_WORDS_SECONDS, "or {:g} s"),
        (listener.LONGEST_TURN_SECONDS, "a reply of {:g} s"),
    ):
        assert words.format(value) in WORDS
