"""`LiveKitAgent` with the real SDK: its session, voice detection, turn detection and tools.

The recognizer, the language model and the voice of the agent follow a script. The caller's prompts are real
speech of the local backend. `make test-sdks` runs this file with other versions of the SDK.
"""

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

pytest.importorskip("livekit.agents", exc_type=ImportError)

from livekit.agents import (
    Agent,
    AgentSession,
    AgentTask,
    Plugin,
    ToolError,
    function_tool,
)

from russo_agents import (
    AgentConfigError,
    AgentLostError,
    Heard,
    LiveKitAgent,
    NotObservedError,
    Said,
    ToolCalled,
    TurnEnded,
    open_call,
    tool_call,
)
from support.agents.livekit_agents import (
    CHARACTERS_PER_SECOND,
    Home,
    Script,
    calls,
    new_session,
)
from support.agents.livekit_calls import (
    LIGHT,
    SET_LIGHT,
    STOP,
    STORY,
    TALE,
    barge_in,
    check_barge_in,
    converse,
    kinds,
    nothing_runs,
)
from support.agents.livekit_realtime import ScriptedRealtime

# -- turns


def test_turn_with_a_tool_call(talk_livekit):
    script = Script([LIGHT], [calls(SET_LIGHT), "The kitchen light is on."])
    turn = talk_livekit(script, lambda call: call.say(LIGHT))
    assert turn.heard == LIGHT
    assert turn.tool_calls == [tool_call("set_light", room="kitchen", on=True)]
    assert turn.tool_calls[0].result == "kitchen on"
    assert turn.reply == "The kitchen light is on."
    assert not turn.interrupted
    assert kinds(turn) == [Heard, ToolCalled, Said, TurnEnded]
    assert turn.audio.duration == pytest.approx(len(turn.reply) / CHARACTERS_PER_SECOND, abs=0.05)
    # The recognizer got the whole prompt: its words last 1.2 s.
    assert script.heard_seconds[0] > 1.2


def test_two_turns(talk_livekit):
    async def conversation(call):
        return await call.say(LIGHT), await call.say(STORY)

    script = Script([LIGHT, STORY], ["Done.", "There was a king."])
    first, second = talk_livekit(script, conversation)
    assert (first.heard, first.reply) == (LIGHT, "Done.")
    assert (second.heard, second.reply) == (STORY, "There was a king.")


def test_several_tool_calls_at_once_and_in_a_row(talk_livekit):
    hall = ("set_light", {"room": "hall", "on": False})
    script = Script(
        [LIGHT], [calls(SET_LIGHT, hall), calls(("switch_slowly", {"room": "attic"})), "All done."]
    )
    turn = talk_livekit(script, lambda call: call.say(LIGHT))
    assert turn.tool_calls == [
        tool_call("set_light", room="kitchen", on=True),
        tool_call("set_light", room="hall", on=False),
        tool_call("switch_slowly", room="attic"),
    ]
    assert turn.reply == "All done."
    assert kinds(turn) == [Heard, ToolCalled, ToolCalled, ToolCalled, Said, TurnEnded]


def test_words_before_a_slow_tool_do_not_end_the_turn(talk_livekit):
    async def answer():
        return ["One moment.", ("switch_slowly", {"room": "attic"})]

    script = Script([LIGHT], [answer, "Now it is on."])
    turn = talk_livekit(script, lambda call: call.say(LIGHT))
    assert turn.reply == "One moment. Now it is on."
    assert turn.tool_calls == [tool_call("switch_slowly", room="attic")]
    assert kinds(turn).count(TurnEnded) == 1


def test_turn_of_a_tool_call_only(talk_livekit):
    script = Script([LIGHT], [calls(("note", {}))])
    turn = talk_livekit(script, lambda call: call.say(LIGHT))
    assert turn.tool_calls == [tool_call("note")]
    assert turn.reply == ""
    assert turn.audio is None


def test_tool_that_raises(talk_livekit):
    script = Script([LIGHT], [calls(("break_light", {"room": "attic"})), "That did not work."])
    turn = talk_livekit(script, lambda call: call.say(LIGHT))
    assert turn.tool_calls == [tool_call("break_light", room="attic")]
    assert isinstance(turn.tool_calls[0].result, ToolError)
    assert turn.reply == "That did not work."


def test_arguments_that_are_not_a_json_object(talk_livekit):
    script = Script([LIGHT], [calls(("set_light", '["kitchen"]')), "Sorry?"])
    turn = talk_livekit(script, lambda call: call.say(LIGHT))
    assert turn.tool_calls == [tool_call("set_light", arguments=["kitchen"])]
    assert isinstance(turn.tool_calls[0].result, ToolError)


def test_model_that_answers_nothing_ends_its_turn(talk_livekit):
    turn = talk_livekit(Script([LIGHT], [""]), lambda call: call.say(LIGHT))
    assert (turn.heard, turn.reply, turn.tool_calls, turn.audio) == (LIGHT, "", [], None)


def test_agent_that_speaks_first(talk_livekit):
    async def conversation(call):
        return await call.hear(), await call.say(LIGHT)

    script = Script([LIGHT], ["Done."])
    greeting, turn = talk_livekit(script, conversation, agent=lambda: Home(greeting="Hello, this is Home."))
    assert (greeting.prompt, greeting.reply) == (None, "Hello, this is Home.")
    assert (turn.heard, turn.reply) == (LIGHT, "Done.")


def test_hand_over_ends_with_the_words_of_the_new_agent(talk_livekit):
    async def conversation(call):
        return await call.say(LIGHT), await call.say(STORY)

    script = Script([LIGHT, STORY], [calls(("ask_kitchen", {})), "A story of the kitchen."])
    first, second = talk_livekit(script, conversation)
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


def test_task_that_a_tool_awaits_has_turns_of_its_own(talk_livekit):
    async def conversation(call):
        return await call.say(LIGHT), await call.say(STORY)

    script = Script(
        [LIGHT, STORY], [calls(("check_in", {})), calls(("record_name", {"name": "Ann"})), "Welcome, Ann."]
    )
    first, second = talk_livekit(script, conversation, agent=Reception)
    assert first.reply == "What is your name?"
    assert second.tool_calls == [tool_call("record_name", name="Ann"), tool_call("check_in")]
    assert second.tool_calls[1].result == "Ann"
    assert second.reply == "Welcome, Ann."


def test_preemptive_generation_gives_one_answer(talk_livekit):
    turn_handling = {"turn_detection": "vad", "preemptive_generation": {"enabled": True}}
    script = Script([LIGHT], ["Done."])
    turn = talk_livekit(script, lambda call: call.say(LIGHT), turn_handling=turn_handling)
    assert (turn.heard, turn.reply) == (LIGHT, "Done.")
    assert kinds(turn) == [Heard, Said, TurnEnded]


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


def test_session_without_a_recognizer_does_not_observe_what_it_heard(talk_livekit):
    turn = talk_livekit(Script(), lambda call: call.pause(0.1), stt=None)
    with pytest.raises(NotObservedError, match="does not observe the words that the agent understood"):
        _ = turn.heard
    assert turn.tool_calls == []
