"""Fixtures that the tests of the conformance kit share."""

import gc
import logging
import os
from unittest import mock

import pytest

from russo._backends.entry_points import installed_in
from support.kit.installed_backend import InstalledBackend


@pytest.fixture
def kit(pytester, monkeypatch):
    """A project for one backend; restores what a wrong backend changes in this process."""
    monkeypatch.chdir(pytester.path)
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    gc.freeze()  # the checks call gc.collect; frozen objects are not scanned
    with mock.patch.dict(os.environ):
        yield InstalledBackend(pytester, monkeypatch)
    gc.unfreeze()
    root.handlers[:], root.level = handlers, level
    installed_in.cache_clear()
