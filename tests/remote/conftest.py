"""Fixtures for the tests of russo-remote: no credentials, no clouds, and servers on 127.0.0.1."""

import os

import pytest

from russo.testing import LoopbackObjectServer
from support.remote.servers import NO_MACHINE, GoogleServer

_CLOUDS = ("AWS_", "AZURE_", "GCE_", "GOOGLE_")


@pytest.fixture(autouse=True)
def _no_clouds(monkeypatch, tmp_path_factory):
    """Remove the caller's settings of clouds, and lead clients without credentials to a closed port."""
    for name in [name for name in os.environ if name.startswith(_CLOUDS)]:
        monkeypatch.delenv(name)
    for name, value in NO_MACHINE.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))


@pytest.fixture
def setenv(monkeypatch):
    """Return a function that sets variables."""

    def setenv(variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return setenv


@pytest.fixture
def s3(setenv):
    """A server of S3 to which the variables lead."""
    with LoopbackObjectServer() as server:
        setenv(server.environment)
        yield server


@pytest.fixture
def google(setenv):
    """A server of Google Cloud Storage to which the variables lead."""
    with GoogleServer() as server:
        setenv(server.environment)
        yield server
