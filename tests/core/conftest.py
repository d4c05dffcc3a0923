"""What the tests of core share."""

import pytest

from russo import AudioCache
from support.speakers import Ear, Environment, registered


@pytest.fixture
def cache(tmp_path):
    return AudioCache(tmp_path / "cache")


@pytest.fixture
def heard():
    """Every event of the test, as an installed plugin hears them."""
    with registered(Ear()) as ear:
        yield ear


@pytest.fixture
def environment(tmp_path):
    """A Python of its own, without any backend."""
    return Environment(tmp_path)
