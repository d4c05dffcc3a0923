"""`FunctionAgent` by hand, without the driver: utterances, answers, interruption, errors, closing."""

import asyncio
import contextvars
import enum
import functools
import logging
import threading

import pytest

from russo import Audio
from russo_agents import (
    AgentConfigError,
    FunctionAgent,
    Heard,
    Interrupted,
    Said,
    Sound,
    ToolCall,
    ToolCalled,
    TurnEnded,
    tool_call,
)
from support.agents.microphone import microphone, silence, tone


def run(coroutine):
    """Run a coroutine; fail if it takes 20 s or leaves a task or a thread of the agent."""

    async def bounded():
        async with asyncio.timeout(20):
            await coroutine
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(bounded())
    assert [each for each in threading.enumerate() if each.name == "FunctionAgent"] == []


def answer_of(answer):
    """Return the events that come if the function returns an answer, without the end of the turn."""
    found = []

    async def once():
        async with microphone(FunctionAgent(lambda audio: answer)) as mic:
            await mic.send(tone(0.2))
            await mic.until(TurnEnded)
            *events, end = mic.events
            assert end == TurnEnded()
            found.extend(events)

    run(once())
    return found


def utterances_of(*pieces, rate=16_000):
    """Return the utterances that a function gets, and for each the second of audio at which it came."""
    found = []

    async def hear(audio):
        found.append((audio, mics[0].clock.now()))

    mics = []

    async def listen():
        async with microphone(FunctionAgent(hear, rate)) as mic:
            mics.append(mic)
            for piece in pieces:
                await mic.send(piece)

    run(listen())
    return found


# -- utterances


def test_utterance_is_the_speech_with_a_little_silence_around_it():
    ((audio, at),) = utterances_of(silence(90), tone(1.0), silence(2))
    assert audio.duration == pytest.approx(0.3 + 1.0 + 0.3)
    assert audio.pcm() == silence(0.3) + tone(1.0) + silence(0.3)
    assert at == pytest.approx(91.5, abs=0.021)


def test_utterance_is_a_mono_wav_of_the_rate():
    ((audio, _),) = utterances_of(tone(0.4, 8000), silence(1, 8000), rate=8000)
    assert (audio.format, audio.sample_rate, audio.channels, audio.sample_width) == ("wav", 8000, 1, 2)
    assert audio.data.startswith(b"RIFF")


def test_pause_below_half_a_second_does_not_end_an_utterance():
    ((audio, _),) = utterances_of(tone(0.3), silence(0.46), tone(0.3), silence(1))
    assert audio.duration == pytest.approx(0.3 + 0.46 + 0.3 + 0.3)


def test_longer_pause_makes_two_utterances_that_share_no_speech():
    (first, _), (second, _) = utterances_of(tone(0.2), silence(0.5), tone(0.4), silence(1))
    assert first.pcm() == tone(0.2) + silence(0.3)
    assert second.pcm() == silence(0.3) + tone(0.4) + silence(0.3)


@pytest.mark.parametrize(
    "sound",
    [
        pytest.param(silence(120), id="silence"),
        pytest.param(tone(20, level=100), id="quiet noise"),
        pytest.param((tone(0.02) + silence(0.98)) * 20, id="clicks"),
    ],
)
def test_silence_quiet_noise_and_clicks_are_no_utterance(sound):
    assert utterances_of(sound, silence(1)) == []


def test_quiet_speech_above_the_noise_is_an_utterance():
    assert len(utterances_of(tone(0.5, level=200), silence(1))) == 1


def test_click_does_not_lengthen_the_next_utterance():
    ((audio, _),) = utterances_of(tone(0.02), silence(2), tone(0.5), silence(1))
    assert audio.pcm() == silence(0.3) + tone(0.5) + silence(0.3)


def test_speech_without_a_pause_ends_after_a_minute_and_is_logged(caplog):
    (first, at), (rest, _) = utterances_of(tone(61), silence(1))
    assert (first.duration, at) == pytest.approx((60.0, 60.0), abs=0.021)
    assert first.pcm() + rest.pcm() == tone(61) + silence(0.3)
    assert caplog.messages == ["an utterance was ended after 60 s without a pause"]


# -- what a function may return


class Reply(str, enum.Enum):  # noqa: UP042 - str() of its members is not their text
    YES = "Yes."


@pytest.mark.parametrize(
    ("answer", "events"),
    [
        (None, []),
        ("", []),
        ([], []),
        ([None, "", Audio(b"", "pcm")], []),
        ("The light is on.", [Said("The light is on.")]),
        (Reply.YES, [Said("Yes.")]),
        (tool_call("stop"), [ToolCalled(tool_call("stop"))]),
        (Heard("stop"), [Heard("stop")]),
        (
            [Heard("stop"), ToolCall("stop", {}, 7), "Stopped.", ToolCalled(tool_call("log"))],
            [Heard("stop"), ToolCalled(tool_call("stop")), Said("Stopped."), ToolCalled(tool_call("log"))],
        ),
        (("One.", "Two."), [Said("One."), Said("Two.")]),
        (Audio(tone(0.1, 8000), "pcm", 8000), [Sound(tone(0.1, 8000), 8000)]),
        (Sound(tone(0.1), 16_000), [Sound(tone(0.1), 16_000)]),
    ],
)
def test_answer_becomes_events(answer, events):
    assert answer_of(answer) == events


def test_answer_keeps_its_types_and_its_result():
    (called,) = answer_of(ToolCall("stop", {}, 7))
    assert called.call.result == 7
    (said,) = answer_of(Reply.YES)
    assert type(said.text) is str


def test_wav_of_8_bit_becomes_16_bit_sound():
    assert answer_of(Audio(b"\x80\x00", "pcm", 8000, 1, 1)) == [Sound(b"\x00\x00\x00\x80", 8000)]


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (
            7,
            "returned 7 (int); expected None, a str, a ToolCall, an Audio, an event of russo_agents, or a list",
        ),
        ({"name": "stop"}, "returned {'name': 'stop'} (dict); expected"),
        ([["Nested."]], "returned ['Nested.'] (list); expected"),
        (b"bytes", "returned b'bytes' (bytes); expected"),
        (ToolCall, "returned <class 'russo_agents._events.ToolCall'> (type); expected"),
        (["Said.", TurnEnded()], "returned TurnEnded(); remove it: the adapter reports this event"),
        (Interrupted(), "returned Interrupted(); remove it: the adapter reports this event"),
        ((text for text in ["a"]), "(generator); expected"),
        (Audio(bytes(8), "pcm", channels=2), "returned audio with 2 channels; expected 1"),
        (Audio(b"ID3", "mp3"), "mp3 is a compressed format: its samples need a decoder"),
    ],
)
def test_other_answer_is_an_error_and_nothing_of_it_is_reported(answer, says):
    async def once():
        async with microphone(FunctionAgent(functools.partial(unusual_answer, answer))) as mic:
            await mic.send(tone(0.2) + silence(1))
            error = await mic.end()
            assert isinstance(error, TypeError | ValueError)
            assert says in str(error)
            assert str(error).startswith(("unusual_answer() returned ", "mp3 is "))
            assert mic.events == []

    run(once())


def unusual_answer(answer, audio):
    return ["First.", *answer] if isinstance(answer, list) else answer


# -- plain and async functions


class Async:
    async def __call__(self, audio):
        return "async"

    async def method(self, audio):
        return "async"


async def plain_async(audio):
    return "async"


@pytest.mark.parametrize(
    "hear",
    [
        plain_async,
        Async(),
        Async().method,
        functools.partial(plain_async),
        lambda audio: plain_async(audio),  # noqa: PLW0108 - the adapter sees a plain function
    ],
)
def test_async_functions_of_all_kinds_are_awaited(hear):
    async def once():
        async with microphone(FunctionAgent(hear)) as mic:
            await mic.send(tone(0.2))
            await mic.until(TurnEnded)
            assert mic.events == [Said("async"), TurnEnded()]

    run(once())


def test_async_function_runs_in_the_loop_of_the_call_and_a_plain_one_does_not():
    async def once():
        home = threading.current_thread()

        async def in_loop(audio):
            assert threading.current_thread() is home
            return "in the loop"

        def in_thread(audio):
            assert threading.current_thread() is not home
            return "in a thread"

        for hear, said in ((in_loop, "in the loop"), (in_thread, "in a thread")):
            async with microphone(FunctionAgent(hear)) as mic:
                await mic.send(tone(0.2))
                await mic.until(TurnEnded)
                assert mic.events[0] == Said(said)

    run(once())


def test_plain_function_keeps_its_thread_and_sees_the_context():
    threads, variable = [], contextvars.ContextVar("variable")

    def hear(audio):
        threads.append(threading.current_thread())
        return variable.get()

    async def twice():
        variable.set("of the caller")
        async with microphone(FunctionAgent(hear)) as mic:
            for count in (1, 2):
                await mic.send(tone(0.2))
                await mic.until(TurnEnded, count)
            assert mic.events == [Said("of the caller"), TurnEnded()] * 2

    run(twice())
    assert threads[0] is threads[1]


def test_blocking_function_does_not_block_the_microphone_and_utterances_wait():
    begun, go = threading.Semaphore(0), threading.Semaphore(0)

    def hear(audio):
        begun.release()
        assert go.acquire(timeout=10)
        return f"{audio.duration:.1f}"

    async def talk():
        async with microphone(FunctionAgent(hear)) as mic:
            await mic.send(tone(0.2) + silence(1) + tone(0.4) + silence(1) + tone(0.8) + silence(10))
            assert mic.events == []
            assert begun.acquire(timeout=10)
            assert not begun.acquire(blocking=False)
            for count in (1, 2, 3):
                go.release()
                await mic.until(TurnEnded, count)
            assert [event.text for event in mic.events if isinstance(event, Said)] == ["0.5", "1.0", "1.4"]

    run(talk())


# -- sound that plays


def test_turn_ends_when_the_sound_has_been_played():
    async def once():
        async with microphone(FunctionAgent(lambda audio: Audio(tone(2), "pcm", 16_000))) as mic:
            await mic.send(tone(0.2))
            await mic.until(TurnEnded)
            (_, started), (_, ended) = mic.got
            assert ended - started == pytest.approx(2, abs=0.041)

    run(once())


def test_speech_over_the_sound_stops_it_and_the_rest_of_the_reply():
    reply = ["One.", Sound(tone(2), 16_000), "Two.", Sound(tone(2), 16_000), tool_call("log")]
    answers = iter([reply, "Stopped."])

    async def interrupt():
        async with microphone(FunctionAgent(lambda audio: next(answers))) as mic:
            await mic.send(tone(0.2))
            await mic.until(Sound)
            await mic.send(silence(1))
            began = mic.clock.now()
            await mic.send(tone(0.5))
            await mic.until(TurnEnded, 2)
            assert mic.events == [
                Said("One."),
                Sound(tone(2), 16_000),
                Interrupted(),
                ToolCalled(tool_call("log")),
                TurnEnded(),
                Said("Stopped."),
                TurnEnded(),
            ]
            assert mic.got[2][1] - began == pytest.approx(0.06, abs=0.021)

    run(interrupt())


def test_click_or_silence_does_not_stop_the_sound():
    async def click():
        async with microphone(FunctionAgent(lambda audio: Audio(tone(1), "pcm", 16_000))) as mic:
            await mic.send(tone(0.2))
            await mic.until(Sound)
            await mic.send(tone(0.02))
            await mic.until(TurnEnded)
            assert Interrupted() not in mic.events

    run(click())


def test_words_without_sound_are_not_interrupted():
    async def talk():
        async with microphone(FunctionAgent(lambda audio: "Words.")) as mic:
            for count in (1, 2):
                await mic.send(tone(0.2))
                await mic.until(TurnEnded, count)
            assert Interrupted() not in mic.events

    run(talk())


# -- errors


class Stop(BaseException):
    pass


@pytest.mark.parametrize("kind", ["plain", "async"])
@pytest.mark.parametrize(
    ("raised", "error", "message"),
    [
        (KeyError("room"), KeyError, "'room'"),
        (AssertionError("wrong"), AssertionError, "wrong"),
        (StopIteration(), RuntimeError, "StopIteration"),
        (SystemExit(3), RuntimeError, "raised SystemExit: 3"),
        (Stop("now"), RuntimeError, "raised Stop: now"),
        (asyncio.CancelledError("lost"), RuntimeError, "raised CancelledError: lost"),
    ],
)
def test_events_raise_what_the_function_raises(raised, error, message, kind):
    def hear(audio):
        raise raised

    async def hear_async(audio):
        return hear(audio)

    async def once():
        async with microphone(FunctionAgent(hear if kind == "plain" else hear_async)) as mic:
            await mic.send(tone(0.2) + silence(1))
            found = await mic.end()
            assert type(found) is error
            assert message in str(found)
            assert found is raised or raised in (
                found.__cause__,
                found.__cause__ and found.__cause__.__cause__,
            )

    run(once())


@pytest.mark.parametrize(
    ("hear", "says"),
    [
        (None, "it got None"),
        ("hear", "it got 'hear'"),
        (lambda: None, "<lambda>() takes ()"),
        (lambda audio, rate: None, "<lambda>() takes (audio, rate)"),
        (lambda *, audio: None, "<lambda>() takes (*, audio)"),
    ],
)
def test_function_that_cannot_take_an_utterance_is_refused_at_once(hear, says):
    with pytest.raises(AgentConfigError) as raised:
        FunctionAgent(hear)
    assert str(raised.value).startswith(
        "FunctionAgent expects a function that takes one utterance and returns"
    )
    assert says in str(raised.value)


def test_generators_are_refused_at_once():
    def plain(audio):
        yield "One."

    async def with_await(audio):
        yield "One."

    for hear in (plain, with_await):
        with pytest.raises(AgentConfigError, match=r"is a generator: return a list instead$"):
            FunctionAgent(hear)


@pytest.mark.parametrize("rate", [0, -50, 11_025, 16_000.0, "16000", True, None])
def test_rate_without_whole_frames_is_refused_at_once(rate):
    with pytest.raises(
        AgentConfigError, match=r"sample_rate is .*; it must be an integer in Hz that divides"
    ):
        FunctionAgent(lambda audio: None, rate)


# -- closing


def test_unused_line_starts_no_thread():
    async def once():
        async with microphone(FunctionAgent(lambda audio: None)) as mic:
            await mic.send(silence(1))
            assert [each for each in threading.enumerate() if each.name == "FunctionAgent"] == []
        assert await mic.end() is None

    run(once())


def test_async_function_is_cancelled_at_close():
    cancelled = []

    async def hear(audio):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(audio)
            raise

    async def once():
        async with microphone(FunctionAgent(hear)) as mic:
            await mic.send(tone(0.2) + silence(1))
        assert await mic.end() is None

    run(once())
    assert len(cancelled) == 1


def test_closing_while_sound_plays_leaves_nothing():
    async def once():
        async with microphone(FunctionAgent(lambda audio: Audio(tone(9), "pcm", 16_000))) as mic:
            await mic.send(tone(0.2))
            await mic.until(Sound)

    run(once())


def test_blocked_function_is_left_after_a_limited_time_and_is_logged(caplog, monkeypatch):
    monkeypatch.setattr("russo_agents._adapters.function.agent._CLOSE_SECONDS", 0.1)
    begun, go = threading.Event(), threading.Event()

    def blocked(audio):
        begun.set()
        go.wait(20)

    async def once():
        async with microphone(FunctionAgent(blocked)) as mic:
            await mic.send(tone(0.2) + silence(1))
            assert await asyncio.to_thread(begun.wait, 10)
        assert await mic.end() is None
        (thread,) = [each for each in threading.enumerate() if each.name == "FunctionAgent"]
        assert thread.daemon
        go.set()
        thread.join(10)

    with caplog.at_level(logging.WARNING):
        run(once())
    (message,) = caplog.messages
    assert message.endswith(
        "blocked() still runs 0.1 s after the call was closed; it is left running, and its answer is ignored"
    )


def test_async_function_that_ignores_the_end_is_logged(caplog, monkeypatch):
    monkeypatch.setattr("russo_agents._adapters.function.agent._CLOSE_SECONDS", 0.1)
    go = []

    async def stubborn(audio):
        go.append(asyncio.Event())
        while not go[0].is_set():
            try:
                await go[0].wait()
            except asyncio.CancelledError:
                continue

    async def once():
        async with microphone(FunctionAgent(stubborn)) as mic:
            await mic.send(tone(0.2) + silence(1))
        go[0].set()
        await asyncio.wait(asyncio.all_tasks() - {asyncio.current_task()})

    run(once())
    assert "stubborn() still runs 0.1 s after the call was closed" in caplog.text


def test_function_that_ends_after_the_loop_was_closed_harms_nothing(monkeypatch):
    monkeypatch.setattr("russo_agents._adapters.function.agent._CLOSE_SECONDS", 0.0)
    begun, go = threading.Event(), threading.Event()

    def blocked(audio):
        begun.set()
        go.wait(20)

    async def once():
        async with microphone(FunctionAgent(blocked)) as mic:
            await mic.send(tone(0.2) + silence(1))
            assert await asyncio.to_thread(begun.wait, 10)

    asyncio.run(once())
    (thread,) = [each for each in threading.enumerate() if each.name == "FunctionAgent"]
    go.set()
    thread.join(10)  # an exception in a thread would be a warning, and so fail this test
    assert not thread.is_alive()
