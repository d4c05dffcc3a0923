"""A pytest plugin that ends the run with one sentence if russo 0.3 is installed, too.

0.3 also has a plugin named ``russo``, and pytest loads only one of the two. The name of this plugin is
different, so pytest always loads it.
"""

from __future__ import annotations

import pytest

from .._installation import is_beside_old, problem


def pytest_addoption() -> None:
    """Refuse to run beside russo 0.3, because both have options of the same names."""
    if is_beside_old():
        raise pytest.UsageError(problem())
