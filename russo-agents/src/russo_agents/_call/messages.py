"""The messages of the errors of a call: what the agent did until then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from russo import RussoError

from .._events import Heard, Said, ToolCalled
from .._foreign import described
from .._protocol import observed_by

if TYPE_CHECKING:
    from .._protocol import Line
    from .turns import OpenTurn

_LONGEST: Final = 60
_MOST_CALLS: Final = 5


def silent_message(turn: OpenTurn, timeout: float, line: Line) -> str:
    """Return the message for an agent that did not end its turn in time."""
    after = "" if turn.prompt is None else f" after {_quoted(turn.prompt)}"
    message = (
        f"the agent gave no sign for {timeout:g} s and did not end its turn{after}; {deeds_of(turn, line)}"
    )
    hint = getattr(line, "hint", None)
    advice = hint() if callable(hint) else None
    return f"{message}; {advice}" if advice else message


def lost_message(turn: OpenTurn | None, error: BaseException | None, line: Line) -> str:
    """Return the message for a line that closed."""
    what = "the agent hung up" if error is None else "the line failed"
    why = "" if error is None else f": {_words_of(error)}"
    if turn is None:
        return f"{what}{why}"
    when = "" if turn.prompt is None else f" before the turn after {_quoted(turn.prompt)} ended"
    return f"{what}{when}{why}; {deeds_of(turn, line)}"


def deeds_of(turn: OpenTurn, line: Line) -> str:
    """Return what the agent heard, called and said, as far as the line observes it."""
    heard = " ".join(event.text for event in turn.events if isinstance(event, Heard))
    said = " ".join(event.text for event in turn.events if isinstance(event, Said))
    calls = [_shortened(described(event.call)) for event in turn.events if isinstance(event, ToolCalled)]
    deeds = []
    if heard:
        deeds.append(f"heard {_quoted(heard)}")
    if calls:
        more = f" and {len(calls) - _MOST_CALLS} more" if len(calls) > _MOST_CALLS else ""
        deeds.append(f"called {', '.join(calls[:_MOST_CALLS])}{more}")
    if said:
        deeds.append(f"said {_quoted(said)}")
    elif turn.reply_began is not None:
        deeds.append("began to speak")
    if not deeds:
        observes = observed_by(line)
        heard_nothing = "heard nothing, " if "heard" in observes else ""
        no_tool = "called no tool and " if "tool_calls" in observes else ""
        return f"it {heard_nothing}{no_tool}did not speak"
    return f"it {' and '.join(deeds)}"


def _words_of(error: BaseException) -> str:
    """Return the message of an error, with its type, because some messages are only a name."""
    text = str(error)
    if isinstance(error, RussoError):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _quoted(text: str) -> str:
    return repr(_shortened(text))


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
