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

These rules keep late events out of the next turn:

* An event before the first voiced sample of a prompt belongs to an earlier turn, and so do words and ends
  that arrive during unbroken voice of the prompt. An answer in a pause of the prompt counts.
* Sound and tool calls that arrive during unbroken voice belong to the reply that the prompt has just cut.
* A reply that began after the end of its turn, or without a prompt, may have no end. If it is silent when
  the caller speaks, it does not get what the agent answers.
* An end before the last voiced part of a prompt does not end the turn, because the rest is still to be
  answered.

This module does no input or output and knows no event loop: times are arguments.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from .._events import Heard, Interrupted, Said, Sound, ToolCalled, TurnEnded
from .voice import Stretch

# How long after an interruption the words of the reply that was cut may arrive, in seconds of audio.
CUT_WORDS_SECONDS: Final = 1.0


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
        is_ended: Whether the reply has ended. It stays true if late words follow.
        has_early_end: Whether a reply ended before the last voiced part of the prompt.
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
    has_early_end: bool = False

    @property
    def spoken_at(self) -> float:
        """When the last voiced sample of the prompt is sent; 0 if the prompt is silent."""
        return self.voiced[-1].end if self.voiced else 0.0

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
        self._reply_at = 0.0
        self._sounds_until = 0.0
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
            self._before, self.current, self._next = self.current, turn, None

    def advance(self, at: float) -> None:
        """Make the added turn the current one, if the first voiced sample of its prompt was sent."""
        if self._next is not None and at >= self._next.voiced[0].start:
            self._before, self.current, self._next = self.current, self._next, None

    def drop(self, turn: OpenTurn, at: float) -> None:
        """Forget a prompt that was not said to its end, and what the agent does with it."""
        turn.voiced = [Stretch(part.start, min(part.end, at)) for part in turn.voiced if part.start < at]
        if self._next is turn:
            self._next = None
        elif self.current is turn:
            self.start_over()

    def note(
        self,
        at: float,
        event: Any,
        *,
        is_voiced: bool = False,
        sounds_until: float = 0.0,
        unplayed: float = 0.0,
    ) -> OpenTurn:
        """Assign an event to a turn, and return that turn.

        Args:
            at: When the event arrived.
            event: The event.
            is_voiced: Whether a `Sound` contains voice.
            sounds_until: For such a `Sound`: when the voice will have been played.
            unplayed: For `Interrupted`: how many seconds of received sound were not played.
        """
        self.advance(at)
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
                self._sounds_until = sounds_until
        return owner

    def close_reply(self) -> None:
        """End the open reply: the line was quiet for long enough, or the turn is not awaited any more."""
        if self._reply is not None:
            self._reply.is_ended = True
        self._reply, self._is_cut = None, False

    def start_over(self) -> None:
        """Put what the agent says from now on into a new turn without a prompt."""
        self._before = self.current = OpenTurn()

    def _asked(self, at: float) -> OpenTurn:
        """Return the turn to which words and ends belong that no open reply claims."""
        return self._before if self._is_in_voice(at) else self.current

    def _interrupt(self, at: float, unplayed: float, silent_at: float) -> OpenTurn:
        turn, spoken = self.current, self._reply or self.speaking
        if unplayed > 0 and turn.stopped_after is None and _is_stopped_by(turn, spoken):
            turn.stopped_after = max(0.0, silent_at - turn.voiced[0].start)
        spoken.drop_sound(unplayed)
        self._sounds_until = min(self._sounds_until, at)
        if self._reply is not None:
            self._is_cut = True
            self._reply.cut_at = at
            if self._reply is turn and self._reply_at < turn.spoken_at:
                turn.reply_began = None  # the latency is that of the answer to the whole prompt
        return turn

    def _end_reply(self, at: float) -> OpenTurn:
        if self._is_forgotten(at):
            self.close_reply()
        reply = self._reply
        if reply is None:
            owner = self._asked(at)
            is_early = owner is self.current and at < owner.spoken_at
            # An end without a prompt and without an answer is late, or reported twice.
            if not is_early and (owner.prompt is not None or owner.has_answer):
                owner.is_ended = True
            return owner
        was_cut, self._reply, self._is_cut = self._is_cut, None, False
        rest_is_cut = was_cut and self._reply_at < reply.spoken_at
        if reply is self.current and (at < reply.spoken_at or rest_is_cut):
            reply.has_early_end = not rest_is_cut
        else:
            reply.is_ended = True
        return reply

    def _hear(self, at: float) -> OpenTurn:
        owner = self._asked(at)
        if self._is_cut and owner is self.current:
            self._leave_cut_reply()
        return owner

    def _answer(self, at: float, event: Said | Sound | ToolCalled) -> OpenTurn:
        if self._is_cut and self._follows_cut(at, event):
            self._leave_cut_reply()
        elif self._is_forgotten(at):
            self.close_reply()
        reply = self._reply
        if reply is not None:
            owner = reply
            # A tool that is called after the new prompt belongs to that prompt, even if the agent speaks on.
            if isinstance(event, ToolCalled) and not self._is_in_voice(at):
                owner = self.current
        elif self._is_late(at, event):
            return self._before  # it begins no reply
        else:
            owner = self._reply = self.current
            self._reply_at, self._sounds_until = at, 0.0
            self._is_stray = owner.is_ended or owner.prompt is None
        owner.has_answer = True
        return owner

    def _is_in_voice(self, at: float) -> bool:
        """Return whether the caller speaks at a time, without a pause."""
        return self.current.is_in_unbroken_voice(at)

    def _is_late(self, at: float, event: Said | Sound | ToolCalled) -> bool:
        """Return whether an event during unbroken voice of the prompt belongs to the turn before."""
        if not self._is_in_voice(at):
            return False
        cut_at = self._before.cut_at
        return isinstance(event, Said) or (cut_at is not None and at < cut_at + CUT_WORDS_SECONDS)

    def _follows_cut(self, at: float, event: Said | Sound | ToolCalled) -> bool:
        """Return whether an event does not belong to the reply that was cut."""
        assert self._reply is not None
        if self._reply is self.current:
            return not isinstance(event, Said)
        if not isinstance(event, Said):
            return not self._is_in_voice(at)
        assert self._reply.cut_at is not None
        return at >= max(self._reply.cut_at + CUT_WORDS_SECONDS, self.current.spoken_at)

    def _is_forgotten(self, at: float) -> bool:
        """Return whether the open reply may have no end: no prompt asked for it, and it was silent."""
        if self._reply is None or self._reply is self.current or not self._is_stray:
            return False
        voiced = self.current.voiced
        return bool(voiced) and self._sounds_until <= voiced[0].start <= at

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
    return turn.reply_began is not None and turn.reply_began < turn.spoken_at
