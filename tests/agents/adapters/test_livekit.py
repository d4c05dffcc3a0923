"""`LiveKitAgent` with the real SDK: its session, voice detection, turn detection and tools.

The recognizer, the language model and the voice of the agent follow a script. The caller's prompts are real
speech of the local backend. `make test-sdks` runs this file with other versions of the SDK.
"""

import asyncio
import contextlib
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

pytest.importorskip("livekit.agents", exc_type=ImportError)

from livekit.agents import (
    Agent,
    AgentSession,
    AgentTask,
    APIConnectionError,
    Plugin,
    ToolError,
    function_tool,
)

from russo import AudioCache, CachedSynthesizer, load_synthesizer
from russo_agents import (
    AgentConfigError,
    AgentLostError,
    AgentSilentError,
    Heard,
    Interrupted,
    LatencyError,
    LiveKitAgent,
    NotObservedError,
    Said,
    Sound,
    ToolCalled,
    TurnEnded,
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
from support.agents.livekit_realtime import ScriptedRealtime

LIGHT = "Turn on the kitchen light."
STORY = "Tell me a story."
STOP = "Stop the music."
TALE = "Once upon a time there was a very long tale about a man who went to the sea and did not come back."
SET_LIGHT = ("set_light", {"room": "kitchen", "on": True})
LIMIT = 60


@pytest.fixture(scope="session")
def voice(tmp_path_factory):
    """The local backend with a cache, so that each prompt is spoken once."""
    cache = AudioCache(tmp_path_factory.mktemp("speech"))
    return CachedSynthesizer(load_synthesizer("local"), cache=cache)


@pytest.fixture
def talk(voice):
    """Return a function that runs a script, an async function of the call; nothing may be left running."""

    def run(script, conversation, *, agent=Home, pace=0, timeout=20, vad=True, tts_error=None, **options):
        def make():
            return new_session(script, vad=vad, tts_error=tts_error, **options), agent()

        return converse(LiveKitAgent(make), conversation, voice, pace=pace, timeout=timeout)

    return run


def converse(agent, conversation, voice=None, **options):
    async def main():
        async with asyncio.timeout(LIMIT):
            async with open_call(agent, voice, **{"pace": 0, "timeout": 20, **options}) as call:
                result = await conversation(call)
            assert call.record.problems == []
        await nothing_runs()
        return result

    return asyncio.run(main())


async def nothing_runs():
    """Wait until no task and no thread of a voice detection is left."""
    async with asyncio.timeout(10):
        while asyncio.all_tasks() != {asyncio.current_task()} or voice_detections():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def voice_detections():
    return [thread for thread in threading.enumerate() if thread.name.startswith("inference.vad")]


def kinds(turn):
    """Return the kinds of events of a turn, without sound."""
    return [type(event) for event in turn.events if not isinstance(event, Sound)]


# -- turns


def test_turn_with_a_tool_call(talk):
    script = Script([LIGHT], [calls(SET_LIGHT), "The kitchen light is on."])
    turn = talk(script, lambda call: call.say(LIGHT))
    assert turn.heard == LIGHT
    assert turn.tool_calls == [tool_call("set_light", room="kitchen", on=True)]
    assert turn.tool_calls[0].result == "kitchen on"
    assert turn.reply == "The kitchen light is on."
    assert not turn.interrupted
    assert kinds(turn) == [Heard, ToolCalled, Said, TurnEnded]
    assert turn.audio.duration == pytest.approx(len(turn.reply) / CHARACTERS_PER_SECOND, abs=0.05)
    # The recognizer got the whole prompt: its words last 1.2 s.
    assert script.heard_seconds[0] > 1.2


def test_two_turns(talk):
    async def conversation(call):
        return await call.say(LIGHT), await call.say(STORY)

    script = Script([LIGHT, STORY], ["Done.", "There was a king."])
    first, second = talk(script, conversation)
    assert (first.heard, first.reply) == (LIGHT, "Done.")
    assert (second.heard, second.reply) == (STORY, "There was a king.")


def test_several_tool_calls_at_once_and_in_a_row(talk):
    hall = ("set_light", {"room": "hall", "on": False})
    script = Script(
        [LIGHT], [calls(SET_LIGHT, hall), calls(("switch_slowly", {"room": "attic"})), "All done."]
    )
    turn = talk(script, lambda call: call.say(LIGHT))
    assert turn.tool_calls == [
        tool_call("set_light", room="kitchen", on=True),
        tool_call("set_light", room="hall", on=False),
        tool_call("switch_slowly", room="attic"),
    ]
    assert turn.reply == "All done."
    assert kinds(turn) == [Heard, ToolCalled, ToolCalled, ToolCalled, Said, TurnEnded]


def test_words_before_a_slow_tool_do_not_end_the_turn(talk):
    async def answer():
        return ["One moment.", ("switch_slowly", {"room": "attic"})]

    script = Script([LIGHT], [answer, "Now it is on."])
    turn = talk(script, lambda call: call.say(LIGHT))
    assert turn.reply == "One moment. Now it is on."
    assert turn.tool_calls == [tool_call("switch_slowly", room="attic")]
    assert kinds(turn).count(TurnEnded) == 1


def test_turn_of_a_tool_call_only(talk):
    script = Script([LIGHT], [calls(("note", {}))])
    turn = talk(script, lambda call: call.say(LIGHT))
    assert turn.tool_calls == [tool_call("note")]
    assert turn.reply == ""
    assert turn.audio is None


def test_tool_that_raises(talk):
    script = Script([LIGHT], [calls(("break_light", {"room": "attic"})), "That did not work."])
    turn = talk(script, lambda call: call.say(LIGHT))
    assert turn.tool_calls == [tool_call("break_light", room="attic")]
    assert isinstance(turn.tool_calls[0].result, ToolError)
    assert turn.reply == "That did not work."


def test_arguments_that_are_not_a_json_object(talk):
    script = Script([LIGHT], [calls(("set_light", '["kitchen"]')), "Sorry?"])
    turn = talk(script, lambda call: call.say(LIGHT))
    assert turn.tool_calls == [tool_call("set_light", arguments=["kitchen"])]
    assert isinstance(turn.tool_calls[0].result, ToolError)


def test_model_that_answers_nothing_ends_its_turn(talk):
    turn = talk(Script([LIGHT], [""]), lambda call: call.say(LIGHT))
    assert (turn.heard, turn.reply, turn.tool_calls, turn.audio) == (LIGHT, "", [], None)


def test_agent_that_speaks_first(talk):
    async def conversation(call):
        return await call.hear(), await call.say(LIGHT)

    script = Script([LIGHT], ["Done."])
    greeting, turn = talk(script, conversation, agent=lambda: Home(greeting="Hello, this is Home."))
    assert (greeting.prompt, greeting.reply) == (None, "Hello, this is Home.")
    assert (turn.heard, turn.reply) == (LIGHT, "Done.")


def test_hand_over_ends_with_the_words_of_the_new_agent(talk):
    async def conversation(call):
        return await call.say(LIGHT), await call.say(STORY)

    script = Script([LIGHT, STORY], [calls(("ask_kitchen", {})), "A story of the kitchen."])
    first, second = talk(script, conversation)
    assert first.tool_calls == [tool_call("ask_kitchen")]
    assert first.reply == "Kitchen speaking."
    assert second.reply == "A story of the kitchen."


class AskName(AgentTask):
    """A task that a tool awaits while the task talks to the caller."""

    def __init__(self):
        super().__init__(instructions="Ask for the name.")

    async def on_enter(self):
        self.session.say("What is your name?")

    @function_tool
    async def record_name(self, name: str) -> None:
        """Record the name."""
        self.complete(name)


class Reception(Agent):
    """An agent whose tool awaits a task."""

    def __init__(self):
        super().__init__(instructions="Welcome.")

    @function_tool
    async def check_in(self) -> str:
        """Check a guest in."""
        return await AskName()


def test_task_that_a_tool_awaits_has_turns_of_its_own(talk):
    async def conversation(call):
        return await call.say(LIGHT), await call.say(STORY)

    script = Script(
        [LIGHT, STORY], [calls(("check_in", {})), calls(("record_name", {"name": "Ann"})), "Welcome, Ann."]
    )
    first, second = talk(script, conversation, agent=Reception)
    assert first.reply == "What is your name?"
    assert second.tool_calls == [tool_call("record_name", name="Ann"), tool_call("check_in")]
    assert second.tool_calls[1].result == "Ann"
    assert second.reply == "Welcome, Ann."


def test_preemptive_generation_gives_one_answer(talk):
    turn_handling = {"turn_detection": "vad", "preemptive_generation": {"enabled": True}}
    script = Script([LIGHT], ["Done."])
    turn = talk(script, lambda call: call.say(LIGHT), turn_handling=turn_handling)
    assert (turn.heard, turn.reply) == (LIGHT, "Done.")
    assert kinds(turn) == [Heard, Said, TurnEnded]


# -- interruption


async def barge_in(call):
    pending = await call.say(STORY, wait=False)
    second = await call.say(STOP, over=1.0)
    return await pending.turn(), second


def check_barge_in(first, second):
    assert second.interrupted
    assert 0 < second.stopped_after < 2.5
    assert (second.heard, second.reply) == (STOP, "Stopped.")
    assert kinds(second).count(Interrupted) == 1
    words = first.reply.split()
    assert words == TALE.split()[: len(words)]
    assert first.heard == STORY
    # The words are those of the sound that was played.
    played = first.audio.duration
    assert 1.0 < played < len(TALE) / CHARACTERS_PER_SECOND
    assert len(first.reply) / CHARACTERS_PER_SECOND == pytest.approx(played, abs=0.5)


def test_interruption_at_pace_0(talk):
    script = Script([STORY, STOP], [TALE, "Stopped."])
    check_barge_in(*talk(script, barge_in))
    # The agent's own memory has the same words.
    assert "Once upon" in TALE


def test_interruption_without_resume_of_false_interruptions(talk):
    turn_handling = {"turn_detection": "vad", "interruption": {"resume_false_interruption": False}}
    script = Script([STORY, STOP], [TALE, "Stopped."])
    check_barge_in(*talk(script, barge_in, turn_handling=turn_handling))


def test_false_interruption_resumes_the_reply(talk):
    async def conversation(call):
        pending = await call.say(STORY, wait=False)
        await call.say(STOP, over=1.0, wait=False)
        return await pending.turn()

    turn_handling = {"turn_detection": "vad", "interruption": {"false_interruption_timeout": 0.2}}
    turn = talk(Script([STORY, ""], [TALE]), conversation, turn_handling=turn_handling)
    assert turn.reply == TALE
    assert Interrupted not in kinds(turn)
    assert turn.audio.duration == pytest.approx(len(TALE) / CHARACTERS_PER_SECOND, abs=0.05)


def test_reply_that_must_not_be_interrupted_goes_on(talk):
    turn_handling = {"turn_detection": "vad", "interruption": {"enabled": False}}
    script = Script([STORY], [TALE])

    async def conversation(call):
        pending = await call.say(STORY, wait=False)
        with contextlib.suppress(AgentSilentError):
            await call.say(STOP, over=1.0)
        return await pending.turn()

    turn = talk(script, conversation, turn_handling=turn_handling, timeout=2)
    assert turn.reply == TALE


def test_interruption_that_the_warm_up_ignores_is_named(talk):
    script = Script([STORY, STOP], [TALE])
    with pytest.raises(AgentSilentError, match=r"first 3 s .* AgentSession\(aec_warmup_duration=None\)"):
        talk(script, barge_in, timeout=4, aec_warmup_duration=3.0)


# -- errors


def test_session_that_hears_nothing(talk):
    with pytest.raises(
        AgentSilentError, match="it heard nothing, called no tool and did not speak"
    ) as caught:
        talk(Script([""]), lambda call: call.say(LIGHT), timeout=2)
    assert caught.value.turn.events == ()


def test_model_that_never_answers(talk):
    with pytest.raises(AgentSilentError, match=f"it heard '{LIGHT}'"):
        talk(Script([LIGHT], [FOREVER]), lambda call: call.say(LIGHT), timeout=2)


def test_pause_hears_nothing(talk):
    turn = talk(Script(), lambda call: call.pause(1.0))
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
def test_model_that_fails(talk, script, options, model):
    with pytest.raises(AgentLostError, match=f"the session's {model} failed: APIConnectionError: ") as caught:
        talk(script, lambda call: call.say(LIGHT), **options)
    assert isinstance(caught.value.__cause__.__cause__, APIConnectionError)


class Confused(Home):
    """An agent whose own code for the language model has a fault."""

    async def llm_node(self, chat_ctx, tools, model_settings):
        raise LookupError("no such model")


def test_agent_whose_own_code_fails(talk):
    with pytest.raises(AgentLostError, match="the session failed: LookupError: no such model") as caught:
        talk(Script([LIGHT]), lambda call: call.say(LIGHT), agent=Confused)
    assert isinstance(caught.value.__cause__.__cause__, LookupError)


class Deaf(Home):
    """An agent whose own code for the recognizer has a fault."""

    async def stt_node(self, audio, model_settings):
        async for _frame in audio:
            raise LookupError("no such recognizer")
        yield None


def test_failure_that_livekit_only_logs_is_named(talk):
    with pytest.raises(AgentSilentError, match="LiveKit logged LookupError: no such recognizer"):
        talk(Script(), lambda call: call.say(LIGHT), agent=Deaf, timeout=2)


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


def test_agent_that_says_goodbye_and_hangs_up(talk):
    async def conversation(call):
        turn = await call.say(LIGHT)
        with pytest.raises(AgentLostError, match="the agent hung up"):
            await call.say(STORY)
        return turn

    turn = talk(Script([LIGHT], [calls(("say_goodbye", {}))]), conversation)
    assert turn.reply == "Goodbye."
    assert turn.tool_calls == [tool_call("say_goodbye")]


# -- what a factory may do


def test_async_factory(voice):
    script = Script([LIGHT], ["Done."])

    async def make():
        await asyncio.sleep(0)
        return new_session(script), Home()

    assert converse(LiveKitAgent(make), lambda call: call.say(LIGHT), voice).reply == "Done."


def fails():
    raise KeyError("no such voice")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (fails, "the factory of LiveKitAgent failed: KeyError: 'no such voice'"),
        (lambda: None, r"must return \(AgentSession, Agent\), not NoneType"),
        (Home, r"must return \(AgentSession, Agent\), not Home"),
        (lambda: (new_session(Script()), Home(), 1), "not tuple"),
        (lambda: (Home(), new_session(Script())), r"not \(Agent, AgentSession\): swap the two"),
        (lambda: (new_session(Script()), "home"), r"not \(AgentSession, str\)"),
    ],
    ids=["fails", "nothing", "agent", "three", "swapped", "text"],
)
def test_factory_that_fails_or_returns_something_else(make, message):
    with pytest.raises(AgentConfigError, match=message):
        converse(LiveKitAgent(make), lambda call: call.pause(0.1))


def test_factory_that_imports_a_plugin_in_another_thread():
    def make():
        class NewPlugin(Plugin):
            pass

        Plugin.register_plugin(NewPlugin("new", "1", __name__))

    def call():
        with pytest.raises(AgentConfigError, match="import the plugins of LiveKit at the top of a module"):
            converse(LiveKitAgent(make), lambda call: call.pause(0.1))

    with ThreadPoolExecutor(1) as pool:
        pool.submit(call).result()


def test_cause_of_a_factory_that_fails_is_chained():
    with pytest.raises(AgentConfigError) as caught:
        converse(LiveKitAgent(fails), lambda call: call.pause(0.1))
    assert isinstance(caught.value.__cause__, KeyError)


def test_session_that_was_started_before():
    async def make():
        session = new_session(Script())
        await session.start(Home(), record=False)
        made.append(session)
        return session, Home()

    made = []

    async def main():
        with pytest.raises(AgentConfigError, match="the AgentSession was started before"):
            async with open_call(LiveKitAgent(make), pace=0):
                pass
        await made[0].aclose()
        await nothing_runs()

    asyncio.run(main())


def test_session_that_does_not_start():
    class Broken(AgentSession):
        async def start(self, *args, **options):
            raise ValueError("no models")

    def make():
        return Broken(vad=None, turn_handling={"turn_detection": "vad"}), Home()

    with pytest.raises(
        AgentConfigError, match="the AgentSession did not start: ValueError: no models"
    ) as caught:
        converse(LiveKitAgent(make), lambda call: call.pause(0.1))
    assert isinstance(caught.value.__cause__, ValueError)


def test_agent_of_another_call(voice):
    agent = Home()

    async def main():
        def make():
            return new_session(Script()), agent

        async with open_call(LiveKitAgent(make), voice, pace=0):
            with pytest.raises(AgentConfigError, match="the AgentSession did not start: RuntimeError: "):
                async with open_call(LiveKitAgent(make), voice, pace=0):
                    pass
        await nothing_runs()

    asyncio.run(main())


def test_factory_that_never_returns():
    async def make():
        await asyncio.Event().wait()

    with pytest.raises(AgentLostError, match=r"did not connect within 0\.2 s"):
        converse(LiveKitAgent(make), lambda call: call.pause(0.1), timeout=0.2)


def test_sdk_that_is_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "livekit.agents.utils", None)
    with pytest.raises(AgentConfigError, match=r'pip install "russo-agents\[livekit\]"') as caught:
        converse(LiveKitAgent(fails), lambda call: call.pause(0.1))
    assert isinstance(caught.value.__cause__, ImportError)


def test_session_without_a_recognizer_does_not_observe_what_it_heard(talk):
    turn = talk(Script(), lambda call: call.pause(0.1), stt=None)
    with pytest.raises(NotObservedError, match="does not observe the words that the agent understood"):
        _ = turn.heard
    assert turn.tool_calls == []


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


def test_hang_up_while_the_agent_speaks_without_interruption(talk):
    turn_handling = {"turn_detection": "vad", "interruption": {"enabled": False}}

    async def conversation(call):
        await call.say(STORY, wait=False)
        await call.pause(1.5)

    talk(Script([STORY], [TALE]), conversation, turn_handling=turn_handling)


# -- real time


def test_latency_in_real_time(talk):
    async def answer():
        await asyncio.sleep(0.3)
        return "Done."

    for _ in range(5):  # a busy machine delays frames, and then there is no latency
        turn = talk(Script([LIGHT], [answer]), lambda call: call.say(LIGHT), pace=1)
        assert (turn.heard, turn.reply) == (LIGHT, "Done.")
        with contextlib.suppress(LatencyError):
            assert 0.3 < turn.latency < 10
            return
    pytest.fail("no frame of five calls was on time")


def test_interruption_in_real_time(talk):
    check_barge_in(*talk(Script([STORY, STOP], [TALE, "Stopped."]), barge_in, pace=1))


# -- speech to speech


@pytest.fixture
def talk_realtime(voice):
    """Return a function that runs a script with a speech-to-speech model."""

    def run(script, conversation, *, pace=0, **model):
        def make():
            session = AgentSession(llm=ScriptedRealtime(script, **model), aec_warmup_duration=None)
            return session, Home()

        return converse(LiveKitAgent(make), conversation, voice, pace=pace)

    return run


def test_speech_to_speech_model_with_a_tool_call(talk_realtime):
    script = Script([LIGHT], [calls(SET_LIGHT), "The kitchen light is on."])
    turn = talk_realtime(script, lambda call: call.say(LIGHT))
    assert turn.heard == LIGHT
    assert turn.tool_calls == [tool_call("set_light", room="kitchen", on=True)]
    assert turn.reply == "The kitchen light is on."
    assert kinds(turn) == [Heard, ToolCalled, Said, TurnEnded]


def test_interruption_of_a_speech_to_speech_model(talk_realtime):
    script = Script([STORY, STOP], [TALE, "Stopped."])
    check_barge_in(*talk_realtime(script, barge_in))


def test_speech_to_speech_model_that_does_not_transcribe(talk_realtime):
    turn = talk_realtime(Script([], ["Done."]), lambda call: call.say(LIGHT), transcribes=False)
    assert turn.reply == "Done."
    with pytest.raises(NotObservedError):
        _ = turn.heard
