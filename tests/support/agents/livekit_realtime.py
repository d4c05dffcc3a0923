"""A speech-to-speech model that follows a script, made of the SDK's public base classes.

As the services do, the model detects voice by counting audio, and sends its speech in one burst.
"""

import asyncio
import json

from livekit import rtc
from livekit.agents import llm
from livekit.agents.llm import GenerationCreatedEvent, InputTranscriptionCompleted, MessageGeneration

from support.agents.livekit_agents import CHARACTERS_PER_SECOND, RATE, Calls
from support.agents.scripted import is_loud, tone

START_SECONDS = 0.1
END_SECONDS = 0.5


class ScriptedRealtime(llm.RealtimeModel):
    """A model that hears, calls tools and speaks.

    Args:
        script: What the model hears and answers; see `Script`.
        transcribes: Whether the model says what it heard.
    """

    def __init__(self, script, *, transcribes=True):
        super().__init__(
            capabilities=llm.RealtimeCapabilities(
                message_truncation=True,
                turn_detection=True,
                user_transcription=transcribes,
                auto_tool_reply_generation=False,
                audio_output=True,
                manual_function_calls=True,
            )
        )
        self.script = script
        self.transcribes = transcribes

    def session(self, **_options):
        return _Session(self)

    async def aclose(self):
        pass


class _Session(llm.RealtimeSession):
    def __init__(self, model):
        super().__init__(model)
        self._model = model
        self._context = llm.ChatContext.empty()
        self._tools = llm.ToolContext.empty()
        self._voiced = self._quiet = 0.0

    @property
    def chat_ctx(self):
        return self._context.copy()

    @property
    def tools(self):
        return self._tools

    async def update_instructions(self, instructions):
        pass

    async def update_chat_ctx(self, chat_ctx):
        self._context = chat_ctx.copy()

    async def update_tools(self, tools):
        self._tools = llm.ToolContext(tools)

    def update_options(self, **_options):
        pass

    def push_audio(self, frame):
        if is_loud(bytes(frame.data)):
            before, self._quiet = self._voiced, 0.0
            self._voiced += frame.duration
            if before < START_SECONDS <= self._voiced:
                self.emit("input_speech_started", llm.InputSpeechStartedEvent())
        elif self._voiced:
            self._quiet += frame.duration
            if self._quiet >= END_SECONDS:
                self._voiced = self._quiet = 0.0
                self._end_utterance()

    def push_video(self, frame):
        pass

    def generate_reply(self, **_options):
        created = asyncio.get_running_loop().create_future()
        created.set_result(self._generation(user_initiated=True))
        return created

    def commit_audio(self):
        pass

    def clear_audio(self):
        pass

    def interrupt(self):
        pass

    def truncate(self, **_options):
        pass

    async def aclose(self):
        pass

    def _end_utterance(self):
        stopped = llm.InputSpeechStoppedEvent(user_transcription_enabled=self._model.transcribes)
        self.emit("input_speech_stopped", stopped)
        if self._model.transcribes:
            words = self._model.script.hears.pop(0)
            heard = InputTranscriptionCompleted(item_id="heard", transcript=words, is_final=True)
            self.emit("input_audio_transcription_completed", heard)
        self.emit("generation_created", self._generation(user_initiated=False))

    def _generation(self, *, user_initiated):
        answer = self._model.script.answers.pop(0)
        calls = answer.calls if isinstance(answer, Calls) else []
        return GenerationCreatedEvent(
            message_stream=_stream([] if calls else [_message(answer)]),
            function_stream=_stream([_call(each) for each in calls]),
            user_initiated=user_initiated,
        )


async def _stream(items):
    for item in items:
        yield item


def _message(text):
    pcm = tone(len(text) / CHARACTERS_PER_SECOND, rate=RATE)
    modalities = asyncio.get_running_loop().create_future()
    modalities.set_result(["audio", "text"])
    return MessageGeneration(
        message_id="said",
        text_stream=_stream([text]),
        audio_stream=_stream([rtc.AudioFrame(pcm, RATE, 1, len(pcm) // 2)]),
        modalities=modalities,
    )


def _call(call):
    name, arguments = call
    return llm.FunctionCall(call_id=f"call_{id(call)}", name=name, arguments=json.dumps(arguments))
