"""`LiveKitAgent` with the real SDK: interruptions, failures, closing and real time.

The recognizer, the language model and the voice of the agent follow a script. The caller's prompts are real
speech of the local backend. `make test-sdks` runs this file with other versions of the SDK.
"""

import asyncio
import contextlib

import pytest

pytest.importorskip("livekit.agents", exc_type=ImportError)

from livekit.agents import (
    APIConnectionError,
)

from russo_agents import (
    AgentLostError,
    AgentSilentError,
    Interrupted,
    LatencyError,
    LiveKitAgent,
    open_call,
    tool_call,
)
from support.agents.livekit_agents import (
    CHARACTERS_PER_SECOND,
    FOREVER,
    Home,
    Script,
    calls,
    lost_connection,
    new_session,
)
from support.agents.livekit_calls import (
    LIGHT,
    STOP,
    STORY,
    TALE,
    barge_in,
    check_barge_in,
    converse,
    kinds,
    nothing_runs,
)

# -- interruption


def test_interruption_at_pace_0(talk_livekit):
    script = Script([STORY, STOP], [TALE, "Stopped."])
    check_barge_in(*talk_livekit(script, barge_in))
    # The agent's own memory has the same words.
    assert "Once upon" in TALE


def test_interruption_without_resume_of_false_interruptions(talk_livekit):
    turn_handling = {"turn_detection": "vad", "interruption": {"resume_false_interruption": False}}
    script = Script([STORY, STOP], [TALE, "Stopped."])
    check_barge_in(*talk_livekit(script, barge_in, turn_handling=turn_handling))


def test_false_interruption_resumes_the_reply(talk_livekit):
    async def conversation(call):
        pending = await call.say(STORY, wait=False)
        await call.say(STOP, over=1.0, wait=False)
        return await pending.turn()

    turn_handling = {"turn_detection": "vad", "interruption": {"false_interruption_timeout": 0.2}}
    turn = talk_livekit(Script([STORY, ""], [TALE]), conversation, turn_handling=turn_handling)
    assert turn.reply == TALE
    assert Interrupted not in kinds(turn)
    assert turn.audio.duration == pytest.approx(len(TALE) / CHARACTERS_PER_SECOND, abs=0.05)


def test_reply_that_must_not_be_interrupted_goes_on(talk_livekit):
    turn_handling = {"turn_detection": "vad", "interruption": {"enabled": False}}
    script = Script([STORY], [TALE])

    async def conversation(call):
        pending = await call.say(STORY, wait=False)
        with contextlib.suppress(AgentSilentError):
            await call.say(STOP, over=1.0)
        return await pending.turn()

    turn = talk_livekit(script, conversation, turn_handling=turn_handling, timeout=2)
    assert turn.reply == TALE


def test_interruption_that_the_warm_up_ignores_is_named(talk_livekit):
    script = Script([STORY, STOP], [TALE])
    with pytest.raises(AgentSilentError, match=r"first 3 s .* AgentSession\(aec_warmup_duration=None\)"):
        talk_livekit(script, barge_in, timeout=4, aec_warmup_duration=3.0)


# -- errors


def test_session_that_hears_nothing(talk_livekit):
    with pytest.raises(
        AgentSilentError, match="it heard nothing, called no tool and did not speak"
    ) as caught:
        talk_livekit(Script([""]), lambda call: call.say(LIGHT), timeout=2)
    assert caught.value.turn.events == ()


def test_model_that_never_answers(talk_livekit):
    with pytest.raises(AgentSilentError, match=f"it heard '{LIGHT}'"):
        talk_livekit(Script([LIGHT], [FOREVER]), lambda call: call.say(LIGHT), timeout=2)


def test_pause_hears_nothing(talk_livekit):
    turn = talk_livekit(Script(), lambda call: call.pause(1.0))
    assert turn.events == ()


@pytest.mark.parametrize(
    ("script", "options", "model"),
    [
        (Script([LIGHT], [lost_connection()] * 2), {}, "LLM"),
        (Script([lost_connection()]), {}, "STT"),
        (Script([LIGHT], ["Done."]), {"tts_error": lost_connection()}, "TTS"),
    ],
    ids=["llm", "stt", "tts"],
)
def test_model_that_fails(talk_livekit, script, options, model):
    with pytest.raises(AgentLostError, match=f"the session's {model} failed: APIConnectionError: ") as caught:
        talk_livekit(script, lambda call: call.say(LIGHT), **options)
    assert isinstance(caught.value.__cause__.__cause__, APIConnectionError)


class Confused(Home):
    """An agent whose own code for the language model has a fault."""

    async def llm_node(self, chat_ctx, tools, model_settings):
        raise LookupError("no such model")


def test_agent_whose_own_code_fails(talk_livekit):
    with pytest.raises(AgentLostError, match="the session failed: LookupError: no such model") as caught:
        talk_livekit(Script([LIGHT]), lambda call: call.say(LIGHT), agent=Confused)
    assert isinstance(caught.value.__cause__.__cause__, LookupError)


class Deaf(Home):
    """An agent whose own code for the recognizer has a fault."""

    async def stt_node(self, audio, model_settings):
        async for _frame in audio:
            raise LookupError("no such recognizer")
        yield None


def test_failure_that_livekit_only_logs_is_named(talk_livekit):
    with pytest.raises(AgentSilentError, match="LiveKit logged LookupError: no such recognizer"):
        talk_livekit(Script(), lambda call: call.say(LIGHT), agent=Deaf, timeout=2)


def test_agent_that_speaks_about_the_failure_goes_on(voice):
    script = Script([LIGHT, STORY], [lost_connection(), "A story."])

    def make():
        # A generation before the end of the turn would fail unnoticed, and be repeated.
        turn_handling = {"turn_detection": "vad", "preemptive_generation": {"enabled": False}}
        session = new_session(script, turn_handling=turn_handling)
        session.on("error", lambda event: session.say("Something went wrong."))
        return session, Home()

    async def conversation(call):
        return await call.say(LIGHT), await call.say(STORY)

    first, second = converse(LiveKitAgent(make), conversation, voice)
    assert first.reply == "Something went wrong."
    assert second.reply == "A story."


def test_agent_that_says_goodbye_and_hangs_up(talk_livekit):
    async def conversation(call):
        turn = await call.say(LIGHT)
        with pytest.raises(AgentLostError, match="the agent hung up"):
            await call.say(STORY)
        return turn

    turn = talk_livekit(Script([LIGHT], [calls(("say_goodbye", {}))]), conversation)
    assert turn.reply == "Goodbye."
    assert turn.tool_calls == [tool_call("say_goodbye")]


# -- closing


@pytest.mark.parametrize("seconds", [0.0, 0.001, 0.01, 0.05, 0.3, 0.6, 0.9])
def test_cancelled_call_leaves_nothing_behind(voice, seconds):
    script = Script([STORY, STOP], [TALE, "Stopped."])

    async def conversation():
        async with open_call(LiveKitAgent(lambda: (new_session(script), Home())), voice, pace=0) as call:
            await barge_in(call)

    async def main():
        await voice.synthesize(STORY)
        task = asyncio.create_task(conversation())
        await asyncio.wait([task], timeout=seconds)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await nothing_runs()

    asyncio.run(main())


def test_hang_up_while_the_agent_speaks_without_interruption(talk_livekit):
    turn_handling = {"turn_detection": "vad", "interruption": {"enabled": False}}

    async def conversation(call):
        await call.say(STORY, wait=False)
        await call.pause(1.5)

    talk_livekit(Script([STORY], [TALE]), conversation, turn_handling=turn_handling)


# -- real time


def test_latency_in_real_time(talk_livekit):
    async def answer():
        await asyncio.sleep(0.3)
        return "Done."

    for _ in range(5):  # a busy machine delays frames, and then there is no latency
        turn = talk_livekit(Script([LIGHT], [answer]), lambda call: call.say(LIGHT), pace=1)
        assert (turn.heard, turn.reply) == (LIGHT, "Done.")
        with contextlib.suppress(LatencyError):
            assert 0.3 < turn.latency < 10
            return
    pytest.fail("no frame of five calls was on time")


def test_interruption_in_real_time(talk_livekit):
    check_barge_in(*talk_livekit(Script([STORY, STOP], [TALE, "Stopped."]), barge_in, pace=1))
