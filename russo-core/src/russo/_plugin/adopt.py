"""Bind the synthesizers that fixtures return, so that they use the cache of the run."""

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
    _bind(cached, request, session)
    session.fixtures.note_fixture(fixturedef, cached)
    return cached


def adopt_other(value: CachedSynthesizer, request: pytest.FixtureRequest, session: PytestSession) -> None:
    """Bind a `CachedSynthesizer` that another fixture returned, so that the run counts its calls.

    If the project's own ``russo_cache`` has a narrower scope than this fixture, or depends on this fixture,
    the object cannot use that cache. Then it takes nothing from this run or an earlier run in this process.
    """
    session.fixtures.note_names(value)
    if value.has_own_cache:  # the fixture russo_cache may raise, and its value would not be used
        value.bound_to(session.context)
        return
    try:
        _bind(value, request, session)
    except (pytest.fail.Exception, pytest.FixtureLookupError):
        value.bound_to(None)


def _bind(cached: CachedSynthesizer, request: pytest.FixtureRequest, session: PytestSession) -> None:
    __tracebackhide__ = True
    cache = request.getfixturevalue("russo_cache")
    if not isinstance(cache, (AudioCache, LayeredCache)):
        pytest.fail(
            f"fixture russo_cache returned {cache!r:.80}; it must return a russo.AudioCache or a "
            "russo.LayeredCache",
            pytrace=False,
        )
    cached.bound_to(dataclasses.replace(session.context, cache=cache))


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
