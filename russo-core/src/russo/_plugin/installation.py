"""A pytest plugin with a name of its own, which ends a run beside russo 0.3 with one clear sentence.

0.3 has a plugin named ``russo``, too, and pytest loads only one of them. This one is loaded in any case.
"""

from __future__ import annotations

import pytest

from .._installation import is_beside_old, problem


def pytest_addoption() -> None:
    """Refuse to run beside russo 0.3: options of both have the same names."""
    if is_beside_old():
        raise pytest.UsageError(problem())
