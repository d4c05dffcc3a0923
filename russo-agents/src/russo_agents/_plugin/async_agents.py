"""Which agents were made by an async fixture ``russo_agent``, so that ``russo_call`` can refuse them.

An async fixture runs in the event loop of a plugin, such as pytest-asyncio. The agent that it makes may
hold objects of that loop, and would hang in another one.
"""

from __future__ import annotations

import functools
import inspect
from typing import Any, Final, NoReturn

import pytest

_ASYNC_AGENTS: Final = pytest.StashKey[dict[int, tuple[object, str]]]()


def place_of_async(fixturedef: pytest.FixtureDef[Any]) -> str | None:
    """Return the name of the function of an async fixture, or ``None`` if the fixture is not async."""
    if not is_coroutine_function(fixturedef.func):
        return None
    function = inspect.unwrap(fixturedef.func)
    return f"{function.__module__}.{function.__qualname__}"


def async_agent_message(place: str) -> str:
    """Return the message for an async fixture ``russo_agent`` of a test with ``russo_call``."""
    return (
        f"the fixture russo_agent ({place}) is async, and russo_call runs the agent in an event loop of its "
        "own: write the fixture without async, or use russo_async_call in an async test"
    )


def refuse_async_agent(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest, place: str
) -> NoReturn:
    """Fail the set-up of an async fixture before its function is called."""
    error = pytest.fail.Exception(async_agent_message(place), pytrace=False)
    # pytest finishes only a fixture that has a result.
    key = fixturedef.cache_key(request)  # type: ignore[arg-type]
    fixturedef.cached_result = None, key, (error, None)
    raise error


def note_async_agent(request: pytest.FixtureRequest, agent: object, place: str) -> None:
    """Remember the agent of an async fixture until the fixture is finished."""
    agents = request.config.stash.setdefault(_ASYNC_AGENTS, {})
    agents[id(agent)] = agent, place
    request.addfinalizer(functools.partial(agents.pop, id(agent), None))


def async_fixture_of(config: pytest.Config, agent: object) -> str | None:
    """Return the name of the async fixture that made an agent, or ``None``."""
    _, place = config.stash.get(_ASYNC_AGENTS, {}).get(id(agent), (None, None))
    return place


def is_coroutine_function(function: Any) -> bool:
    """Return whether a function, also a wrapped one, is async."""
    while isinstance(function, functools.partial):
        function = function.func
    if not callable(function):
        return False
    function = inspect.unwrap(function)
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)
