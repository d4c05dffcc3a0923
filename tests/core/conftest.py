"""Fixtures for all tests of core."""

import pytest

from russo import AudioCache
from russo._backends import entry_points
from support.speakers import Environment, EventRecorder, registered


@pytest.fixture
def cache(tmp_path):
    return AudioCache(tmp_path / "cache")


@pytest.fixture
def events():
    """Record every event of the test with a registered plugin."""
    with registered(EventRecorder()) as recorder:
        yield recorder


@pytest.fixture
def environment(tmp_path):
    """Return an isolated Python with russo and without a backend."""
    return Environment(tmp_path)


@pytest.fixture
def shared(project):
    """A shared store in a folder, registered for the scheme ``folder`` by a package of the project."""
    from support.remote.folder_project import FolderProject

    yield FolderProject(project)
    entry_points.installed_in.cache_clear()
