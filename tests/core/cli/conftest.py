"""Fixtures: a project to run the command in, its cache and its recordings."""

import sys

import pytest

from russo._backends import entry_points
from support.command import PROMPTS, enter_project, store_prompts
from support.remote.commands import folder_store


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The current directory: a project with an empty pytest.ini. Its modules are removed from Python."""
    yield enter_project(tmp_path, monkeypatch)
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None) or "").startswith(f"{tmp_path}/"):
            del sys.modules[name]


@pytest.fixture
def cache(folder):
    """The project's cache, with `PROMPTS` under the keys 1, 2 and 3."""
    return store_prompts(folder / ".russo_cache", *PROMPTS)


@pytest.fixture
def recordings(folder):
    """Recordings beside the cache: one prompt under the key 8."""
    (folder / "pytest.ini").write_text("[pytest]\nrusso_recordings_dir = kept\n")
    return store_prompts(folder / "kept", "Recorded prompt", voice="bert", first=8)


@pytest.fixture
def remote(folder):
    """The folder of a shared store that can list, which the ini-file names."""
    root = folder.parent / "shared"
    (folder / "pytest.ini").write_text(f"[pytest]\nrusso_remote = {root.as_uri()}\n")
    return root


@pytest.fixture
def plain_remote(folder, monkeypatch):
    """A shared store that cannot list, whose calls are recorded; the ini-file names it."""
    store = folder_store(folder, monkeypatch)
    (folder / "pytest.ini").write_text(f"[pytest]\nrusso_remote = {store.url}\n")
    yield store
    entry_points.installed_in.cache_clear()
