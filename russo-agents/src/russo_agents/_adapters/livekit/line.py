"""`LiveKitLine`: one conversation with a LiveKit session.

The events of the session become the events of russo. LiveKit reports no end of a turn. A turn has ended if
the agent listens and every speech that was created is done: a `SpeechHandle` is done only after its tools and
the reply that follows them.
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any, Final

from livekit.agents import (
    Agent,
    AgentSession,
    AgentStateChangedEvent,
    AgentTask,
    CloseEvent,
    ConversationItemAddedEvent,
    ErrorEvent,
    FunctionToolsExecutedEvent,
    SpeechCreatedEvent,
    ToolError,
    UserInputTranscribedEvent,
    UserStateChangedEvent,
)
from livekit.agents.llm import AgentHandoff
from livekit.agents.voice import SpeechHandle

from ..._errors import AgentConfigError, AgentError
from ..._events import Heard, Said, ToolCall, ToolCalled, TurnEnded
from .audio import MICROPHONE_RATE, Microphone, Speaker, Subtitles
from .pair import observed_by_session

if TYPE_CHECKING:
    from ..._call.playout import Playout

_SETTLE_SECONDS: Final = 0.02
# So long after a hand-over, the new agent may begin to speak.
_HANDOVER_SECONDS: Final = 1.0
_CANCEL_SECONDS: Final = 4.0
_LOGGER: Final = logging.getLogger("livekit.agents")
_MODELS: Final = {"stt_error": "STT", "llm_error": "LLM", "tts_error": "TTS"}


class LiveKitLine:
    """A session whose microphone and speaker are russo's.

    Attributes:
        observes: What the session can observe. Without a recognizer, nothing says what the agent heard.
    """

    sample_rate = MICROPHONE_RATE
    ends_turns = True
    real_time = False

    def __init__(self, session: AgentSession[Any], agent: Agent, playout: Playout) -> None:
        self.observes = observed_by_session(session, agent)
        self._session = session
        self._agent = agent
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._events: asyncio.Queue[Any] = asyncio.Queue()
        self._microphone = Microphone(playout.pace)
        subtitles = Subtitles(session.output.transcription)
        self._speaker = Speaker(playout, subtitles, self._events.put_nowait)
        session.input.audio = self._microphone
        session.output.audio = self._speaker
        session.output.transcription = subtitles
        self._speeches: set[SpeechHandle] = set()
        self._parked: list[tuple[str | None, set[SpeechHandle]]] = []
        self._is_busy = False
        self._handover: float | None = None
        self._failure: AgentError | None = None
        self._captured = 0.0
        self._is_deaf = False
        self._has_answered = False
        self._crash: Exception | None = None
        self._is_over = False
        self._warmup_until: float | None = None
        self._unheard = ""
        self._trouble = ""
        self._handlers: dict[Any, Callable[[Any], None]] = {
            "agent_state_changed": self._on_agent_state,
            "user_state_changed": self._on_user_state,
            "speech_created": self._on_speech,
            "user_input_transcribed": self._on_transcript,
            "conversation_item_added": self._on_item,
            "function_tools_executed": self._on_tools,
            "error": self._on_error,
            "close": self._on_close,
        }

    # -- what russo calls

    async def start(self) -> None:
        """Start the session.

        Raises:
            AgentConfigError: The session did not start.
        """
        for event, handler in self._handlers.items():
            self._session.on(event, handler)
        _LOGGER.addFilter(self._on_log)
        # A task of its own: a session that is cancelled while it starts could not be closed.
        starting = asyncio.create_task(self._session.start(self._agent, record=False))
        try:
            await asyncio.shield(starting)
        except asyncio.CancelledError:
            _, running = await asyncio.wait([starting], timeout=_CANCEL_SECONDS)
            if running:
                starting.cancel()
                await asyncio.wait([starting], timeout=_CANCEL_SECONDS)
            raise
        except Exception as error:
            raise AgentConfigError(f"the AgentSession did not start: {_named(error)}") from error

    async def send(self, frame: bytes) -> None:
        """Send 20 ms of sound to the agent."""
        await self._microphone.send(frame, is_agent_speaking=self._speaker.is_playing)

    async def events(self) -> AsyncIterator[Any]:
        """Yield the events of the session."""
        while (event := await self._events.get()) is not None:
            yield event
        if self._failure is not None:
            raise self._failure

    def hint(self) -> str | None:
        """Return what may be the reason for the agent's silence."""
        crash = "" if self._crash is None else f"LiveKit logged {_named(self._crash)}"
        return "; ".join(filter(None, (self._unheard, self._trouble, crash))) or None

    async def aclose(self) -> None:
        """Close the session."""
        self._is_over = True
        self._microphone.close()
        await self._speaker.aclose()
        if self._session.user_state != "speaking":
            # LiveKit would wait for the transcript of an utterance, and there is none.
            self._session.options.session_close_transcript_timeout = 0.0
        try:
            await self._session.aclose()
        finally:
            _LOGGER.removeFilter(self._on_log)
            for event, handler in self._handlers.items():
                self._session.off(event, handler)

    # -- what the session reports

    def _on_transcript(self, event: UserInputTranscribedEvent) -> None:
        if event.is_final and event.transcript.strip():
            self._unheard = ""
            self._events.put_nowait(Heard(event.transcript.strip()))

    def _on_item(self, event: ConversationItemAddedEvent) -> None:
        item = event.item
        if item.type == "agent_handoff":
            self._note_handover(item)
        elif item.type == "message" and item.role == "assistant" and (text := item.text_content):
            if self._failure is not None and self._speaker.captured <= self._captured:
                return  # words without sound: older versions report them if the synthesis fails
            self._failure, self._crash, self._trouble = None, None, ""
            self._has_answered = True
            self._events.put_nowait(Said(text.strip()))

    def _on_tools(self, event: FunctionToolsExecutedEvent) -> None:
        for call, output in event.zipped():
            result: Any = None if output is None else output.output
            if output is not None and output.is_error:
                result = ToolError(output.output)
            self._is_busy = self._has_answered = True
            self._events.put_nowait(ToolCalled(ToolCall(call.name, _arguments(call.arguments), result)))
        if event.has_agent_handoff:
            self._await_handover()
        self._settle()

    def _on_speech(self, event: SpeechCreatedEvent) -> None:
        self._handover = None
        if not self._is_busy and not self._is_deaf:
            self._failure = None
        self._speeches.add(event.speech_handle)
        event.speech_handle.add_done_callback(self._on_speech_done)

    def _on_speech_done(self, speech: SpeechHandle) -> None:
        self._speeches.discard(speech)
        self._settle()

    def _on_agent_state(self, event: AgentStateChangedEvent) -> None:
        if event.new_state in ("thinking", "speaking"):
            self._is_busy, self._handover = True, None
        if event.new_state == "speaking" and self._warmup_until is None:
            self._warmup_until = self._loop.time() + (self._session.options.aec_warmup_duration or 0.0)
        self._settle()

    def _on_user_state(self, event: UserStateChangedEvent) -> None:
        is_ignored = self._warmup_until is not None and self._loop.time() < self._warmup_until
        if event.new_state == "speaking" and self._session.agent_state == "speaking" and is_ignored:
            seconds = self._session.options.aec_warmup_duration
            self._unheard = (
                f"the AgentSession ignores what is said over the agent for the first {seconds:g} s in which "
                "the agent speaks; for tests, set AgentSession(aec_warmup_duration=None)"
            )

    def _on_error(self, event: ErrorEvent) -> None:
        error = getattr(event.error, "error", event.error)
        model = _MODELS.get(getattr(event.error, "type", ""), "model")
        self._trouble = f"the session's {model} failed: {_named(error)}"
        if getattr(event.error, "recoverable", False):
            return
        self._failure = AgentError(self._trouble)
        self._failure.__cause__ = error if isinstance(error, BaseException) else None
        self._captured = self._speaker.captured
        # If a preemptive generation fails, the session may ask again at the end of the caller's turn.
        self._is_deaf = model not in ("LLM", "TTS")
        self._settle()

    def _on_close(self, event: CloseEvent) -> None:
        if event.error is None:
            self._failure = None
        self._end()

    def _on_log(self, record: logging.LogRecord) -> bool:
        """Note an exception that LiveKit logs and does not report, such as one of the user's `llm_node`."""
        error = record.exc_info[1] if record.exc_info else None
        is_error = record.levelno >= logging.ERROR and record.thread == self._thread
        if is_error and isinstance(error, Exception):
            self._crash = error
        return True

    # -- the end of a turn

    def _await_handover(self) -> None:
        self._handover = self._loop.time() + _HANDOVER_SECONDS
        self._loop.call_later(_HANDOVER_SECONDS, self._settle)

    def _note_handover(self, item: AgentHandoff) -> None:
        # A speech whose tool awaits an AgentTask goes on only when the task hands back. Until then the task
        # converses, and that speech does not keep its turns open.
        if self._parked and self._parked[-1][0] == item.new_agent_id:
            self._speeches |= {speech for speech in self._parked.pop()[1] if not speech.done()}
            return
        if isinstance(self._session.current_agent, AgentTask):
            self._parked.append((item.old_agent_id, self._speeches))
            self._speeches = set()
        if self._is_busy:
            self._await_handover()

    @property
    def _is_idle(self) -> bool:
        return (
            self._session.agent_state == "listening"
            and not self._speeches
            and not self._speaker.is_playing
            and (self._handover is None or self._loop.time() >= self._handover)
        )

    def _settle(self) -> None:
        if self._is_idle and not self._is_over:
            # What follows from this change, such as the next speech of `on_enter`, comes first.
            self._loop.call_later(_SETTLE_SECONDS, self._end_turn)

    def _end_turn(self) -> None:
        if not self._is_idle or self._is_over:
            return
        if self._is_busy and not self._has_answered and self._failure is None and self._crash is not None:
            self._failure = AgentError(f"the session failed: {_named(self._crash)}")
            self._failure.__cause__ = self._crash
        if self._failure is not None and (self._is_busy or self._is_deaf):
            self._end()
        elif self._is_busy:
            self._is_busy = self._has_answered = False
            self._events.put_nowait(TurnEnded())

    def _end(self) -> None:
        if self._is_over:
            return
        self._is_over = True
        if self._is_busy and self._failure is None:
            self._events.put_nowait(TurnEnded())
        self._events.put_nowait(None)


def _arguments(text: str) -> dict[str, Any]:
    """Return the arguments of a tool call by name. What is not a JSON object gets the name ``arguments``."""
    try:
        arguments = json.loads(text or "{}")
    except ValueError:
        arguments = text
    return arguments if isinstance(arguments, dict) else {"arguments": arguments}


def _named(error: object) -> str:
    return f"{type(error).__name__}: {error}"
