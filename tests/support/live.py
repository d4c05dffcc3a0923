"""Tests that call a real service: they run only with ``-m live`` and with the service's key."""

from __future__ import annotations

import os
from typing import Final

import pytest

# The environment before the tests began, because the tests run without the caller's keys.
_ENVIRONMENT: Final = dict(os.environ)


def live_key(request: pytest.FixtureRequest, *variables: str) -> str:
    """Return the key of a live test, or skip the test and say why."""
    if "live" not in request.config.option.markexpr:
        pytest.skip("asks a paid service: run with -m live")
    for name in variables:
        if _ENVIRONMENT.get(name):
            return _ENVIRONMENT[name]
    pytest.skip(f"asks a paid service: set {' or '.join(variables)}")
