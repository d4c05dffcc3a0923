"""Fixtures: a project to run the command in, its cache and its recordings."""

import sys

import pytest

from support.command import PROMPTS, enter_project, store_prompts


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
