"""`load_agent`: make an agent that is chosen by its name.

An agent is named by an entry point of the group ``russo.agents``, or by ``package.module:factory``.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar, cast

from russo import BackendConfigError, BackendNotFoundError, RussoError
from russo.plugins import EntryPointGroup, shown

from ._errors import AgentConfigError, AgentError
from ._protocol import Agent, is_agent

T = TypeVar("T")

GROUP: Final = "russo.agents"


@functools.cache
def agents() -> EntryPointGroup:
    """Return the entry-point group of agents."""
    return EntryPointGroup(GROUP, noun="agent", product="agent", package="russo-agents")


def load_agent(name: str, **options: Any) -> Agent:
    """Make the agent of this name.

    Args:
        name: The name of an entry point in the group ``russo.agents``, or ``package.module:factory``.
        **options: Options of the agent's constructor.

    Raises:
        AgentConfigError: The name is unknown, two packages have registered it, an option is unknown, or the
            factory fails or returns something that is not an agent. The cause is chained.
    """
    return cast("Agent", _translated(name, lambda: agents().make(name, options, check_agent)))


def load_agent_from_texts(name: str, texts: Mapping[str, str]) -> Agent:
    """Make an agent whose options are text, as on the command line.

    Raises:
        AgentConfigError: As for `load_agent`, or a text is not a value of its option.
    """
    return load_agent(name, **convert_options(name, texts))


def convert_options(name: str, texts: Mapping[str, str]) -> dict[str, Any]:
    """Import the agent of this name, and convert its options from text.

    Raises:
        AgentConfigError: The agent cannot be loaded, or it does not accept an option.
    """
    group = agents()
    return _translated(name, lambda: group.convert_options(name, group.load(name), texts))


def check_agent(candidate: object) -> None:
    """Refuse an object that is not an agent.

    Raises:
        TypeError: The object has no method ``connect``.
    """
    if inspect.iscoroutine(candidate):
        candidate.close()
        raise TypeError("it is async; make the agent in a plain function, and await in its connect(playout)")
    if not is_agent(candidate):
        raise TypeError(f"it made {candidate!r:.80}, which has no method connect(playout)")


def _translated(name: str, make: Callable[[], T]) -> T:
    """Call a function, and raise an `AgentConfigError` for each error that it raises."""
    try:
        return make()
    except AgentError:
        raise
    except (BackendNotFoundError, BackendConfigError) as error:
        raise AgentConfigError(str(error)) from (error.__cause__ or error)
    except Exception as error:
        words = str(error) if isinstance(error, RussoError) else f"{type(error).__name__}: {error}"
        raise AgentConfigError(f"agent {name!r} cannot be made: {shown(words, 500)}") from error
