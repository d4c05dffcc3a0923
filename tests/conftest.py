"""What every test of the suite stands on."""

import importlib
import os
import pkgutil

import pytest

import russo
from surroundings import is_foreign

pytest_plugins = ["pytester"]
pytest.register_assert_rewrite("first_party", "end_to_end", "projects")

# In-process pytester forgets modules that are first imported inside a run; a second copy of
# russo's would have classes of its own.
for _module in pkgutil.iter_modules(russo.__path__):
    importlib.import_module(f"russo.{_module.name}")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch):
    """Keep the settings, keys and proxies of whoever runs the suite out of it."""
    for name in filter(is_foreign, list(os.environ)):
        monkeypatch.delenv(name)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    # Hypothesis takes a second to import, and no pytest run that a test starts uses its plugin.
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:hypothesispytest")


@pytest.fixture
def project(pytester):
    """A small project whose conftest speaks through a synthesizer that notes each call in calls.txt."""
    from projects import Project

    return Project(pytester)
