"""`result_of`: a turn that is over, as the test sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from russo import Audio

from .._turn import Turn
from .microphone import LATE_SECONDS
from .recording import resampled

if TYPE_CHECKING:
    from .microphone import Microphone
    from .turns import OpenTurn


def result_of(turn: OpenTurn, observes: frozenset[str], pace: float, microphone: Microphone) -> Turn:
    """Return the `Turn` of a turn that is over, or of what there is so far."""
    return Turn(
        prompt=turn.prompt,
        events=tuple(turn.events),
        audio=_audio(turn),
        observes=observes,
        _stopped_after=turn.stopped_after,
        _latency=latency_of(turn, pace, microphone),
    )


def _audio(turn: OpenTurn) -> Audio | None:
    if not turn.sounds:
        return None
    rate = turn.sounds[0].sample_rate
    samples = b"".join(resampled(sound.pcm, sound.sample_rate, rate) for sound in turn.sounds)
    return Audio(samples, "pcm", rate)


def latency_of(turn: OpenTurn, pace: float, microphone: Microphone) -> float | str:
    """Return the latency in seconds, or the reason why there is none."""
    if turn.prompt is None:
        return "there was no prompt"
    if not turn.voiced:
        return "the prompt has no voiced sample"
    if turn.reply_began is None:
        return "the reply has no voiced sample"
    if pace != 1:
        return (
            f"the call ran at pace {pace:g}, and only real time can be measured; "
            "mark the test with @pytest.mark.russo_real_time"
        )
    spoken = turn.voiced[-1].end
    if turn.reply_began < spoken:
        return f"the reply began {spoken - turn.reply_began:.2f} s before the end of the prompt"
    late = microphone.lateness(turn.voiced[0].start, turn.reply_began)
    if late > LATE_SECONDS:
        return (
            f"a frame of the microphone was {late * 1000:.0f} ms late, and at most "
            f"{LATE_SECONDS * 1000:.0f} ms are allowed: something blocked the event loop, "
            "or the machine was busy"
        )
    return turn.reply_began - spoken
