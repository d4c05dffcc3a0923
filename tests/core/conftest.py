"""Fixtures that the tests of core share."""

import pytest

from russo import AudioCache
from support.speakers import Environment, EventRecorder, registered


@pytest.fixture
def cache(tmp_path):
    return AudioCache(tmp_path / "cache")


@pytest.fixture
def events():
    """Every event of the test, recorded by a registered plugin."""
    with registered(EventRecorder()) as recorder:
        yield recorder


@pytest.fixture
def environment(tmp_path):
    """An isolated Python with russo and no backend."""
    return Environment(tmp_path)
