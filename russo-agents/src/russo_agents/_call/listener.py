"""`Listener`: takes the events of a line, as they come."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Final

from .._errors import AgentError
from .._events import Heard, Interrupted, Said, Sound, ToolCall, ToolCalled, TurnEnded
from .turns import Conversation, OpenTurn
from .voice import voiced_span

if TYPE_CHECKING:
    from .._protocol import Line
    from .clock import Signal
    from .playout import PlayoutQueue
    from .record import CallRecord
    from .recording import Recording

# A turn may last two minutes: an agent that speaks longer does not end its turn.
LONGEST_TURN_SECONDS: Final = 120.0
_MOST_EVENTS: Final = 50_000
_YIELD_EVERY: Final = 16
_EVENTS: Final = (Heard, Said, Sound, ToolCalled, Interrupted, TurnEnded)
_SIGNS: Final = (Heard, Said, ToolCalled, Interrupted, TurnEnded)
# On a line that does not report the end of a turn, this many seconds of silence end the turn.
END_SECONDS: Final = 1.5
# While the caller talks over a reply on such a line, this many seconds of silence end the reply.
_END_SECONDS_TALKED_OVER: Final = 0.5


class Listener:
    """Notes each event in the conversation, on the play-out clock and in the record.

    Attributes:
        conversation: The turns of the call.
        is_closed: Whether the line has ended.
        error: Why it ended, or ``None`` if the other side hung up.
        is_stopping: Whether russo closes the line.
        last_sign: When the agent gave the last sign, in wall time of the event loop.
        heard_of: When the agent gave the last sign, in seconds of audio.
    """

    def __init__(
        self, line: Line, playout: PlayoutQueue, record: CallRecord, recording: Recording, signal: Signal
    ) -> None:
        self.conversation = Conversation()
        self.is_closed = False
        self.error: BaseException | None = None
        self.is_stopping = False
        self._loop = asyncio.get_running_loop()
        self.last_sign = self._loop.time()
        self.heard_of = playout.now()
        self.taps: list[OpenTurn] = []
        self._line = line
        self._playout = playout
        self._record = record
        self._recording = recording
        self._signal = signal

    async def run(self) -> None:
        """Take events until the line ends or fails."""
        try:
            events = self._line.events()
            if asyncio.iscoroutine(events):
                events.close()
                raise AgentError(f"{type(self._line).__name__}.events is a coroutine; it must be a generator")
            async with contextlib.AsyncExitStack() as stack:
                if hasattr(events, "aclose"):
                    await stack.enter_async_context(contextlib.aclosing(events))  # type: ignore[type-var]
                count = 0
                async for event in events:
                    self._take(event)
                    count += 1
                    if count % _YIELD_EVERY == 0:
                        await asyncio.sleep(0)  # an agent that floods the line must not block the loop
        except asyncio.CancelledError as error:
            if self.is_stopping:
                raise
            self.note_end(error)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - also of pytest.fail and sys.exit; the call raises it, chained
            self.note_end(error)
        else:
            self.note_end()

    def note_end(self, error: BaseException | None = None) -> None:
        """Note that the line has ended."""
        if self.is_closed:
            return
        self.is_closed = True
        self.error = error
        text = "the agent hung up" if self.error is None else repr(self.error)
        self._record.add(self._playout.now(), "lost", text)
        self._signal.notify()

    def end_by_silence(self) -> None:
        """Close the open reply if the line does not report ends and has been quiet for long enough."""
        self.conversation.advance(self._playout.now())
        reply = self.conversation.replying
        if reply is None or self._line.ends_turns:
            return
        limit = END_SECONDS if reply is self.conversation.current else _END_SECONDS_TALKED_OVER
        if self._playout.now() - self.quiet_since >= limit:
            self.conversation.close_reply()

    @property
    def quiet_since(self) -> float:
        """When the last voiced sample was played, or the agent gave another sign, in seconds of audio."""
        return max(self._playout.voiced_until, self.heard_of)

    def _take(self, event: Any) -> None:
        if not isinstance(event, _EVENTS):
            self._check_unknown(event)
        self.end_by_silence()  # at pace 0, much audio may have passed since the last check
        now = self._playout.now()
        span = None
        unplayed = 0.0
        if isinstance(event, Sound):
            span = voiced_span(event.pcm, event.sample_rate)
            start = self._playout.add(event.seconds, None if span is None else span.end)
            if span is not None:
                self._recording.add_agent(start, event.pcm, event.sample_rate)
            self._record.seconds_heard += event.seconds
        elif isinstance(event, Interrupted):
            unplayed = self._playout.cut()
            self._recording.cut_agent(now)
            self._record.seconds_heard -= unplayed
        turn = self.conversation.note(
            now,
            event,
            is_voiced=span is not None,
            sounds_until=self._playout.voiced_until,
            unplayed=unplayed,
        )
        if not isinstance(event, Sound) or span is not None or self.conversation.replying is not None:
            self._note_in_taps(event)
        if span is not None and turn.reply_began is None:
            turn.reply_began = start + span.start
            self._record.add(turn.reply_began, "speaks")
        self._record.add_event(now, event)
        if span is not None or isinstance(event, _SIGNS):
            self.last_sign = self._loop.time()
        if isinstance(event, _SIGNS) and not isinstance(event, Interrupted):
            self.heard_of = now
        self._check_flood(turn, now)
        self._signal.notify()

    def _check_unknown(self, event: Any) -> None:
        """Refuse what is probably a mistake: as an unknown event it would be kept, and mean nothing."""
        source = f"{type(self._line).__name__}.events"
        if isinstance(event, ToolCall):
            raise AgentError(f"{source} yielded a ToolCall; it must yield ToolCalled(call)")
        if isinstance(event, type) and issubclass(event, _EVENTS):
            name = event.__name__
            raise AgentError(f"{source} yielded the class {name}; it must yield an object: {name}(…)")

    def _note_in_taps(self, event: Any) -> None:
        for tap in self.taps:
            tap.events.append(event)
            if isinstance(event, Sound):
                tap.sounds.append(event)

    def _check_flood(self, turn: OpenTurn, now: float) -> None:
        """Refuse more sound or events than a turn can have, before they fill the memory."""
        unplayed = self._playout.played_until() - now
        if unplayed > LONGEST_TURN_SECONDS:
            raise AgentError(f"the agent sent {unplayed:.0f} s of sound at once; a turn has at most 120 s")
        if len(turn.events) > _MOST_EVENTS:
            raise AgentError(f"the agent sent more than {_MOST_EVENTS} events in one turn")
