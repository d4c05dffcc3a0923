"""Which turn each event belongs to."""

import pytest

from russo_agents import Heard, Interrupted, Said, Sound, ToolCall, ToolCalled, TurnEnded
from russo_agents._call.turns import Conversation, OpenTurn
from russo_agents._call.voice import Stretch

SOUND = Sound(bytes(640), 16000)
TOOL = ToolCalled(ToolCall("f"))


class Talk:
    """A conversation with a clock that the test moves."""

    def __init__(self):
        self.conversation = Conversation()
        self.first = self.conversation.current

    def ask(self, prompt, *voiced):
        turn = OpenTurn(prompt, voiced=[Stretch(*part) for part in voiced])
        self.conversation.begin(turn)
        return turn

    def hear(self, at, event, unplayed=0.0):
        voice = {"is_voiced": True, "sounds_until": at + SOUND.seconds} if event is SOUND else {}
        return self.conversation.note(at, event, unplayed=unplayed, **voice)


@pytest.fixture
def talk():
    return Talk()


def test_answer_belongs_to_the_question(talk):
    turn = talk.ask("one", (1.0, 2.0))
    for at, event in ((2.3, Heard("one")), (2.5, TOOL), (3.0, SOUND), (3.1, Said("yes")), (4.0, TurnEnded())):
        assert not turn.is_ended
        assert talk.hear(at, event) is turn
    assert turn.is_ended
    assert turn.has_answer


@pytest.mark.parametrize(
    "event", [Heard("x"), Said("x"), SOUND, TOOL, TurnEnded()], ids=lambda e: type(e).__name__
)
def test_event_before_the_first_voiced_sample_belongs_to_the_turn_before(talk, event):
    first = talk.ask("one", (1.0, 2.0))
    talk.hear(2.5, Said("yes"))
    talk.hear(2.6, TurnEnded())
    second = talk.ask("two", (5.3, 6.0))
    assert talk.hear(5.2, event) is first
    assert talk.hear(6.5, Said("answer")) is second


@pytest.mark.parametrize("event", [Heard("x"), Said("x"), TurnEnded()], ids=lambda e: type(e).__name__)
def test_words_and_ends_during_unbroken_voice_belong_to_the_turn_before(talk, event):
    first = talk.ask("one", (1.0, 2.0))
    talk.hear(2.6, TurnEnded())
    second = talk.ask("two", (5.0, 6.0))
    assert talk.hear(5.5, event) is first
    assert not second.is_ended
    assert not second.has_answer


@pytest.mark.parametrize("event", [SOUND, TOOL], ids=lambda e: type(e).__name__)
def test_sound_and_tools_during_the_voice_belong_to_the_prompt(talk, event):
    talk.ask("one", (1.0, 2.0))
    talk.hear(2.6, TurnEnded())
    second = talk.ask("two", (5.0, 6.0))
    assert talk.hear(5.5, event) is second


def test_answer_in_a_pause_of_the_prompt_counts(talk):
    talk.ask("one", (1.0, 2.0))
    talk.hear(2.6, TurnEnded())
    second = talk.ask("two", (5.0, 6.0), (6.5, 7.0))
    assert talk.hear(6.2, Heard("tw")) is second
    assert talk.hear(6.3, TOOL) is second
    assert talk.hear(6.4, TurnEnded()) is second
    assert second.has_early_end
    assert not second.is_ended  # the rest of the prompt is still to be answered
    assert talk.hear(7.5, Said("two")) is second
    assert talk.hear(7.6, TurnEnded()) is second
    assert second.is_ended


def test_late_words_begin_no_reply(talk):
    talk.ask("one", (1.0, 2.0))
    talk.hear(2.6, TurnEnded())
    second = talk.ask("two", (5.0, 6.0))
    talk.hear(5.5, Said("late"))
    assert talk.conversation.replying is None
    talk.hear(6.5, SOUND)
    talk.hear(7.0, TurnEnded())
    assert second.is_ended


def interrupted(talk, unplayed=1.0):
    """Begin a reply and talk over it."""
    first = talk.ask("one", (1.0, 2.0))
    talk.hear(2.5, SOUND)
    second = talk.ask("stop", (3.5, 4.0))
    talk.hear(3.8, Interrupted(), unplayed=unplayed)
    return first, second


def test_interruption_is_of_the_prompt_that_stopped_the_reply(talk):
    first, second = interrupted(talk)
    assert second.stopped_after == pytest.approx(0.3)
    assert first.stopped_after is None
    assert first.cut_at == 3.8


def test_interruption_may_say_that_the_agent_fell_silent_before(talk):
    talk.ask("one", (1.0, 2.0))
    talk.hear(2.5, SOUND)
    second = talk.ask("stop", (3.5, 4.0))
    talk.hear(5.0, Interrupted(at=4.1), unplayed=1.0)
    assert second.stopped_after == pytest.approx(0.6)


def test_agent_that_paused_before_the_prompt_was_stopped_at_once(talk):
    talk.ask("one", (1.0, 2.0))
    talk.hear(2.5, SOUND)
    second = talk.ask("stop", (3.5, 4.0))
    talk.hear(3.8, Interrupted(at=3.2), unplayed=1.0)
    assert second.stopped_after == 0.0


def test_first_interruption_counts(talk):
    _, second = interrupted(talk)
    talk.hear(3.85, SOUND)
    talk.hear(3.95, Interrupted(), unplayed=1.0)
    assert second.stopped_after == pytest.approx(0.3)


def test_greeting_that_was_cut_before_the_prompt_does_not_claim_an_end(talk):
    talk.conversation.note(0.5, SOUND, is_voiced=True, sounds_until=9.0)
    talk.hear(0.8, Interrupted(), unplayed=8.2)
    turn = talk.ask("one", (1.0, 2.0))
    assert talk.hear(2.5, TurnEnded()) is turn
    assert turn.is_ended


def test_agent_cannot_fall_silent_after_it_says_so(talk):
    talk.ask("one", (1.0, 2.0))
    talk.hear(2.5, SOUND)
    second = talk.ask("stop", (3.5, 4.0))
    talk.hear(3.8, Interrupted(at=9.0), unplayed=1.0)
    assert second.stopped_after == pytest.approx(0.3)


def test_interruption_without_unplayed_sound_stopped_nothing(talk):
    _, second = interrupted(talk, unplayed=0.0)
    assert second.stopped_after is None


def test_end_after_an_interruption_closes_the_reply_that_was_cut(talk):
    first, second = interrupted(talk)
    assert talk.hear(3.85, Said("I was say")) is first
    assert talk.hear(3.9, TurnEnded()) is first
    assert first.is_ended
    assert not second.is_ended
    assert talk.hear(4.5, Said("stopped")) is second
    talk.hear(4.6, TurnEnded())
    assert second.is_ended


@pytest.mark.parametrize("begins", [Heard("stop"), SOUND, TOOL], ids=lambda e: type(e).__name__)
def test_interruption_without_an_end_does_not_claim_the_next_end(talk, begins):
    first, second = interrupted(talk)
    assert talk.hear(4.3, begins) is second
    assert first.is_ended
    talk.hear(4.4, Said("stopped"))
    assert talk.hear(4.6, TurnEnded()) is second
    assert second.is_ended


def test_first_end_after_talking_over_closes_the_old_reply(talk):
    first = talk.ask("one", (1.0, 2.0))
    talk.hear(2.5, SOUND)
    second = talk.ask("stop", (3.5, 4.0))
    assert talk.hear(4.2, Heard("stop")) is second
    assert talk.hear(4.5, SOUND) is first  # the agent speaks on
    assert talk.hear(4.6, Said("the whole reply")) is first
    assert talk.hear(4.7, TurnEnded()) is first
    assert (first.is_ended, second.is_ended) == (True, False)
    assert talk.hear(5.0, SOUND) is second
    talk.hear(5.5, TurnEnded())
    assert second.is_ended
    assert second.stopped_after is None


def test_tool_of_the_new_prompt_is_not_part_of_a_reply_that_goes_on(talk):
    first = talk.ask("one", (1.0, 2.0))
    talk.hear(2.5, SOUND)
    second = talk.ask("stop", (3.5, 4.0))
    assert talk.hear(3.7, TOOL) is first
    assert talk.hear(4.3, TOOL) is second
    assert talk.hear(4.5, TurnEnded()) is first
    assert not second.is_ended


def test_answer_in_a_pause_that_the_rest_of_the_prompt_cuts(talk):
    turn = talk.ask("one", (1.0, 2.0), (3.0, 4.0))
    talk.hear(2.4, SOUND)
    turn.reply_began = 2.4
    assert talk.hear(3.2, Interrupted(), unplayed=2.0) is turn
    assert turn.stopped_after == pytest.approx(2.2)
    assert turn.reply_began is None  # the latency is that of the second answer
    talk.hear(3.3, TurnEnded())
    assert not turn.is_ended
    assert not turn.has_early_end  # the agent has heard the rest, so it answers the rest
    talk.hear(4.5, SOUND)
    talk.hear(5.0, TurnEnded())
    assert turn.is_ended


def test_agent_that_stops_by_itself_was_not_interrupted(talk):
    turn = talk.ask("one", (1.0, 2.0))
    talk.hear(2.5, SOUND)
    turn.reply_began = 2.5
    talk.hear(3.0, Interrupted(), unplayed=1.0)
    assert turn.stopped_after is None


def test_interruption_discards_what_was_not_played(talk):
    turn = talk.ask("one", (1.0, 2.0))
    for _ in range(50):
        talk.hear(2.5, SOUND)  # 0.02 s each
    talk.ask("stop", (3.0, 3.5))
    talk.hear(3.2, Interrupted(), unplayed=0.71)
    assert sum(sound.seconds for sound in turn.sounds) == pytest.approx(0.29)
    assert len(turn.events) == 50


def test_silent_sound_is_no_answer_and_is_not_kept(talk):
    turn = talk.ask("one", (1.0, 2.0))
    silent = Sound(bytes(320), 16000)
    assert talk.hear(2.5, silent) is turn
    assert not turn.has_answer
    assert talk.conversation.replying is None
    assert turn.events == turn.sounds == []


def test_silence_within_a_reply_is_kept(talk):
    turn = talk.ask("one", (1.0, 2.0))
    silent = Sound(bytes(320), 16000)
    for event in (SOUND, silent, SOUND):
        talk.hear(2.5, event)
    assert turn.sounds == [SOUND, silent, SOUND]


def test_unknown_events_are_kept_and_change_nothing(talk):
    turn = talk.ask("one", (1.0, 2.0))
    assert talk.hear(2.5, "my own event") is turn
    assert turn.events == ["my own event"]
    assert not turn.has_answer


def test_unknown_event_within_a_reply_that_goes_on_belongs_to_the_reply(talk):
    first = talk.ask("one", (1.0, 2.0))
    talk.hear(2.5, SOUND)
    talk.ask("stop", (3.5, 4.0))
    assert talk.hear(4.2, "my own event") is first


def test_end_without_an_answer_ends_the_turn(talk):
    turn = talk.ask("one", (1.0, 2.0))
    assert talk.hear(2.5, TurnEnded()) is turn
    assert turn.is_ended
    assert not turn.has_answer


def test_words_of_its_own_accord_belong_to_no_prompt(talk):
    turn = talk.ask("one", (1.0, 2.0))
    talk.hear(2.5, TurnEnded())
    talk.conversation.start_over()
    own = talk.hear(3.0, Said("anything else?"))
    assert own is not turn
    assert own.prompt is None


def test_end_that_is_reported_twice_is_not_a_turn(talk):
    talk.ask("one", (1.0, 2.0))
    talk.hear(2.5, TurnEnded())
    talk.conversation.start_over()
    talk.hear(2.6, TurnEnded())
    assert not talk.conversation.current.is_ended
    talk.hear(3.0, Said("anything else?"))
    talk.hear(3.1, TurnEnded())
    assert talk.conversation.current.is_ended


def test_silent_prompt_gets_events_at_once(talk):
    turn = talk.ask("silence")
    assert talk.hear(1.0, Said("are you there?")) is turn


def test_end_in_a_pause_without_an_answer_is_late(talk):
    talk.ask("one", (1.0, 2.0))
    talk.hear(2.6, TurnEnded())
    second = talk.ask("two", (5.0, 6.0), (6.5, 7.0))
    talk.hear(6.2, TurnEnded())
    assert not second.is_ended
    assert not second.has_early_end


def test_reply_in_a_pause_that_ends_during_the_rest_is_an_early_end(talk):
    turn = talk.ask("one", (1.0, 2.0), (2.5, 3.0))
    talk.hear(2.2, SOUND)
    talk.hear(2.7, TurnEnded())
    assert turn.has_early_end
    assert not turn.is_ended


# -- late events


def test_words_after_the_end_do_not_open_the_turn_again(talk):
    turn = talk.ask("one", (1.0, 2.0))
    talk.hear(2.5, SOUND)
    talk.hear(2.6, TurnEnded())
    assert talk.hear(2.7, Said("yes")) is turn
    assert turn.is_ended


LATE = pytest.mark.parametrize("late", [Said("late"), TOOL, SOUND], ids=lambda event: type(event).__name__)


@LATE
@pytest.mark.parametrize("has_result", [False, True], ids=["pending", "returned"])
@pytest.mark.parametrize("answer", [SOUND, TOOL, Said("two")], ids=lambda event: type(event).__name__)
def test_late_event_does_not_claim_the_next_answer(talk, late, has_result, answer):
    first = talk.ask("one", (1.0, 2.0))
    talk.hear(2.6, TurnEnded())
    if has_result:
        talk.conversation.start_over()
    assert (talk.hear(2.8, late) is first) == (not has_result)
    second = talk.ask("two", (5.0, 6.0))
    assert talk.hear(6.5, answer) is second
    assert talk.hear(6.7, TurnEnded()) is second
    assert second.is_ended


@LATE
def test_late_event_does_not_claim_an_answer_in_a_pause(talk, late):
    talk.hear(0.5, late)
    turn = talk.ask("one", (1.0, 2.0), (2.5, 3.0))
    assert talk.hear(2.2, Said("o")) is turn


@LATE
def test_late_event_does_not_claim_the_end_of_an_empty_turn(talk, late):
    talk.hear(0.5, late)
    turn = talk.ask("one", (1.0, 2.0))
    assert talk.hear(2.5, TurnEnded()) is turn
    assert turn.is_ended


@LATE
def test_late_event_and_its_end_are_not_the_next_turn(talk, late):
    own = talk.conversation.current
    talk.hear(0.5, late)
    turn = talk.ask("one", (1.0, 2.0))
    assert talk.hear(1.5, Said("more")) is own
    assert talk.hear(1.6, TurnEnded()) is own
    assert not turn.is_ended


def test_greeting_that_still_plays_keeps_its_end(talk):
    greeting = talk.conversation.current
    talk.hear(0.9, SOUND)
    talk.conversation.note(0.95, SOUND, is_voiced=True, sounds_until=5.0)
    turn = talk.ask("one", (1.0, 2.0))
    assert talk.hear(2.5, SOUND) is greeting
    assert talk.hear(2.6, TurnEnded()) is greeting
    assert not turn.is_ended


@pytest.mark.parametrize("late", [SOUND, TOOL], ids=lambda event: type(event).__name__)
@pytest.mark.parametrize("has_end", [False, True])
def test_event_right_after_an_interruption_belongs_to_the_reply_that_was_cut(talk, late, has_end):
    first, second = interrupted(talk)
    if has_end:
        talk.hear(3.82, TurnEnded())
    assert talk.hear(3.85, late) is first
    if not has_end:
        assert talk.hear(3.9, TurnEnded()) is first
    assert not second.is_ended
    assert not second.has_answer
    assert talk.hear(4.5, SOUND) is second


def test_sound_long_after_an_interruption_belongs_to_the_prompt(talk):
    first = talk.ask("one", (1.0, 2.0))
    talk.hear(2.5, SOUND)
    second = talk.ask("stop", (3.5, 9.0))
    talk.hear(3.8, Interrupted(), unplayed=1.0)
    talk.hear(3.9, TurnEnded())
    assert talk.hear(4.7, SOUND) is first
    assert talk.hear(4.9, SOUND) is second


def test_words_long_after_an_interruption_belong_to_the_prompt(talk):
    first, second = interrupted(talk)
    assert talk.hear(4.7, Said("I was say")) is first
    assert talk.hear(4.9, Said("stopped")) is second
    assert talk.hear(5.0, TurnEnded()) is second
    assert (first.is_ended, second.is_ended) == (True, True)


def test_agent_that_stops_by_itself_ends_its_turn(talk):
    turn = talk.ask("one", (1.0, 2.0))
    talk.hear(2.5, SOUND)
    turn.reply_began = 2.5
    talk.hear(3.0, Interrupted(), unplayed=1.0)
    talk.hear(3.1, TurnEnded())
    assert turn.is_ended
    assert turn.reply_began == 2.5
    assert turn.stopped_after is None


# -- prompts that are not said to their end


def test_prompt_that_was_dropped_gets_no_events(talk):
    turn = talk.ask("one", (1.0, 9.0))
    talk.hear(1.5, Heard("o"))
    talk.conversation.drop(turn, 2.0)
    assert turn.voiced == [Stretch(1.0, 2.0)]
    own = talk.hear(2.5, Said("yes?"))
    assert own is not turn
    assert own.prompt is None
    assert talk.hear(2.6, TurnEnded()) is own
    assert own.is_ended


def test_prompt_that_was_dropped_before_its_voice_is_forgotten(talk):
    own = talk.conversation.current
    turn = talk.ask("one", (1.0, 9.0))
    talk.conversation.drop(turn, 0.5)
    assert turn.voiced == []
    assert talk.hear(2.0, Said("hello")) is own
