"""`LiveKitAgent` keeps the contract of an adapter, with the real SDK and its real voice detection."""

import asyncio

import pytest

pytest.importorskip("livekit.agents", exc_type=ImportError)

from russo import AudioCache, CachedSynthesizer, load_synthesizer
from russo_agents import LiveKitAgent, tool_call
from russo_agents.testing import AgentContract
from support.agents.livekit_agents import Home, Script, ScriptedLLM, ScriptedSTT, calls, new_session, new_vad

NOTE = "Stop."
LIGHT = "Turn on the kitchen light."
TIMER = "Set a timer for fifteen minutes and call me."
STORY = "Dim the lights of the living room to thirty percent, and then tell me a story."
# Other sentences of this length are split: the voice detection loses the voice in some of their words.
GOODBYE = (
    "Please play some quiet jazz in the living room and in the kitchen and in the bedroom and then say "
    "goodbye to me."
)
# Each prompt with the seconds of its utterance, by which the scripted recognizer knows it, and the answer.
PROMPTS = {
    NOTE: (1.2, calls(("note", {}))),
    LIGHT: (2.0, "The light is on."),
    TIMER: (3.1, "Fifteen minutes."),
    STORY: (4.9, "Once upon a time there was a very long tale about a man who went to the sea and back."),
    GOODBYE: (6.7, calls(("say_goodbye", {}))),
}


class ByLength(ScriptedSTT):
    async def _recognize_impl(self, buffer, **options):
        event = await super()._recognize_impl(buffer, **options)
        seconds = self._script.heard_seconds[-1]
        event.alternatives[0].text = min(PROMPTS, key=lambda prompt: abs(PROMPTS[prompt][0] - seconds))
        return event


class ByWords(ScriptedLLM):
    def chat(self, *, chat_ctx, **options):
        words = chat_ctx.items[-1].text_content if chat_ctx.items[-1].type == "message" else ""
        self.script.answers = [PROMPTS[words][1] if words in PROMPTS else ""]
        return super().chat(chat_ctx=chat_ctx, **options)


@pytest.fixture(scope="module")
def russo_say(tmp_path_factory):
    """A function that returns speech of the local backend, which speaks each prompt once."""
    cache = AudioCache(tmp_path_factory.mktemp("speech"))
    voice = CachedSynthesizer(load_synthesizer("local"), cache=cache)
    return lambda text: asyncio.run(voice.synthesize(text))


class TestLiveKitAgent(AgentContract):
    prompt = heard = LIGHT
    reply = "The light is on."
    second_prompt = TIMER
    second_reply = "Fifteen minutes."
    tool_prompt = NOTE
    tool_calls = [tool_call("note")]  # noqa: RUF012 - as users write it
    long_prompt = STORY
    hang_up_prompt = GOODBYE
    sdk = ("livekit", "numpy")

    @pytest.fixture
    def agent(self):
        new_vad()  # plugins register themselves in the main thread only, and the checks run in another

        def make():
            script = Script()
            return new_session(script, stt=ByLength(script), llm=ByWords(script)), Home()

        return LiveKitAgent(make)
