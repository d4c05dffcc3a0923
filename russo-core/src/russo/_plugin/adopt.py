"""Wrap the value of a fixture ``russo_synthesizer``, so that it uses the cache of the run."""

from __future__ import annotations

import dataclasses
import inspect
from typing import TYPE_CHECKING, Any

import pytest

from .._flow.cached import CachedSynthesizer
from .._store.cache import AudioCache
from .._store.layered import LayeredCache

if TYPE_CHECKING:
    from .session import PytestSession


def adopt(
    value: object,
    request: pytest.FixtureRequest,
    fixturedef: pytest.FixtureDef[Any],
    session: PytestSession,
) -> CachedSynthesizer:
    """Return the value of a ``russo_synthesizer`` fixture, wrapped, with the run's cache and mode.

    A `CachedSynthesizer` keeps its own arguments, and takes the missing ones from the run.
    """
    __tracebackhide__ = True
    cached = value if isinstance(value, CachedSynthesizer) else _wrap(value, fixturedef)
    cache = request.getfixturevalue("russo_cache")
    if not isinstance(cache, (AudioCache, LayeredCache)):
        return pytest.fail(
            f"fixture russo_cache returned {cache!r:.80}; it must return a russo.AudioCache or a "
            "russo.LayeredCache",
            pytrace=False,
        )
    bound = cached.bound_to(dataclasses.replace(session.context, cache=cache))
    session.fixtures.note_fixture(fixturedef, bound)
    return bound


def _wrap(value: Any, fixturedef: pytest.FixtureDef[Any]) -> CachedSynthesizer:
    __tracebackhide__ = True
    try:
        return CachedSynthesizer(value)
    except TypeError as error:
        problem = str(error)
    if inspect.iscoroutine(value):  # an async fixture, but no plugin that runs async fixtures
        value.close()
    place = f"{fixturedef.func.__module__}.{fixturedef.func.__qualname__}"
    return pytest.fail(f"fixture russo_synthesizer ({place}): {problem}", pytrace=False)
