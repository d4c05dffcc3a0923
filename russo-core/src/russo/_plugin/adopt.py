"""Wrapping what a fixture ``russo_synthesizer`` returned, so that it uses the cache of the run."""

from __future__ import annotations

import dataclasses
import inspect
from typing import Any

import pytest

from .._flow.cached import CachedSynthesizer
from .._flow.run import RunContext
from .._store.cache import AudioCache
from .._store.layered import LayeredCache


def adopt(
    value: object,
    request: pytest.FixtureRequest,
    fixturedef: pytest.FixtureDef[Any],
    context: RunContext,
) -> CachedSynthesizer:
    """Wrap what a ``russo_synthesizer`` fixture returned, with the run's cache and mode.

    A `CachedSynthesizer` keeps what it was given, and takes the rest from the run.
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
    return cached.bound_to(dataclasses.replace(context, cache=cache))


def _wrap(value: Any, fixturedef: pytest.FixtureDef[Any]) -> CachedSynthesizer:
    __tracebackhide__ = True
    try:
        return CachedSynthesizer(value)
    except TypeError as error:
        problem = str(error)
    if inspect.iscoroutine(value):  # an async fixture, and no plugin that runs it
        value.close()
    place = f"{fixturedef.func.__module__}.{fixturedef.func.__qualname__}"
    return pytest.fail(f"fixture russo_synthesizer ({place}): {problem}", pytrace=False)
