"""LiveKit sessions with real voice and turn detection, and a recognizer, a model and a voice that follow a script.

Everything is made of the SDK's public base classes. The scripted models need no network and no key.
"""

import asyncio
import importlib
import json
from dataclasses import dataclass, field

from livekit import rtc
from livekit.agents import (
    NOT_GIVEN,
    Agent,
    AgentSession,
    APIConnectionError,
    function_tool,
    inference,
    llm,
    stt,
    tts,
)
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, APIConnectOptions
from livekit.agents.voice.agent_session import SessionConnectOptions

from support.agents.scripted import tone

# Plugins must be imported in the main thread.
silero = None if hasattr(inference, "VAD") else importlib.import_module("livekit.plugins.silero")

RATE = 24000
CHARACTERS_PER_SECOND = 16
FOREVER = object()
# A model that fails is asked again at once, and then given up.
ONCE = APIConnectOptions(max_retry=0, retry_interval=0.0, timeout=10.0)


def new_vad():
    """Return the voice detection that runs locally: it is part of newer versions, and a plugin of older ones."""
    return silero.VAD.load() if silero else inference.VAD(model="silero")


@dataclass
class Script:
    """What the models of one session do, and what they were asked.

    Attributes:
        hears: The words of each utterance; an exception is raised instead.
        answers: What the language model answers to each request: words, a call of a tool, an exception,
            `FOREVER`, or an async function that returns one of these.
        heard_seconds: The length of each utterance that the recognizer got.
        asked: The last item of the context of each request.
    """

    hears: list = field(default_factory=list)
    answers: list = field(default_factory=list)
    heard_seconds: list = field(default_factory=list)
    asked: list = field(default_factory=list)


@dataclass
class Calls:
    """Calls of tools that the language model makes at once."""

    calls: list


def calls(*named):
    """Return an answer that calls tools: ``calls(("set_light", {"on": True}))``."""
    return Calls(list(named))


class ScriptedSTT(stt.STT):
    """A recognizer that gets one utterance at a time from the session's voice detection."""

    def __init__(self, script):
        super().__init__(capabilities=stt.STTCapabilities(streaming=False, interim_results=False))
        self._script = script

    async def _recognize_impl(self, buffer, *, language=NOT_GIVEN, conn_options=None):
        frame = rtc.combine_audio_frames(buffer) if isinstance(buffer, list) else buffer
        self._script.heard_seconds.append(frame.duration)
        words = self._script.hears.pop(0) if self._script.hears else ""
        if isinstance(words, Exception):
            raise words
        data = stt.SpeechData(language="en", text=words)
        return stt.SpeechEvent(type=stt.SpeechEventType.FINAL_TRANSCRIPT, alternatives=[data])


class ScriptedLLM(llm.LLM):
    """A language model that gives the next answer of its script."""

    def __init__(self, script):
        super().__init__()
        self.script = script

    def chat(self, *, chat_ctx, tools=None, conn_options=DEFAULT_API_CONNECT_OPTIONS, **_options):
        return _Answer(self, chat_ctx=chat_ctx, tools=tools or [], conn_options=conn_options)


class _Answer(llm.LLMStream):
    async def _run(self):
        script = self._llm.script
        script.asked.append(self._chat_ctx.items[-1] if self._chat_ctx.items else None)
        answer = script.answers.pop(0) if script.answers else ""
        if callable(answer):
            answer = await answer()
        if isinstance(answer, Exception):
            raise answer
        if answer is FOREVER:
            await asyncio.Event().wait()
        if isinstance(answer, str):
            answer = [answer]
        for part in answer.calls if isinstance(answer, Calls) else answer:
            self._event_ch.send_nowait(llm.ChatChunk(id="answer", delta=_delta(part)))


def _delta(part):
    if isinstance(part, str):
        return llm.ChoiceDelta(role="assistant", content=part)
    name, arguments = part
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    call = llm.FunctionToolCall(name=name, arguments=text, call_id=f"call_{id(part)}")
    return llm.ChoiceDelta(role="assistant", tool_calls=[call])


class ScriptedTTS(tts.TTS):
    """A voice that says each text as a tone, as long as a person would speak."""

    def __init__(self, error=None):
        super().__init__(capabilities=tts.TTSCapabilities(streaming=False), sample_rate=RATE, num_channels=1)
        self.error = error

    def synthesize(self, text, *, conn_options=DEFAULT_API_CONNECT_OPTIONS):
        return _Voice(tts=self, input_text=text, conn_options=conn_options)


class _Voice(tts.ChunkedStream):
    async def _run(self, output_emitter):
        if self._tts.error is not None:
            raise self._tts.error
        output_emitter.initialize(request_id="voice", sample_rate=RATE, num_channels=1, mime_type="audio/pcm")
        output_emitter.push(tone(len(self._input_text) / CHARACTERS_PER_SECOND, rate=RATE))
        output_emitter.flush()


class Home(Agent):
    """An agent with tools."""

    def __init__(self, *, greeting=None, **options):
        super().__init__(instructions="You switch lights.", **options)
        self.greeting = greeting

    async def on_enter(self):
        if self.greeting is not None:
            self.session.say(self.greeting)

    @function_tool
    async def set_light(self, room: str, on: bool) -> str:
        """Switch a light."""
        return f"{room} {'on' if on else 'off'}"

    @function_tool
    async def break_light(self, room: str) -> str:
        """Fail."""
        raise ValueError(f"no light in {room}")

    @function_tool
    async def switch_slowly(self, room: str) -> str:
        """Take time."""
        await asyncio.sleep(0.4)
        return "slow"

    @function_tool
    async def note(self) -> None:
        """Do something without an answer."""

    @function_tool
    async def say_goodbye(self) -> None:
        """Say goodbye and end the call."""
        self.session.say("Goodbye.")
        self.session.shutdown()

    @function_tool
    async def ask_kitchen(self) -> Agent:
        """Hand over to the agent of the kitchen."""
        return Kitchen()


class Kitchen(Agent):
    """The agent that gets the call by a hand-over."""

    def __init__(self):
        super().__init__(instructions="You are the kitchen.")

    async def on_enter(self):
        await asyncio.sleep(0.1)
        self.session.say("Kitchen speaking.")


def new_session(script, *, tts_error=None, vad=True, **options):
    """Return a session with scripted models, real voice detection and interruption from the first second on."""
    defaults = {
        "stt": ScriptedSTT(script),
        "llm": ScriptedLLM(script),
        "tts": ScriptedTTS(tts_error),
        "turn_handling": {"turn_detection": "vad"},
        "aec_warmup_duration": None,
        "conn_options": SessionConnectOptions(
            stt_conn_options=ONCE, llm_conn_options=ONCE, tts_conn_options=ONCE
        ),
    }
    if vad:
        defaults["vad"] = new_vad()
    return AgentSession(**{**defaults, **options})


def lost_connection():
    """Return the error of a service that cannot be reached."""
    return APIConnectionError("the service is down", retryable=False)
