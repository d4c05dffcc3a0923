"""`Conversation`: assigns each event of a line to a turn.

Events carry no turn ids, so the assignment is a judgement. It follows the agent's *replies*: a reply begins
with the first words, voiced sound or tool call, and ends with `TurnEnded` or, on a line that does not report
ends, with silence. A reply belongs to the turn in which it began, also if the caller talks over it.

    none ──words, voiced sound, tool call──▶ open ──TurnEnded, silence──▶ none
                                              │
                                         Interrupted
                                              ▼
                    new reply ◀──heard,──── cut ──TurnEnded──▶ none (the turn that was cut is over)
                              sound, tool

Two rules keep late events out of the next turn: an event before the first voiced sample of a prompt belongs
to an earlier turn, and so do words and ends that arrive during unbroken voice of the prompt. An answer in a
pause of the prompt counts.

This module does no input or output and knows no event loop: times are arguments.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .._events import Heard, Interrupted, Said, Sound, ToolCalled, TurnEnded
from .voice import Stretch


@dataclass(slots=True, eq=False)
class OpenTurn:
    """A turn that is going on. All times are seconds of audio since the call began.

    Attributes:
        prompt: The text of the prompt; ``None`` if the agent speaks first.
        voiced: The voiced parts of the prompt, with the times at which they are sent. Set when the first
            frame is sent.
        events: The events of the turn, in order.
        sounds: The sound of the reply, without what an interruption discarded.
        reply_began: When the first voiced sample of the reply is played. A reply that was cut does not count.
        stopped_after: Seconds after the first voiced sample of the prompt at which the agent fell silent.
        cut_at: When another prompt interrupted the reply of this turn.
        has_answer: Whether the agent said or did anything.
        is_ended: Whether the reply has ended.
    """

    prompt: str | None = None
    voiced: list[Stretch] = field(default_factory=list)
    events: list[Any] = field(default_factory=list)
    sounds: list[Sound] = field(default_factory=list)
    reply_began: float | None = None
    stopped_after: float | None = None
    cut_at: float | None = None
    has_answer: bool = False
    is_ended: bool = False

    def is_in_unbroken_voice(self, at: float) -> bool:
        """Return whether the caller speaks this prompt at a time, without a pause."""
        return any(part.start <= at < part.end for part in self.voiced)

    def drop_sound(self, seconds: float) -> None:
        """Remove the end of the sound, because it was not played."""
        while seconds > 0 and self.sounds:
            last = self.sounds.pop()
            if last.seconds > seconds:
                samples = round((last.seconds - seconds) * last.sample_rate)
                self.sounds.append(Sound(last.pcm[: 2 * samples], last.sample_rate))
            seconds -= last.seconds


class Conversation:
    """The turns of a call, and the reply that is open.

    Attributes:
        current: The newest turn. Before the first prompt, and after a turn has ended, it also gets what the
            agent says of its own accord.
        speaking: The turn that got the last voiced sound.
    """

    def __init__(self) -> None:
        self.current = OpenTurn()
        self._before = self.current
        self.speaking = self.current
        self._next: OpenTurn | None = None
        self._reply: OpenTurn | None = None
        self._is_cut = False
        self._is_stray = False

    @property
    def is_replying(self) -> bool:
        """Whether a reply is open, and not cut."""
        return self._reply is not None and not self._is_cut

    @property
    def replying(self) -> OpenTurn | None:
        """The turn whose reply is open."""
        return self._reply

    def begin(self, turn: OpenTurn) -> None:
        """Add a turn. It gets events from the first voiced sample of its prompt on."""
        self._next = turn
        if not turn.voiced:
            self._advance()

    def note(self, at: float, event: Any, *, is_voiced: bool = False, unplayed: float = 0.0) -> OpenTurn:
        """Assign an event to a turn, and return that turn.

        Args:
            at: When the event arrived.
            event: The event.
            is_voiced: Whether a `Sound` contains voice.
            unplayed: For `Interrupted`: how many seconds of received sound were not played.
        """
        if self._next is not None and at >= self._next.voiced[0].start:
            self._advance()
        self._end_stray_reply(at)
        match event:
            case Interrupted():
                owner = self._interrupt(at, unplayed, at if event.at is None else min(at, event.at))
            case TurnEnded():
                owner = self._end_reply(at)
            case Heard():
                owner = self._hear(at)
            case Said() | ToolCalled():
                owner = self._answer(at, event)
            case Sound() if is_voiced:
                owner = self._answer(at, event)
            case Sound() if self._reply is None:
                return self.current  # a line may stream silence for hours, so it is not kept
            case _:
                owner = self._reply or self.current
        owner.events.append(event)
        if isinstance(event, Sound):
            owner.sounds.append(event)
            if is_voiced:
                self.speaking = owner
        return owner

    def close_reply(self) -> None:
        """End the open reply: the line was quiet for long enough, or nobody waits for the turn any more."""
        if self._reply is not None:
            self._reply.is_ended = True
        self._reply, self._is_cut = None, False

    def start_over(self) -> None:
        """Put what the agent says from now on into a new turn without a prompt."""
        self._before = self.current = OpenTurn()

    def _advance(self) -> None:
        assert self._next is not None
        self._before, self.current, self._next = self.current, self._next, None

    def _asked(self, at: float) -> OpenTurn:
        """Return the turn to which words and ends belong that no open reply claims."""
        return self._before if self.current.is_in_unbroken_voice(at) else self.current

    def _interrupt(self, at: float, unplayed: float, silent_at: float) -> OpenTurn:
        turn, spoken = self.current, self._reply or self.speaking
        if unplayed > 0 and turn.stopped_after is None and _is_stopped_by(turn, spoken):
            turn.stopped_after = max(0.0, silent_at - turn.voiced[0].start)
        spoken.drop_sound(unplayed)
        if self._reply is not None:
            self._is_cut = True
            self._reply.cut_at = at
            if self._reply is turn:
                turn.reply_began = None
        return turn

    def _end_reply(self, at: float) -> OpenTurn:
        reply = self._reply
        if reply is None:
            owner = self._asked(at)
            # An end without a prompt and without an answer is late, or reported twice.
            owner.is_ended = owner.prompt is not None or owner.has_answer
            return owner
        was_cut, self._reply, self._is_cut = self._is_cut, None, False
        if not (was_cut and reply is self.current):  # the answer to the rest of the prompt is still to come
            reply.is_ended = True
        return reply

    def _hear(self, at: float) -> OpenTurn:
        owner = self._asked(at)
        if self._is_cut and owner is self.current:
            self._leave_cut_reply()
        return owner

    def _answer(self, at: float, event: Said | Sound | ToolCalled) -> OpenTurn:
        reply = self._reply
        if reply is not None and self._is_cut and not isinstance(event, Said):
            self._leave_cut_reply()
            reply = None
        if reply is not None:
            # A tool that is called after the new prompt belongs to that prompt, even if the agent speaks on.
            if isinstance(event, ToolCalled) and reply is not self.current:
                owner = self._asked(at)
                owner = reply if owner is self._before else owner
            else:
                owner = reply
        elif isinstance(event, Said) and self.current.is_in_unbroken_voice(at):
            return self._before  # late words, which begin no reply
        else:
            owner = self._reply = self.current
            self._is_stray, owner.is_ended = owner.is_ended, False
        owner.has_answer = True
        return owner

    def _end_stray_reply(self, at: float) -> None:
        """Close a reply that began after the end of its turn, when the next prompt has been spoken.

        Late words and tool calls may have no end of their own, and must not claim the next answer.
        """
        voiced = self.current.voiced
        is_old = self._reply is not None and self._reply is not self.current
        if self._is_stray and is_old and voiced and at >= voiced[-1].end:
            self.close_reply()

    def _leave_cut_reply(self) -> None:
        assert self._reply is not None
        if self._reply is not self.current:
            self._reply.is_ended = True
        self._reply, self._is_cut = None, False


def _is_stopped_by(turn: OpenTurn, spoken: OpenTurn) -> bool:
    """Return whether the prompt of a turn can be what stopped a reply."""
    if not turn.voiced:
        return False
    if spoken is not turn:
        return True
    # The agent answered in a pause of the prompt, and the rest of the prompt interrupted it.
    return turn.reply_began is not None and turn.reply_began < turn.voiced[-1].end
