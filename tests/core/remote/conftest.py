"""Fixtures for the tests of the shared store."""

import pytest

from russo._backends import entry_points
from support.remote.stores import MemoryStore


@pytest.fixture
def store():
    """A store in memory."""
    return MemoryStore()


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Return a function that installs a distribution with stores: its name, and its schemes with targets."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(site)

    def install(distribution, module, /, **schemes):
        name = f"{distribution.replace('-', '_')}_stores"
        (site / f"{name}.py").write_text(module)
        info = site / f"{distribution}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        lines = [f"{scheme} = {name}:{target}\n" for scheme, target in schemes.items()]
        (info / "entry_points.txt").write_text("[russo.stores]\n" + "".join(lines))
        entry_points.installed_in.cache_clear()

    entry_points.installed_in.cache_clear()
    yield install
    entry_points.installed_in.cache_clear()
