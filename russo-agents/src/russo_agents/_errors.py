"""The errors of russo-agents, below `russo.RussoError`.

RussoError
    AgentError
        AgentConfigError
        AgentSilentError
        AgentLostError
        NotObservedError
        LatencyError        also a ValueError
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from russo import RussoError

if TYPE_CHECKING:
    from ._turn import Turn


class AgentError(RussoError):
    """Base class of the errors about agents.

    Attributes:
        turn: What the agent heard, said and did until the error, or ``None`` if no turn had begun.
    """

    turn: Turn | None

    def __init__(self, message: str, *, turn: Turn | None = None, **values: Any) -> None:
        super().__init__(message, turn=turn, **values)


class AgentConfigError(AgentError):
    """The agent cannot be made or used: an unknown name, a factory that fails, an unusable option."""


class AgentSilentError(AgentError):
    """The agent did not end its turn in time.

    The message says whether the agent heard the prompt, called a tool and began to speak.
    """


class AgentLostError(AgentError):
    """The line closed or failed before the turn ended. The cause is chained."""


class NotObservedError(AgentError):
    """A test reads a field of a `Turn` that this line cannot observe."""


class LatencyError(AgentError, ValueError):
    """A test reads a latency that would be false. The message has the reason."""


for _error in [AgentError, *AgentError.__subclasses__()]:
    _error.__module__ = "russo_agents"  # users import them from there, and tracebacks show it
